/** How often each edge was taken: one pass over every transfer that is written. */
import { BacktrailError } from '../errors.ts';
import { NARROW_EDGES_MAX } from './schema.ts';
import { GROUP_EDGES, LANES, tallyModule } from './tally-code.ts';

/** Counts are folded into exact ones before a 32-bit one can overflow. */
const FOLD_TRANSFERS = 2 ** 31;
const EDGES_MIN = 1024;
const EDGES_MAX = 2 ** 26;
const SEGMENT_MIN = 16_384;
const PAGE_BYTES = 65_536;
const COUNT_BYTES = 4 * LANES;

interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}

/** TypeScript has WebAssembly's types only together with those of a browser's document. */
interface Host {
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => SharedMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: { tally: { memory: SharedMemory } },
  ) => { readonly exports: { readonly tally: Tally } };
}

type Tally = (at: number, end: number, narrow: number, limit: number) => number;

const pages = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

/**
 * The memory of the pass, with room for segments of some size.
 *
 *   0        edge numbers   segment × 4
 *   …        low halves     segment × 2
 *   …        counts         edges × COUNT_BYTES, last, so that they can grow
 *
 * It is shared memory for one reason: views of it stay what they are when it grows.
 */
class Workbench {
  readonly segment: number;
  readonly tally: Tally;
  readonly edges: Uint32Array<SharedArrayBuffer>;
  readonly narrow: Uint16Array<SharedArrayBuffer>;
  counts: Uint32Array<SharedArrayBuffer>;
  private readonly memory: SharedMemory;
  private readonly countsAt: number;

  constructor(segment: number, edges: number) {
    const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Host };
    this.segment = segment;
    this.countsAt = 6 * segment;
    this.memory = new WebAssembly.Memory({
      initial: pages(this.countsAt + edges * COUNT_BYTES),
      maximum: pages(this.countsAt + EDGES_MAX * COUNT_BYTES),
      shared: true,
    });
    const module = new WebAssembly.Module(tallyModule(this.countsAt));
    const { memory } = this;
    this.tally = new WebAssembly.Instance(module, { tally: { memory } }).exports.tally;
    this.edges = new Uint32Array(memory.buffer, 0, segment);
    this.narrow = new Uint16Array(memory.buffer, 4 * segment, segment);
    this.counts = new Uint32Array(memory.buffer, this.countsAt, edges * LANES);
  }

  /** Room for counts of so many edges; those that are there stay. */
  grow(edges: number): void {
    const missing =
      pages(this.countsAt + edges * COUNT_BYTES) - pages(this.memory.buffer.byteLength);
    if (missing > 0) this.memory.grow(missing);
    this.counts = new Uint32Array(this.memory.buffer, this.countsAt, edges * LANES);
  }
}

export class Histogram {
  /** Made for the first segment: many a trace that is opened again gets none. */
  private bench: Workbench | null = null;
  private totals = new Float64Array(EDGES_MIN);
  private unfolded = 0;
  private readonly foldAfter: number;

  /** @param foldAfter Transfers after which counts are folded; smaller ones are for tests. */
  constructor(foldAfter = FOLD_TRANSFERS) {
    this.foldAfter = foldAfter;
  }

  /**
   * Where a segment of so many transfers is to stand, so that add() need not copy it. Holds the
   * last one, until the next call of this or of add().
   */
  place(transfers: number): Uint32Array<SharedArrayBuffer> {
    return this.benchFor(transfers).edges.subarray(0, transfers);
  }

  private benchFor(transfers: number): Workbench {
    if (this.bench !== null && transfers <= this.bench.segment) return this.bench;
    this.fold();
    const segment = Math.ceil(Math.max(transfers, SEGMENT_MIN) / GROUP_EDGES) * GROUP_EDGES;
    this.bench = new Workbench(segment, this.totals.length);
    return this.bench;
  }

  /**
   * Counts one segment.
   * @param limit Edges that are on disk: every number must be below it.
   * @returns The numbers in 16 bits until the next call, or null if the limit is too high for that.
   * @throws BacktrailError E_INTERNAL if one is not; the counts are then not to be used.
   */
  add(edges: Uint32Array, limit: number): Uint16Array<SharedArrayBuffer> | null {
    if (limit > this.totals.length) this.grow(limit);
    const bench = this.benchFor(edges.length);
    const place = bench.edges.subarray(0, edges.length);
    if (edges.buffer !== place.buffer || edges.byteOffset !== place.byteOffset) place.set(edges);
    if (this.unfolded + edges.length > this.foldAfter) this.fold();
    this.unfolded += edges.length;
    const isNarrow = limit <= NARROW_EDGES_MAX;
    const wrong = count(bench, edges.length, limit, isNarrow);
    if (wrong >= 0) {
      throw new BacktrailError(
        'E_INTERNAL',
        `transfer ${wrong} of a segment: found edge ${place[wrong]}, expected below ${limit}`,
      );
    }
    return isNarrow ? bench.narrow.subarray(0, edges.length) : null;
  }

  /** Exact up to 2^53; a view that the next add() changes. */
  counts(edges: number): Float64Array {
    if (edges > this.totals.length) this.grow(edges);
    this.fold();
    return this.totals.subarray(0, edges);
  }

  private fold(): void {
    const { totals, bench } = this;
    if (this.unfolded === 0 || bench === null) return;
    const { counts } = bench;
    for (let i = 0; i < totals.length; i++) {
      let sum = totals[i] ?? 0;
      for (let lane = 0; lane < LANES; lane++) sum += counts[i * LANES + lane] ?? 0;
      totals[i] = sum;
    }
    counts.fill(0);
    this.unfolded = 0;
  }

  private grow(edges: number): void {
    const totals = new Float64Array(Math.max(edges, 2 * this.totals.length));
    totals.set(this.totals);
    this.totals = totals;
    this.bench?.grow(totals.length);
  }
}

/** @returns the position of the first edge that is not below the limit, or -1. */
function count(bench: Workbench, length: number, limit: number, isNarrow: boolean): number {
  const { edges, narrow, counts, tally } = bench;
  const whole = length - (length % GROUP_EDGES);
  const end = tally(edges.byteOffset, 4 * whole, isNarrow ? narrow.byteOffset : 0, limit);
  // The rest, or the group in which a number is too large.
  for (let i = end / 4; i < length; i++) {
    const edge = edges[i] ?? 0;
    if (edge >= limit) return i;
    if (isNarrow) narrow[i] = edge;
    counts[edge * LANES] = (counts[edge * LANES] ?? 0) + 1;
  }
  return -1;
}
