/** Which hops each segment holds; the part of an index that a search asks. */
import type { Direction } from '../path.ts';

export interface SegmentSets {
  /** Hops whose two edges have a bit in common. `to` has one word more: for "none is known". */
  hopsOf(from: Uint32Array, to: Uint32Array): Uint32Array;
  /**
   * Place of the nearest segment, `segment` itself included, that may hold one of the hops; -1 if
   * none does. It may be one of another vCPU.
   */
  nearest(hops: Uint32Array, segment: number, direction: Direction): number;
  /** Number of a segment in the order of vCPUs and first seqs. */
  placeOf(segment: number): number;
}
