/**
 * The emitted code of floating-point instructions against the plain interpreter, which is checked
 * against QEMU (plain/float.test.ts): what it does must be the same, and it must do it itself where
 * operands are ordinary. SEED= repeats a run.
 */
import { describe, expect, test } from 'vitest';
import { SEED } from '../../../../../../tests/seed.ts';
import { Hart, type Platform } from '../core/hart.ts';
import { PERM, STATE } from '../core/layout.ts';
import { multiplyAdd } from '../float/arithmetic.ts';
import { BINARY64 } from '../float/format.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';
import { CSR_OPS } from '../plain/csr.ts';
import { FLOAT_OPS } from '../plain/float.ts';
import {
  bitsOfDouble,
  bitsOfSingle,
  FloatCases,
  hasMode,
  modesOf,
  REGISTER_OPS,
  RM_DYNAMIC,
} from '../plain/float-cases.fixture.ts';
import { FLOAT_EMIT, floatVariant, floatVariants, hasFloatCode } from './float.ts';
import { isFusedMultiplyAddExact } from './float-probe.ts';
import { compileInstruction, testMemory } from './harness.fixture.ts';

const CASES = Number(process.env['CASES'] ?? 200);
const NX = 1;
const UF = 2;
const PC = 0x1000;

const memory = testMemory();
const hart = new Hart(memory);
const isFused = isFusedMultiplyAddExact();

const noPlatform = (): never => {
  throw new Error('no instruction of floating point asks the platform');
};
const PLATFORM: Platform = {
  readCsr: noPlatform,
  writeCsr: noPlatform,
  system: noPlatform,
  ecallCause: noPlatform,
  readDevice: noPlatform,
  writeDevice: noPlatform,
};

const instructionOf = (op: OpName, rm: number): Instruction => ({
  op,
  rd: 10,
  rs1: 11,
  rs2: 12,
  rs3: 13,
  imm: 0,
  rm,
  size: 4,
});

interface Registers {
  readonly fcsr: number;
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
}

function setRegisters({ fcsr, a, b, c }: Registers): void {
  hart.fcsr = fcsr;
  hart.f.set([0x1234n, a, b, c], 10);
  hart.xUnsigned.set([0x1234n, a], 10);
}

/** All of it, as it is now. */
const state = (): Buffer =>
  Buffer.from(new Uint8Array(memory.buffer, STATE.x, STATE.end - STATE.x).slice());

function compile(instruction: Instruction, isKnown: boolean): () => boolean {
  const emit = FLOAT_EMIT[instruction.op];
  if (emit === undefined) throw new Error(`no code for ${instruction.op}`);
  return compileInstruction(memory, { instruction, emit, pc: PC, isKnown });
}

function runPlain(instruction: Instruction): void {
  const execute = FLOAT_OPS[instruction.op] ?? CSR_OPS[instruction.op];
  if (execute === undefined) throw new Error(`no plain ${instruction.op}`);
  execute(hart, instruction, PLATFORM);
}

/** Whether the code ran the instruction; a wrong answer, or a trace of one not run, throws. */
function agrees(run: () => boolean, instruction: Instruction, registers: Registers): boolean {
  setRegisters(registers);
  const before = state();
  const isRun = run();
  const after = state();
  setRegisters(registers);
  if (isRun) runPlain(instruction);
  const expected = isRun ? state() : before;
  if (!after.equals(expected)) {
    const { fcsr, a, b, c } = registers;
    const words = [fcsr, a, b, c].map((value) => value.toString(16)).join(' ');
    expect.fail(`${instruction.op} rm ${instruction.rm}, fcsr and operands ${words}`);
  }
  return isRun;
}

/** Each piece of code of an instruction, with the rm fields that it serves. */
const codes = REGISTER_OPS.flatMap((op) =>
  floatVariants(op, isFused).map((variant) => ({
    op,
    variant,
    modes: modesOf(op).filter((rm) => floatVariant(op, rm, isFused) === variant),
  })),
);

describe(`emitted floating point (SEED=${SEED})`, () => {
  test.for(codes)('$op, code for rm $variant: as the plain interpreter', (code) => {
    const cases = new FloatCases(SEED);
    // The interpreter tells no register numbers; and no mode where that is not what differs.
    const isTold = hasMode(code.op) && code.variant !== RM_DYNAMIC ? [true] : [true, false];
    let fast = 0;
    for (const isKnown of isTold) {
      const run = compile(instructionOf(code.op, code.variant), isKnown);
      for (const rm of code.modes) {
        const instruction = instructionOf(code.op, rm);
        for (let i = 0; i < CASES; i++) {
          if (agrees(run, instruction, cases.next(code.op, rm))) fast++;
        }
      }
    }
    expect(fast).toBeGreaterThan(CASES / 20);
  });

  test('a register with itself: fmv, fneg, fabs', () => {
    for (const op of REGISTER_OPS.filter((name) => name.startsWith('fsgnj'))) {
      const instruction = { ...instructionOf(op, 0), rs2: 11 };
      const run = compile(instruction, true);
      const cases = new FloatCases(SEED);
      let fast = 0;
      for (let i = 0; i < CASES; i++) if (agrees(run, instruction, cases.next(op, 0))) fast++;
      expect(fast).toBeGreaterThan(CASES / 2);
    }
  });

  test('a tiny product that rounds to the smallest normal number underflows', () => {
    // (1 + x)(1 - x) = 1 - x²: below 1 - 2^-54, so that 53 bits do not reach 1 but 52 do.
    const x = (2 ** 25 + 1) * 2 ** -52;
    const registers = {
      fcsr: NX,
      a: bitsOfDouble(2 ** -1022 * (1 + x)),
      b: bitsOfDouble(1 - x),
      c: 0n,
    };
    const instruction = instructionOf('fmul.d', RM_DYNAMIC);
    expect(agrees(compile(instruction, true), instruction, registers)).toBe(false);
    setRegisters(registers);
    runPlain(instruction);
    expect([hart.f[10], hart.fcsr]).toEqual([bitsOfDouble(2 ** -1022), NX | UF]);
  });

  test('a mode of frm that is none: left to the plain interpreter, which raises illegal', () => {
    for (const { op, variant } of codes.filter((code) => hasMode(code.op))) {
      if (variant !== RM_DYNAMIC) continue;
      const run = compile(instructionOf(op, RM_DYNAMIC), true);
      for (const frm of [5, 6, 7]) {
        setRegisters({ fcsr: (frm << 5) | NX, a: bitsOfDouble(1), b: 0n, c: 0n });
        expect(run(), `${op} frm ${frm}`).toBe(false);
      }
    }
  });
});

describe(`emitted floating point is not left to the plain interpreter (SEED=${SEED})`, () => {
  const bits = (op: OpName, value: number): bigint => {
    if (opInfo(op).format === 'xtof') return BigInt.asUintN(64, BigInt(Math.trunc(value)));
    if (op.endsWith('.d')) return bitsOfDouble(value);
    return bitsOfSingle(value) | 0xffff_ffff_0000_0000n;
  };
  const runAll = (op: OpName, variant: number, fcsr: number, values: () => number[]): void => {
    const run = compile(instructionOf(op, variant), true);
    for (let i = 0; i < CASES; i++) {
      const [a = 0, b = 0, c = 0] = values();
      const registers = { fcsr, a: bits(op, a), b: bits(op, b), c: bits(op, c) };
      const rm = variant === RM_DYNAMIC ? RM_DYNAMIC : variant;
      const isRun = agrees(run, instructionOf(op, rm), registers);
      if (!isRun) expect.fail(`${op} rm ${rm} leaves ${a}, ${b}, ${c} with fcsr ${fcsr}`);
    }
  };

  test.for(codes)('$op, code for rm $variant: inexact set, any ordinary numbers', (code) => {
    const cases = new FloatCases(SEED);
    const value = (): number => (cases.below(2 ** 30) + 1) / 2 ** (10 + cases.below(30));
    runAll(code.op, code.variant, NX, () => [value(), value(), value()]);
  });

  test.for(codes)('$op, code for rm $variant: nothing set, what small integers give', (code) => {
    const cases = new FloatCases(SEED);
    const { op } = code;
    runAll(op, code.variant, 0, () => {
      const [a, b, c] = [cases.below(1000), cases.below(1000) + 1, cases.below(1000)];
      if (op.startsWith('fdiv')) return [a * b, b];
      if (op.startsWith('fsqrt')) return [a * a];
      return [a, b, c];
    });
  });
});

describe(`fflags, frm and fcsr (SEED=${SEED})`, () => {
  const ops = ['csrrw', 'csrrs', 'csrrc', 'csrrwi', 'csrrsi', 'csrrci'] as const;
  const isImmediate = (op: OpName): boolean => op.endsWith('i');
  test.for(ops)('%s', (op) => {
    const cases = new FloatCases(SEED);
    for (const imm of [1, 2, 3]) {
      for (const rs1 of [0, 10, 11]) {
        for (const rd of [0, 10, 11]) {
          const instruction = { ...instructionOf(op, 0), imm, rs1, rd };
          for (const isKnown of isImmediate(op) ? [true] : [true, false]) {
            const run = compile(instruction, isKnown);
            for (let i = 0; i < 40; i++) {
              const registers = { fcsr: cases.below(256), a: cases.word(), b: 0n, c: 0n };
              expect(agrees(run, instruction, registers)).toBe(true);
            }
          }
        }
      }
    }
  });

  test.for(ops)('%s of any other, or what is not known: left', (op) => {
    for (const imm of [0, 4, 0x300, 0xc00, 0xfff]) {
      const instruction = { ...instructionOf(op, 0), imm };
      const registers = { fcsr: NX, a: 1n, b: 0n, c: 0n };
      expect(hasFloatCode(instruction, isFused)).toBe(false);
      for (const isKnown of [true, false]) {
        expect(agrees(compile(instruction, isKnown), instruction, registers)).toBe(false);
      }
    }
    const instruction = { ...instructionOf(op, 0), imm: 3 };
    expect(hasFloatCode(instruction, isFused)).toBe(true);
    setRegisters({ fcsr: NX, a: 1n, b: 0n, c: 0n });
    expect(compile(instruction, false)()).toBe(!isImmediate(op));
  });
});

test('floating point that is off: all is left, until it is not', () => {
  memory.protect(0x2000, 0x1000, PERM.read | PERM.write | PERM.mapped);
  const emits = OP_NAMES.filter((op) => FLOAT_EMIT[op] !== undefined);
  for (const op of emits) {
    const [variant] = floatVariants(op, isFused);
    if (variant === undefined) continue;
    const isCsr = opInfo(op).extension === 'Zicsr';
    const instruction = { ...instructionOf(op, variant), imm: isCsr ? 3 : 0 };
    const isX = ['fload', 'fstore', 'xtof'].includes(opInfo(op).format);
    const one = op.endsWith('.d') ? bitsOfDouble(1) : bitsOfSingle(1) | 0xffff_ffff_0000_0000n;
    const registers = { fcsr: NX, a: isX ? 0x2000n : one, b: one, c: one };
    const run = compile(instruction, true);
    hart.isFloatOff = true;
    expect(agrees(run, instruction, registers), op).toBe(false);
    hart.isFloatOff = false;
    expect(agrees(run, instruction, registers), op).toBe(true);
  }
});

test('loads and stores of floating-point registers', () => {
  memory.protect(0x2000, 0x1000, PERM.read | PERM.write | PERM.mapped);
  const bytes = memory.raw(0x2000, 0x1000);
  const double = 0x0123_4567_89ab_cdefn;
  for (const isKnown of [true, false]) {
    const instruction = (op: OpName): Instruction => ({ ...instructionOf(op, 0), imm: 8 });
    const ops = ['flw', 'fld', 'fsw', 'fsd'] as const;
    for (const op of ops) {
      const run = compile(instruction(op), isKnown);
      for (const address of [0x2000n, 0x2ff0n, 0x2ff4n, 0x2ff5n, 0x2ff8n, 0x1ff8n, 0x1ff7n, -8n]) {
        const after: string[] = [];
        const plainly = (): boolean => {
          runPlain(instruction(op));
          return true;
        };
        const runs = [run, plainly];
        const isRun = runs.map((one) => {
          bytes.forEach((_, place) => {
            bytes[place] = (place * 7) & 0xff;
          });
          setRegisters({ fcsr: 0, a: BigInt.asUintN(64, address), b: double, c: 0n });
          try {
            return one();
          } catch {
            return false;
          } finally {
            after.push(`${state().toString('hex')} ${bytes.join()}`);
          }
        });
        expect(isRun[0], `${op} ${address}`).toBe(isRun[1]);
        expect(after[0] === after[1], `${op} ${address}`).toBe(true);
      }
    }
  }
});

test('the probe tells a multiply-add that rounds once', () => {
  // Where it says yes, the cases above have compared the code; the probe's own idea of right is
  // compared with the exact one here.
  const [a, b, c] = [1 + 2 ** -52, 1 - 2 ** -52, -1].map(bitsOfDouble);
  const signs = { negateProduct: false, negateAddend: false };
  const { bits } = multiplyAdd(BINARY64, [a ?? 0n, b ?? 0n, c ?? 0n], signs, 0);
  expect(bits).toBe(bitsOfDouble(-(2 ** -104)));
  expect(typeof isFused).toBe('boolean');
});
