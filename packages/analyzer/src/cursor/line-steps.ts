/**
 * Moves by source line. Instructions without a line (libraries without debug information) do not
 * count. A visit is a row of instructions of one line; a gap ends it. A step forward goes to where
 * the next visit begins; a step back to where this one began, or from there to where the one
 * before it did, as a debugger's `reverse-step` does.
 *
 * A step over calls looks only at moments at most as deep as where it stands.
 */
import { NO_ROW } from '@backtrail/recorder/trace';
import type { CodeIndex } from '../path/code-index.ts';
import type { Direction } from '../path.ts';
import { LruCache } from '../symbols/lru-cache.ts';
import type { AddressRange, Goal, InstructionGoals } from './goals.ts';
import type { Level, Levels } from './levels.ts';
import type { Moment, Moments } from './moments.ts';
import type { Found, Search } from './search.ts';

/** What tells one source line from another, for one address; null where it has none. */
export type LineOf = (pc: bigint) => string | number | null;

const NO_LINE = -1;
const NOT_ASKED = 0;
/** Moments gone through one by one before the index is asked, which takes as long as these. */
const MISSES_MAX = 256;
const SEARCHES_KEPT = 8;

/** The line of each row, asked for once. */
export class RowLines {
  readonly #code: CodeIndex;
  readonly #lineOf: LineOf;
  readonly #line: Int32Array;
  readonly #numbers = new Map<string | number, number>();

  constructor(code: CodeIndex, lineOf: LineOf) {
    this.#code = code;
    this.#lineOf = lineOf;
    this.#line = new Int32Array(code.rowCount);
  }

  /** A number from 1 for each line, or NO_LINE. */
  of(row: number): number {
    if (row === NO_ROW) return NO_LINE;
    const known = this.#line[row] ?? NO_LINE;
    if (known !== NOT_ASKED) return known;
    const key = this.#lineOf(this.#code.pcOf(row));
    const number = key === null ? NO_LINE : this.#numberOf(key);
    this.#line[row] = number;
    return number;
  }

  #numberOf(key: string | number): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size + 1;
    this.#numbers.set(key, number);
    return number;
  }

  /** Addresses of all instructions that have a line other than `besides`, and of those of that. */
  ranges(besides: number): { sought: AddressRange[]; apart: AddressRange[] } {
    const { blockCount, firstRow, offsetBytes, endBytes } = this.#code;
    const sought: AddressRange[] = [];
    const apart: AddressRange[] = [];
    for (let block = 0; block < blockCount; block++) {
      const first = firstRow[block] ?? 0;
      const end = firstRow[block + 1] ?? 0;
      if (first === end) continue;
      const pc = this.#code.pcOf(first);
      let open = first;
      for (let row = first + 1; row <= end; row++) {
        if (row < end && this.of(row) === this.of(open)) continue;
        const line = this.of(open);
        const until = row < end ? (offsetBytes[row] ?? 0) : (endBytes[block] ?? 0);
        const range = { start: pc + BigInt(offsetBytes[open] ?? 0), end: pc + BigInt(until) };
        if (line !== NO_LINE) (line === besides ? apart : sought).push(range);
        open = row;
      }
    }
    return { sought, apart };
  }
}

/** An instruction on the way. */
interface At {
  readonly seq: number;
  readonly index: number;
  readonly line: number;
  /** Against the level that the step began at. */
  readonly level: number;
}

/** The moment to go on with, and the lowest level on the way there. */
interface Ahead extends Level {
  readonly low: number | null;
}

export class LineSteps {
  readonly #moments: Moments;
  readonly #levels: Levels;
  readonly #lines: RowLines;
  readonly #searchFor: (goal: Goal) => Search;
  readonly #goals: InstructionGoals;
  readonly #missesMax: number;
  /** Of instructions that have a line other than one; by that line. */
  readonly #others = new LruCache<number, Search>(SEARCHES_KEPT);

  constructor(
    moments: Moments,
    levels: Levels,
    goals: InstructionGoals,
    lines: RowLines,
    searchFor: (goal: Goal) => Search,
    missesMax = MISSES_MAX,
  ) {
    this.#moments = moments;
    this.#levels = levels;
    this.#goals = goals;
    this.#lines = lines;
    this.#searchFor = searchFor;
    this.#missesMax = missesMax;
  }

  /** Where a step ends; null where there is no such line. */
  step(vcpu: number, from: Found, direction: Direction, isOver: boolean): Found | null {
    const moment = this.#moments.at(vcpu, from.seq);
    if (moment === null) return null;
    const line = this.#lines.of(this.#moments.rowAt(moment, from.index));
    const start: At = { ...from, line, level: 0 };
    const limit = isOver ? 0 : null;
    if (direction === 'forward') return this.#next(vcpu, start, direction, limit, line);
    const before = this.#next(vcpu, start, direction, limit, NO_LINE);
    return before === null ? null : this.#visitStart(vcpu, before, isOver);
  }

  /**
   * The first instruction of the visit that `last` is in: the first one that counts after the last
   * one of another line.
   */
  #visitStart(vcpu: number, last: At, isOver: boolean): Found {
    const { streams } = this.#moments;
    const limit = isOver ? last.level : null;
    const other = this.#next(vcpu, last, 'backward', limit, last.line);
    const gap = streams.gaps(vcpu, other?.seq ?? 0, last.seq).at(-1);
    // A visit that begins where the recording does, or goes on after a gap, has nothing before it.
    const begin = Math.max(gap?.toSeq ?? 0, streams.recordedFrom(vcpu, 0));
    let at: Found = other === null || gap !== undefined ? { seq: begin, index: -1 } : { ...other };
    let isFirst = at.index < 0;
    for (;;) {
      const moment = this.#moments.at(vcpu, at.seq);
      if (moment === null || at.seq > last.seq) return last;
      const counts = !isFirst || this.#counts(vcpu, at.seq, last.seq, isOver);
      const index = counts ? this.#inMoment(moment, at.index + 1, 1, NO_LINE) : -1;
      if (index >= 0) return { seq: at.seq, index };
      const next = this.#followingTo(vcpu, at.seq, last.seq, isOver);
      if (next === null) return last;
      at = { seq: next, index: -1 };
      isFirst = false;
    }
  }

  /** Whether a moment is no deeper than all after it up to another one. */
  #counts(vcpu: number, seq: number, last: number, isOver: boolean): boolean {
    return !isOver || this.#levels.span(vcpu, seq, last).lowest >= 0;
  }

  /** The next moment that counts for a step back from a later one. */
  #followingTo(vcpu: number, seq: number, last: number, isOver: boolean): number | null {
    if (!isOver) {
      const next = this.#search(NO_LINE).nearest(vcpu, seq, Number.POSITIVE_INFINITY, 'forward');
      return next === null ? null : next.seq;
    }
    const { lowest } = this.#levels.span(vcpu, seq, last);
    return this.#levels.nearest(vcpu, { seq, level: 0 }, lowest, 'forward')?.seq ?? null;
  }

  /** Whether transfers were lost between two moments. */
  #isBroken(vcpu: number, a: number, b: number): boolean {
    return this.#moments.streams.gaps(vcpu, Math.min(a, b), Math.max(a, b)).length > 0;
  }

  /** The nearest instruction that has a line other than `besides`; no deeper than `limit`. */
  #next(
    vcpu: number,
    from: At,
    direction: Direction,
    limit: number | null,
    besides: number,
  ): At | null {
    const way = direction === 'forward' ? 1 : -1;
    let moment = this.#moments.at(vcpu, from.seq);
    let { level } = from;
    let low = limit;
    let index = from.index + way;
    let other = besides;
    for (let misses = 0; moment !== null; misses++) {
      const found = this.#inMoment(moment, index, way, other);
      if (found >= 0) {
        const line = this.#lines.of(this.#moments.rowAt(moment, found));
        return { seq: moment.seq, index: found, line, level };
      }
      if (low !== null) low = Math.min(low, level);
      const here = { seq: moment.seq, level };
      const next: Ahead | null =
        misses < this.#missesMax
          ? this.#following(vcpu, here, low, direction)
          : this.#jump(vcpu, here, low, direction, other);
      if (next === null) return null;
      // What lies beyond a gap is another visit, also of the same line.
      if (this.#isBroken(vcpu, moment.seq, next.seq)) other = NO_LINE;
      ({ level } = next);
      low = next.low;
      moment = this.#moments.at(vcpu, next.seq);
      index = way > 0 ? 0 : Number.POSITIVE_INFINITY;
    }
    return null;
  }

  /** The next moment, or with a limit the next one that is not deeper. */
  #following(vcpu: number, from: Level, low: number | null, direction: Direction): Ahead | null {
    if (low !== null) {
      const next = this.#levels.nearest(vcpu, from, low, direction);
      return next === null ? null : { ...next, low };
    }
    const moved = this.#moments.streams.seqBy(vcpu, from.seq, direction === 'forward' ? 1 : -1);
    return moved.steps === 0 ? null : { seq: moved.seq, level: from.level, low };
  }

  /** Over a long stretch of no line or one line, by the index. */
  #jump(
    vcpu: number,
    from: Level,
    low: number | null,
    direction: Direction,
    besides: number,
  ): Ahead | null {
    const isForward = direction === 'forward';
    const edge = isForward ? Number.POSITIVE_INFINITY : -1;
    const found = this.#search(besides).nearest(vcpu, from.seq, edge, direction);
    const gap = besides === NO_LINE ? null : this.#beyondGap(vcpu, from.seq, found, direction);
    const seq = gap ?? found?.seq ?? null;
    if (seq === null) return null;
    if (low === null) return { seq, level: from.level, low };
    const span = isForward
      ? this.#levels.span(vcpu, from.seq, seq)
      : this.#levels.span(vcpu, seq, from.seq);
    const level = isForward ? from.level + span.net : from.level - span.net;
    const base = isForward ? from.level : level;
    const lowest = Math.min(low, level, base + span.lowest);
    if (level <= lowest) return { seq, level, low: lowest };
    // It lies deeper: on behind the call that it is in.
    const next = this.#levels.nearest(vcpu, { seq, level }, lowest, direction);
    return next === null ? null : { ...next, low: lowest };
  }

  /** The first recorded moment behind the nearest gap on the way to what was found, if any. */
  #beyondGap(vcpu: number, from: number, found: Found | null, direction: Direction): number | null {
    const { streams } = this.#moments;
    if (direction === 'forward') {
      return streams.gaps(vcpu, from, found?.seq ?? Number.POSITIVE_INFINITY)[0]?.toSeq ?? null;
    }
    const before = (streams.gaps(vcpu, found?.seq ?? 0, from).at(-1)?.fromSeq ?? 0) - 1;
    return before < 0 ? null : before;
  }

  #search(besides: number): Search {
    const kept = this.#others.get(besides);
    if (kept !== undefined) return kept;
    const isSought = (row: number): boolean => {
      const line = this.#lines.of(row);
      return line !== NO_LINE && line !== besides;
    };
    const { sought, apart } = this.#lines.ranges(besides);
    const made = this.#searchFor(this.#goals.of(sought, isSought, apart));
    this.#others.set(besides, made);
    return made;
  }

  #inMoment(moment: Moment, from: number, way: 1 | -1, besides: number): number {
    const last = moment.count - 1;
    for (let i = Math.min(from, last + (way > 0 ? 1 : 0)); i >= 0 && i <= last; i += way) {
      const line = this.#lines.of(this.#moments.rowAt(moment, i));
      if (line !== NO_LINE && line !== besides) return i;
    }
    return -1;
  }
}
