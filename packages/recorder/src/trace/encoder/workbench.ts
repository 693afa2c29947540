/** Memory for segments of some size, and what is done there. */
import { type WasmMemory, wasm } from '../../wasm/host.ts';
import { EdgeEncoder } from './encoder.ts';
import { COUNT_BYTES, type ElementBytes, LANES, type Layout, layoutFor, STATE } from './layout.ts';
import { type Tally, tallyFor } from './machine.ts';
import { GROUP_EDGES } from './tally-code.ts';

/** Most segments are not larger; larger ones need code made anew, once. */
const SEGMENT_MIN = 262_144;
const EDGES_MAX = 2 ** 26;
const PAGE_BYTES = 65_536;

const pages = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

/** The memory is shared for one reason: views of it stay what they are when it grows. */
export class Workbench {
  /** Transfers that fit. */
  readonly segment: number;
  /** Where a segment stands, before add(). */
  readonly edges: Uint32Array<SharedArrayBuffer>;
  /** Its numbers in 16 bits, after add() with elements of 2 bytes. */
  readonly narrow: Uint16Array<SharedArrayBuffer>;
  /** LANES of each edge. */
  counts: Uint32Array<SharedArrayBuffer>;
  private readonly memory: WasmMemory;
  private readonly layout: Layout;
  /** Made when they are needed: most traces have one width, and resumed segments no frame. */
  private readonly tallies = new Map<ElementBytes, Tally>();
  private readonly encoders = new Map<ElementBytes, EdgeEncoder>();
  private readonly limit: Uint32Array<SharedArrayBuffer>;
  /** Of the segment that was added last. */
  private added = { transfers: 0, summed: 0, elementBytes: 4 as ElementBytes };

  /**
   * @param transfers Of the largest segment.
   * @param edges Room for counts; grow() makes more.
   */
  constructor(transfers: number, edges: number) {
    this.segment = Math.max(SEGMENT_MIN, 2 ** Math.ceil(Math.log2(Math.max(1, transfers))));
    this.layout = layoutFor(this.segment);
    const { countsAt, edgesAt, narrowAt } = this.layout;
    this.memory = new wasm.Memory({
      initial: pages(countsAt + edges * COUNT_BYTES),
      maximum: pages(countsAt + EDGES_MAX * COUNT_BYTES),
      shared: true,
    });
    const { buffer } = this.memory;
    this.edges = new Uint32Array(buffer, edgesAt, this.segment);
    this.narrow = new Uint16Array(buffer, narrowAt, this.segment);
    this.limit = new Uint32Array(buffer, STATE.limit, 1);
    this.counts = new Uint32Array(buffer, countsAt, edges * LANES);
  }

  /** Room for counts of so many edges; those that are there stay. */
  grow(edges: number): void {
    const { countsAt } = this.layout;
    const missing = pages(countsAt + edges * COUNT_BYTES) - pages(this.memory.buffer.byteLength);
    if (missing > 0) this.memory.grow(missing);
    this.counts = new Uint32Array(this.memory.buffer, countsAt, edges * LANES);
  }

  /**
   * Counts the segment in `edges`, and narrows it to elements of 2 bytes.
   * @returns the position of the first edge that is not below the limit, or -1.
   */
  add(transfers: number, limit: number, elementBytes: ElementBytes): number {
    const { edges, narrow, counts } = this;
    if (transfers > this.segment) {
      throw new RangeError(`found ${transfers} transfers, expected at most ${this.segment}`);
    }
    this.limit[0] = limit;
    const at = edges.byteOffset;
    const whole = transfers - (transfers % GROUP_EDGES);
    const tally = this.tallyOf(elementBytes);
    const end = (tally(at, at + 4 * whole) - at) / 4;
    this.added = { transfers, summed: whole, elementBytes };
    // The rest, or the group in which a number is too large.
    for (let i = end; i < transfers; i++) {
      const edge = edges[i] ?? 0;
      if (edge >= limit) return i;
      if (elementBytes === 2) narrow[i] = edge;
      counts[edge * LANES] = (counts[edge * LANES] ?? 0) + 1;
    }
    return -1;
  }

  /** The segment that was added last as a zstd frame: a view, until the next one is made. */
  frame(): Uint8Array<SharedArrayBuffer> {
    const { transfers, summed, elementBytes } = this.added;
    const encoder = this.encoderOf(elementBytes);
    return encoder.frame(elementBytes * transfers, elementBytes * summed);
  }

  private tallyOf(size: ElementBytes): Tally {
    const tally = this.tallies.get(size) ?? tallyFor(this.memory, this.layout, size);
    this.tallies.set(size, tally);
    return tally;
  }

  private encoderOf(size: ElementBytes): EdgeEncoder {
    const encoder = this.encoders.get(size) ?? new EdgeEncoder(this.memory, this.layout, size);
    this.encoders.set(size, encoder);
    return encoder;
  }
}
