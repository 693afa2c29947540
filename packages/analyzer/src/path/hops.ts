/**
 * A hop is what runs between two transfers that follow each other: from the target of the first,
 * sequentially, to the source of the second. It is rebuilt here as runs: parts of blocks, in order.
 *
 *   transfer i ──► target block ──► block at its end ──► … ──► source block ──► transfer i + 1
 *                  run 0            run 1                      last run, up to the source
 *
 * A jump's source has run. The source of an exception, interrupt or signal, and of what a filter
 * left out, has not: the run ends before it. A block may have been left in its middle without a
 * transfer (the translator cut it short or started it again): then the next run starts inside it.
 */
import { CAUSES, HOST_HOWS, KINDS, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { Births, type Moment } from './births.ts';
import {
  type CodeIndex,
  distanceBytes,
  NO_BOUNDARY,
  type SplitAddresses,
  splitAddresses,
} from './code-index.ts';

export type HopStatus =
  /** The runs are whole. */
  | 'reached'
  /** The first transfer has no target block, and the second starts elsewhere. */
  | 'no-target-block'
  /** Sequential execution goes past the source, or the source is no instruction boundary. */
  | 'missed'
  /** No recorded block goes on from where the last run ended. */
  | 'no-block';

/** Whether the instruction at the source has run; by cause, and kind for the one exception. */
export function sourceRetired(cause: number, kind: number): boolean {
  switch (CAUSES[cause]) {
    case 'exception':
    case 'interrupt':
    // What ran outside of a filter begins with it.
    case 'filtered':
      return false;
    case 'signal':
      // Its source is the system call that asked for it.
      return KINDS[kind] === 'signal-return';
    default:
      return true;
  }
}

/** The columns of edges that hops are made of, as halves. */
export interface EdgeEnds {
  readonly source: SplitAddresses;
  readonly target: SplitAddresses;
  readonly retired: Uint8Array;
}

export function edgeEnds(trace: Trace): EdgeEnds {
  const { edges } = trace;
  const retired = new Uint8Array(edges.count);
  for (let edge = 0; edge < edges.count; edge++) {
    retired[edge] = sourceRetired(edges.cause[edge] ?? 0, edges.kind[edge] ?? 0) ? 1 : 0;
  }
  return {
    source: splitAddresses(edges.source),
    target: splitAddresses(edges.target),
    retired,
  };
}

/** Where a hop has to arrive. */
interface Goal {
  high: number;
  low: number;
  /** Block the source lies in, or NO_ROW. */
  block: number;
  /** Whether the instruction there has run. */
  retired: boolean;
  /** Whether the block may be another one that ends where that one does. */
  isLoose: boolean;
  /** Whether it may be right behind a block, in none: nothing runs where no code is. */
  mayBeBehind: boolean;
}

/** How an interpreter goes on; it has no host code to tell the block by. */
const MAIN_LOOP = HOST_HOWS.indexOf('main-loop');
const RUNS_AT_FIRST = 64;

/** Works out one hop at a time; what it found is in its fields until the next call. */
export class HopResolver {
  readonly code: CodeIndex;
  readonly ends: EdgeEnds;
  readonly #trace: Trace;
  readonly #births: Births;
  readonly #goal: Goal = {
    high: 0,
    low: 0,
    block: NO_ROW,
    retired: true,
    isLoose: false,
    mayBeBehind: false,
  };

  /** Runs of the last hop: block, and first and number of its instructions that ran. */
  runCount = 0;
  runBlock = new Uint32Array(RUNS_AT_FIRST);
  runFirst = new Uint32Array(RUNS_AT_FIRST);
  runLength = new Uint32Array(RUNS_AT_FIRST);
  /** Instructions of the last hop. */
  instructionCount = 0;
  /** Whether another moment might give another answer: code at an address changed over time. */
  momentary = false;
  /** Where the last hop stopped short, for a message: the address that was looked for. */
  stuckAt = 0n;

  constructor(trace: Trace, code: CodeIndex) {
    this.#trace = trace;
    this.#births = new Births(trace);
    this.code = code;
    this.ends = edgeEnds(trace);
  }

  /** The hop from the target of edge `from` to the source of edge `to`. */
  resolve(from: number, to: number, moment: Moment): HopStatus {
    const goal = this.#goal;
    goal.high = this.ends.source.high[to] ?? 0;
    goal.low = this.ends.source.low[to] ?? 0;
    goal.block = this.#trace.edges.sourceBlock[to] ?? NO_ROW;
    goal.retired = this.ends.retired[to] === 1;
    goal.isLoose = this.#trace.edges.hostHow[to] === MAIN_LOOP;
    goal.mayBeBehind = false;
    return this.#resolve(from, moment);
  }

  /** The hop from the target of edge `from` to the instruction at `pc`; with it, if it has run. */
  resolveTo(from: number, pc: bigint, hasRun: boolean, moment: Moment): HopStatus {
    const goal = this.#goal;
    goal.high = Number(BigInt.asUintN(32, pc >> 32n));
    goal.low = Number(BigInt.asUintN(32, pc));
    goal.block = NO_ROW;
    goal.retired = hasRun;
    goal.isLoose = false;
    goal.mayBeBehind = !hasRun;
    return this.#resolve(from, moment);
  }

  /** All that is known to have run after a last transfer: the first instruction it arrived at. */
  resolveArrival(from: number): void {
    this.runCount = 0;
    this.instructionCount = 0;
    this.momentary = false;
    const block = this.#trace.edges.targetBlock[from] ?? NO_ROW;
    if (block < this.code.blockCount && this.code.instructionCount(block) > 0) {
      this.#push(block, 0, 1);
    }
  }

  #resolve(from: number, moment: Moment): HopStatus {
    this.runCount = 0;
    this.instructionCount = 0;
    this.momentary = false;
    const { code } = this;
    const goal = this.#goal;
    const targetHigh = this.ends.target.high[from] ?? 0;
    const targetLow = this.ends.target.low[from] ?? 0;
    if (!goal.retired && goal.high === targetHigh && goal.low === targetLow) return 'reached';
    let block = this.#trace.edges.targetBlock[from] ?? NO_ROW;
    if (block >= code.blockCount) return this.#stuck('no-target-block', targetHigh, targetLow);
    for (;;) {
      const high = code.pc.high[block] ?? 0;
      const low = code.pc.low[block] ?? 0;
      const offset = distanceBytes(goal.high, goal.low, high, low);
      const end = code.endBytes[block] ?? 0;
      const count = code.instructionCount(block);
      const inner = goal.block === block ? NO_ROW : this.#innerAfter(block, offset, moment);
      if (inner !== NO_ROW) {
        this.#push(block, 0, this.#cutAt(block, inner));
        block = inner;
        continue;
      }
      if (goal.block === block || goal.block === NO_ROW || this.#isTailOf(block, goal.block)) {
        const at = code.instructionAt(block, offset);
        if (at >= 0 && at + (goal.retired ? 1 : 0) <= count) {
          this.#push(block, 0, at + (goal.retired ? 1 : 0));
          return 'reached';
        }
      } else if (offset === end && !goal.retired) {
        this.#push(block, 0, count);
        return 'reached';
      }
      if (goal.mayBeBehind && offset === end) {
        this.#push(block, 0, count);
        return 'reached';
      }
      if (offset < end) return this.#stuck('missed', high, low);
      const next = this.#follow(block, end, moment);
      if (next === NO_ROW) return 'no-block';
      block = next;
    }
  }

  /**
   * Whether `block` begins inside `whole` and holds the same code to their common end: an engine
   * that knows a transfer by its source alone names it after one of the blocks that end there.
   */
  #isTailOf(block: number, whole: number): boolean {
    const { code } = this;
    if (!this.#goal.isLoose || this.#cutAt(whole, block) <= 0) return false;
    const { blocks } = this.#trace;
    const own = blocks.code(block);
    const tail = blocks.code(whole).subarray(-own.length);
    const ends = distanceBytes(
      code.pc.high[block] ?? 0,
      code.pc.low[block] ?? 0,
      code.pc.high[whole] ?? 0,
      code.pc.low[whole] ?? 0,
    );
    const isSameEnd = ends + (code.endBytes[block] ?? 0) === (code.endBytes[whole] ?? 0);
    return isSameEnd && own.every((byte, i) => byte === tail[i]);
  }

  /** The block that ran after a part of `block`, no transfer between; NO_ROW if it ran whole. */
  #innerAfter(block: number, goalOffset: number, moment: Moment): number {
    const born = this.#bornInside(block, goalOffset, moment);
    if (born !== NO_ROW) {
      this.momentary = true;
      return born;
    }
    const { block: wanted } = this.#goal;
    return wanted !== NO_ROW && this.#cutAt(block, wanted) !== NO_BOUNDARY ? wanted : NO_ROW;
  }

  /**
   * Instructions of `block` before the start of `inner`, if that is a boundary inside it (0 if it
   * was started again at once); else NO_BOUNDARY.
   */
  #cutAt(block: number, inner: number): number {
    const { pc } = this.code;
    if (inner >= this.code.blockCount) return NO_BOUNDARY;
    const offset = distanceBytes(
      pc.high[inner] ?? 0,
      pc.low[inner] ?? 0,
      pc.high[block] ?? 0,
      pc.low[block] ?? 0,
    );
    if (offset < 0 || offset >= (this.code.endBytes[block] ?? 0)) return NO_BOUNDARY;
    return this.code.instructionAt(block, offset);
  }

  /** Pushes the run of `block` and returns the block that ran after it, or NO_ROW. */
  #follow(block: number, end: number, moment: Moment): number {
    const { code } = this;
    const count = code.instructionCount(block);
    if (end === 0) return this.#noBlock(block, 0);
    const next = this.#startingAt(block, end, moment);
    if (next !== NO_ROW) {
      this.#push(block, 0, count);
      return next;
    }
    // Cut short: the next block starts at one of the boundaries inside this one.
    const first = code.firstRow[block] ?? 0;
    for (let i = count - 1; i > 0; i--) {
      const inner = this.#startingAt(block, code.offsetBytes[first + i] ?? 0, moment);
      if (inner === NO_ROW) continue;
      this.#push(block, 0, i);
      this.momentary = true;
      return inner;
    }
    return this.#noBlock(block, end);
  }

  /**
   * The first block that this hop gave birth to inside `block`, or NO_ROW. It ran in this hop, so
   * `block` was left before it: a program that rewrites the instructions ahead of it does this.
   */
  #bornInside(block: number, goalOffset: number, moment: Moment): number {
    const { blocks } = this.#trace;
    const born = this.#births.on(moment.vcpu);
    let low = 0;
    let high = born.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((blocks.bornSeq[born[middle] ?? 0] ?? 0) < moment.seq) low = middle + 1;
      else high = middle;
    }
    const { pc } = this.code;
    const baseHigh = pc.high[block] ?? 0;
    const baseLow = pc.low[block] ?? 0;
    for (let i = low; i < born.length; i++) {
      const inner = born[i] ?? 0;
      if ((blocks.bornSeq[inner] ?? 0) !== moment.seq) break;
      if (inner <= block) continue;
      const offset = distanceBytes(pc.high[inner] ?? 0, pc.low[inner] ?? 0, baseHigh, baseLow);
      if (offset > goalOffset) continue;
      if (this.#cutAt(block, inner) !== NO_BOUNDARY) return inner;
    }
    return NO_ROW;
  }

  /** The block that stood at `offset` from the start of `block` at that moment, or NO_ROW. */
  #startingAt(block: number, offset: number, moment: Moment): number {
    const { code } = this;
    const sum = (code.pc.low[block] ?? 0) + offset;
    const low = sum >>> 0;
    const high = ((code.pc.high[block] ?? 0) + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
    const wanted = this.#goal.block;
    if (wanted < code.blockCount && code.pc.low[wanted] === low && code.pc.high[wanted] === high) {
      return wanted;
    }
    const group = code.groupAt(high, low);
    return group === NO_ROW ? NO_ROW : this.#newestBorn(group, moment);
  }

  /** The newest block of a group that existed at that moment; the oldest if none did. */
  #newestBorn(group: number, moment: Moment): number {
    const { members, firstMember } = this.code;
    let first = firstMember[group] ?? 0;
    let last = (firstMember[group + 1] ?? 0) - 1;
    if (first < last && this.code.isMixed(group)) this.momentary = true;
    // Blocks are numbered in order of birth, so "existed" holds for a first part of the group.
    while (first < last) {
      const middle = (first + last + 1) >>> 1;
      if (this.#births.existed(members[middle] ?? 0, moment)) first = middle;
      else last = middle - 1;
    }
    return members[first] ?? NO_ROW;
  }

  #push(block: number, first: number, length: number): void {
    if (length === 0) return;
    if (this.runCount === this.runBlock.length) this.#growRuns();
    this.runBlock[this.runCount] = block;
    this.runFirst[this.runCount] = first;
    this.runLength[this.runCount] = length;
    this.runCount++;
    this.instructionCount += length;
  }

  #growRuns(): void {
    const grow = (old: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => {
      const grown = new Uint32Array(old.length * 2);
      grown.set(old);
      return grown;
    };
    this.runBlock = grow(this.runBlock);
    this.runFirst = grow(this.runFirst);
    this.runLength = grow(this.runLength);
  }

  #noBlock(block: number, offset: number): number {
    this.stuckAt = (this.#trace.blocks.pc[block] ?? 0n) + BigInt(offset);
    return NO_ROW;
  }

  #stuck(status: HopStatus, high: number, low: number): HopStatus {
    this.stuckAt = (BigInt(high) << 32n) | BigInt(low);
    return status;
  }
}
