/**
 * Where the marks of a vCPU stand in its path. A mark happened during the moment before the
 * transfer whose seq it names: at the instruction at its address, the last time that ran in this
 * moment; where it did not run there, at the last instruction of the moment. A gap mark, and one
 * whose moment is lost, stands where the transfer it names arrived.
 */
import { MARK_KINDS, type MarkKind } from '@backtrail/recorder/trace';
import type { Direction } from '../path.ts';
import type { Moment, Moments } from './moments.ts';
import type { Found } from './search.ts';

export interface FoundMark extends Found {
  /** Row of marks. */
  readonly mark: number;
}

export class MarkSteps {
  readonly #moments: Moments;
  /** Marks by vCPU and kind, by seq. */
  readonly #lists = new Map<string, Uint32Array>();

  constructor(moments: Moments) {
    this.#moments = moments;
    const { marks } = moments.streams;
    const lists = new Map<string, number[]>();
    for (let mark = 0; mark < marks.count; mark++) {
      const key = `${marks.vcpu[mark]}:${marks.kind[mark]}`;
      const list = lists.get(key);
      if (list === undefined) lists.set(key, [mark]);
      else list.push(mark);
    }
    const seq = (mark: number): number => marks.seq[mark] ?? 0;
    for (const [key, list] of lists) {
      this.#lists.set(
        key,
        Uint32Array.from(list).sort((a, b) => seq(a) - seq(b) || a - b),
      );
    }
  }

  /** The nearest mark of these kinds that stands after, or before, an instruction. */
  nearest(
    vcpu: number,
    from: Found,
    direction: Direction,
    kinds: readonly MarkKind[],
  ): FoundMark | null {
    let best: FoundMark | null = null;
    for (const kind of kinds) {
      const list = this.#lists.get(`${vcpu}:${MARK_KINDS.indexOf(kind)}`);
      const found = list === undefined ? null : this.#nearestOf(list, from, direction);
      if (found === null) continue;
      if (best === null || isBefore(found, best) === (direction === 'forward')) best = found;
    }
    return best;
  }

  /** Places rise with seqs, but marks of one moment may stand in another order than listed. */
  #nearestOf(list: Uint32Array, from: Found, direction: Direction): FoundMark | null {
    const { marks } = this.#moments.streams;
    const seqAt = (i: number): number => marks.seq[list[i] ?? 0] ?? 0;
    let low = 0;
    let high = list.length;
    // A mark at seq s stands in moment s - 1 or s; one of lost transfers at the end, in the last.
    const vcpu = marks.vcpu[list[0] ?? 0] ?? 0;
    const isLast = from.seq + 1 >= this.#moments.streams.seqEnd(vcpu);
    const before = isLast ? Number.POSITIVE_INFINITY : from.seq + 2;
    const wanted = direction === 'forward' ? from.seq : before;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (seqAt(middle) < wanted) low = middle + 1;
      else high = middle;
    }
    const step = direction === 'forward' ? 1 : -1;
    let best: FoundMark | null = null;
    for (let i = direction === 'forward' ? low : low - 1; i >= 0 && i < list.length; i += step) {
      const place = this.#place(list[i] ?? 0);
      if (best !== null && Math.abs(seqAt(i) - (marks.seq[best.mark] ?? 0)) > 1) break;
      const isPast = direction === 'forward' ? isBefore(from, place) : isBefore(place, from);
      if (!isPast) continue;
      if (best === null || isBefore(place, best) === (direction === 'forward')) best = place;
    }
    return best;
  }

  #place(mark: number): FoundMark {
    const { streams } = this.#moments;
    const { marks } = streams;
    const vcpu = marks.vcpu[mark] ?? 0;
    const seq = marks.seq[mark] ?? 0;
    const moment = MARK_KINDS[marks.kind[mark] ?? 0] === 'gap' ? null : this.#before(vcpu, seq);
    if (moment === null) return { mark, seq: streams.recordedFrom(vcpu, seq), index: 0 };
    const last = Math.max(0, moment.count - 1);
    if (marks.hasPc[mark] !== 1) return { mark, seq: moment.seq, index: last };
    for (let index = last; index >= 0; index--) {
      if (this.#moments.pcAt(moment, index) === marks.pc[mark]) {
        return { mark, seq: moment.seq, index };
      }
    }
    return { mark, seq: moment.seq, index: last };
  }

  #before(vcpu: number, seq: number): Moment | null {
    return seq === 0 ? null : this.#moments.at(vcpu, seq - 1);
  }
}

export function isBefore(a: Found, b: Found): boolean {
  return a.seq < b.seq || (a.seq === b.seq && a.index < b.index);
}
