/** Which words are instructions, asked of QEMU; what they do to control, asked of its plugin. */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { needs, needsAll } from '../../../../../../tests/require.ts';
import { SEED } from '../../../../../../tests/seed.ts';
import { decode, endsBlock, sizeOf, transferOf } from './decode.ts';
import type { Instruction } from './instruction.ts';
import { Random, randomWord } from './random.fixture.ts';
import { OP_NAMES, opInfo, opNumber } from './table.ts';

const hex = (value: number): string => `0x${value.toString(16)}`;
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

function decoded(word: number): Instruction {
  const instruction = decode(word);
  if (instruction === null) throw new Error(`${hex(word)} is no instruction`);
  return instruction;
}

function run(command: string, args: readonly string[], input?: Buffer): Buffer {
  const options = {
    maxBuffer: 2 ** 28,
    timeout: 60_000,
    ...(input === undefined ? {} : { input }),
  };
  const done = spawnSync(command, args, options);
  if (done.status === 0) return done.stdout;
  throw new Error(`${command} ${args.join(' ')}: ${done.error?.message ?? done.stderr.toString()}`);
}

function withFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-decode-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('table', () => {
  test('no word is two instructions, and match lies in mask', () => {
    const infos = OP_NAMES.map(opInfo);
    const wrong = infos.filter(({ match, mask }) => (match & ~mask) !== 0 || (match & 3) !== 3);
    expect(wrong.map(({ op }) => op)).toEqual([]);
    const overlaps = infos.flatMap((a, place) =>
      infos
        .slice(place + 1)
        .filter((b) => ((a.match ^ b.match) & a.mask & b.mask) === 0)
        .map((b) => `${a.op} ${b.op}`),
    );
    expect(overlaps).toEqual([]);
  });

  test('numbers are dense', () => {
    expect(OP_NAMES.map(opNumber)).toEqual(OP_NAMES.map((_, place) => place));
  });
});

const qemu = needsAll('qemu-riscv64', 'riscv64-linux-gnu-gcc');
const compiler = needs('riscv64-linux-gnu-gcc');
const SIGILL = 4;

/** A jump to itself never comes back; one behind its first half runs its second half. */
function isSafe(word: number): boolean {
  if (sizeOf(word) === 2) {
    const half = word & 0xffff;
    const isLoop = half === 0xa001 || (half & 0xfc7f) === 0xc001;
    return !isLoop && half !== 0x8e82 && half !== 0x9e82;
  }
  const opcode = word & 0x7f;
  if (opcode === 0x6f) return word >>> 12 !== 0 && (word & 0xfff0_0000) !== 0x0020_0000;
  if (opcode === 0x63) return (word & 0xfe00_0e80) !== 0;
  return opcode !== 0x67 || ((word >>> 15) & 31) !== 29;
}

/**
 * QEMU's CPU also has Zbc, and runs whole-register vector moves, loads and stores even without V;
 * and what SYSTEM means depends on privilege and devices.
 */
function isShared(word: number): boolean {
  const funct3 = (word >>> 12) & 7;
  const isCarryless = (word & 0xfe00_007f) === 0x0a00_0033 && funct3 <= 3;
  const isVectorMemory = (word & 0x5f) === 0x07 && (funct3 === 0 || funct3 >= 5);
  const isVector = isVectorMemory || (word & 0x7f) === 0x57;
  return (word & 0x7f) !== 0x73 && !isCarryless && !isVector;
}

/** Lines for the words of which QEMU and decode() do not think the same. */
function disagreements(words: readonly number[]): string[] {
  const input = Buffer.alloc(words.length * 4);
  words.forEach((word, place) => {
    input.writeUInt32LE(word, place * 4);
  });
  const signals = withFolder((folder) => {
    const program = path.join(folder, 'legality');
    const flags = ['-march=rv64gc', '-nostdlib', '-static', '-o', program];
    run(compiler.path, [...flags, here('legality.fixture.S')]);
    return run(qemu.path, [program], input);
  });
  expect(signals).toHaveLength(words.length);
  return words.flatMap((word, place) => {
    const isRefused = signals[place] === SIGILL;
    if ((decode(word) === null) === isRefused) return [];
    return [`${hex(word)}: QEMU ${isRefused ? 'refuses' : 'runs'} it`];
  });
}

/** c.ebreak behind a compressed one. */
const withBreak = (half: number): number => 0x9002_0000 + half;
const HALVES = Array.from({ length: 0x10000 }, (_, half) => half).filter((half) => half % 4 !== 3);

describe.skipIf(qemu.missing)(`decode: legal or not, as QEMU${qemu.note}`, () => {
  test('every compressed word', () => {
    expect(disagreements(HALVES.map(withBreak).filter(isSafe))).toEqual([]);
  });

  test(`random words, and those one bit beside an instruction, SEED=${SEED}`, () => {
    const random = new Random(SEED);
    const words = Array.from({ length: 40_000 }, () => (random.next32() | 3) >>> 0);
    for (const op of OP_NAMES) {
      for (let i = 0; i < 100; i++) {
        const flip = 1 << (2 + random.below(30));
        words.push((randomWord(random, op) ^ flip) >>> 0);
      }
    }
    const asked = words.filter((word) => isSafe(word) && isShared(word));
    expect(asked.length).toBeGreaterThan(30_000);
    expect(disagreements(asked).slice(0, 20)).toEqual([]);
  });
});

describe('decode', () => {
  test('reserved compressed words: chapter 16 of the specification', () => {
    const rd = (half: number): number => (half >>> 7) & 31;
    const zeroImmediate = (half: number): boolean => (half & 0x107c) === 0;
    const isReserved = (half: number): boolean => {
      const funct3 = half >>> 13;
      switch (((half & 3) << 3) | funct3) {
        case 0o00:
          return (half & 0x1fe0) === 0;
        case 0o04:
          return true;
        case 0o11:
          return rd(half) === 0;
        case 0o13:
          return zeroImmediate(half);
        case 0o14:
          return (half & 0x1c40) === 0x1c40;
        case 0o22:
        case 0o23:
          return rd(half) === 0;
        case 0o24:
          return half === 0x8002;
        default:
          return false;
      }
    };
    const differing = HALVES.filter((half) => (decode(half) === null) !== isReserved(half));
    expect(differing.map(hex)).toEqual([]);
  });

  test('sizes', () => {
    expect(HALVES.every((half) => sizeOf(half) === 2)).toBe(true);
    expect(sizeOf(0x0003)).toBe(4);
    expect(decoded(0x0001).size).toBe(2);
    expect(decoded(0x0000_0013).size).toBe(4);
    // What lies behind a compressed instruction is not looked at.
    expect(decode(0xffff_0001)).toEqual(decode(0x0001));
  });

  test('reserved rounding modes are no instructions', () => {
    const roundings = Array.from({ length: 8 }, (_, rm) => decode(0x00c5_8553 | (rm << 12)));
    expect(roundings.map((one) => one?.rm ?? null)).toEqual([0, 1, 2, 3, 4, null, null, 7]);
  });
});

describe('control', () => {
  test('what ends a block', () => {
    const ending = OP_NAMES.filter((op) => endsBlock(decoded(opInfo(op).match)));
    expect(ending.join(' ')).toBe(
      'jal jalr beq bne blt bge bltu bgeu ecall ebreak fence.i sret mret wfi sfence.vma',
    );
  });

  const cc = needs('cc');
  /**
   * By number of enum ending. Trap returns, system calls, breakpoints and repetitions are told by
   * whoever handles them.
   */
  const KINDS = new Map([
    [2, 'branch'],
    [3, 'jump'],
    [4, 'indirect-jump'],
    [5, 'call'],
    [6, 'indirect-call'],
    [7, 'return'],
  ]);

  test.skipIf(cc.missing)(`kinds and targets as QEMU's plugin, SEED=${SEED}${cc.note}`, () => {
    const random = new Random(SEED);
    const words = [
      ...HALVES,
      ...OP_NAMES.flatMap((op) => Array.from({ length: 100 }, () => randomWord(random, op))),
    ].filter((word) => decode(word) !== null);
    const pc = 0x8000_0000;
    const input = Buffer.alloc(words.length * 16);
    words.forEach((word, place) => {
      input.writeBigUInt64LE(BigInt(pc), place * 16);
      input.writeUInt32LE(word, place * 16 + 8);
    });
    const output = withFolder((folder) => {
      const program = path.join(folder, 'classify');
      const sources = [
        here('classify.fixture.c'),
        ...globSync(here('../../qemu/plugin/classify*.c')),
      ];
      run(cc.path, ['-O1', '-o', program, ...sources]);
      return run(program, [], input);
    });
    expect(output).toHaveLength(words.length * 16);
    const differing = words.filter((word, place) => {
      const kind = KINDS.get(Number(output.readBigUInt64LE(place * 16))) ?? null;
      const target = Number(output.readBigUInt64LE(place * 16 + 8));
      const own = transferOf(decoded(word), pc);
      return (own?.kind ?? null) !== kind || (own?.target ?? 0) !== target;
    });
    expect(differing.map(hex)).toEqual([]);
  });
});
