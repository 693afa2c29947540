/**
 * A cursor over a trace: one instruction of one vCPU's path, and the moves from there, forward and
 * back. The command line and the terminal UI walk with it.
 *
 * It stands at (vcpu, seq, index): instruction `index` of those that ran after transfer `seq`
 * landed. Where an exception or signal came at the very target of a transfer, none ran; a move by
 * transfer stops there too, a move by instruction does not.
 *
 * A move says whether it moved, why not, and which gaps it went over: lost transfers are never
 * passed over in silence. Moves do not throw because of what a trace holds. A segment that turns
 * out to be damaged is a gap; instructions that cannot be rebuilt are left out, and the position
 * says so (`isWhole`).
 */
import {
  BacktrailError,
  CAUSES,
  type Cause,
  KINDS,
  type Kind,
  type MarkKind,
  type Trace,
} from '@backtrail/recorder/trace';
import { type AddressRange, landings } from './cursor/goals.ts';
import { History } from './cursor/history.ts';
import { byOrder, nearestOf } from './cursor/order-steps.ts';
import { RunCounts } from './cursor/run-counts.ts';
import type { Found } from './cursor/search.ts';
import { type Gap, SegmentDropped } from './cursor/streams.ts';
import { type TimeEstimate, TimeOrder } from './cursor/time-order.ts';
import {
  type Attempt,
  type CursorIndex,
  type CursorOptions,
  isSamePlace,
  type Move,
  type Place,
  type Position,
  type WhyNot,
} from './cursor/types.ts';
import { edgeOf, Walker } from './cursor/walker.ts';
import type { CodeIndex, Direction } from './path.ts';

export type { AddressRange } from './cursor/goals.ts';
export type { LineOf } from './cursor/line-steps.ts';
export type { OpenFrames } from './cursor/open-frames.ts';
export type { Gap } from './cursor/streams.ts';
export type { Landing, TimeOrder } from './cursor/time-order.ts';
export type { CursorIndex, CursorOptions, Move, Position, WhyNot } from './cursor/types.ts';

const HISTORY_MAX = 10_000;

export class Cursor {
  readonly trace: Trace;
  readonly #walker: Walker;
  readonly #counts: RunCounts;
  #at: Place;
  #order: TimeOrder | null = null;
  readonly #past = new History(HISTORY_MAX);
  readonly #future = new History(HISTORY_MAX);

  /**
   * It stands at the last instruction known to have run.
   * @throws BacktrailError E_EMPTY if there is no transfer to stand at, E_VCPU if there is no such
   * vCPU.
   */
  constructor(trace: Trace, options: CursorOptions = {}) {
    this.trace = trace;
    this.#walker = new Walker(trace, options);
    this.#counts = new RunCounts(this.#walker.moments);
    this.#at = this.#retried(() => this.#walker.first(options.vcpu));
  }

  /** The recorded code: rows of positions are its rows. */
  get code(): CodeIndex {
    return this.#walker.moments.path.code;
  }

  /** From now on searches use an index: one that was built while the cursor was in use. */
  useIndex(index: CursorIndex): void {
    this.#walker.useIndex(index, this.#at);
  }

  /** Rows of the code index that ran after this transfer, oldest first; `max` at most. */
  rows(max: number): Uint32Array {
    return this.#retried(() => {
      const { moments } = this.#walker;
      const moment = moments.at(this.#at.vcpu, this.#at.seq);
      if (moment === null) return new Uint32Array();
      const from = Math.max(0, Math.min(this.#at.index - (max >>> 1), moment.count - max));
      const count = Math.min(max, moment.count - from);
      return Uint32Array.from({ length: count }, (_none, i) => moments.rowAt(moment, from + i));
    });
  }

  /**
   * How often the instructions of some rows ran up to here, each with this one; null where that is
   * not known: code and transfers do not fit together, or more than `transfersMax` transfers lie
   * between here and the last place that was asked for (the beginning, the first time).
   */
  ranUpToHere(rows: Uint32Array, transfersMax: number): Float64Array | null {
    return this.#retried(() => {
      const { vcpu, seq } = this.#at;
      try {
        const counts = this.#counts.before(vcpu, seq, transfersMax);
        if (counts === null) return null;
        return Float64Array.from(rows, (row) => this.#counts.at(counts, vcpu, this.#at, row));
      } catch (error) {
        if (error instanceof BacktrailError && error.code === 'E_PATH') return null;
        throw error;
      }
    });
  }

  get position(): Position {
    return this.#retried(() => this.#walker.positionOf(this.#at));
  }

  /** Estimate of the host's monotonic clock at this position, and how far off it may be, ns. */
  get time(): TimeEstimate {
    return this.order.timeAt(this.#at);
  }

  /** One order for the transfers of all vCPUs. */
  get order(): TimeOrder {
    this.#order ??= new TimeOrder(this.#walker.streams);
    return this.#order;
  }

  /** By `count` instructions; none of those that did not run. */
  instruction(direction: Direction, count = 1): Move {
    return this.#move(() => this.#walker.byInstruction(this.#at, direction, count));
  }

  /**
   * To where the next transfer landed. Back: to where the last one did, which is the first
   * instruction of this moment if it does not stand there, else that of the moment before.
   */
  transfer(direction: Direction, count = 1): Move {
    return this.#move(() => {
      const { vcpu, seq, index } = this.#at;
      const isInside = direction === 'backward' && index > 0;
      const wanted = isInside ? count - 1 : count;
      const way = direction === 'backward' ? -wanted : wanted;
      const moved = this.#walker.streams.seqBy(vcpu, seq, way);
      const steps = moved.steps + (isInside ? 1 : 0);
      const why = steps < count ? edgeOf(direction) : null;
      return { to: steps === 0 ? null : { vcpu, seq: moved.seq, index: 0 }, why, steps };
    });
  }

  /**
   * The same by the transfers of several vCPUs in the order of time: it may go to another vCPU.
   * Back: from within a moment to where that began.
   */
  merged(direction: Direction, vcpus: readonly number[], count = 1): Move {
    return this.#move(() => byOrder(this.order, this.#at, direction, vcpus, count));
  }

  /**
   * To the next source line that differs from this one; back to where this line began, or if it
   * stands there to where the line before began. Code without lines is passed.
   * @param isOver not into calls, signal handlers and interrupts that began after this
   */
  line(direction: Direction, isOver = false): Move {
    return this.#move(() => {
      const steps = this.#walker.lines;
      if (steps === null) return { to: null, why: 'no-lines' };
      const found = steps.step(this.#at.vcpu, this.#at, direction, isOver);
      return this.#walker.found(this.#at, found, direction, 'not-found');
    });
  }

  /**
   * By one instruction, but over calls: to the nearest instruction that is not deeper in calls.
   * Signal handlers and interrupts count as calls.
   */
  over(direction: Direction): Move {
    return this.#move(() => this.#walker.over(this.#at, direction));
  }

  /**
   * Out of this function. Forward: to the instruction that it returned to. Back: to the call that
   * entered it, or the instruction that a handler interrupted.
   */
  out(direction: Direction): Move {
    return this.#move(() => this.#walker.out(this.#at, direction));
  }

  /**
   * Into the next function that is called, or handler that interrupts: where it was entered. Back:
   * into the last one that returned, to its last instruction.
   */
  into(direction: Direction): Move {
    return this.#move(() => {
      const { vcpu } = this.#at;
      const sign = direction === 'forward' ? 1 : -1;
      const search = this.#walker.search(`into${sign}`, () =>
        landings(this.trace, (edge) => this.#walker.levels.steps[edge] === sign),
      );
      if (direction === 'forward') return this.#walker.nearest(this.#at, search, direction);
      const { seq, index } = this.#at;
      const landed = search.nearest(vcpu, seq, index + 1, direction);
      const last = landed === null ? null : this.#walker.lastBefore(vcpu, landed.seq);
      return this.#walker.found(this.#at, last, direction, 'not-found');
    });
  }

  /** To the nearest execution of an instruction that begins in one of the ranges. */
  execution(direction: Direction, ranges: readonly AddressRange[]): Move {
    const key = `at ${ranges.map(({ start, end }) => `${start}-${end}`).join()}`;
    return this.#move(() => {
      const search = this.#walker.search(key, () => this.#walker.goals.at(ranges));
      return this.#walker.nearest(this.#at, search, direction);
    });
  }

  /** The same, of the instruction at one address. */
  address(direction: Direction, pc: bigint): Move {
    return this.execution(direction, [{ start: pc, end: pc + 1n }]);
  }

  /** To the nearest instruction that ran as part of a block. */
  block(direction: Direction, block: number): Move {
    return this.#move(() => {
      if (!this.#walker.isRow(block, this.trace.blocks.count)) return { to: null, why: 'unknown' };
      const search = this.#walker.search(`block ${block}`, () => this.#walker.goals.inBlock(block));
      return this.#walker.nearest(this.#at, search, direction);
    });
  }

  /** To where the nearest transfer over an edge landed. */
  edge(direction: Direction, edge: number): Move {
    if (!this.#walker.isRow(edge, this.trace.edges.count)) {
      return this.#move(() => ({ to: null, why: 'unknown' }));
    }
    return this.landing(direction, `edge ${edge}`, (other) => other === edge);
  }

  /**
   * To where the nearest transfer over one of the wanted edges landed.
   * @param key tells one choice of edges from another: what was found out about it is kept.
   * @param vcpus of one of these, the nearest in time; of this vCPU if left out
   */
  landing(
    direction: Direction,
    key: string,
    isWanted: (edge: number) => boolean,
    vcpus?: readonly number[],
  ): Move {
    return this.#move(() => {
      const search = this.#walker.search(`landing ${key}`, () => landings(this.trace, isWanted));
      return this.#nearest(direction, vcpus, ({ vcpu, seq, index }) =>
        search.nearest(vcpu, seq, index, direction),
      );
    });
  }

  /** To where the nearest transfer of a cause landed; null: of one that could not be told. */
  cause(direction: Direction, cause: Cause | null): Move {
    const { edges } = this.trace;
    return this.landing(
      direction,
      `cause ${cause}`,
      (edge) => (CAUSES[edges.cause[edge] ?? 0] ?? null) === cause,
    );
  }

  /** To where the nearest transfer of a kind landed; null: of one that has none. */
  kind(direction: Direction, kind: Kind | null): Move {
    const { edges } = this.trace;
    return this.landing(
      direction,
      `kind ${kind}`,
      (edge) => (KINDS[edges.kind[edge] ?? 0] ?? null) === kind,
    );
  }

  /**
   * To the nearest mark of one of these kinds: cursor/mark-steps.ts says where a mark stands.
   * @param vcpus of one of these, the nearest in time; of this vCPU if left out
   */
  mark(direction: Direction, kinds: readonly MarkKind[], vcpus?: readonly number[]): Move {
    return this.#move(() =>
      this.#nearest(direction, vcpus, (from) =>
        this.#walker.marks.nearest(from.vcpu, from, direction, kinds),
      ),
    );
  }

  /**
   * To an instruction after a transfer; if that is lost, to where the next recorded one landed.
   * @param vcpu this one if left out
   */
  to(seq: number, index = 0, vcpu = this.#at.vcpu): Move {
    return this.#move(() => {
      const isThere =
        this.#walker.streams.vcpus.includes(vcpu) &&
        Number.isSafeInteger(seq) &&
        seq >= 0 &&
        seq < this.#walker.streams.seqEnd(vcpu);
      if (!isThere) return { to: null, why: 'unknown' };
      const recorded = this.#walker.streams.recordedFrom(vcpu, seq);
      if (recorded !== seq) return { to: { vcpu, seq: recorded, index: 0 }, why: null };
      const count = this.#walker.moments.at(vcpu, seq)?.count ?? 0;
      const isIndex = Number.isSafeInteger(index) && index >= 0 && index < Math.max(1, count);
      return isIndex ? { to: { vcpu, seq, index }, why: null } : { to: null, why: 'unknown' };
    });
  }

  /** To the first recorded instruction of this vCPU, or the last. */
  toEnd(direction: Direction): Move {
    return this.#move(() => ({ to: this.#walker.endOf(this.#at.vcpu, direction), why: null }));
  }

  /** To another vCPU, to about the same time: `time` says how far off it may be. */
  vcpu(vcpu: number): Move {
    return this.#move(() => {
      if (!this.#walker.streams.vcpus.includes(vcpu)) return { to: null, why: 'unknown' };
      if (vcpu === this.#at.vcpu) return { to: this.#at, why: null };
      const last = this.order.lastUpTo(vcpu, this.#at);
      const seq = this.#walker.streams.recordedFrom(vcpu, Math.max(0, last));
      return { to: { vcpu, seq, index: 0 }, why: null };
    });
  }

  /** Back to where the last move began; the last 10,000 moves can be undone. */
  undo(): Move {
    return this.#again(this.#past, this.#future);
  }

  /** Again what was undone last. Any other move makes it impossible. */
  redo(): Move {
    return this.#again(this.#future, this.#past);
  }

  #nearest(
    direction: Direction,
    vcpus: readonly number[] | undefined,
    find: (from: Place) => Found | null,
  ): Attempt {
    const found = nearestOf(this.order, this.#at, direction, vcpus ?? [this.#at.vcpu], find);
    if (found !== null) return { to: found, why: null };
    return this.#walker.found(this.#at, null, direction, 'not-found');
  }

  #move(attempt: () => Attempt): Move {
    const from = this.#at;
    const { to, why, steps, looked } = this.#retried(() => {
      const tried = attempt();
      // Where it arrives must be readable too; else there is a better place.
      if (tried.to !== null) this.#walker.moments.at(tried.to.vcpu, tried.to.seq);
      return tried;
    });
    const moved = to !== null && !isSamePlace(from, to);
    if (moved) {
      this.#past.push(from);
      this.#future.clear();
      this.#at = to;
    }
    return this.#result(from, moved, why, steps ?? (moved ? 1 : 0), looked);
  }

  #again(source: History, sink: History): Move {
    const from = this.#at;
    const to = source.pop();
    if (to === undefined) return this.#result(from, false, 'no-history', 0);
    sink.push(from);
    this.#at = to;
    return this.#result(from, true, null, 1);
  }

  #result(
    from: Place,
    moved: boolean,
    why: WhyNot | null,
    steps: number,
    looked?: readonly [number, number],
  ): Move {
    const to = this.#at;
    const { streams } = this.#walker;
    let gaps: readonly Gap[] = [];
    if (moved && from.vcpu === to.vcpu) {
      gaps = streams.gaps(to.vcpu, Math.min(from.seq, to.seq), Math.max(from.seq, to.seq));
    }
    if (why === 'start') gaps = streams.gaps(to.vcpu, 0, from.seq);
    if (looked !== undefined) gaps = streams.gaps(to.vcpu, ...looked);
    return { moved, why, steps, gaps, position: this.position };
  }

  /** Again without the segment that turned out to be damaged; there are only so many. */
  #retried<Answer>(attempt: () => Answer): Answer {
    for (;;) {
      try {
        return attempt();
      } catch (error) {
        if (!(error instanceof SegmentDropped)) throw error;
      }
    }
  }
}
