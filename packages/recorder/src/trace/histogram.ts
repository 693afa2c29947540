/** How often each edge was taken: one pass over every transfer that is written. */
import { BacktrailError } from '../errors.ts';
import { LANES } from './encoder/layout.ts';
import { Workbench } from './encoder/workbench.ts';
import { NARROW_EDGES_MAX } from './schema.ts';

/** Counts are folded into exact ones before a 32-bit one can overflow. */
const FOLD_TRANSFERS = 2 ** 31;
const EDGES_MIN = 1024;

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
    this.bench = new Workbench(transfers, this.totals.length);
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
    const wrong = bench.add(edges.length, limit, isNarrow ? 2 : 4);
    if (wrong >= 0) {
      throw new BacktrailError(
        'E_INTERNAL',
        `transfer ${wrong} of a segment: found edge ${place[wrong]}, expected below ${limit}`,
      );
    }
    return isNarrow ? bench.narrow.subarray(0, edges.length) : null;
  }

  /**
   * The segment that was added last as a zstd frame.
   * @returns a view that holds until the next call of this or of place().
   */
  frame(): Uint8Array<SharedArrayBuffer> {
    if (this.bench === null) throw new RangeError('found no segment, expected one');
    return this.bench.frame();
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
