/** How often each edge was taken: one pass over every transfer that is written. */
import { BacktrailError } from '../errors.ts';

/** Counts are folded into exact ones before a 32-bit one can overflow. */
const FOLD_TRANSFERS = 2 ** 31;
const EDGES_MIN = 1024;

/**
 * Loops repeat an edge, and a count that was just stored cannot be loaded for some cycles; so four
 * transfers in a row count into four arrays.
 */
export class Histogram {
  private lanes: readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  private totals: Float64Array;
  private unfolded = 0;
  private readonly foldAfter: number;

  /** @param foldAfter Transfers after which counts are folded; smaller ones are for tests. */
  constructor(foldAfter = FOLD_TRANSFERS) {
    this.foldAfter = foldAfter;
    this.lanes = makeLanes(EDGES_MIN);
    this.totals = new Float64Array(EDGES_MIN);
  }

  /**
   * Counts one segment.
   * @param limit Edges that are on disk: every number must be below it.
   * @throws BacktrailError E_INTERNAL if one is not; the counts are then not to be used.
   */
  add(edges: Uint32Array, limit: number): void {
    if (limit > this.totals.length) this.grow(limit);
    if (this.unfolded + edges.length > this.foldAfter) this.fold();
    this.unfolded += edges.length;
    const wrong = count(edges, limit, ...this.lanes);
    if (wrong >= 0) {
      throw new BacktrailError(
        'E_INTERNAL',
        `transfer ${wrong} of a segment: found edge ${edges[wrong]}, expected below ${limit}`,
      );
    }
  }

  /** Exact up to 2^53; a view that the next add() changes. */
  counts(edges: number): Float64Array {
    if (edges > this.totals.length) this.grow(edges);
    this.fold();
    return this.totals.subarray(0, edges);
  }

  private fold(): void {
    const [a, b, c, d] = this.lanes;
    const { totals } = this;
    for (let i = 0; i < totals.length; i++) {
      totals[i] = (totals[i] ?? 0) + (a[i] ?? 0) + (b[i] ?? 0) + (c[i] ?? 0) + (d[i] ?? 0);
    }
    for (const lane of this.lanes) lane.fill(0);
    this.unfolded = 0;
  }

  private grow(edges: number): void {
    this.fold();
    const totals = new Float64Array(Math.max(edges, 2 * this.totals.length));
    totals.set(this.totals);
    this.totals = totals;
    this.lanes = makeLanes(totals.length);
  }
}

function makeLanes(edges: number): [Uint32Array, Uint32Array, Uint32Array, Uint32Array] {
  const lane = (): Uint32Array => new Uint32Array(edges);
  return [lane(), lane(), lane(), lane()];
}

/** @returns the position of the first edge that is not below the limit, or -1. */
function count(
  edges: Uint32Array,
  limit: number,
  a: Uint32Array,
  b: Uint32Array,
  c: Uint32Array,
  d: Uint32Array,
): number {
  const fours = edges.length & ~3;
  let i = 0;
  for (; i < fours; i += 4) {
    const e0 = edges[i] ?? 0;
    const e1 = edges[i + 1] ?? 0;
    const e2 = edges[i + 2] ?? 0;
    const e3 = edges[i + 3] ?? 0;
    if (e0 >= limit || e1 >= limit || e2 >= limit || e3 >= limit) break;
    a[e0] = (a[e0] ?? 0) + 1;
    b[e1] = (b[e1] ?? 0) + 1;
    c[e2] = (c[e2] ?? 0) + 1;
    d[e3] = (d[e3] ?? 0) + 1;
  }
  for (; i < edges.length; i++) {
    const e = edges[i] ?? 0;
    if (e >= limit) return i;
    a[e] = (a[e] ?? 0) + 1;
  }
  return -1;
}
