/** Small tables without collisions for a few known addresses. */

/** Where an address is looked for: `((address * factor) mod 2^32 >>> shift) & mask`. */
export interface PerfectHash {
  readonly factor: number;
  readonly shift: number;
  readonly mask: number;
  /** For each place: index of the address, -1 none. */
  readonly table: readonly number[];
}

/** A table has at most this many places for each address, rounded up to a power of two. */
const PLACES_PER_ADDRESS = 4;
/** Odd factors that are tried: powers of one whose bits are well mixed (2^32 / golden ratio). */
const FACTOR = 0x9e37_79b1;
const FACTORS_MAX = 24;
const SHIFT_MAX = 12;
const ADDRESS_BITS = 32;

const placeOf = (address: number, factor: number, shift: number, mask: number): number =>
  (Math.imul(address, factor) >>> shift) & mask;

/** @param addresses even, all different. Those that find no place of their own are left out. */
export function perfectHash(addresses: readonly number[]): PerfectHash {
  const bitsMin = Math.ceil(Math.log2(addresses.length));
  const bitsMax = bitsMin + Math.log2(PLACES_PER_ADDRESS);
  let factor = FACTOR;
  for (let bits = bitsMin; bits <= bitsMax; bits++) {
    // Bits of the address itself cost no multiplication.
    for (let shift = 1; shift <= SHIFT_MAX; shift++) {
      const found = tableOf(addresses, 1, shift, bits);
      if (found.left === 0) return found;
    }
  }
  let best = tableOf(addresses, factor, ADDRESS_BITS - bitsMax, bitsMax);
  for (let tried = 1; tried < FACTORS_MAX && best.left > 0; tried++) {
    factor = Math.imul(factor, FACTOR);
    const other = tableOf(addresses, factor, ADDRESS_BITS - bitsMax, bitsMax);
    if (other.left < best.left) best = other;
  }
  return best;
}

function tableOf(
  addresses: readonly number[],
  factor: number,
  shift: number,
  bits: number,
): PerfectHash & { readonly left: number } {
  const mask = 2 ** bits - 1;
  const table = Array.from({ length: mask + 1 }, () => -1);
  let left = 0;
  addresses.forEach((address, index) => {
    const at = placeOf(address, factor, shift, mask);
    if (table[at] === -1) table[at] = index;
    else left++;
  });
  return { factor, shift, mask, table, left };
}
