/**
 * Comparisons, minimum and maximum, classification. RISC-V unprivileged specification 2.2, chapter
 * "F": feq is quiet, flt and fle signal; fmin and fmax are minimumNumber and maximumNumber.
 */
import {
  FLAG,
  type Format,
  isNan,
  isNegative,
  isSignaling,
  type Result,
  signals,
} from './format.ts';

/** An integer ordered as the numbers are; both zeros are 0. @param bits no NaN. */
function order(format: Format, bits: bigint): bigint {
  const magnitude = bits & format.magnitude;
  return isNegative(format, bits) ? -magnitude : magnitude;
}

const truth = (is: boolean): bigint => (is ? 1n : 0n);

export function equal(format: Format, a: bigint, b: bigint): Result {
  if (isNan(format, a) || isNan(format, b)) return { bits: 0n, flags: signals(format, a, b) };
  return { bits: truth(order(format, a) === order(format, b)), flags: 0 };
}

export function less(format: Format, a: bigint, b: bigint): Result {
  if (isNan(format, a) || isNan(format, b)) return { bits: 0n, flags: FLAG.invalid };
  return { bits: truth(order(format, a) < order(format, b)), flags: 0 };
}

export function lessOrEqual(format: Format, a: bigint, b: bigint): Result {
  if (isNan(format, a) || isNan(format, b)) return { bits: 0n, flags: FLAG.invalid };
  return { bits: truth(order(format, a) <= order(format, b)), flags: 0 };
}

/** Of one NaN and a number the number; -0 is below +0. */
function choose(format: Format, a: bigint, b: bigint, wantsLess: boolean): Result {
  const flags = signals(format, a, b);
  if (isNan(format, a)) return { bits: isNan(format, b) ? format.nan : b, flags };
  if (isNan(format, b)) return { bits: a, flags };
  const left = order(format, a);
  const right = order(format, b);
  const isLess = left === right ? isNegative(format, a) : left < right;
  return { bits: isLess === wantsLess ? a : b, flags };
}

export function minimum(format: Format, a: bigint, b: bigint): Result {
  return choose(format, a, b, true);
}

export function maximum(format: Format, a: bigint, b: bigint): Result {
  return choose(format, a, b, false);
}

/** What fclass answers: one of ten bits. */
export function classify(format: Format, bits: bigint): bigint {
  if (isNan(format, bits)) return isSignaling(format, bits) ? 1n << 8n : 1n << 9n;
  const magnitude = bits & format.magnitude;
  let size = 0;
  if (magnitude === format.infinity) size = 3;
  else if (magnitude >= format.normalMin) size = 2;
  else if (magnitude !== 0n) size = 1;
  return 1n << BigInt(isNegative(format, bits) ? 3 - size : 4 + size);
}
