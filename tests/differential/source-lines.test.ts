/** A program recorded with its debug information: every instruction that ran has its line. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createSourceLocator, createSymbolizer } from '@backtrail/analyzer';
import { recover } from '@backtrail/recorder';
import { openTrace, type Trace, verifyTrace } from '@backtrail/recorder/trace';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { llvmFrames } from '../../packages/recorder/src/elf/dwarf/oracle.fixture.ts';
import { temporaryFolder } from '../guests/build.ts';
import { recordGuest } from '../guests/record.ts';
import { needs, needsAll } from '../require.ts';

const SOURCE = `
static inline __attribute__((always_inline)) int square(int x) { return x * x; }
static inline __attribute__((always_inline)) int norm(int a, int b) {
  return square(a) + square(b);
}
__attribute__((noinline)) static int never(int x) { return norm(x, x); }
__attribute__((noinline)) static int walk(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += i & 1 ? norm(i, sum) : sum >> 1;
  return sum;
}
int main(int argc, char **argv) { return argc > 5 ? never(argc) : walk(argc * 50) & 63; }
`;

const folder = temporaryFolder('source-lines');
const qemu = needs('qemu-x86_64');
const tools = needsAll('cc', 'qemu-x86_64', 'llvm-symbolizer');

/** Every instruction of the blocks in a module, as guest addresses. */
function instructions(trace: Trace, file: string): bigint[] {
  const { blocks, modules } = trace;
  const module = Array.from({ length: modules.count }, (_, i) => i).find(
    (row) => modules.path(row) === file,
  );
  const start = modules.start[module ?? -1] ?? 0n;
  const end = start + (modules.size[module ?? -1] ?? 0n);
  const found = new Set<bigint>();
  for (let block = 0; block < blocks.count; block++) {
    let pc = blocks.pc[block] ?? 0n;
    for (const size of blocks.instructionSizes(block)) {
      if (pc >= start && pc < end) found.add(pc);
      pc += BigInt(size);
    }
  }
  return [...found].sort((a, b) => (a < b ? -1 : 1));
}

describe.skipIf(tools.missing)(`source lines of a recorded program${tools.note}`, () => {
  const program = path.join(folder, 'program');
  const output = path.join(folder, 'program.trace');
  let trace: Trace;
  beforeAll(() => {
    writeFileSync(`${program}.c`, SOURCE);
    execFileSync('cc', ['-g', '-O2', '-o', program, `${program}.c`]);
    ({ trace } = recordGuest({ program, output, qemu: qemu.path }));
    // What follows must not need it.
    execFileSync('cp', [program, `${program}.copy`]);
    rmSync(program);
  });

  test('frames of every instruction that ran are those of llvm-symbolizer', () => {
    const locator = createSourceLocator(trace, createSymbolizer(trace));
    const ran = instructions(trace, program);
    const { modules } = trace;
    const base = modules.base[modules.path(0) === program ? 0 : 1] ?? 0n;
    const expected = llvmFrames(
      `${program}.copy`,
      ran.map((pc) => pc - base),
    );
    let deep = 0;
    ran.forEach((pc, i) => {
      const frames = locator.at(pc);
      if (frames.length > 2) deep++;
      const theirs = (expected[i] ?? []).map((frame) => ({
        function: frame.name === '' ? null : frame.name,
        // A name of the symbol table where there is no line.
        file: frame.line === 0 ? null : frame.file,
        line: frame.line === 0 ? null : frame.line,
        column: frame.column === 0 ? null : frame.column,
      }));
      if (theirs[0]?.line !== null) expect(frames, pc.toString(16)).toMatchObject(theirs);
    });
    expect(ran.length).toBeGreaterThan(30);
    expect(deep).toBeGreaterThan(3);
  });

  test('only code that ran has lines, and the trace is sound', () => {
    const { lines, inlines } = trace;
    expect(new Set(lines.line)).not.toContain(6);
    expect(Array.from({ length: inlines.count }, (_, i) => inlines.name(i))).toContain('square');
    expect(verifyTrace(trace)).toEqual([]);
    expect(checkTrace(trace).findings).toEqual([]);
  });

  test('recover keeps them, though the program is gone', () => {
    const file = path.join(output, 'transfers', '000000.arrow');
    const bytes = readFileSync(file);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    recover(output);
    const after = openTrace(output);
    expect(verifyTrace(after)).toEqual([]);
    const { sources, lines, inlines } = trace.manifest.totals;
    expect(after.manifest.totals).toMatchObject({ sources, lines, inlines });
    expect(after.lines.address).toEqual(trace.lines.address);
    expect(after.inlines.name(0)).toBe(trace.inlines.name(0));
  });
});
