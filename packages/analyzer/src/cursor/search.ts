/**
 * The nearest moment that holds what is sought, from some moment on or back. Segments without any
 * hop that could hold it are skipped by the index, if there is one; the others are gone through
 * hop by hop, and a hop is rebuilt only where the bits of its two edges match.
 */
import { NO_ROW } from '@backtrail/recorder/trace';
import { PairTable } from '../path/pair-table.ts';
import type { Direction } from '../path.ts';
import type { Goal } from './goals.ts';
import type { Moment, Moments } from './moments.ts';
import type { Streams } from './streams.ts';
import type { CursorIndex } from './types.ts';

/** Pairs of edges kept that matched by their bits and do not hold what is sought. */
const REJECTED_MAX = 1 << 16;

export interface Found {
  readonly seq: number;
  readonly index: number;
}

/** Looks for one goal; keep it as long as the same is looked for. */
export class Search {
  readonly #moments: Moments;
  readonly #streams: Streams;
  readonly #goal: Goal;
  readonly #index: CursorIndex | null;
  readonly #rejected = new PairTable(REJECTED_MAX);
  /** Hops of the index that match. */
  #hops: Uint32Array | null = null;

  constructor(moments: Moments, goal: Goal, index: CursorIndex | null) {
    this.#moments = moments;
    this.#streams = moments.streams;
    this.#goal = goal;
    this.#index = index;
  }

  /** The nearest one after (vcpu, seq, index), or before; null if there is none. */
  nearest(vcpu: number, seq: number, index: number, direction: Direction): Found | null {
    const step = direction === 'forward' ? 1 : -1;
    const here = this.#moments.at(vcpu, seq);
    const bound = index + step;
    if (here !== null && bound >= 0 && this.#matches(here)) {
      const found = this.#goal.find(here, direction, bound);
      if (found >= 0) return { seq, index: found };
    }
    const segments = this.#streams.segmentsOf(vcpu);
    let from = seq + step;
    const ordinal = this.#streams.ordinalAt(vcpu, from);
    const start = direction === 'forward' ? Math.max(0, ordinal) : ordinal;
    for (let i = start; i >= 0 && i < segments.length; i = this.#next(segments, i, direction)) {
      const found = this.#scan(vcpu, segments[i] ?? 0, from, direction);
      if (found !== null) return found;
      from = direction === 'forward' ? 0 : Number.POSITIVE_INFINITY;
    }
    return null;
  }

  #matches({ edge, nextEdge }: Moment): boolean {
    const { from, to } = this.#goal;
    const end = nextEdge === NO_ROW ? to.length - 1 : nextEdge;
    return ((from[edge] ?? 0) & (to[end] ?? 0)) !== 0;
  }

  /** The next of the vCPU's segments that may hold it; out of range if none does. */
  #next(segments: Uint32Array, i: number, direction: Direction): number {
    const next = direction === 'forward' ? i + 1 : i - 1;
    const segment = segments[next];
    if (this.#index === null || segment === undefined || this.#streams.hasLostMore) return next;
    this.#hops ??= this.#index.hopsOf(this.#goal.from, this.#goal.to);
    const found = this.#index.nearest(this.#hops, segment, direction);
    // Both are in order of first seq, but one that was dropped is in the index only.
    for (let j = next; j >= 0 && j < segments.length; j += direction === 'forward' ? 1 : -1) {
      const place = this.#index.placeOf(segments[j] ?? 0);
      if (found < 0 || (direction === 'forward' ? place >= found : place <= found)) {
        return found < 0 ? -1 : j;
      }
    }
    return -1;
  }

  /** Goes through one segment; only seqs from `bound` on, or up to it. */
  #scan(vcpu: number, segment: number, bound: number, direction: Direction): Found | null {
    const edges = this.#streams.readSegment(segment);
    const first = this.#streams.firstSeq(segment);
    const last = edges.length - 1;
    const after = this.#streams.edgeAt(vcpu, first + edges.length);
    if (direction === 'forward') {
      const low = Math.max(0, bound - first);
      for (let i = low; i < last; i++) {
        i = this.#skipForward(edges, i, last);
        if (i >= last) break;
        const found = this.#look(vcpu, first + i, edges[i], edges[i + 1], direction);
        if (found !== null) return found;
      }
      if (low > last) return null;
      return this.#look(vcpu, first + last, edges[last], after, direction);
    }
    const high = Math.min(last, bound - first);
    if (high === last) {
      const found = this.#look(vcpu, first + last, edges[last], after, direction);
      if (found !== null) return found;
    }
    for (let i = Math.min(high, last - 1); i >= 0; i--) {
      i = this.#skipBackward(edges, i);
      if (i < 0) break;
      const found = this.#look(vcpu, first + i, edges[i], edges[i + 1], direction);
      if (found !== null) return found;
    }
    return null;
  }

  /** The hot loops: from `i` to the next transfer whose hop matches by its bits. */
  #skipForward(edges: Uint32Array, from: number, last: number): number {
    const { from: begins, to: ends } = this.#goal;
    let i = from;
    while (i < last && ((begins[edges[i] ?? 0] ?? 0) & (ends[edges[i + 1] ?? 0] ?? 0)) === 0) i++;
    return i;
  }

  #skipBackward(edges: Uint32Array, from: number): number {
    const { from: begins, to: ends } = this.#goal;
    let i = from;
    while (i >= 0 && ((begins[edges[i] ?? 0] ?? 0) & (ends[edges[i + 1] ?? 0] ?? 0)) === 0) i--;
    return i;
  }

  #look(
    vcpu: number,
    seq: number,
    edge: number | undefined,
    nextEdge: number | undefined,
    direction: Direction,
  ): Found | null {
    const { from, to } = this.#goal;
    const begins = edge ?? 0;
    const ends = nextEdge ?? NO_ROW;
    const isLast = ends === NO_ROW;
    if (((from[begins] ?? 0) & (to[isLast ? to.length - 1 : ends] ?? 0)) === 0) return null;
    if (!isLast && this.#rejected.get(begins, ends) >= 0) return null;
    const moment = this.#moments.at(vcpu, seq);
    if (moment === null) return null;
    const bound = direction === 'forward' ? 0 : Number.POSITIVE_INFINITY;
    const index = this.#goal.find(moment, direction, bound);
    if (index >= 0) return { seq, index };
    if (moment.isLasting && !isLast) this.#rejected.set(begins, ends, 1);
    return null;
  }
}
