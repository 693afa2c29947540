/**
 * What the guest gets as randomness: bytes of SplitMix64 (Steele, Lea, Flood: "Fast Splittable
 * Pseudorandom Number Generators", 2014), each 64-bit result in little-endian order, the state
 * begun with the seed. One stream serves AT_RANDOM, getrandom and /dev/urandom in the order in
 * which the guest asks, so that a run is repeated exactly. Not for secrets.
 */
import { randomFillSync } from 'node:crypto';

const GAMMA = 0x9e37_79b9_7f4a_7c15n;

export interface Random {
  fill(into: Uint8Array): void;
}

export class SeededRandom implements Random {
  #state: bigint;
  #word = 0n;
  /** Bytes of #word that were not given out yet. */
  #left = 0;

  constructor(seed: bigint) {
    this.#state = BigInt.asUintN(64, seed);
  }

  fill(into: Uint8Array): void {
    const view = new DataView(into.buffer, into.byteOffset, into.length);
    let at = 0;
    while (at < into.length) {
      if (this.#left === 0) {
        this.#word = this.#next();
        this.#left = 8;
      }
      if (this.#left === 8 && into.length - at >= 8) {
        view.setBigUint64(at, this.#word, true);
        this.#left = 0;
        at += 8;
        continue;
      }
      into[at++] = Number(this.#word & 0xffn);
      this.#word >>= 8n;
      this.#left--;
    }
  }

  #next(): bigint {
    this.#state = BigInt.asUintN(64, this.#state + GAMMA);
    let z = this.#state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
    return z ^ (z >> 31n);
  }
}

/** The host's own, with --real-time. */
export class HostRandom implements Random {
  fill(into: Uint8Array): void {
    // A copy: the guest's memory is shared between threads, which the host's function refuses.
    const bytes = new Uint8Array(into.length);
    randomFillSync(bytes);
    into.set(bytes);
  }
}
