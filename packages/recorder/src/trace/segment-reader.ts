/**
 * The transfers of a segment. Numbers of 16 bits, which nearly all traces have, are unpacked into
 * memory that is used again and again; what is handed out is a copy in 32 bits.
 */
import type { BacktrailError } from '../errors.ts';
import { Damage } from './flatbuffer.ts';
import type { TableFile } from './input.ts';
import { LruCache } from './lru-cache.ts';
import type { SegmentTable } from './trace.ts';
import { Decompressor } from './zstd.ts';

/** Segments kept that were handed out: 1 MiB each at the usual 262,144 transfers. */
const SEGMENTS_KEPT = 8;
/** Narrow ones kept, half of that each: one on each side of a step. */
const NARROW_KEPT = 2;

/** What the reader of the trace knows. */
interface Source {
  readonly segments: () => SegmentTable;
  /** The file of that number, or what is wrong with it. */
  readonly file: (number: number) => TableFile | string;
  /** @throws Damage if an edge is not there. */
  readonly check: (edges: Uint16Array | Uint32Array) => void;
  readonly damaged: (segment: number, says: string) => BacktrailError;
}

/** A narrow segment, in memory that is the next one's later. */
interface Narrow {
  readonly segment: number;
  readonly room: Uint8Array<ArrayBuffer>;
  readonly edges: Uint16Array;
}

export class SegmentReader {
  private readonly source: Source;
  private readonly decompressor = new Decompressor();
  private readonly wide = new LruCache<number, Uint32Array>(SEGMENTS_KEPT);
  /** The one used last comes last. */
  private readonly narrow: Narrow[] = [];

  constructor(source: Source) {
    this.source = source;
  }

  /** All of a segment. @throws BacktrailError E_TRACE_DAMAGED */
  read(segment: number): Uint32Array {
    return this.wide.get(segment, () => {
      const edges = this.decoded(segment);
      return edges instanceof Uint32Array ? edges : new Uint32Array(edges);
    });
  }

  /** A copy of rows `from` to before `to`. @throws BacktrailError E_TRACE_DAMAGED */
  slice(segment: number, from: number, to: number): Uint32Array {
    const edges = this.wide.peek(segment) ?? this.decoded(segment);
    // One that was read in 32 bits is worth keeping whole.
    const kept = edges instanceof Uint32Array ? this.wide.get(segment, () => edges) : edges;
    return new Uint32Array(kept.subarray(from, to));
  }

  /** Valid until the next one is decoded, if it is narrow. */
  private decoded(segment: number): Uint16Array | Uint32Array {
    const at = this.narrow.findIndex((one) => one.segment === segment);
    const [kept] = at < 0 ? [] : this.narrow.splice(at, 1);
    if (kept === undefined) return this.decode(segment);
    this.narrow.push(kept);
    return kept.edges;
  }

  private decode(segment: number): Uint16Array | Uint32Array {
    const segments = this.source.segments();
    const open = this.source.file(segments.file[segment] ?? 0);
    if (typeof open === 'string') throw this.source.damaged(segment, open);
    let room = this.room();
    const unpack = (frame: Uint8Array, length: number): Uint8Array | null => {
      if (room.length < length) room = new Uint8Array(length);
      const out = room.subarray(0, length);
      return this.decompressor.decompress(frame, out) ? out : null;
    };
    try {
      const batch = open.readBatch(
        segments.batch[segment] ?? 0,
        open.isNarrow ? unpack : undefined,
      );
      const [column] = batch.columns;
      const edges = column?.type === 'u16' || column?.type === 'u32' ? column.values : null;
      const rows = segments.rows[segment] ?? 0;
      if (edges === null || edges.length !== rows) {
        throw new Damage(`found another number of transfers, expected ${rows}`);
      }
      this.source.check(edges);
      if (edges instanceof Uint16Array) this.narrow.push({ segment, room, edges });
      return edges;
    } catch (error) {
      throw error instanceof Damage ? this.source.damaged(segment, error.message) : error;
    } finally {
      open.release();
    }
  }

  /** Memory of the segment not used for longest. */
  private room(): Uint8Array<ArrayBuffer> {
    const oldest = this.narrow.length < NARROW_KEPT ? undefined : this.narrow.shift();
    return oldest?.room ?? new Uint8Array(0);
  }
}
