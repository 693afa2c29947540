/** A segment made ready for its file: edges counted, numbers narrowed, bytes compressed. */
import { Histogram } from './histogram.ts';
import { Compressor, frameBytesMax } from './zstd.ts';

export interface Packed {
  /** Whether the numbers are 16 bits wide, else 32. */
  readonly isNarrow: boolean;
  readonly contentBytes: number;
  /** One zstd frame; it holds until the next segment is packed. */
  readonly frame: Uint8Array;
}

export class SegmentPacker {
  readonly histogram: Histogram;
  private readonly compressor = new Compressor();

  /** @param histogram Counts to go on with. */
  constructor(histogram = new Histogram()) {
    this.histogram = histogram;
  }

  private out = new Uint8Array(0);

  /** Where a segment may stand, so that pack() need not copy it. */
  place(transfers: number): Uint32Array<SharedArrayBuffer> {
    return this.histogram.place(transfers);
  }

  /**
   * @param limit Edges that are on disk: every number must be below it.
   * @param out Where the frame goes, at least frameBytesMax() of the edges; null: own memory.
   * @throws BacktrailError E_INTERNAL if one is not.
   */
  pack(edges: Uint32Array, limit: number, out: Uint8Array | null = null): Packed {
    const narrow = this.histogram.add(edges, limit);
    const { buffer, byteOffset, byteLength } = narrow ?? edges;
    const content = new Uint8Array(buffer, byteOffset, byteLength);
    const into = out ?? this.room(frameBytesMax(content.length));
    const length = this.compressor.compress(content, into, 0);
    const frame = into.subarray(0, length);
    return { isNarrow: narrow !== null, contentBytes: content.length, frame };
  }

  private room(bytes: number): Uint8Array {
    if (this.out.length < bytes) this.out = new Uint8Array(bytes);
    return this.out;
  }
}
