/**
 * Addition, multiplication, division, square root and fused multiply-add: the exact value, then one
 * rounding. RISC-V unprivileged specification, chapter "F", section on NaN and on arithmetic.
 */
import {
  bitLength,
  type Finite,
  FLAG,
  type Format,
  infinity,
  invalid,
  isInfinite,
  isNan,
  isNegative,
  isZero,
  MODE,
  type Result,
  signals,
  unpack,
  zero,
} from './format.ts';
import { round } from './round.ts';

/** Bits kept beyond the precision where a quotient or a root is cut off. */
const GUARD_BITS = 3;
function nanOf(format: Format, ...operands: readonly bigint[]): Result {
  return { bits: format.nan, flags: signals(format, ...operands) };
}

/** The rounded sum of two finite values. */
function sum(format: Format, x: Finite, y: Finite, mode: number): Result {
  const exponent = Math.min(x.exponent, y.exponent);
  const scaledX = x.significand << BigInt(x.exponent - exponent);
  const scaledY = y.significand << BigInt(y.exponent - exponent);
  const total = (x.negative ? -scaledX : scaledX) + (y.negative ? -scaledY : scaledY);
  if (total === 0n) {
    const isBothZero = scaledX === 0n && x.negative === y.negative;
    return { bits: zero(format, isBothZero ? x.negative : mode === MODE.down), flags: 0 };
  }
  const negative = total < 0n;
  return round(format, { negative, significand: negative ? -total : total, exponent }, mode);
}

export function add(format: Format, a: bigint, b: bigint, mode: number): Result {
  if (isNan(format, a) || isNan(format, b)) return nanOf(format, a, b);
  if (isInfinite(format, a)) {
    return isInfinite(format, b) && a !== b ? invalid(format) : { bits: a, flags: 0 };
  }
  if (isInfinite(format, b)) return { bits: b, flags: 0 };
  return sum(format, unpack(format, a), unpack(format, b), mode);
}

export function subtract(format: Format, a: bigint, b: bigint, mode: number): Result {
  return add(format, a, isNan(format, b) ? b : b ^ format.signBit, mode);
}

export function multiply(format: Format, a: bigint, b: bigint, mode: number): Result {
  if (isNan(format, a) || isNan(format, b)) return nanOf(format, a, b);
  const negative = isNegative(format, a) !== isNegative(format, b);
  if (isInfinite(format, a) || isInfinite(format, b)) {
    if (isZero(format, a) || isZero(format, b)) return invalid(format);
    return { bits: infinity(format, negative), flags: 0 };
  }
  return round(format, product(unpack(format, a), unpack(format, b)), mode);
}

function product(x: Finite, y: Finite): Finite {
  return {
    negative: x.negative !== y.negative,
    significand: x.significand * y.significand,
    exponent: x.exponent + y.exponent,
  };
}

export function divide(format: Format, a: bigint, b: bigint, mode: number): Result {
  if (isNan(format, a) || isNan(format, b)) return nanOf(format, a, b);
  const negative = isNegative(format, a) !== isNegative(format, b);
  if (isInfinite(format, a)) {
    if (isInfinite(format, b)) return invalid(format);
    return { bits: infinity(format, negative), flags: 0 };
  }
  if (isInfinite(format, b)) return { bits: zero(format, negative), flags: 0 };
  if (isZero(format, b)) {
    if (isZero(format, a)) return invalid(format);
    return { bits: infinity(format, negative), flags: FLAG.divideByZero };
  }
  const x = unpack(format, a);
  const y = unpack(format, b);
  const wanted = format.precision + GUARD_BITS + bitLength(y.significand);
  const shift = Math.max(0, wanted - bitLength(x.significand));
  const dividend = x.significand << BigInt(shift);
  const quotient = dividend / y.significand;
  const sticky = quotient * y.significand === dividend ? 0n : 1n;
  const significand = (quotient << 1n) | sticky;
  const exponent = x.exponent - y.exponent - shift - 1;
  return round(format, { negative, significand, exponent }, mode);
}

/** The largest integer whose square is at most `value`. @param value positive, below 2^1000. */
function integerRoot(value: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(value))));
  root = (root + value / root) >> 1n;
  while (root * root > value) root--;
  while ((root + 1n) * (root + 1n) <= value) root++;
  return root;
}

export function squareRoot(format: Format, a: bigint, mode: number): Result {
  if (isNan(format, a)) return nanOf(format, a);
  if (isZero(format, a)) return { bits: a, flags: 0 };
  if (isNegative(format, a)) return invalid(format);
  if (isInfinite(format, a)) return { bits: a, flags: 0 };
  const x = unpack(format, a);
  const wanted = 2 * (format.precision + GUARD_BITS);
  const shift = Math.max(0, wanted - bitLength(x.significand));
  const even = (x.exponent - shift) % 2 === 0 ? shift : shift + 1;
  const radicand = x.significand << BigInt(even);
  const root = integerRoot(radicand);
  const sticky = root * root === radicand ? 0n : 1n;
  const exponent = (x.exponent - even) / 2 - 1;
  return round(format, { negative: false, significand: (root << 1n) | sticky, exponent }, mode);
}

/** Signs of a fused multiply-add: ±(a × b) ± c. */
export interface Signs {
  readonly negateProduct: boolean;
  readonly negateAddend: boolean;
}

/**
 * ±(a × b) ± c, rounded once. Infinity times zero is invalid even where c is a quiet NaN (RISC-V
 * specification, section on single-precision computational instructions).
 */
export function multiplyAdd(
  format: Format,
  operands: readonly [a: bigint, b: bigint, c: bigint],
  signs: Signs,
  mode: number,
): Result {
  const [a, b, c] = operands;
  const isUndefined =
    (isInfinite(format, a) && isZero(format, b)) || (isZero(format, a) && isInfinite(format, b));
  if (isUndefined) return invalid(format);
  if (operands.some((bits) => isNan(format, bits))) return nanOf(format, ...operands);
  const negative = (isNegative(format, a) !== isNegative(format, b)) !== signs.negateProduct;
  const addendNegative = isNegative(format, c) !== signs.negateAddend;
  if (isInfinite(format, a) || isInfinite(format, b)) {
    if (isInfinite(format, c) && addendNegative !== negative) return invalid(format);
    return { bits: infinity(format, negative), flags: 0 };
  }
  if (isInfinite(format, c)) return { bits: infinity(format, addendNegative), flags: 0 };
  const exact = { ...product(unpack(format, a), unpack(format, b)), negative };
  return sum(format, exact, { ...unpack(format, c), negative: addendNegative }, mode);
}
