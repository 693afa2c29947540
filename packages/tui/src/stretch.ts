/**
 * Transfers around a place, read from the segments that hold them. Lost ones end a stretch; so do
 * those of a segment whose bytes turn out to be damaged.
 */
import { BacktrailError, type Trace } from '@backtrail/analyzer';
import { WantedRows } from './wanted-rows.ts';

export interface Stretch {
  /** Edges, from the nearest on. */
  readonly edges: Uint32Array;
  /** Seq of each; null if they follow each other in the direction that was asked for. */
  readonly seqs: Float64Array | null;
  /** Where to go on. */
  readonly seqNext: number;
  /** The next seq in that direction that is recorded, if this stretch ended at a gap; else -1. */
  readonly seqBeyond: number;
  /** Whether more follow without a gap. */
  readonly hasMore: boolean;
}

/** Kinds of edges remembered; beyond these the same loop may be told in two rows. */
const ALIKE_MAX = 1 << 20;
/** Of an edge that was not met yet. */
const UNKNOWN = 0xffff_ffff;
const EMPTY = new Uint32Array();
/** Loops remembered: those around the cursor before it and after it, and some that it was in. */
const REPEATS_MAX = 8;

/** Transfers `low` to `high` of a vCPU, each like the one `period` before it. */
interface Repeat {
  readonly vcpu: number;
  readonly period: number;
  readonly low: number;
  readonly high: number;
}

export class Stretches {
  readonly #trace: Trace;
  readonly #damaged = new Set<number>();
  readonly #wanted = new WantedRows();
  /** One edge for all that are the same to the guest, by edge; and that edge by what they are. */
  readonly #alike: Uint32Array;
  readonly #firstOf = new Map<string, number>();
  /** The newest first. */
  #repeats: readonly Repeat[] = [];

  constructor(trace: Trace) {
    this.#trace = trace;
    this.#alike = new Uint32Array(trace.edges.count).fill(UNKNOWN);
  }

  /** Segment that holds a transfer and can be read, or -1. */
  #segmentAt(vcpu: number, seq: number): number {
    const segment = this.#trace.segmentAt(vcpu, seq);
    return this.#damaged.has(segment) ? -1 : segment;
  }

  #read(segment: number): Uint32Array | null {
    try {
      return this.#trace.readSegment(segment);
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      this.#damaged.add(segment);
      return null;
    }
  }

  /** The edge of a transfer; null where that is lost. */
  edgeAt(vcpu: number, seq: number): number | null {
    const segment = this.#segmentAt(vcpu, seq);
    const edges = segment < 0 ? null : this.#read(segment);
    return edges?.[seq - (this.#trace.segments.firstSeq[segment] ?? 0)] ?? null;
  }

  /**
   * Edges that differ only in blocks and host addresses, as one: code that is translated twice has
   * two edges for what is one loop to a reader.
   */
  alike(edges: Uint32Array): Uint32Array {
    return edges.map((edge) => this.#alikeOf(edge));
  }

  #alikeOf(edge: number): number {
    const known = this.#alike[edge] ?? edge;
    if (known !== UNKNOWN) return known;
    const { source, hasSource, target, cause, kind } = this.#trace.edges;
    const from = hasSource[edge] === 1 ? source[edge] : '';
    const key = `${from} ${target[edge]} ${cause[edge]} ${kind[edge]}`;
    const first = this.#firstOf.get(key) ?? edge;
    if (this.#firstOf.size < ALIKE_MAX) this.#firstOf.set(key, first);
    this.#alike[edge] = first;
    return first;
  }

  /**
   * Transfers from `seq` on that go round a loop of these (of `alike`), `max` at most. A long loop
   * is not gone through again for each step in it: what repeats is remembered.
   */
  goingRound(vcpu: number, seq: number, way: 1 | -1, round: Uint32Array, max: number): number {
    const period = round.length;
    const once = this.#matching(vcpu, seq, way, round, Math.min(period, max));
    if (once < period || once === max) return once;
    const low = way === 1 ? seq : seq - period + 1;
    const known = this.#repeats.find(
      (one) =>
        one.vcpu === vcpu &&
        one.period === period &&
        one.low <= low &&
        low + period - 1 <= one.high,
    );
    let count = once;
    if (known !== undefined) count = way === 1 ? known.high + 1 - seq : seq - known.low + 1;
    if (count < max) {
      const phase = count % period;
      const turned = new Uint32Array(period);
      turned.set(round.subarray(phase));
      turned.set(round.subarray(0, phase), period - phase);
      count += this.#matching(vcpu, seq + way * count, way, turned, max - count);
    }
    count = Math.min(count, max);
    const found = {
      low: way === 1 ? seq : seq - count + 1,
      high: way === 1 ? seq + count - 1 : seq,
    };
    this.#remember({
      vcpu,
      period,
      low: Math.min(found.low, known?.low ?? found.low),
      high: Math.max(found.high, known?.high ?? found.high),
    });
    return count;
  }

  #remember(repeat: Repeat): void {
    const { vcpu, period, low, high } = repeat;
    const others = this.#repeats.filter(
      (one) => one.vcpu !== vcpu || one.period !== period || one.low < low || one.high > high,
    );
    this.#repeats = [repeat, ...others].slice(0, REPEATS_MAX);
  }

  /** How many transfers from `seq` on are those of the round, `max` at most. */
  #matching(vcpu: number, seq: number, way: 1 | -1, round: Uint32Array, max: number): number {
    const alike = this.#alike;
    let count = 0;
    let place = 0;
    while (count < max && seq + way * count >= 0) {
      const at = seq + way * count;
      const segment = this.#segmentAt(vcpu, at);
      const read = segment < 0 ? null : this.#read(segment);
      if (read === null) break;
      const first = this.#trace.segments.firstSeq[segment] ?? 0;
      for (let i = at - first; i >= 0 && i < read.length && count < max; i += way) {
        const edge = read[i] ?? 0;
        const known = alike[edge] ?? edge;
        if ((known === UNKNOWN ? this.#alikeOf(edge) : known) !== round[place]) return count;
        count++;
        place = place + 1 === round.length ? 0 : place + 1;
      }
    }
    return count;
  }

  /** Up to `max` transfers from `seq` on, in a direction; empty if `seq` itself is lost. */
  from(vcpu: number, seq: number, way: 1 | -1, max: number): Stretch {
    const edges = new Uint32Array(max);
    let count = 0;
    let at = seq;
    while (count < max && at >= 0) {
      const segment = this.#segmentAt(vcpu, at);
      const read = segment < 0 ? null : this.#read(segment);
      if (read === null) break;
      const first = this.#trace.segments.firstSeq[segment] ?? 0;
      for (let i = at - first; i >= 0 && i < read.length && count < max; i += way) {
        edges[count++] = read[i] ?? 0;
        at += way;
      }
    }
    const hasMore = at >= 0 && this.#segmentAt(vcpu, at) >= 0;
    const seqBeyond = hasMore ? -1 : this.#beyond(vcpu, at, way);
    const found = count === 0 ? EMPTY : edges.subarray(0, count);
    return { edges: found, seqs: null, seqNext: at, seqBeyond, hasMore };
  }

  /**
   * Up to `max` of the wanted transfers from `seq` on, among the next `lookMax` or a few more.
   * @param wanted 1 for each edge that is
   */
  matching(
    vcpu: number,
    seq: number,
    way: 1 | -1,
    { max, lookMax, wanted }: { max: number; lookMax: number; wanted: Uint8Array },
  ): Stretch {
    const edges: number[] = [];
    const seqs: number[] = [];
    const take = (edge: number, taken: number): boolean => {
      edges.push(edge);
      seqs.push(taken);
      return edges.length < max;
    };
    let at = seq;
    while (edges.length < max && at >= 0 && Math.abs(at - seq) < lookMax) {
      const next = this.#takeWanted(vcpu, at, way, wanted, take);
      if (next === null) break;
      at = next;
    }
    const hasMore = at >= 0 && this.#segmentAt(vcpu, at) >= 0;
    const seqBeyond = hasMore ? -1 : this.#beyond(vcpu, at, way);
    return {
      edges: Uint32Array.from(edges),
      seqs: Float64Array.from(seqs),
      seqNext: at,
      seqBeyond,
      hasMore,
    };
  }

  /**
   * The wanted transfers of the segment that holds `seq`, from there on.
   * @param take returns false when it has enough
   * @returns the seq to go on from; null where `seq` is lost
   */
  #takeWanted(
    vcpu: number,
    seq: number,
    way: 1 | -1,
    wanted: Uint8Array,
    take: (edge: number, seq: number) => boolean,
  ): number | null {
    const segment = this.#segmentAt(vcpu, seq);
    if (segment < 0) return null;
    const few = this.#wanted.of(segment, wanted, () => this.#read(segment));
    const read = few === null ? this.#read(segment) : null;
    if (few === undefined || (few === null && read === null)) return null;
    const { firstSeq, rows } = this.#trace.segments;
    const first = firstSeq[segment] ?? 0;
    const beyond = way === 1 ? first + (rows[segment] ?? 0) : first - 1;
    if (few !== null) {
      const count = few.rows.length;
      for (let i = way === 1 ? 0 : count - 1; i >= 0 && i < count; i += way) {
        const at = first + (few.rows[i] ?? 0);
        if ((at - seq) * way < 0) continue;
        if (!take(few.edges[i] ?? 0, at)) return at + way;
      }
      return beyond;
    }
    for (let at = seq; at !== beyond; at += way) {
      const edge = read?.[at - first] ?? 0;
      if (wanted[edge] === 1 && !take(edge, at)) return at + way;
    }
    return beyond;
  }

  /** The nearest recorded seq past a gap, or -1. */
  #beyond(vcpu: number, seq: number, way: 1 | -1): number {
    const { firstSeq, rows } = this.#trace.segments;
    const segments = this.#trace.segmentsOf(vcpu);
    const count = segments.length;
    for (let i = 0; i < count; i++) {
      const segment = segments[way === 1 ? i : count - 1 - i] ?? 0;
      const first = firstSeq[segment] ?? 0;
      const last = first + (rows[segment] ?? 0) - 1;
      if (this.#damaged.has(segment) || last < first) continue;
      if (way === 1 ? first > seq : last < seq) return way === 1 ? first : last;
    }
    return -1;
  }
}
