/** Numbers from a seed, and random words of the instructions of the table. */
import { FORMATS } from './formats.ts';
import { type OpName, opInfo } from './table.ts';

/** SplitMix32 (Steele, Lea, Flood 2014, the 32-bit form): good enough, and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next32(): number {
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35);
    return (z ^ (z >>> 16)) >>> 0;
  }

  next64(): bigint {
    return (BigInt(this.next32()) << 32n) | BigInt(this.next32());
  }

  /** 0 to limit - 1. */
  below(limit: number): number {
    return Math.floor((this.next32() / 2 ** 32) * limit);
  }

  pick<T>(from: readonly T[]): T {
    const found = from[this.below(from.length)];
    if (found === undefined) throw new RangeError('nothing to pick from');
    return found;
  }

  /** Values at which arithmetic has its corners, more often than chance would give them. */
  value64(): bigint {
    const corner = this.pick([
      0n,
      1n,
      -1n,
      2n,
      0x7fff_ffffn,
      0x8000_0000n,
      0xffff_ffffn,
      1n << 63n,
    ]);
    switch (this.below(5)) {
      case 0:
        return BigInt.asUintN(64, corner);
      case 1:
        return BigInt.asUintN(64, corner + BigInt(this.below(7) - 3));
      case 2:
        return BigInt.asUintN(64, BigInt(this.next32() | 0));
      case 3:
        return this.next64() >> BigInt(this.below(64));
      default:
        return this.next64();
    }
  }
}

/** The instruction with random operands; rounding modes only those that exist. */
export function randomWord(random: Random, op: OpName): number {
  const { match, mask, format } = opInfo(op);
  const word = (match | (random.next32() & ~mask)) >>> 0;
  const rm = (word >>> 12) & 7;
  return FORMATS[format].rm && (rm === 5 || rm === 6) ? (word | 0x7000) >>> 0 : word;
}
