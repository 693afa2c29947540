/** Stretches of code, as bytes from an origin; and columns that grow. */
import { orderOf } from '../sort.ts';

/** Ascending, apart; asked for whole ranges. */
export class Stretches {
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  readonly count: number;

  private constructor(starts: Float64Array, ends: Float64Array) {
    this.#starts = starts;
    this.#ends = ends;
    this.count = starts.length;
  }

  /** Of any ranges; those that touch become one. Starts are whole numbers from 0 to 2^53. */
  static of(first: ArrayLike<number>, end: ArrayLike<number>): Stretches {
    const order = orderOfNumbers(first);
    const starts: number[] = [];
    const ends: number[] = [];
    let last = -1;
    for (const row of order) {
      const from = first[row] ?? 0;
      const to = end[row] ?? 0;
      if (to <= from) continue;
      if (last >= 0 && from <= (ends[last] ?? 0)) {
        if (to > (ends[last] ?? 0)) ends[last] = to;
        continue;
      }
      starts.push(from);
      ends.push(to);
      last++;
    }
    return new Stretches(Float64Array.from(starts), Float64Array.from(ends));
  }

  /** True if a part of [first, end) is in one. */
  touches(first: number, end: number): boolean {
    if (!(first < end)) return false;
    let low = 0;
    let high = this.count;
    // After it, `low` is the number of stretches that begin before `end`.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) < end) low = middle + 1;
      else high = middle;
    }
    return low > 0 && (this.#ends[low - 1] ?? 0) > first;
  }

  has(at: number): boolean {
    return this.touches(at, at + 1);
  }
}

const WORD = 0x1_0000_0000;
/** A radix sort counts 65,536 digits, however few numbers there are. */
const RADIX_COUNT_MIN = 4096;

/** The order of whole numbers from 0 to 2^53, smallest first, equal ones as they stood. */
export function orderOfNumbers(numbers: ArrayLike<number>): Uint32Array {
  if (numbers.length < RADIX_COUNT_MIN) {
    const order = Uint32Array.from({ length: numbers.length }, (_none, i) => i);
    return order.sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0));
  }
  const high = new Uint32Array(numbers.length);
  const low = new Uint32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] ?? 0;
    high[i] = Math.floor(number / WORD);
    low[i] = number;
  }
  return orderOf(high, low, numbers.length);
}
