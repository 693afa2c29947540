/**
 * The two binary floating-point formats, their bits, and what can be told from bits alone. A number
 * is a bigint of 32 or 64 bits everywhere in this folder.
 *
 *   binary32   31 sign   30-23 exponent   22-0 fraction
 *   binary64   63 sign   62-52 exponent   51-0 fraction
 *
 * Sources: IEEE 754-2008 chapter 3; the RISC-V unprivileged specification 2.2, chapters "F" and
 * "D", for what IEEE leaves open (canonical NaN, flags, saturation, tininess after rounding).
 */

/** Accrued exceptions as they lie in fflags. */
export const FLAG = {
  inexact: 1,
  underflow: 2,
  overflow: 4,
  divideByZero: 8,
  invalid: 16,
} as const;

/** Rounding modes as frm and the rm field number them. */
export const MODE = {
  nearestEven: 0,
  towardZero: 1,
  down: 2,
  up: 3,
  nearestMaxMagnitude: 4,
} as const;

export interface Format {
  /** Bits of a significand, with the one that is not stored. */
  readonly precision: number;
  /** Exponent of the smallest normal number. */
  readonly exponentMin: number;
  readonly signBit: bigint;
  /** Exponent and fraction: what is left without the sign. */
  readonly magnitude: bigint;
  readonly infinity: bigint;
  /** Smallest normal number. */
  readonly normalMin: bigint;
  /** The fraction's top bit: set in quiet NaNs. */
  readonly quietBit: bigint;
  /** The NaN that every operation gives. */
  readonly nan: bigint;
}

function makeFormat(exponentBits: number, precision: number): Format {
  const fractionBits = BigInt(precision - 1);
  const exponentMask = (1n << BigInt(exponentBits)) - 1n;
  const infinity = exponentMask << fractionBits;
  const quietBit = 1n << (fractionBits - 1n);
  const signBit = 1n << BigInt(exponentBits + precision - 1);
  return {
    precision,
    exponentMin: 2 - 2 ** (exponentBits - 1),
    signBit,
    magnitude: signBit - 1n,
    infinity,
    normalMin: 1n << fractionBits,
    quietBit,
    nan: infinity | quietBit,
  };
}

export const BINARY32 = makeFormat(8, 24);
export const BINARY64 = makeFormat(11, 53);

/** What an operation gives: a number's bits, an integer or a truth value; and exceptions. */
export interface Result {
  readonly bits: bigint;
  /** FLAG bits to add to fflags. */
  readonly flags: number;
}

export function isNegative(format: Format, bits: bigint): boolean {
  return (bits & format.signBit) !== 0n;
}

export function isNan(format: Format, bits: bigint): boolean {
  return (bits & format.magnitude) > format.infinity;
}

export function isSignaling(format: Format, bits: bigint): boolean {
  return isNan(format, bits) && (bits & format.quietBit) === 0n;
}

export function isInfinite(format: Format, bits: bigint): boolean {
  return (bits & format.magnitude) === format.infinity;
}

export function isZero(format: Format, bits: bigint): boolean {
  return (bits & format.magnitude) === 0n;
}

/** 0, or the exception that a signaling NaN among the operands raises. */
export function signals(format: Format, ...operands: readonly bigint[]): number {
  return operands.some((bits) => isSignaling(format, bits)) ? FLAG.invalid : 0;
}

export function invalid(format: Format): Result {
  return { bits: format.nan, flags: FLAG.invalid };
}

export function zero(format: Format, negative: boolean): bigint {
  return negative ? format.signBit : 0n;
}

export function infinity(format: Format, negative: boolean): bigint {
  return negative ? format.infinity | format.signBit : format.infinity;
}

/** A finite value: ± significand × 2^exponent, the significand not normalised. */
export interface Finite {
  readonly negative: boolean;
  readonly significand: bigint;
  readonly exponent: number;
}

/** @param bits neither NaN nor infinite. */
export function unpack(format: Format, bits: bigint): Finite {
  const negative = isNegative(format, bits);
  const magnitude = bits & format.magnitude;
  const lowest = format.exponentMin - format.precision + 1;
  if (magnitude < format.normalMin) return { negative, significand: magnitude, exponent: lowest };
  const biased = Number(magnitude / format.normalMin);
  const significand = (magnitude & (format.normalMin - 1n)) | format.normalMin;
  return { negative, significand, exponent: lowest + biased - 1 };
}

/** Bits up to the highest one that is set; 0 of 0. @param value not negative. */
export function bitLength(value: bigint): number {
  let rest = value;
  let length = 0;
  while (rest > 0xffff_ffffn) {
    rest >>= 32n;
    length += 32;
  }
  return length + 32 - Math.clz32(Number(rest));
}
