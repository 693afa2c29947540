/**
 * When a transfer landed, as well as a trace tells it: segments and marks are stamped, and what
 * lies between two stamps of a vCPU is estimated from how far it lies between them. And from these
 * times one order for the transfers of all vCPUs: by time, then by vCPU; within a vCPU it is that
 * of its stream, whatever the stamps say.
 */
import { MARK_KINDS, type MarkKind } from '@backtrail/recorder/trace';
import type { Streams } from './streams.ts';

/** A transfer: of which vCPU, and which of its stream. */
export interface Landing {
  readonly vcpu: number;
  readonly seq: number;
}

/** Estimate of the host's monotonic clock, and how far off it may be. */
export interface TimeEstimate {
  readonly timeNs: bigint;
  readonly errorNs: bigint;
}

/** Marks that the guest's own side stamps when they happen. */
const STAMPED: readonly MarkKind[] = [
  'signal',
  'exception',
  'interrupt',
  'syscall',
  'thread-start',
  'thread-exit',
  'fork',
  'exec',
];

/** Stamps of one vCPU: places in its stream, which rise, and times, which do not fall. */
interface Stamps {
  readonly at: Float64Array;
  readonly timeNs: Float64Array;
}

export class TimeOrder {
  readonly #streams: Streams;
  /** Times are told from here on, so that they are exact as numbers. */
  readonly #baseNs: bigint;
  readonly #stamps = new Map<number, Stamps>();
  /** Rows of stamped marks of each vCPU, by seq. */
  #marks: ReadonlyMap<number, Uint32Array> | null = null;

  constructor(streams: Streams) {
    this.#streams = streams;
    const begins = streams.vcpus.map(
      (vcpu) => streams.segments.timeFirstNs[streams.segmentsOf(vcpu)[0] ?? 0] ?? 0n,
    );
    this.#baseNs = begins.reduce((least, time) => (time < least ? time : least), begins[0] ?? 0n);
  }

  timeAt({ vcpu, seq }: Landing): TimeEstimate {
    const { at, timeNs } = this.#stampsOf(vcpu);
    const next = this.#stampAfter(vcpu, seq);
    const time = this.#timeNs(vcpu, seq);
    const before = timeNs[Math.max(0, next - 1)] ?? 0;
    const after = timeNs[Math.min(next, at.length - 1)] ?? 0;
    const errorNs = Math.max(0, time - before, after - time);
    return {
      timeNs: this.#baseNs + BigInt(Math.round(time)),
      errorNs: BigInt(Math.round(errorNs)),
    };
  }

  /** Negative if `a` comes before `b`. */
  compare(a: Landing, b: Landing): number {
    if (a.vcpu === b.vcpu) return a.seq - b.seq;
    return this.#timeNs(a.vcpu, a.seq) - this.#timeNs(b.vcpu, b.seq) || a.vcpu - b.vcpu;
  }

  /** The last transfer of a vCPU at or before another transfer in this order; -1 if none is. */
  lastUpTo(vcpu: number, at: Landing): number {
    if (vcpu === at.vcpu) return at.seq;
    const atNs = this.#timeNs(at.vcpu, at.seq);
    let low = 0;
    let high = this.#streams.seqEnd(vcpu);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const timeNs = this.#timeNs(vcpu, middle);
      if (timeNs < atNs || (timeNs === atNs && vcpu < at.vcpu)) low = middle + 1;
      else high = middle;
    }
    // Lost ones have a place too, between those that are there.
    const segment = this.#streams.segmentsOf(vcpu)[this.#streams.ordinalAt(vcpu, low - 1)];
    return segment === undefined ? -1 : Math.min(low, this.#streams.endSeq(segment)) - 1;
  }

  /** The transfer after one, or before it, of these vCPUs; null where there is none. */
  neighbour(at: Landing, way: 1 | -1, vcpus: readonly number[]): Landing | null {
    let best: Landing | null = null;
    for (const vcpu of vcpus) {
      const last = this.lastUpTo(vcpu, at);
      const isOther = vcpu !== at.vcpu;
      const seq = this.#beside(vcpu, last, way === -1 && isOther ? 0 : way);
      if (seq === null) continue;
      const one = { vcpu, seq };
      if (best === null || this.compare(one, best) * way < 0) best = one;
    }
    return best;
  }

  /** The recorded seq that is `way` (0: at it) from one that is recorded, or -1. */
  #beside(vcpu: number, seq: number, way: 1 | 0 | -1): number | null {
    if (way === 0) return seq < 0 ? null : seq;
    if (seq < 0) {
      const first = this.#streams.segmentsOf(vcpu)[0];
      return way === -1 || first === undefined ? null : this.#streams.firstSeq(first);
    }
    const moved = this.#streams.seqBy(vcpu, seq, way);
    return moved.steps === 0 ? null : moved.seq;
  }

  /** Of the stamps of a vCPU, the first one behind a place. */
  #stampAfter(vcpu: number, place: number): number {
    const { at } = this.#stampsOf(vcpu);
    let low = 0;
    let high = at.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((at[middle] ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** ns after the base. Never less for a later transfer of the vCPU. */
  #timeNs(vcpu: number, seq: number): number {
    const { at, timeNs } = this.#stampsOf(vcpu);
    const next = this.#stampAfter(vcpu, seq);
    const before = timeNs[next - 1];
    const after = timeNs[next];
    if (before === undefined) return after ?? 0;
    if (after === undefined) return before;
    const from = at[next - 1] ?? 0;
    return before + ((after - before) * (seq - from)) / ((at[next] ?? 0) - from);
  }

  #stampsOf(vcpu: number): Stamps {
    const known = this.#stamps.get(vcpu);
    if (known !== undefined) return known;
    const made = this.#makeStamps(vcpu);
    this.#stamps.set(vcpu, made);
    return made;
  }

  #makeStamps(vcpu: number): Stamps {
    const { segments, marks } = this.#streams;
    const rows = this.#marksOf(vcpu);
    const own = this.#streams.segmentsOf(vcpu);
    const at = new Float64Array(rows.length + own.length * 2);
    const timeNs = new Float64Array(at.length);
    let count = 0;
    let mark = 0;
    const add = (place: number, time: number): void => {
      // Of several stamps in one place, the last.
      if (at[count - 1] === place) count--;
      at[count] = place;
      // A damaged stamp must not turn the order round.
      timeNs[count] = Math.max(time, count === 0 ? 0 : (timeNs[count - 1] ?? 0));
      count++;
    };
    for (const segment of own) {
      const first = this.#streams.firstSeq(segment);
      const end = this.#streams.endSeq(segment);
      const openedNs = Number((segments.timeFirstNs[segment] ?? 0n) - this.#baseNs);
      const closedNs = Number((segments.timeLastNs[segment] ?? 0n) - this.#baseNs);
      add(first, openedNs);
      for (; mark < rows.length; mark++) {
        const row = rows[mark] ?? 0;
        const seq = marks.seq[row] ?? 0;
        if (seq >= end) break;
        const time = Number((marks.timeNs[row] ?? 0n) - this.#baseNs);
        // It happened before the transfer of that seq landed, and after the one before did.
        if (seq > first && time >= openedNs && time <= closedNs) add(seq - 0.5, time);
      }
      if (end - 1 > first) add(end - 1, closedNs);
    }
    return { at: at.subarray(0, count), timeNs: timeNs.subarray(0, count) };
  }

  #marksOf(vcpu: number): Uint32Array {
    this.#marks ??= stampedMarks(this.#streams);
    return this.#marks.get(vcpu) ?? new Uint32Array();
  }
}

function stampedMarks({ marks }: Streams): ReadonlyMap<number, Uint32Array> {
  const isStamped = MARK_KINDS.map((kind) => STAMPED.includes(kind));
  const lists = new Map<number, number[]>();
  for (let mark = 0; mark < marks.count; mark++) {
    if (isStamped[marks.kind[mark] ?? 0] !== true) continue;
    const vcpu = marks.vcpu[mark] ?? 0;
    const list = lists.get(vcpu);
    if (list === undefined) lists.set(vcpu, [mark]);
    else list.push(mark);
  }
  const seq = (mark: number): number => marks.seq[mark] ?? 0;
  const time = (mark: number): bigint => marks.timeNs[mark] ?? 0n;
  const byPlace = (a: number, b: number): number => seq(a) - seq(b) || (time(a) < time(b) ? -1 : 1);
  return new Map(Array.from(lists, ([vcpu, list]) => [vcpu, Uint32Array.from(list).sort(byPlace)]));
}
