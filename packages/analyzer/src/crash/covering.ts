/** Which blocks hold given addresses: one pass over all blocks for all addresses together. */
import type { Trace } from '@backtrail/recorder/trace';

/** @param offset of the address in the block, bytes. */
type CoverVisitor = (address: bigint, block: number, offset: number) => void;

/** Tells of every block that has code at one of the addresses, oldest block first. */
export function visitCovering(
  { blocks }: Pick<Trace, 'blocks'>,
  addresses: readonly bigint[],
  visit: CoverVisitor,
): void {
  if (addresses.length === 0) return;
  const sorted = BigUint64Array.from(addresses).sort();
  for (let block = 0; block < blocks.count; block++) {
    const start = blocks.pc[block] ?? 0n;
    const end = start + BigInt(blocks.size[block] ?? 0);
    for (let i = firstFrom(sorted, start); i < sorted.length; i++) {
      const address = sorted[i] ?? 0n;
      if (address >= end) break;
      if (address !== sorted[i - 1]) visit(address, block, Number(address - start));
    }
  }
}

/** Index of the first address that is not below `start`. */
function firstFrom(sorted: BigUint64Array, start: bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0n) < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether two blocks hold the same bytes from `atA` and `atB` on, as far as both go. */
export function isSameCode(
  { blocks }: Pick<Trace, 'blocks'>,
  [a, atA]: readonly [block: number, offset: number],
  [b, atB]: readonly [block: number, offset: number],
): boolean {
  const one = blocks.code(a).subarray(atA);
  const other = blocks.code(b).subarray(atB);
  const count = Math.min(one.length, other.length);
  for (let i = 0; i < count; i++) if (one[i] !== other[i]) return false;
  return count > 0;
}
