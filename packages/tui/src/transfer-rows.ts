/**
 * The transfers around the cursor as rows, oldest first: folded loops, marks where they happened,
 * and gaps. What lies before the cursor is folded from the cursor back, what lies after it from the
 * cursor on, so that where it stands is always a row of its own.
 */
import { type Fold, foldLoops, type Trace } from '@backtrail/analyzer';
import { firstMark } from './names.ts';
import type { Stretch, Stretches } from './stretch.ts';

export interface TransferRow {
  readonly row: 'transfer';
  /** Of the newest transfer it stands for before the cursor, of the oldest after it. */
  readonly seq: number;
  readonly edge: number;
  /**
   * Transfers from here to the other end of what is folded: the number of those it stands for; in a
   * loop the row nearest to the cursor has that of the whole loop, the others 0.
   */
  readonly skip: number;
  /** How often this row came in each round of the loop around it: `` or `×12` or `×2–3`. */
  readonly times: string;
  /** Loops that it is in, outermost first: which part of the loop's rows it is. */
  readonly loops: readonly LoopPart[];
}

export interface LoopPart {
  readonly part: 'first' | 'inner' | 'last' | 'only';
  /** Told with the last row of a loop. */
  readonly times: string;
}

export interface MarkRow {
  readonly row: 'mark';
  readonly mark: number;
}

export interface GapRow {
  readonly row: 'gap';
  readonly transfers: number;
}

/** Before the first transfer, or after the last. */
export interface LimitRow {
  readonly row: 'limit';
  readonly at: 'start' | 'end';
}

/** Too many transfers in a row are none of those that are wanted. */
export interface FarRow {
  readonly row: 'far';
  readonly transfers: number;
}

export type Row = TransferRow | MarkRow | GapRow | LimitRow | FarRow;

export interface RowsOptions {
  readonly vcpu: number;
  /** Of the transfer that the cursor stands after. */
  readonly seq: number;
  readonly rows: number;
  readonly isFolded: boolean;
  /** Marks of the vCPU, by seq; with a filter there are none between rows. */
  readonly marks: Uint32Array;
  /** 1 for each edge that is wanted; null or left out: all are. */
  readonly wanted?: Uint8Array | null;
}

export interface TransferRows {
  /** Oldest first. */
  readonly rows: readonly Row[];
  /** Which of them is the cursor's; -1 where its transfer is lost. */
  readonly cursor: number;
}

/** Transfers that are looked at for loops, in each direction. */
const FOLD_WINDOW = 2048;
/** With a filter, transfers that are looked through for a screen, in each direction. */
const LOOK_MAX = 1 << 21;
/** A longer loop is told in pieces of this many transfers: to count more takes too long. */
const LOOP_TRANSFERS_MAX = 1 << 20;

type Way = 1 | -1;

/** Rows from a place on, in one direction. */
class RowList {
  readonly rows: Row[] = [];
  readonly #trace: Trace;
  readonly #stretches: Stretches;
  readonly #options: RowsOptions;
  readonly #way: Way;

  constructor(trace: Trace, stretches: Stretches, options: RowsOptions, way: Way) {
    this.#trace = trace;
    this.#stretches = stretches;
    this.#options = options;
    this.#way = way;
  }

  /** Adds up to `max` rows, beginning beside the cursor. */
  fill(max: number): readonly Row[] {
    const { seq } = this.#options;
    const way = this.#way;
    if (max > 0) this.#marksBefore(way === 1 ? seq + 1 : seq);
    let at = seq + way;
    while (this.rows.length < max) {
      const stretch = this.#stretchFrom(at, max - this.rows.length);
      const used = this.#addStretch(stretch, at, max);
      const { seqs, edges } = stretch;
      if (seqs === null) at += way * used;
      else at = used < edges.length ? (seqs[used - 1] ?? at) + way : stretch.seqNext;
      if (this.rows.length >= max) break;
      if (stretch.hasMore) {
        if (seqs !== null && Math.abs(at - seq) >= LOOK_MAX) {
          this.rows.push({ row: 'far', transfers: Math.abs(at - seq) });
          break;
        }
        if (seqs === null && used === 0) break;
        continue;
      }
      if (!this.#addEnd(at, stretch.seqBeyond)) break;
      at = stretch.seqBeyond;
    }
    return this.rows.slice(0, max);
  }

  #stretchFrom(at: number, rows: number): Stretch {
    const { vcpu, isFolded, wanted } = this.#options;
    const max = isFolded ? FOLD_WINDOW : rows;
    if (wanted === null || wanted === undefined) {
      return this.#stretches.from(vcpu, at, this.#way, max);
    }
    return this.#stretches.matching(vcpu, at, this.#way, { max, lookMax: LOOK_MAX, wanted });
  }

  /** What comes where a stretch ends; false if nothing comes after it. */
  #addEnd(at: number, seqBeyond: number): boolean {
    const way = this.#way;
    if (seqBeyond >= 0) {
      this.rows.push({ row: 'gap', transfers: Math.abs(seqBeyond - at) });
      return true;
    }
    if (way === -1 && at >= 0) this.rows.push({ row: 'gap', transfers: at + 1 });
    this.rows.push({ row: 'limit', at: way === 1 ? 'end' : 'start' });
    return false;
  }

  /** Marks that happened between transfer `seq - 1` and transfer `seq`. */
  #marksBefore(seq: number): void {
    const { marks, wanted } = this.#options;
    if (wanted !== null && wanted !== undefined) return;
    const from = firstMark(this.#trace, marks, seq);
    const to = firstMark(this.#trace, marks, seq + 1);
    const rows = Array.from(marks.subarray(from, to), (mark): Row => ({ row: 'mark', mark }));
    this.rows.push(...(this.#way === 1 ? rows : rows.reverse()));
  }

  /** @returns how many transfers its rows stand for. */
  #addStretch({ edges, seqs, hasMore }: Stretch, seq: number, max: number): number {
    const isCutOff = hasMore && seqs === null;
    const folds = this.#options.isFolded ? this.#foldsOf(edges, seq, isCutOff) : null;
    const seqOf = (i: number): number => seqs?.[i] ?? seq + this.#way * i;
    const count = folds?.length ?? edges.length;
    let at = 0;
    for (let i = 0; i < count && this.rows.length < max; i++) {
      const fold = folds?.[i] ?? { at: i, length: 1, timesMin: 1, timesMax: 1, body: [] };
      this.#addFold(fold, edges, seqOf, []);
      at = fold.at + fold.length;
      // Marks stand between rows; those within a loop are folded with it.
      const next = seq + this.#way * at;
      this.#marksBefore(this.#way === 1 ? next : next + 1);
    }
    return at;
  }

  /** Loops of a stretch; one that its end cuts off is followed to its own end. */
  #foldsOf(edges: Uint32Array, seq: number, hasMore: boolean): readonly Fold[] {
    const keys = this.#stretches.alike(edges);
    const folds = foldLoops(keys);
    const last = folds.findLastIndex(({ timesMax }) => timesMax > 1);
    const loop = folds[last];
    if (!hasMore || loop === undefined) return folds;
    const round = loop.length / loop.timesMax;
    const end = loop.at + loop.length;
    const isCutOff = edges.length - end < round;
    // Rounds of different length are not followed: the count says what was looked at.
    if (!isCutOff || !isUniform(loop)) return folds;
    const first = keys.subarray(loop.at, loop.at + round);
    const more = this.#moreRounds(first, seq + this.#way * end);
    const times = loop.timesMax + more;
    const whole = { ...loop, length: loop.length + more * round, timesMin: times, timesMax: times };
    return [...folds.slice(0, last), whole];
  }

  /** How often a round comes again from a seq on. */
  #moreRounds(round: Uint32Array, seq: number): number {
    const { vcpu } = this.#options;
    const way = this.#way;
    const same = this.#stretches.goingRound(vcpu, seq, way, round, LOOP_TRANSFERS_MAX);
    return Math.floor(same / round.length);
  }

  #addFold(
    fold: Fold,
    edges: Uint32Array,
    seqOf: (i: number) => number,
    loops: readonly LoopPart[],
  ): void {
    const { at, length, body } = fold;
    const times = timesOf(fold);
    if (body.length === 0) {
      const edge = edges[at] ?? 0;
      const skip = loops.length === 0 ? length : 0;
      this.rows.push({ row: 'transfer', seq: seqOf(at), edge, skip, times, loops });
      return;
    }
    const rows = body.reduce((sum, one) => sum + rowsOf(one), 0);
    // The rows are listed backward where this list is.
    const [head, tail] =
      this.#way === 1 ? (['first', 'last'] as const) : (['last', 'first'] as const);
    const from = this.rows.length;
    for (const one of body) {
      const part: LoopPart = { part: 'inner', times };
      this.#addFold(one, edges, seqOf, [...loops, part]);
    }
    const depth = loops.length;
    for (let i = from; i < this.rows.length; i++) {
      const row = this.rows[i];
      if (row?.row !== 'transfer') continue;
      const isHead = i === from;
      const isTail = i === this.rows.length - 1;
      const part: LoopPart['part'] = rows === 1 ? 'only' : isHead ? head : isTail ? tail : 'inner';
      const own = row.loops.map((loop, level) => (level === depth ? { ...loop, part } : loop));
      this.rows[i] = {
        ...row,
        skip: i === from && depth === 0 ? length : row.skip,
        loops: own,
      };
    }
  }
}

/** Whether all rounds of a loop are the same numbers. */
const isUniform = (fold: Fold): boolean =>
  fold.body.every((one) => one.timesMin === one.timesMax && isUniform(one));

const rowsOf = (fold: Fold): number =>
  fold.body.length === 0 ? 1 : fold.body.reduce((sum, one) => sum + rowsOf(one), 0);

function timesOf({ timesMin, timesMax }: Fold): string {
  if (timesMax === 1 && timesMin === 1) return '';
  const number = (value: number): string => value.toLocaleString('en-US');
  return timesMin === timesMax
    ? `×${number(timesMin)}`
    : `×${number(timesMin)}–${number(timesMax)}`;
}

/** Rows from a place on in one direction, the nearest first; without that of the place itself. */
export const rowsBeside = (
  trace: Trace,
  stretches: Stretches,
  options: RowsOptions,
  way: 1 | -1,
): readonly Row[] => new RowList(trace, stretches, options, way).fill(options.rows);

/** The row of a transfer by itself; none where it is lost. */
export function ownRow(stretches: Stretches, vcpu: number, seq: number): readonly TransferRow[] {
  const edge = stretches.edgeAt(vcpu, seq);
  return edge === null ? [] : [{ row: 'transfer', seq, edge, skip: 1, times: '', loops: [] }];
}

/** As many rows as asked for, if there are so many; the cursor near the bottom. */
export function transferRows(
  trace: Trace,
  stretches: Stretches,
  options: RowsOptions,
): TransferRows {
  const { vcpu, seq, rows } = options;
  const afterMax = rowsAfterMax(rows);
  const after = rowsBeside(trace, stretches, { ...options, rows: rows - 1 }, 1);
  const beforeMax = Math.max(rows - 1 - after.length, rows - 1 - afterMax);
  const before = rowsBeside(trace, stretches, { ...options, rows: beforeMax }, -1);
  const own = ownRow(stretches, vcpu, seq);
  const shown = after.slice(0, rows - before.length - own.length);
  const cursor = own.length === 0 ? -1 : before.length;
  return { rows: [...before.toReversed(), ...own, ...shown], cursor };
}

/** Of the rows of a list, those after the cursor. */
export const rowsAfterMax = (rows: number): number => Math.max(1, Math.floor(rows / 4));
