/** Tables without collisions for a few known addresses. */

export interface PerfectHash {
  readonly shift: number;
  readonly mask: number;
  /** For each value of `(address >>> shift) & mask`: index of the address, -1 none. */
  readonly table: readonly number[];
}

const BITS_MAX = 14;

/** @param addresses even, all different. */
export function perfectHash(addresses: readonly number[]): PerfectHash {
  for (let bits = Math.ceil(Math.log2(addresses.length)); bits <= BITS_MAX; bits++) {
    const mask = 2 ** bits - 1;
    for (let shift = 1; shift <= 12; shift++) {
      const table = Array.from({ length: mask + 1 }, () => -1);
      const isPerfect = addresses.every((address, index) => {
        const at = (address >>> shift) & mask;
        if (table[at] !== -1) return false;
        table[at] = index;
        return true;
      });
      if (isPerfect) return { shift, mask, table };
    }
  }
  // Addresses that differ only far above: one of them is enough, the others go the long way.
  return { shift: 1, mask: 0, table: [0] };
}
