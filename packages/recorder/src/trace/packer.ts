/** A segment made ready for its file: edges counted, numbers narrowed, bytes compressed. */
import { Histogram } from './histogram.ts';

export interface Packed {
  /** Whether the numbers are 16 bits wide, else 32. */
  readonly isNarrow: boolean;
  readonly contentBytes: number;
  /** One zstd frame; it holds until the next segment is packed. */
  readonly frame: Uint8Array;
}

export class SegmentPacker {
  readonly histogram: Histogram;

  /** @param histogram Counts to go on with. */
  constructor(histogram = new Histogram()) {
    this.histogram = histogram;
  }

  /** Where a segment may stand, so that pack() need not copy it. */
  place(transfers: number): Uint32Array<SharedArrayBuffer> {
    return this.histogram.place(transfers);
  }

  /**
   * @param limit Edges that are on disk: every number must be below it.
   * @throws BacktrailError E_INTERNAL if one is not.
   */
  pack(edges: Uint32Array, limit: number): Packed {
    const narrow = this.histogram.add(edges, limit);
    const { byteLength } = narrow ?? edges;
    const frame = this.histogram.frame();
    return { isNarrow: narrow !== null, contentBytes: byteLength, frame };
  }
}
