/**
 * The instructions of single moments. What cannot be rebuilt (before a gap, after an end nobody
 * saw, where transfers and code do not fit together) is one instruction: the one arrived at.
 */
import { BacktrailError, NO_ROW } from '@backtrail/recorder/trace';
import { PairTable } from '../path/pair-table.ts';
import { ExecutedPath, endMark } from '../path.ts';
import { LruCache } from '../symbols/lru-cache.ts';
import type { Streams } from './streams.ts';

const MOMENTS_KEPT = 256;
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

type Runs = Pick<Moment, 'block' | 'firstRow' | 'length' | 'isWhole' | 'isLasting'>;

export class Moments {
  readonly streams: Streams;
  readonly path: ExecutedPath;
  readonly #kept = new LruCache<string, Moment>(MOMENTS_KEPT);
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
    const key = `${vcpu}:${seq}:${nextEdge}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const runs = this.#runs(vcpu, seq, edge, nextEdge);
    let count = 0;
    for (const length of runs.length) count += length;
    const moment = { vcpu, seq, edge, nextEdge, count, ...runs };
    this.#kept.set(key, moment);
    return moment;
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
        return { ...this.path.runsBetween(vcpu, seq, edge, nextEdge), isWhole: true };
      }
      const runs = this.path.runsAt(vcpu, seq);
      return {
        block: Uint32Array.from(runs, (run) => run.block),
        firstRow: Uint32Array.from(runs, (run) => run.firstRow),
        length: Uint32Array.from(runs, (run) => run.length),
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
    return { block: one(block), firstRow, length: one(1), isWhole: false, isLasting: false };
  }
}
