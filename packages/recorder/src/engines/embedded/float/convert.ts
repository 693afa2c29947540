/** Conversions: to and from integers, and between the formats. */
import {
  bitLength,
  FLAG,
  type Format,
  infinity,
  isInfinite,
  isNan,
  isNegative,
  type Result,
  signals,
  unpack,
} from './format.ts';
import { cutOff, round } from './round.ts';

/** An integer register's reading of a number. */
export interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
}

export const INT32: IntegerRange = { min: -(1n << 31n), max: (1n << 31n) - 1n };
export const UINT32: IntegerRange = { min: 0n, max: (1n << 32n) - 1n };
export const INT64: IntegerRange = { min: -(1n << 63n), max: (1n << 63n) - 1n };
export const UINT64: IntegerRange = { min: 0n, max: (1n << 64n) - 1n };

/** Numbers with so many bits before the point fit no integer; and are not worth shifting. */
const INTEGER_BITS_MAX = 64;

/**
 * The integer as such, not as a register holds it. Out of range (after rounding) gives the nearest
 * end and `invalid` alone; NaN gives the upper end. RISC-V specification, table "Domains of
 * float-to-integer conversions".
 */
export function toInteger(
  format: Format,
  bits: bigint,
  { min, max }: IntegerRange,
  mode: number,
): Result {
  if (isNan(format, bits)) return { bits: max, flags: FLAG.invalid };
  const saturated = { bits: isNegative(format, bits) ? min : max, flags: FLAG.invalid };
  if (isInfinite(format, bits)) return saturated;
  const { negative, significand, exponent } = unpack(format, bits);
  if (bitLength(significand) + exponent > INTEGER_BITS_MAX) return saturated;
  const { kept, inexact } = cutOff(significand, -exponent, negative, mode);
  const value = negative ? -kept : kept;
  if (value < min || value > max) return saturated;
  return { bits: value, flags: inexact ? FLAG.inexact : 0 };
}

/** @param value the integer as such. */
export function fromInteger(format: Format, value: bigint, mode: number): Result {
  const negative = value < 0n;
  return round(format, { negative, significand: negative ? -value : value, exponent: 0 }, mode);
}

export function convert(from: Format, to: Format, bits: bigint, mode: number): Result {
  if (isNan(from, bits)) return { bits: to.nan, flags: signals(from, bits) };
  if (isInfinite(from, bits)) return { bits: infinity(to, isNegative(from, bits)), flags: 0 };
  return round(to, unpack(from, bits), mode);
}
