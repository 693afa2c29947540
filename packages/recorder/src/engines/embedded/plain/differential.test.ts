/** The plain interpreter against QEMU: random programs, all registers and memory at their end. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { needs } from '../../../../../../tests/require.ts';
import { SEED } from '../../../../../../tests/seed.ts';
import { decode, sizeOf } from '../isa/decode.ts';
import { disassemble } from '../isa/disassemble.ts';
import { Random } from '../isa/random.fixture.ts';
import { OP_NAMES } from '../isa/table.ts';
import { buildProgram } from './elf.fixture.ts';
import { runPlain, smallMemory } from './process.fixture.ts';
import { CODE, DATA, DATA_BYTES, type Program, ProgramMaker } from './programs.fixture.ts';

const PROGRAMS = Number(process.env['PROGRAMS'] ?? 25);
const ITEMS = 400;
const RECORDED = fileURLToPath(new URL('recorded-run.txt', import.meta.url));
const isUpdate = process.env['UPDATE'] === '1';

const memory = smallMemory();

/** DATA as QEMU leaves it. */
function runQemu(qemu: string, { code, data }: Program): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-plain-'));
  try {
    const file = path.join(folder, 'program');
    const segments = [
      { address: CODE, bytes: code, flags: 5 },
      { address: DATA, bytes: data, flags: 6 },
    ];
    writeFileSync(file, buildProgram(CODE, segments), { mode: 0o700 });
    const run = spawnSync(qemu, [file], { timeout: 60_000 });
    if (run.status === 0) return run.stdout;
    throw new Error(
      `${qemu}: status ${run.status}, signal ${run.signal}, ${run.stderr.toString()}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** 64-bit words of DATA that differ, at most twenty. */
function differences(found: Buffer, expected: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at + 8 <= DATA_BYTES && lines.length < 20; at += 8) {
    const own = found.readBigUInt64LE(at);
    const theirs = expected.readBigUInt64LE(at);
    if (own !== theirs) lines.push(`${hex(at)}: found ${hex(own)}, expected ${hex(theirs)}`);
  }
  return lines;
}

/** The program as text, to be read where a seed fails. */
function listing({ code }: Program): string[] {
  const bytes = Buffer.from(code);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = sizeOf(bytes.readUInt16LE(at));
    const word = bytes.readUIntLE(at, size);
    const instruction = decode(word);
    const text = instruction === null ? hex(word) : disassemble(instruction, CODE + at);
    lines.push(`${hex(CODE + at)} ${text}`);
    at += size;
  }
  return lines;
}

const opsOf = (program: Program): string[] =>
  listing(program).map((line) => line.split(' ')[1] ?? '');

const qemu = needs('qemu-riscv64');

describe.skipIf(qemu.missing)(`the plain interpreter against QEMU${qemu.note}`, () => {
  test(`random programs end alike, SEED=${SEED}`, () => {
    const maker = new ProgramMaker(new Random(SEED));
    let steps = 0;
    for (let number = 0; number < PROGRAMS; number++) {
      const program = maker.make(ITEMS);
      const expected = runQemu(qemu.path, program);
      expect(expected).toHaveLength(DATA_BYTES);
      const found = runPlain(memory, program);
      const wrong = differences(found.data, expected);
      if (wrong.length > 0 && process.env['LISTING'] === '1') wrong.push(...listing(program));
      expect(wrong, `program ${number} of SEED=${SEED}; LISTING=1 shows it`).toEqual([]);
      steps += found.steps;
    }
    expect(steps).toBeGreaterThan(PROGRAMS * ITEMS);
  });

  test.runIf(isUpdate)('UPDATE=1 writes the recorded run', () => {
    const program = new ProgramMaker(new Random(1977)).make(600);
    const after = runQemu(qemu.path, program);
    const code =
      Buffer.from(program.code)
        .toString('hex')
        .match(/.{1,64}/g) ?? [];
    const lines = code.map((bytes) => `code ${bytes}`);
    const before = Buffer.from(program.data);
    for (let at = 0; at < DATA_BYTES; at += 16) {
      const was = before.toString('hex', at, at + 16);
      const is = after.toString('hex', at, at + 16);
      lines.push(was === is ? `${hex(at)} ${was}` : `${hex(at)} ${was} ${is}`);
    }
    writeFileSync(RECORDED, `${lines.join('\n')}\n`);
  });
});

test('the programs hold every instruction but those of a system', () => {
  const maker = new ProgramMaker(new Random(1));
  const seen = new Set(Array.from({ length: 40 }, () => opsOf(maker.make(ITEMS))).flat());
  const missing = OP_NAMES.filter((op) => !seen.has(op));
  expect(missing.join(' ')).toBe('ebreak fence.i sret mret wfi sfence.vma');
});

test('the plain interpreter: a run of QEMU that is recorded', () => {
  const rows = readFileSync(RECORDED, 'utf8')
    .trim()
    .split('\n')
    .map((row) => row.split(' '));
  const code = rows.filter(([what]) => what === 'code').map(([, bytes = '']) => bytes);
  const cells = rows.filter(([what]) => what !== 'code');
  const data = Buffer.from(cells.map(([, before = '']) => before).join(''), 'hex');
  const after = Buffer.from(cells.map(([, before = '', now = before]) => now).join(''), 'hex');
  const program = { code: Buffer.from(code.join(''), 'hex'), data };
  expect(data).toHaveLength(DATA_BYTES);
  expect(differences(runPlain(memory, program).data, after)).toEqual([]);
});
