/**
 * Floating-point numbers in WebAssembly: reading operands, and the conditions under which
 * WebAssembly's own arithmetic gives what RISC-V wants, result and flags.
 *
 * The idea (known from QEMU as "hardfloat"): while the rounding mode is nearest-even and the
 * inexact flag is set, an operation whose result says that it raised no other flag is right as the
 * hardware computes it. `STATE.floatFast` says so in one word. Everything else takes the cold
 * path, still in generated code, which asks more closely: a program that only ever computes exactly
 * (small integers in doubles) never sets the flag, and must not be slow for that. What the cold
 * path cannot vouch for goes to the plain interpreter.
 *
 * No NaN that WebAssembly computes reaches a register: its bits are not determined.
 */

import { F32, F64, I32, I64, type ValueType } from '../../../wasm/opcodes.ts';
import { STATE } from '../core/layout.ts';
import { BINARY32, BINARY64, type Format } from '../float/format.ts';
import type { Operands } from './operands.ts';

/** A format as WebAssembly has it. */
export interface Width {
  readonly float: 'f32' | 'f64';
  readonly int: 'i32' | 'i64';
  readonly floatType: ValueType;
  readonly intType: ValueType;
  /** The number's bits as an integer. */
  readonly toBits: 'i32.reinterpret_f32' | 'i64.reinterpret_f64';
  readonly format: Format;
}

export const SINGLE: Width = {
  float: 'f32',
  int: 'i32',
  floatType: F32,
  intType: I32,
  toBits: 'i32.reinterpret_f32',
  format: BINARY32,
};

export const DOUBLE: Width = {
  float: 'f64',
  int: 'i64',
  floatType: F64,
  intType: I64,
  toBits: 'i64.reinterpret_f64',
  format: BINARY64,
};

export const RM_DYNAMIC = 7;
/** Upper half of a register that holds a single. */
export const BOX = 0xffff_ffff_0000_0000n;
/** In fcsr: the rounding mode, and the inexact flag. */
export const FRM_BITS = 0xe0;
export const NX_BIT = 1;

export type Source = 'rs1' | 'rs2' | 'rs3';
const SLOT: Readonly<Record<Source, number>> = { rs1: 0, rs2: 1, rs3: 2 };
/** Scratch variables: 0 to 2 hold operands, 3 the result, 4 a product. */
const RESULT_SLOT = 3;
export const PRODUCT_SLOT = 4;

export function pushInt({ code }: Operands, width: Width, value: bigint): void {
  if (width.int === 'i32') code.i32(Number(BigInt.asIntN(32, value)));
  else code.i64(value);
}

/** Reads a register into a variable, which is returned. A single's box is not looked at. */
export function readFloat(operands: Operands, width: Width, source: Source): number {
  const { code } = operands;
  const value = operands.scratch(width.floatType, SLOT[source]);
  operands.pushF(source);
  if (width.int === 'i64') code.op('f64.reinterpret_i64');
  else code.tee(bitsOf(operands, source)).op('i32.wrap_i64', 'f32.reinterpret_i32');
  code.set(value);
  return value;
}

/** The variable that keeps a single's whole register. */
export function bitsOf(operands: Operands, source: Source): number {
  return operands.scratch(I64, SLOT[source]);
}

/**
 * i32 → i32: and these registers, read by `readFloat`, hold boxed singles. Nothing where they
 * surely do.
 */
export function andBoxed(operands: Operands, width: Width, sources: readonly Source[]): void {
  if (width.int === 'i64') return;
  const { code } = operands;
  const [first, ...others] = sources.filter((source) => operands.isBoxed?.(source) !== true);
  if (first === undefined) return;
  code.get(bitsOf(operands, first));
  for (const source of others) code.get(bitsOf(operands, source)).op('i64.and');
  code.i64(BOX).op('i64.ge_u', 'i32.and');
}

/** i32 →: leaves unless it is 1. There is one of these for an instruction: leaving is long code. */
export function goOnIf(operands: Operands): void {
  operands.code.op('i32.eqz');
  operands.bailIf();
}

/** Leaves unless the registers hold boxed singles. */
export function goOnIfBoxed(operands: Operands, width: Width, sources: readonly Source[]): void {
  if (width.int === 'i64' || sources.every((source) => operands.isBoxed?.(source))) return;
  operands.code.i32(1);
  andBoxed(operands, width, sources);
  goOnIf(operands);
}

/** Writes a number, boxed if it is a single. `value` pushes its bits as `width.int`. */
export function writeBits(operands: Operands, width: Width, value: () => void): void {
  const { code } = operands;
  operands.setF(() => {
    value();
    if (width.int === 'i32') code.op('i64.extend_i32_u').i64(BOX).op('i64.or');
  });
}

/** i32: fcsr. */
export function pushFcsr({ code }: Operands): void {
  code.i32(0).load('i32.load', STATE.fcsr);
}

/** i32: 1 or 0, whether the inexact flag is set. */
export function pushInexactSet(operands: Operands): void {
  pushFcsr(operands);
  operands.code.i32(NX_BIT).op('i32.and');
}

/** i32: whether frm says nearest-even. */
export function pushModeNearest(operands: Operands): void {
  pushFcsr(operands);
  operands.code.i32(FRM_BITS).op('i32.and', 'i32.eqz');
}

/** i32, of the variable's bits: finite. */
export function pushFinite(operands: Operands, width: Width, bits: number): void {
  operands.code.get(bits);
  pushInt(operands, width, 1n);
  operands.code.op(`${width.int}.shl`);
  pushInt(operands, width, width.format.infinity << 1n);
  operands.code.op(`${width.int}.lt_u`);
}

/**
 * i32, of the variable's bits: finite and beyond the smallest normal number, which itself may be
 * what a tiny value was rounded to: so neither overflow nor underflow were raised, nor is it NaN.
 */
export function pushOrdinary(operands: Operands, width: Width, bits: number): void {
  const { infinity, normalMin } = width.format;
  const { code } = operands;
  code.get(bits);
  pushInt(operands, width, 1n);
  code.op(`${width.int}.shl`);
  pushInt(operands, width, (normalMin + 1n) << 1n);
  code.op(`${width.int}.sub`);
  pushInt(operands, width, (infinity - normalMin - 1n) << 1n);
  code.op(`${width.int}.lt_u`);
}

/** i32: whether the number in the variable is 0 or -0. */
export function pushIsZero({ code }: Operands, width: Width, value: number): void {
  code.get(value);
  if (width.float === 'f32') code.f32(0).op('f32.eq');
  else code.f64(0).op('f64.eq');
}

/**
 * i32: whether the exact product of two numbers has no more bits than a significand: by the zeros
 * at the end of theirs. It may say no where the product just fits. Underflow is another matter.
 */
export function pushProductFits(operands: Operands, width: Width, a: number, b: number): void {
  const { code } = operands;
  const zeros = (value: number): void => {
    code.get(value).op(width.toBits);
    pushInt(operands, width, width.format.normalMin);
    code.op(`${width.int}.or`, `${width.int}.ctz`);
  };
  zeros(a);
  zeros(b);
  code.op(`${width.int}.add`);
  pushInt(operands, width, BigInt(width.format.precision));
  code.op(`${width.int}.ge_u`);
}

export interface Rounded {
  /** The registers that were read. */
  readonly sources: readonly Source[];
  /** Pushes the result as WebAssembly computes it. */
  compute(): void;
  /** i32, given the result's bits: no flag but inexact was raised. */
  usual(bits: number): void;
  /** i32: the same where `usual` says no; leave out if nothing is left to hope for. */
  unusual?(result: number): void;
  /** i32, given the result: it is exact. May say no where it is. */
  exact(result: number): void;
}

/**
 * An operation that rounds. The usual case is one condition; the rest is decided in the cold path,
 * in which `bailIf` may be called, since nothing has been written yet.
 */
export function emitRounded(operands: Operands, width: Width, operation: Rounded): void {
  const { code, roundingMode } = operands;
  if (roundingMode !== null && roundingMode !== 0 && roundingMode !== RM_DYNAMIC) {
    throw new RangeError(`no code for rounding mode ${roundingMode}`);
  }
  const result = operands.scratch(width.floatType, RESULT_SLOT);
  const bits = operands.scratch(width.intType, RESULT_SLOT);
  operation.compute();
  code.tee(result).op(width.toBits).set(bits);
  operation.usual(bits);
  code.i32(0).load('i32.load', STATE.floatFast).op('i32.and');
  andBoxed(operands, width, operation.sources);
  code.op('i32.eqz').unlikely().if();
  operation.usual(bits);
  if (operation.unusual !== undefined) {
    operation.unusual(result);
    code.op('i32.or');
  }
  pushModeNearest(operands);
  code.op('i32.and');
  pushInexactSet(operands);
  operation.exact(result);
  code.op('i32.or', 'i32.and');
  andBoxed(operands, width, operation.sources);
  goOnIf(operands);
  code.end();
  writeBits(operands, width, () => code.get(bits));
}
