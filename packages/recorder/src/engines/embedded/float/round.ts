/** Rounding an exact value to a format, with the exceptions that it raises. */
import {
  bitLength,
  type Finite,
  FLAG,
  type Format,
  infinity,
  MODE,
  type Result,
  zero,
} from './format.ts';

/** Whether `mode` goes to the larger magnitude, `rest` of `2 × half` being cut off above `kept`. */
function roundsUp(
  kept: bigint,
  rest: bigint,
  half: bigint,
  negative: boolean,
  mode: number,
): boolean {
  if (rest === 0n) return false;
  if (mode === MODE.towardZero) return false;
  if (mode === MODE.down) return negative;
  if (mode === MODE.up) return !negative;
  if (rest !== half) return rest > half;
  return mode === MODE.nearestMaxMagnitude || (kept & 1n) === 1n;
}

export interface Cut {
  readonly kept: bigint;
  readonly inexact: boolean;
}

/** significand / 2^places, rounded to an integer. `places` may be negative. */
export function cutOff(significand: bigint, places: number, negative: boolean, mode: number): Cut {
  if (places <= 0) return { kept: significand << BigInt(-places), inexact: false };
  const shift = BigInt(places);
  const kept = significand >> shift;
  const rest = significand - (kept << shift);
  const up = roundsUp(kept, rest, 1n << (shift - 1n), negative, mode);
  return { kept: up ? kept + 1n : kept, inexact: rest !== 0n };
}

/** What is beyond the largest finite number becomes it, or infinity. */
function overflow(format: Format, negative: boolean, mode: number): Result {
  const flags = FLAG.overflow | FLAG.inexact;
  const stays = mode === MODE.towardZero || mode === (negative ? MODE.up : MODE.down);
  const bits = infinity(format, negative);
  return { bits: stays ? bits - 1n : bits, flags };
}

/**
 * Rounds a finite value. Where its significand is a truncated one with the bits behind it gathered
 * in the lowest (`sticky`), it must have at least precision + 2 bits.
 *
 * A value is tiny if it would lie below the smallest normal number when rounded to full precision
 * with no limit to the exponent: tininess is detected after rounding, as RISC-V wants it.
 */
export function round(format: Format, value: Finite, mode: number): Result {
  const { negative, significand, exponent } = value;
  if (significand === 0n) return { bits: zero(format, negative), flags: 0 };
  const { precision, exponentMin } = format;
  const top = bitLength(significand) - 1 + exponent;
  const lowest = Math.max(top, exponentMin) - precision + 1;
  const { kept, inexact } = cutOff(significand, lowest - exponent, negative, mode);
  // The stored exponent is one less for normal numbers, since the hidden bit adds one to it. A
  // carry into it, and from subnormal to normal, is right by itself.
  const steps = BigInt(lowest - (exponentMin - precision + 1));
  const magnitude = steps * format.normalMin + kept;
  if (magnitude >= format.infinity) return overflow(format, negative, mode);
  const bits = negative ? magnitude | format.signBit : magnitude;
  if (!inexact) return { bits, flags: 0 };
  if (top >= exponentMin) return { bits, flags: FLAG.inexact };
  const full = cutOff(significand, top - precision + 1 - exponent, negative, mode);
  const reachesNormal = top === exponentMin - 1 && bitLength(full.kept) > precision;
  return { bits, flags: reachesNormal ? FLAG.inexact : FLAG.inexact | FLAG.underflow };
}
