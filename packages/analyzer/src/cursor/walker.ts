/** The steps that a cursor is made of, from a place to another: nothing here remembers anything. */
import { BacktrailError, KINDS, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { lastVcpu } from '../last-vcpu.ts';
import type { Direction } from '../path.ts';
import { LruCache } from '../symbols/lru-cache.ts';
import { type Goal, InstructionGoals } from './goals.ts';
import { Levels } from './levels.ts';
import { type LineOf, LineSteps, RowLines } from './line-steps.ts';
import { MarkSteps } from './mark-steps.ts';
import { Moments } from './moments.ts';
import { attempted, CallFrames, type OpenFrames } from './open-frames.ts';
import { type Found, Search } from './search.ts';
import { Streams } from './streams.ts';
import type { Attempt, CursorIndex, CursorOptions, Place, Position, WhyNot } from './types.ts';

/** Each holds two words for every edge. */
const SEARCHES_KEPT = 8;
/** Looked through in vain to the very end, or the very beginning. */
const FOREVER = Number.POSITIVE_INFINITY;

export const edgeOf = (direction: Direction): WhyNot => (direction === 'forward' ? 'end' : 'start');

export class Walker {
  readonly trace: Trace;
  readonly streams: Streams;
  readonly moments: Moments;
  readonly levels: Levels;
  #index: CursorIndex | null;
  readonly #lineOf: LineOf | null;
  readonly #missesMax: number | undefined;
  readonly #stacks: () => OpenFrames | null;
  #searches = new LruCache<string, Search>(SEARCHES_KEPT);
  #goals: InstructionGoals | null = null;
  #lines: LineSteps | null = null;
  #marks: MarkSteps | null = null;

  constructor(trace: Trace, options: CursorOptions) {
    const { index = null, lineOf = null } = options;
    this.trace = trace;
    this.#missesMax = options.missesMax;
    this.#stacks = options.stacks ?? (() => null);
    this.streams = new Streams(trace, index?.unreadable);
    this.moments = new Moments(this.streams);
    this.#index = index;
    this.#lineOf = lineOf;
    this.levels = new Levels(this.streams, (segment) => this.#index?.levelsOf(segment) ?? null);
  }

  /** For what is looked for from now on. */
  useIndex(index: CursorIndex, at: Place): void {
    // It was made of other bytes than were read here, if it could not read where this one stands.
    if (index.unreadable.includes(this.streams.segmentAt(at.vcpu, at.seq))) return;
    this.streams.drop(index.unreadable);
    this.#index = index;
    this.#searches = new LruCache<string, Search>(SEARCHES_KEPT);
    this.#lines = null;
  }

  get goals(): InstructionGoals {
    this.#goals ??= new InstructionGoals(this.trace, this.moments.path.code);
    return this.#goals;
  }

  get marks(): MarkSteps {
    this.#marks ??= new MarkSteps(this.moments);
    return this.#marks;
  }

  /** Null without source lines. */
  get lines(): LineSteps | null {
    if (this.#lineOf === null) return null;
    const searchFor = (goal: Goal): Search => new Search(this.moments, goal, this.#index);
    const { code } = this.moments.path;
    const rows = (lineOf: LineOf): RowLines => new RowLines(code, lineOf);
    this.#lines ??= new LineSteps(
      this.moments,
      this.levels,
      this.goals,
      rows(this.#lineOf),
      searchFor,
      this.#missesMax,
    );
    return this.#lines;
  }

  /** The search of that key; the ones used last are kept. */
  search(key: string, goal: () => Goal): Search {
    const kept = this.#searches.get(key);
    if (kept !== undefined) return kept;
    const made = new Search(this.moments, goal(), this.#index);
    this.#searches.set(key, made);
    return made;
  }

  /** Where a cursor begins. @throws BacktrailError E_EMPTY, E_VCPU */
  first(wanted: number | undefined): Place {
    const { vcpus, directory } = this.streams;
    const last = lastVcpu(this.streams);
    const vcpu = wanted ?? (vcpus.includes(last) ? last : vcpus[0]);
    if (vcpu === undefined) {
      throw new BacktrailError(
        'E_EMPTY',
        `${directory}: found no transfers that can be read, expected at least one. ` +
          'Run: backtrail info',
      );
    }
    if (!vcpus.includes(vcpu)) {
      throw new BacktrailError(
        'E_VCPU',
        `${directory}: found no vCPU ${vcpu}, expected one of ${vcpus.slice(0, 16).join(', ')}. ` +
          'Run: backtrail info',
      );
    }
    return this.endOf(vcpu, 'forward');
  }

  /** The first recorded instruction of a vCPU, or the last. */
  endOf(vcpu: number, direction: Direction): Place {
    if (direction === 'backward') {
      return { vcpu, seq: this.streams.recordedFrom(vcpu, 0), index: 0 };
    }
    const seq = this.streams.seqEnd(vcpu) - 1;
    const last = { vcpu, ...this.lastOf(vcpu, seq) };
    if ((this.moments.at(vcpu, seq)?.count ?? 0) > 0) return last;
    // Nothing ran after the last transfer: it stands where the transfer arrived.
    return { vcpu, seq, index: 0 };
  }

  /** The last instruction of a moment; its beginning if none ran. */
  lastOf(vcpu: number, seq: number): Found {
    return { seq, index: Math.max(0, (this.moments.at(vcpu, seq)?.count ?? 0) - 1) };
  }

  byInstruction({ vcpu, seq, index }: Place, direction: Direction, count: number): Attempt {
    const way = direction === 'forward' ? 1 : -1;
    let at = { seq, index };
    let left = count;
    let moment = this.moments.at(vcpu, seq);
    while (moment !== null) {
      const room = way > 0 ? moment.count - 1 - at.index : Math.min(at.index, moment.count);
      const steps = Math.max(0, Math.min(left, room));
      at = { seq: at.seq, index: at.index + way * steps };
      left -= steps;
      if (left === 0) break;
      const next = this.#nextThatRan(vcpu, at.seq, direction);
      if (next === null) break;
      at = next;
      left--;
      moment = this.moments.at(vcpu, at.seq);
    }
    const steps = count - left;
    const why = left > 0 ? edgeOf(direction) : null;
    return { to: steps === 0 ? null : { vcpu, ...at }, why, steps };
  }

  /** Over moments in which nothing ran. */
  #nextThatRan(vcpu: number, seq: number, direction: Direction): Found | null {
    const way = direction === 'forward' ? 1 : -1;
    for (let at = seq; ; ) {
      const moved = this.streams.seqBy(vcpu, at, way);
      if (moved.steps === 0) return null;
      at = moved.seq;
      const count = this.moments.at(vcpu, at)?.count ?? 0;
      if (count > 0) return { seq: at, index: way > 0 ? 0 : count - 1 };
    }
  }

  /** To the nearest instruction that is not deeper in calls. */
  over(from: Place, direction: Direction): Attempt {
    const counted = this.byLevel(from, direction, 0);
    const frames = this.#frames();
    if (frames === null || counted.to?.seq === from.seq) return counted;
    const { vcpu, seq } = from;
    if (direction === 'forward') {
      const opened = this.streams.seqBy(vcpu, seq, 1).seq;
      if (opened === seq || this.#stepOf(vcpu, opened) !== 1) return counted;
      if (counted.to !== null && frames.comesBack(vcpu, opened, counted.to.seq)) return counted;
      return attempted(() => this.#closing(from, frames, opened)) ?? counted;
    }
    const kind = KINDS[this.trace.edges.kind[this.streams.edgeAt(vcpu, seq)] ?? 0];
    const mayLeave = this.#stepOf(vcpu, seq) === -1 || kind === 'indirect-jump';
    if (!mayLeave) return counted;
    const call = counted.to === null ? seq : this.streams.seqBy(vcpu, counted.to.seq, 1).seq;
    if (call !== seq && frames.comesBack(vcpu, call, seq)) return counted;
    const left = attempted(() => ({ opened: frames.closedBy(vcpu, seq) }));
    if (left === null) return counted;
    if (left.opened === null) return this.byInstruction(from, direction, 1);
    return this.found(from, this.lastBefore(vcpu, left.opened), direction, 'not-found');
  }

  /** Out of the innermost frame. */
  out(from: Place, direction: Direction): Attempt {
    const frames = this.#frames();
    const asked =
      frames === null
        ? null
        : attempted(() => {
            const opened = frames.innermost(from.vcpu, from.seq);
            if (opened === null) return this.found(from, null, direction, 'not-found');
            if (direction === 'forward') return this.#closing(from, frames, opened);
            return this.found(from, this.lastBefore(from.vcpu, opened), direction, 'not-found');
          });
    return asked ?? this.byLevel(from, direction, -1);
  }

  /** To the first instruction after a frame was left. */
  #closing(from: Place, frames: CallFrames, opened: number): Attempt {
    const { vcpu } = from;
    const gone = frames.closedAfter(vcpu, opened);
    if (gone === null) return this.found(from, null, 'forward', 'not-found');
    const ran = (this.moments.at(vcpu, gone)?.count ?? 0) > 0;
    const first = ran ? { seq: gone, index: 0 } : this.#nextThatRan(vcpu, gone, 'forward');
    return this.found(from, first, 'forward', 'end');
  }

  /** Level step of a transfer; 0 for one that is lost. */
  #stepOf(vcpu: number, seq: number): number {
    return this.levels.steps[this.streams.edgeAt(vcpu, seq)] ?? 0;
  }

  #frames(): CallFrames | null {
    const stacks = this.#stacks();
    return stacks === null ? null : new CallFrames(this.moments, stacks);
  }

  /** To the nearest instruction whose level is at most `limit` against this one's. */
  byLevel(from: Place, direction: Direction, limit: number): Attempt {
    const { vcpu, seq, index } = from;
    const way = direction === 'forward' ? 1 : -1;
    const here = this.moments.at(vcpu, seq)?.count ?? 0;
    const beside = index + way;
    if (limit >= 0 && beside >= 0 && beside < here) {
      return { to: { vcpu, seq, index: beside }, why: null };
    }
    for (let level = { seq, level: 0 }; ; ) {
      const next = this.levels.nearest(vcpu, level, limit, direction);
      if (next === null) {
        const isLast = this.byInstruction(from, direction, 1).steps === 0;
        return this.found(from, null, direction, isLast ? edgeOf(direction) : 'not-found');
      }
      const count = this.moments.at(vcpu, next.seq)?.count ?? 0;
      if (count > 0) {
        return { to: { vcpu, seq: next.seq, index: way > 0 ? 0 : count - 1 }, why: null };
      }
      level = next;
    }
  }

  /** The last instruction before a transfer landed; null if none is recorded. */
  lastBefore(vcpu: number, seq: number): Found | null {
    const moved = this.streams.seqBy(vcpu, seq, -1);
    return moved.steps === 0 ? null : this.lastOf(vcpu, moved.seq);
  }

  nearest(from: Place, search: Search, direction: Direction): Attempt {
    const found = search.nearest(from.vcpu, from.seq, from.index, direction);
    return this.found(from, found, direction, 'not-found');
  }

  found(from: Place, found: Found | null, direction: Direction, why: WhyNot): Attempt {
    if (found !== null) {
      return { to: { vcpu: from.vcpu, seq: found.seq, index: found.index }, why: null };
    }
    const looked =
      direction === 'forward' ? ([from.seq, FOREVER] as const) : ([0, from.seq] as const);
    return { to: null, why, looked };
  }

  positionOf({ vcpu, seq, index }: Place): Position {
    const moment = this.moments.at(vcpu, seq);
    if (moment === null) {
      throw new BacktrailError(
        'E_TRACE_DAMAGED',
        `${this.trace.directory}: vCPU ${vcpu}: transfer ${seq} can no longer be read, ` +
          'expected what was read before. Open the trace again.',
      );
    }
    return {
      vcpu,
      seq,
      index,
      pc: this.moments.pcAt(moment, index),
      row: this.moments.rowAt(moment, index),
      block: this.moments.blockAt(moment, index),
      edge: moment.edge,
      instructions: moment.count,
      isWhole: moment.isWhole,
    };
  }

  isRow(row: number, count: number): boolean {
    return Number.isSafeInteger(row) && row >= 0 && row < count && row !== NO_ROW;
  }
}
