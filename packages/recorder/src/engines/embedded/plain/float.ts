/**
 * The floating-point instructions of the plain interpreter. Sources: RISC-V unprivileged
 * specification 20191213, chapters "F" 2.2 and "D" 2.2.
 */
import type { Hart } from '../core/hart.ts';
import { TRAP, Trap } from '../core/trap.ts';
import {
  add,
  divide,
  multiply,
  multiplyAdd,
  type Signs,
  squareRoot,
  subtract,
} from '../float/arithmetic.ts';
import { classify, equal, less, lessOrEqual, maximum, minimum } from '../float/compare.ts';
import {
  convert,
  fromInteger,
  INT32,
  INT64,
  type IntegerRange,
  toInteger,
  UINT32,
  UINT64,
} from '../float/convert.ts';
import { BINARY32, BINARY64, type Format, MODE, type Result } from '../float/format.ts';
import type { Instruction } from '../isa/instruction.ts';
import { type Execute, type Executes, setX, signedX } from './execute.ts';

const RM_DYNAMIC = 7;
const FRM_SHIFT = 5;
/** The upper half of a register that holds a single: NaN boxing. */
const BOX = 0xffff_ffff_0000_0000n;
const LOW = 0xffff_ffffn;

/** A format and how its numbers lie in 64-bit registers. */
interface Numbers {
  readonly format: Format;
  readonly bytes: number;
  readonly read: (register: bigint) => bigint;
  readonly write: (bits: bigint) => bigint;
}

/** What is not boxed is read as the canonical NaN. */
const SINGLE: Numbers = {
  format: BINARY32,
  bytes: 4,
  read: (register) => (register >= BOX ? register & LOW : BINARY32.nan),
  write: (bits) => bits | BOX,
};

const DOUBLE: Numbers = {
  format: BINARY64,
  bytes: 8,
  read: (register) => register,
  write: (bits) => bits,
};

/** The rounding mode in force. @throws Trap illegal where there is no such mode. */
function roundingMode(hart: Hart, { rm }: Instruction): number {
  const mode = rm === RM_DYNAMIC ? hart.fcsr >> FRM_SHIFT : rm;
  if (mode > MODE.nearestMaxMagnitude) throw new Trap(TRAP.illegal, 0n);
  return mode;
}

function readF(hart: Hart, register: number, { read }: Numbers): bigint {
  return read(hart.f[register] ?? 0n);
}

function writeF(hart: Hart, register: number, { write }: Numbers, bits: bigint): undefined {
  hart.f[register] = write(bits);
}

function finishF(hart: Hart, register: number, numbers: Numbers, result: Result): undefined {
  writeF(hart, register, numbers, result.bits);
  hart.raiseFloat(result.flags);
}

type Binary = (format: Format, a: bigint, b: bigint, mode: number) => Result;

/** fd = fs1 op fs2. */
function binary(numbers: Numbers, operation: Binary): Execute {
  return (hart, instruction) => {
    const mode = roundingMode(hart, instruction);
    const a = readF(hart, instruction.rs1, numbers);
    const b = readF(hart, instruction.rs2, numbers);
    finishF(hart, instruction.rd, numbers, operation(numbers.format, a, b, mode));
  };
}

function root(numbers: Numbers): Execute {
  return (hart, instruction) => {
    const mode = roundingMode(hart, instruction);
    const a = readF(hart, instruction.rs1, numbers);
    finishF(hart, instruction.rd, numbers, squareRoot(numbers.format, a, mode));
  };
}

/** fd = ±(fs1 × fs2) ± fs3. */
function fused(numbers: Numbers, product: '+' | '-', addend: '+' | '-'): Execute {
  const signs: Signs = { negateProduct: product === '-', negateAddend: addend === '-' };
  return (hart, instruction) => {
    const mode = roundingMode(hart, instruction);
    const a = readF(hart, instruction.rs1, numbers);
    const b = readF(hart, instruction.rs2, numbers);
    const c = readF(hart, instruction.rs3, numbers);
    finishF(hart, instruction.rd, numbers, multiplyAdd(numbers.format, [a, b, c], signs, mode));
  };
}

type Choice = (format: Format, a: bigint, b: bigint) => Result;

function choice(numbers: Numbers, operation: Choice): Execute {
  return (hart, { rd, rs1, rs2 }) => {
    const a = readF(hart, rs1, numbers);
    const b = readF(hart, rs2, numbers);
    finishF(hart, rd, numbers, operation(numbers.format, a, b));
  };
}

function comparison(numbers: Numbers, operation: Choice): Execute {
  return (hart, { rd, rs1, rs2 }) => {
    const a = readF(hart, rs1, numbers);
    const b = readF(hart, rs2, numbers);
    const { bits, flags } = operation(numbers.format, a, b);
    setX(hart, rd, bits);
    hart.raiseFloat(flags);
  };
}

/** fs1 with a sign made of the bits of both; no NaN is made canonical but what is not boxed. */
function sign(numbers: Numbers, make: (a: bigint, b: bigint) => bigint): Execute {
  const { signBit, magnitude } = numbers.format;
  return (hart, { rd, rs1, rs2 }) => {
    const a = readF(hart, rs1, numbers);
    const b = readF(hart, rs2, numbers);
    writeF(hart, rd, numbers, (a & magnitude) | (make(a, b) & signBit));
  };
}

/** 32-bit results are sign-extended, unsigned ones too. */
function toX(numbers: Numbers, range: IntegerRange): Execute {
  const width = range === INT32 || range === UINT32 ? 32 : 64;
  return (hart, instruction) => {
    const mode = roundingMode(hart, instruction);
    const a = readF(hart, instruction.rs1, numbers);
    const { bits, flags } = toInteger(numbers.format, a, range, mode);
    setX(hart, instruction.rd, BigInt.asIntN(width, bits));
    hart.raiseFloat(flags);
  };
}

function fromX(numbers: Numbers, range: IntegerRange): Execute {
  const width = range === INT32 || range === UINT32 ? 32 : 64;
  const isSigned = range.min < 0n;
  return (hart, instruction) => {
    const mode = roundingMode(hart, instruction);
    const x = signedX(hart, instruction.rs1);
    const value = isSigned ? BigInt.asIntN(width, x) : BigInt.asUintN(width, x);
    finishF(hart, instruction.rd, numbers, fromInteger(numbers.format, value, mode));
  };
}

function between(from: Numbers, to: Numbers): Execute {
  return (hart, instruction) => {
    const mode = roundingMode(hart, instruction);
    const a = readF(hart, instruction.rs1, from);
    finishF(hart, instruction.rd, to, convert(from.format, to.format, a, mode));
  };
}

function classification(numbers: Numbers): Execute {
  return (hart, { rd, rs1 }) => {
    setX(hart, rd, classify(numbers.format, readF(hart, rs1, numbers)));
    return undefined;
  };
}

function load(numbers: Numbers): Execute {
  return (hart, { rd, rs1, imm }) => {
    const address = BigInt.asUintN(64, signedX(hart, rs1) + BigInt(imm));
    writeF(hart, rd, numbers, hart.memory.load(address, numbers.bytes));
  };
}

/** Takes the low bits as they are, boxed or not. */
function store(numbers: Numbers): Execute {
  return (hart, { rs1, rs2, imm }) => {
    const address = BigInt.asUintN(64, signedX(hart, rs1) + BigInt(imm));
    const value = BigInt.asUintN(numbers.bytes * 8, hart.f[rs2] ?? 0n);
    hart.memory.store(address, numbers.bytes, value);
    return undefined;
  };
}

/** The bits themselves into an integer register; 32 of them sign-extended. */
function moveToX(width: number): Execute {
  return (hart, { rd, rs1 }) => {
    setX(hart, rd, BigInt.asIntN(width, hart.f[rs1] ?? 0n));
    return undefined;
  };
}

function moveFromX(numbers: Numbers): Execute {
  return (hart, { rd, rs1 }) =>
    writeF(hart, rd, numbers, BigInt.asUintN(numbers.bytes * 8, signedX(hart, rs1)));
}

export const FLOAT_OPS: Executes = {
  flw: load(SINGLE),
  fsw: store(SINGLE),
  'fmadd.s': fused(SINGLE, '+', '+'),
  'fmsub.s': fused(SINGLE, '+', '-'),
  'fnmsub.s': fused(SINGLE, '-', '+'),
  'fnmadd.s': fused(SINGLE, '-', '-'),
  'fadd.s': binary(SINGLE, add),
  'fsub.s': binary(SINGLE, subtract),
  'fmul.s': binary(SINGLE, multiply),
  'fdiv.s': binary(SINGLE, divide),
  'fsqrt.s': root(SINGLE),
  'fsgnj.s': sign(SINGLE, (_a, b) => b),
  'fsgnjn.s': sign(SINGLE, (_a, b) => ~b),
  'fsgnjx.s': sign(SINGLE, (a, b) => a ^ b),
  'fmin.s': choice(SINGLE, minimum),
  'fmax.s': choice(SINGLE, maximum),
  'fle.s': comparison(SINGLE, lessOrEqual),
  'flt.s': comparison(SINGLE, less),
  'feq.s': comparison(SINGLE, equal),
  'fclass.s': classification(SINGLE),
  'fcvt.w.s': toX(SINGLE, INT32),
  'fcvt.wu.s': toX(SINGLE, UINT32),
  'fcvt.l.s': toX(SINGLE, INT64),
  'fcvt.lu.s': toX(SINGLE, UINT64),
  'fcvt.s.w': fromX(SINGLE, INT32),
  'fcvt.s.wu': fromX(SINGLE, UINT32),
  'fcvt.s.l': fromX(SINGLE, INT64),
  'fcvt.s.lu': fromX(SINGLE, UINT64),
  'fmv.x.w': moveToX(32),
  'fmv.w.x': moveFromX(SINGLE),
  fld: load(DOUBLE),
  fsd: store(DOUBLE),
  'fmadd.d': fused(DOUBLE, '+', '+'),
  'fmsub.d': fused(DOUBLE, '+', '-'),
  'fnmsub.d': fused(DOUBLE, '-', '+'),
  'fnmadd.d': fused(DOUBLE, '-', '-'),
  'fadd.d': binary(DOUBLE, add),
  'fsub.d': binary(DOUBLE, subtract),
  'fmul.d': binary(DOUBLE, multiply),
  'fdiv.d': binary(DOUBLE, divide),
  'fsqrt.d': root(DOUBLE),
  'fsgnj.d': sign(DOUBLE, (_a, b) => b),
  'fsgnjn.d': sign(DOUBLE, (_a, b) => ~b),
  'fsgnjx.d': sign(DOUBLE, (a, b) => a ^ b),
  'fmin.d': choice(DOUBLE, minimum),
  'fmax.d': choice(DOUBLE, maximum),
  'fcvt.s.d': between(DOUBLE, SINGLE),
  'fcvt.d.s': between(SINGLE, DOUBLE),
  'fle.d': comparison(DOUBLE, lessOrEqual),
  'flt.d': comparison(DOUBLE, less),
  'feq.d': comparison(DOUBLE, equal),
  'fclass.d': classification(DOUBLE),
  'fcvt.w.d': toX(DOUBLE, INT32),
  'fcvt.wu.d': toX(DOUBLE, UINT32),
  'fcvt.l.d': toX(DOUBLE, INT64),
  'fcvt.lu.d': toX(DOUBLE, UINT64),
  'fcvt.d.w': fromX(DOUBLE, INT32),
  'fcvt.d.wu': fromX(DOUBLE, UINT32),
  'fcvt.d.l': fromX(DOUBLE, INT64),
  'fcvt.d.lu': fromX(DOUBLE, UINT64),
  'fmv.x.d': moveToX(64),
  'fmv.d.x': moveFromX(DOUBLE),
};
