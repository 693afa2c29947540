/** `backtrail back` on traces made by hand: signals, threads, gaps, ends, in the order of time. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { lastVcpu } from '@backtrail/analyzer';
import { expect, test } from 'vitest';
import { type FixtureSpec, makeTrace } from '../../../packages/analyzer/src/trace.fixture.ts';
import { Backward } from '../../../packages/cli/src/backward.ts';
import type { BackOptions } from '../../../packages/cli/src/backward-range.ts';
import { writeJson, writeText } from '../../../packages/cli/src/backward-text.ts';
import type { Output } from '../../../packages/cli/src/io.ts';

const NOP = '13000000';
const CALL = 'ef000010'; // jal ra, . + 0x100
const RET = '67800000';
const BACK = '6ff0dfff'; // j . - 4, and so the block after it is the one before
const ECALL = '73000000';

/** main calls f; once a signal comes before f returns. */
const SPEC: FixtureSpec = {
  blocks: [
    { pc: 0x1000n, code: NOP + CALL },
    { pc: 0x1104n, code: NOP + RET },
    { pc: 0x1008n, code: NOP + BACK },
    { pc: 0x3000n, code: NOP + ECALL },
    { pc: 0x1108n, code: RET },
  ],
  edges: [
    { source: null, target: 0x1000n },
    { source: 0x1004n, target: 0x1104n, kind: 'call' },
    { source: 0x1108n, target: 0x1008n, kind: 'return' },
    { source: 0x100cn, target: 0x1008n, kind: 'jump' },
    { source: 0x1108n, target: 0x3000n, cause: 'signal' },
    { source: 0x3004n, target: 0x1108n, cause: 'signal', kind: 'signal-return' },
  ],
  vcpus: [
    [0, 1, 4, 5, 2, 3],
    [0, 1, 2, 3, 3, 3],
  ],
  segmentTransfers: 3,
  marks: [
    { kind: 'thread-start', vcpu: 0, seq: 0, pc: 0x1000n, number: 7n, timeNs: 1n },
    { kind: 'map', vcpu: 0, seq: 1, address: 0x1000n, size: 0x3000n, detail: '/a.out' },
    { kind: 'signal', vcpu: 0, seq: 2, pc: 0x1108n, number: 10n, code: -6n, timeNs: 5n },
    { kind: 'thread-exit', vcpu: 1, seq: 6, number: 8n, timeNs: 8n },
    { kind: 'end', vcpu: 1, seq: 6, pc: 0x1008n, number: 12n, timeNs: 7n },
    { kind: 'end', vcpu: 0, seq: 6, pc: 0x1008n, number: 10n, timeNs: 9n },
  ],
  modules: [{ path: '/bin/a.out', base: 0n, start: 0x1000n, size: 0x3000n }],
  symbols: [
    { module: 0, address: 0x1000n, size: 0x100n, name: 'main' },
    { module: 0, address: 0x1104n, size: 8n, name: 'f' },
  ],
};

const ALL: BackOptions = { vcpu: null, from: null, count: 50, disassembly: true, source: false };

async function shown(
  trace: ReturnType<typeof makeTrace>,
  options: Partial<BackOptions> = {},
  write = writeText,
): Promise<string> {
  let text = '';
  const out: Output = {
    isTerminal: false,
    columns: 80,
    write: (data) => {
      text += String(data);
    },
    paint: (_paint, plain) => plain,
  };
  using back = await Backward.open(trace, { ...ALL, ...options });
  write(back, out);
  return text;
}

test('a signal stands where it came; mapping is not worth a line', async () => {
  expect((await shown(makeTrace(SPEC))).split('\n')).toEqual([
    'fixture exited with status 0; 12 transfers recorded.',
    'vCPU 0, newest first. Others, with their transfers: 1 (6); see --vcpu.',
    '',
    'seq  kind           source           target        ran  instruction at source',
    '     ── end at main+0x8, 10 instructions in all',
    '     last in main+0x8, as far as it ran:',
    '       0x1008  nop',
    '       0x100c  j 0x1008',
    '  5  jump           main+0xc      →  main+0x8        1  j 0x1008',
    '  4  return         f+0x4         →  main+0x8        2  ret',
    '  3  signal-return  a.out+0x3004  →  f+0x4           1  ecall',
    '  2  signal         f+0x4         →  a.out+0x3000    2  ret',
    '     ── signal 10 (SIGUSR1), code -6 at f+0x4',
    '  1  call           main+0x4      →  f               1  jal 0x1104',
    '  0  start                        →  main            2',
    '     ── thread 7 starts at main',
    '',
  ]);
});

/** Two lines of a file, and one of a file with an evil name. */
const withLines = (file: string): FixtureSpec => ({
  ...SPEC,
  sources: [file, '/src/\u001b[31mevil_\u202e_name_that_is_long.c'],
  lines: [
    { address: 0x1004n, size: 4n, source: 0, line: 2 },
    { address: 0x1008n, size: 8n, source: 0, line: 0 },
    { address: 0x1108n, size: 4n, source: 1, line: 1234 },
  ],
});

test('source lines, where they are known', async () => {
  const text = await shown(makeTrace(withLines('/src/a.c')), { source: true });
  expect(text.split('\n').slice(3, -1)).toEqual([
    'seq  kind           source           target        ran  line                      ' +
      'instruction at source',
    '     ── end at main+0x8, 10 instructions in all',
    '     last in main+0x8, as far as it ran:',
    '       0x1008  nop',
    '       0x100c  j 0x1008',
    '  5  jump           main+0xc      →  main+0x8        1  a.c                       j 0x1008',
    '  4  return         f+0x4         →  main+0x8        2  …ame_that_is_long.c:1234  ret',
    '  3  signal-return  a.out+0x3004  →  f+0x4           1                            ecall',
    '  2  signal         f+0x4         →  a.out+0x3000    2  …ame_that_is_long.c:1234  ret',
    '     ── signal 10 (SIGUSR1), code -6 at f+0x4',
    '  1  call           main+0x4      →  f               1  a.c:2                     jal 0x1104',
    '  0  start                        →  main            2',
    '     ── thread 7 starts at main',
  ]);
});

test('the text of a source line stands below its transfer, harmless', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'backtrail-back-'));
  try {
    const file = path.join(folder, 'a.c');
    writeFileSync(file, 'int main() {\n\tf(); \u001b[2J\n}\n');
    const text = await shown(makeTrace(withLines(file)), { source: true, count: 5 });
    expect(text.split('\n').filter((line) => line.includes('│'))).toEqual([
      '     │     f(); \\x1b[2J',
    ]);
    const json = await shown(makeTrace(withLines(file)), { source: true, count: 5 }, writeJson);
    expect(json).toContain(`"sourceLine":{"file":"${file}","line":2,"column":null}`);
    expect(json).toContain('"sourceText":"    f(); \\\\x1b[2J"');
    const plain = await shown(makeTrace(withLines(file)), { count: 5 }, writeJson);
    expect(plain).not.toContain('sourceText');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('killed in a block: it is shown, though nothing of it is known to have run', async () => {
  const killed = makeTrace({
    ...SPEC,
    manifest: { end: { how: 'signal', signal: 'SIGSEGV', number: 11 } },
    marks: [{ kind: 'end', vcpu: 0, seq: 6, pc: 0x1008n, number: 9n }],
  });
  expect((await shown(killed, { count: 1 })).split('\n').slice(4)).toEqual([
    '     ── end at main+0x8, 9 instructions in all',
    '     last in main+0x8, as far as it ran:',
    '       0x1008  nop',
    '       0x100c  j 0x1008',
    '  5  jump  main+0xc  →  main+0x8    ?  j 0x1008',
    '',
  ]);
});

test('transfers that are lost: a line, and no guess at what ran before it', async () => {
  const trace = makeTrace({
    ...SPEC,
    marks: [{ kind: 'gap', vcpu: 1, seq: 3, number: 1000n }],
  });
  const [, second] = trace.segmentsOf(1);
  trace.segments.firstSeq[second ?? 0] = 1003;
  const text = await shown(trace, { vcpu: 1 });
  expect(text.split('\n').slice(4)).toEqual([
    '1005  jump    main+0xc  →  main+0x8    ?  j 0x1008',
    '1004  jump    main+0xc  →  main+0x8    2  j 0x1008',
    '1003  jump    main+0xc  →  main+0x8    2  j 0x1008',
    '      ── 1,000 transfers lost here',
    '   2  return  f+0x4     →  main+0x8    ?  ret',
    '   1  call    main+0x4  →  f           2  jal 0x1104',
    '   0  start             →  main        2',
    '',
  ]);
  // A moment within the gap begins with what is left before it.
  const before = await shown(trace, { vcpu: 1, from: 500, count: 499 });
  expect(before.split('\n').slice(4, 6)).toEqual([
    '     ── 1,000 transfers lost here',
    '  2  return  f+0x4     →  main+0x8    ?  ret',
  ]);
});

test('the vCPU that says most about the end comes first', () => {
  expect(lastVcpu(makeTrace(SPEC))).toBe(0);
  const killed = makeTrace({
    ...SPEC,
    manifest: { end: { how: 'signal', signal: 'SIGSEGV', number: 11 } },
    marks: [...(SPEC.marks ?? []), { kind: 'signal', vcpu: 1, seq: 6, number: 11n, timeNs: 6n }],
  });
  expect(lastVcpu(killed)).toBe(1);
});

test('JSON is one object whatever the rows are', async () => {
  const parsed: unknown = JSON.parse(await shown(makeTrace(SPEC), { count: 3 }, writeJson));
  expect(parsed).toMatchObject({
    vcpu: 0,
    vcpus: [
      { vcpu: 0, seqEnd: 6 },
      { vcpu: 1, seqEnd: 6 },
    ],
    rows: [
      { row: 'mark', kind: 'end', number: 10 },
      { row: 'last-block' },
      { row: 'transfer', seq: 5, source: { address: '0x100c', symbol: 'main+0xc' } },
      { row: 'transfer', seq: 4, instructions: 2 },
      { row: 'transfer', seq: 3, kind: 'signal-return', instruction: 'ecall' },
    ],
  });
});

test.each([
  [{ from: 6 }, 'E_SEQ', /--from: found 6, but the last transfer of vCPU 0 is 5\./],
  [{ vcpu: 2 }, 'E_VCPU', /--vcpu: found 2, expected one of 0, 1\./],
])('%j: %s', async (options, code, message) => {
  const failure = Backward.open(makeTrace(SPEC), { ...ALL, ...options });
  await expect(failure).rejects.toMatchObject({ code });
  await expect(failure).rejects.toThrow(message);
});
