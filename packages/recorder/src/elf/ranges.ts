/** Which addresses some segments hold; asked for addresses given as two halves. */
import type { RawSegment } from './header.ts';

export class Ranges {
  /** Ascending, apart; halves of first and of last address. */
  readonly #first: BigUint64Array;
  readonly #last: BigUint64Array;
  readonly #halves: Uint32Array;
  readonly count: number;

  private constructor(merged: readonly { first: bigint; last: bigint }[]) {
    this.count = merged.length;
    this.#first = BigUint64Array.from(merged, (range) => range.first);
    this.#last = BigUint64Array.from(merged, (range) => range.last);
    this.#halves = new Uint32Array(this.count * 4);
    merged.forEach(({ first, last }, i) => {
      this.#halves[i * 4] = Number(first >> 32n);
      this.#halves[i * 4 + 1] = Number(first & 0xffff_ffffn);
      this.#halves[i * 4 + 2] = Number(last >> 32n);
      this.#halves[i * 4 + 3] = Number(last & 0xffff_ffffn);
    });
  }

  static of(segments: readonly RawSegment[], isWanted: (one: RawSegment) => boolean): Ranges {
    const wanted = segments
      .filter((one) => isWanted(one) && one.memSize > 0n)
      .map((one) => ({
        first: one.vaddr,
        last: BigInt.asUintN(64, one.vaddr + one.memSize - 1n),
      }))
      .filter((range) => range.last >= range.first)
      .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
    const merged: { first: bigint; last: bigint }[] = [];
    for (const range of wanted) {
      const before = merged.at(-1);
      if (before === undefined || range.first > before.last) merged.push(range);
      else if (range.last > before.last) before.last = range.last;
    }
    return new Ranges(merged);
  }

  first(range: number): bigint {
    return this.#first[range] ?? 0n;
  }

  last(range: number): bigint {
    return this.#last[range] ?? 0n;
  }

  has(high: number, low: number): boolean {
    const halves = this.#halves;
    let from = 0;
    let to = this.count;
    // After it, `from` is the number of ranges that begin at or before the address.
    while (from < to) {
      const middle = (from + to) >>> 1;
      const at = middle * 4;
      if (isBelow(high, low, halves[at] ?? 0, halves[at + 1] ?? 0)) to = middle;
      else from = middle + 1;
    }
    if (from === 0) return false;
    const at = (from - 1) * 4 + 2;
    return !isBelow(halves[at] ?? 0, halves[at + 1] ?? 0, high, low);
  }
}

function isBelow(high: number, low: number, thanHigh: number, thanLow: number): boolean {
  return high < thanHigh || (high === thanHigh && low < thanLow);
}
