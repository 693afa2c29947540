/**
 * The emitted code of every integer instruction against the plain interpreter, whose results are
 * checked against QEMU elsewhere: same registers and memory, or a refusal where it would trap.
 */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Hart, type Platform } from '../core/hart.ts';
import { PERM } from '../core/layout.ts';
import { Trap } from '../core/trap.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';
import { step } from '../plain/step.ts';
import { FLOAT_EMIT } from './float.ts';
import { compileInstruction, testMemory } from './harness.fixture.ts';
import { emitters } from './index.ts';
import { branchCompare } from './integer.ts';

const PC = 0x1000;
const DATA = 0x8000;
const DATA_BYTES = 0x2000;
const RUNS = 40;

const memory = testMemory();
const hart = new Hart(memory);
const refuse = (): never => {
  throw new Error('no integer instruction asks the platform');
};
const PLATFORM: Platform = {
  readCsr: refuse,
  writeCsr: refuse,
  system: refuse,
  ecallCause: refuse,
  readDevice: refuse,
  writeDevice: refuse,
};

const OPS = OP_NAMES.filter((op) => emitters(op) !== null && FLOAT_EMIT[op] === undefined);
const isMemory = (op: OpName): boolean =>
  ['load', 'store', 'amo', 'lr'].includes(opInfo(op).format);

/** Numbers at which something changes: 0, -1, ends of the ranges of bytes, halves, words. */
const EDGES = [0, 7, 8, 15, 16, 31, 32, 63, 64].flatMap((bit) =>
  [-1n, 0n, 1n].flatMap((by) => [(1n << BigInt(bit)) + by, -(1n << BigInt(bit)) + by]),
);
const value = fc
  .oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }))
  .map((number) => BigInt.asIntN(64, number));
/** Addresses: good ones, at the ends of mapped pages, and no addresses at all. */
const address = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: DATA_BYTES / 8 - 8 }).map((at) => at * 8) },
  { weight: 2, arbitrary: fc.integer({ min: -16, max: DATA_BYTES + 16 }) },
);

interface Case {
  readonly instruction: Instruction;
  readonly values: readonly bigint[];
}

function cases(op: OpName): fc.Arbitrary<Case> {
  const { format } = opInfo(op);
  const register = fc.constantFrom(0, 1, 5, 6);
  const isShift = format.startsWith('shift');
  const shift = fc.integer({ min: 0, max: format === 'shift5' ? 31 : 63 });
  const number = fc.oneof(fc.constantFrom(0, -1), fc.integer({ min: -2048, max: 2047 }));
  const upper = fc.integer({ min: -(2 ** 19), max: 2 ** 19 - 1 }).map((high) => high * 4096);
  const usual = format === 'u' ? upper : isShift ? shift : number;
  const imm = format === 'amo' || format === 'lr' || format === 'r' ? fc.constant(0) : usual;
  const fields = fc.record({
    op: fc.constant(op),
    rd: register,
    rs1: isMemory(op) ? fc.constantFrom(5, 6) : register,
    rs2: register,
    rs3: fc.constant(0),
    imm,
    rm: fc.constant(0),
    size: fc.constantFrom(2, 4),
  });
  const base = fc.tuple(address, fields).map(([at, { imm }]) => BigInt(DATA + at - imm));
  return fc.record({
    instruction: fields,
    values: fc.tuple(value, isMemory(op) ? base : value, isMemory(op) ? base : value),
  });
}

function setRegisters({ values }: Case): void {
  hart.x.fill(0n);
  for (const [index, x] of [1, 5, 6].entries()) hart.x[x] = values[index] ?? 0n;
}

/** Words that differ, negative ones too. */
function fillData(): void {
  const data = memory.raw(DATA, DATA_BYTES);
  for (let at = 0; at < data.length; at++) data[at] = (at * 167 + (at >> 8) * 13) & 255;
}

const state = (): string =>
  [...hart.x, hart.reserved, hart.reservedValue].join() +
  Buffer.from(memory.raw(DATA, DATA_BYTES)).toString('latin1');

/** What the plain interpreter makes of it; null: it traps. */
function plainly({ instruction }: Case): string | null {
  try {
    step(hart, PLATFORM, instruction);
    return state();
  } catch (error) {
    if (error instanceof Trap) return null;
    throw error;
  }
}

/** @returns whether the emitted code ran it. */
function compare(scene: Case, isKnown: boolean, reserved: bigint | null): boolean {
  const { instruction } = scene;
  const { op } = instruction;
  const emit = emitters(op);
  if (emit === null) throw new Error('nothing emitted');
  const run = compileInstruction(memory, { instruction, emit, pc: PC, isKnown });
  const prepare = (): void => {
    setRegisters(scene);
    fillData();
    // An lr.w sees a word, and sc.d behind it fails, most of the time.
    const bytes = isKnown || op.endsWith('.w') ? 4 : 8;
    const held = reserved === null ? 0n : memory.load(reserved, bytes);
    hart.reserve(reserved, BigInt.asIntN(bytes * 8, held));
    hart.pc = BigInt(PC);
  };
  prepare();
  const expected = plainly(scene);
  prepare();
  const before = state();
  const hasRun = run();
  if (expected === null) expect(hasRun).toBe(false);
  expect(state()).toBe(hasRun ? expected : before);
  return hasRun;
}

beforeEach(() => {
  memory.protect(DATA, DATA_BYTES, PERM.mapped | PERM.read | PERM.write);
});

describe('emitted code does what the plain interpreter does', () => {
  test.each(OPS)('%s', (op) => {
    let ran = 0;
    fc.assert(
      fc.property(cases(op), fc.boolean(), fc.boolean(), (scene, isKnown, isReserved) => {
        const at = scene.values[1] ?? 0n;
        const isData = at % 8n === 0n && at >= DATA && at < DATA + DATA_BYTES;
        if (compare(scene, isKnown, isReserved && isData ? at : null)) ran++;
      }),
      { numRuns: RUNS },
    );
    // Code that leaves everything to the plain interpreter would be right, too.
    expect(ran).toBeGreaterThan(op.startsWith('sc.') ? RUNS / 20 : RUNS / 3);
  });

  test('a store to a page with code is refused', () => {
    memory.markCode(DATA >>> 12);
    const instruction = {
      op: 'sd',
      rd: 0,
      rs1: 5,
      rs2: 6,
      rs3: 0,
      imm: 0,
      rm: 0,
      size: 4,
    } as const;
    const emit = emitters('sd');
    if (emit === null) throw new Error('nothing emitted');
    const run = compileInstruction(memory, { instruction, emit, pc: PC, isKnown: false });
    hart.x[5] = BigInt(DATA);
    expect(run()).toBe(false);
    hart.x[5] = BigInt(DATA + 0x1000);
    expect(run()).toBe(true);
  });
});

test('what has no code of its own: transfers, and what the platform answers', () => {
  const without = OP_NAMES.filter((op) => emitters(op) === null && branchCompare(op) === null);
  expect(without).toEqual([
    'jal',
    'jalr',
    'ecall',
    'ebreak',
    'fence.i',
    'sret',
    'mret',
    'wfi',
    'sfence.vma',
  ]);
});
