/**
 * The instructions of single moments. What cannot be rebuilt (before a gap, after an end nobody
 * saw, where transfers and code do not fit together) is one instruction: the one arrived at.
 */
import { BacktrailError, NO_ROW } from '@backtrail/recorder/trace';
import { PairTable } from '../path/pair-table.ts';
import { ExecutedPath, endMark } from '../path.ts';
import type { Streams } from './streams.ts';

/** Each has its own place by seq: a step makes as little garbage as can be. */
const MOMENTS_KEPT = 256;
const LASTING_MAX = 1 << 14;
const UNFIT_MAX = 1 << 16;

/** What ran after a transfer landed, until the next one left. */
export interface Moment {
  readonly vcpu: number;
  readonly seq: number;
  /** Edge of that transfer. */
  readonly edge: number;
  /** Edge of the next one; NO_ROW where none is known. */
  readonly nextEdge: number;
  /** Parts of blocks that ran, oldest first. */
  readonly block: Uint32Array;
  readonly firstRow: Uint32Array;
  readonly length: Uint32Array;
  /** Instructions of all of them; 0 where an exception or signal came at the very target. */
  readonly count: number;
  /** Whether these are all that ran. */
  readonly isWhole: boolean;
  /** Whether the same two edges have the same instructions at any moment. */
  readonly isLasting: boolean;
}

type Runs = Omit<Moment, 'vcpu' | 'seq' | 'edge' | 'nextEdge'>;

const sumOf = (lengths: Uint32Array): number => lengths.reduce((sum, length) => sum + length, 0);

export class Moments {
  readonly streams: Streams;
  readonly path: ExecutedPath;
  readonly #kept = Array.from<unknown, Moment | undefined>(
    { length: MOMENTS_KEPT },
    () => undefined,
  );
  /** Which of `#lasting` a pair of edges has. */
  readonly #pairs = new PairTable(LASTING_MAX);
  #lasting: Runs[] = [];
  /** Pairs of edges that do not fit together: to find that out again takes long. */
  readonly #unfit = new PairTable(UNFIT_MAX);

  constructor(streams: Streams) {
    this.streams = streams;
    this.path = new ExecutedPath(streams);
  }

  /** Null where the transfer is lost or past the end. */
  at(vcpu: number, seq: number): Moment | null {
    const edge = this.streams.edgeAt(vcpu, seq);
    if (edge === NO_ROW) return null;
    const nextEdge = this.streams.edgeAt(vcpu, seq + 1);
    const place = seq % MOMENTS_KEPT;
    const kept = this.#kept[place];
    const isKept = kept?.seq === seq && kept.vcpu === vcpu && kept.nextEdge === nextEdge;
    if (isKept) return kept;
    const runs = this.#lastingRuns(edge, nextEdge) ?? this.#runs(vcpu, seq, edge, nextEdge);
    const moment = { vcpu, seq, edge, nextEdge, ...runs };
    this.#kept[place] = moment;
    return moment;
  }

  #lastingRuns(edge: number, nextEdge: number): Runs | undefined {
    const at = nextEdge === NO_ROW ? -1 : this.#pairs.get(edge, nextEdge);
    return at < 0 ? undefined : this.#lasting[at];
  }

  #keepLasting(edge: number, nextEdge: number, runs: Runs): Runs {
    if (!this.#pairs.set(edge, nextEdge, this.#lasting.length)) {
      this.#lasting = [];
      this.#pairs.set(edge, nextEdge, 0);
    }
    this.#lasting.push(runs);
    return runs;
  }

  /** Row in the code index of an instruction; NO_ROW where there is none of that index. */
  rowAt(moment: Moment, index: number): number {
    let left = index;
    for (let run = 0; run < moment.length.length; run++) {
      const length = moment.length[run] ?? 0;
      if (left < length) return (moment.firstRow[run] ?? 0) + left;
      left -= length;
    }
    return NO_ROW;
  }

  /** Block of an instruction, or NO_ROW. */
  blockAt(moment: Moment, index: number): number {
    let left = index;
    for (let run = 0; run < moment.length.length; run++) {
      const length = moment.length[run] ?? 0;
      if (left < length) return moment.block[run] ?? NO_ROW;
      left -= length;
    }
    return NO_ROW;
  }

  /** Address of an instruction; where none ran, of the one arrived at. */
  pcAt(moment: Moment, index: number): bigint {
    const row = this.rowAt(moment, index);
    if (row === NO_ROW) return this.streams.edges.target[moment.edge] ?? 0n;
    return this.path.code.pcOf(row);
  }

  #runs(vcpu: number, seq: number, edge: number, nextEdge: number): Runs {
    if (nextEdge !== NO_ROW && this.#unfit.get(edge, nextEdge) >= 0) return this.#arrival(edge);
    try {
      if (nextEdge !== NO_ROW) {
        const between = this.path.runsBetween(vcpu, seq, edge, nextEdge);
        const whole = { ...between, count: sumOf(between.length), isWhole: true };
        return whole.isLasting ? this.#keepLasting(edge, nextEdge, whole) : whole;
      }
      const runs = this.path.runsAt(vcpu, seq);
      const length = Uint32Array.from(runs, (run) => run.length);
      return {
        block: Uint32Array.from(runs, (run) => run.block),
        firstRow: Uint32Array.from(runs, (run) => run.firstRow),
        length,
        count: sumOf(length),
        isWhole: endMark(this.streams, vcpu, seq + 1) >= 0,
        isLasting: false,
      };
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      if (nextEdge !== NO_ROW) this.#unfit.set(edge, nextEdge, 1);
      return this.#arrival(edge);
    }
  }

  #arrival(edge: number): Runs {
    const { code } = this.path;
    const block = this.streams.edges.targetBlock[edge] ?? NO_ROW;
    const isThere = block < code.blockCount && code.instructionCount(block) > 0;
    const one = (value: number): Uint32Array =>
      isThere ? Uint32Array.of(value) : new Uint32Array();
    const firstRow = one(code.firstRow[block] ?? 0);
    const count = isThere ? 1 : 0;
    return { block: one(block), firstRow, length: one(1), count, isWhole: false, isLasting: false };
  }
}
