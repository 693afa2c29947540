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
import type { AddressRange, Goal, InstructionGoals } from './goals.ts';
import type { Levels } from './levels.ts';
import type { Moment, Moments } from './moments.ts';
import type { Found, Search } from './search.ts';

/** What tells one source line from another, for one address; null where it has none. */
export type LineOf = (pc: bigint) => string | number | null;

const NO_LINE = -1;
const NOT_ASKED = 0;
/** Moments without a line that are gone through before the rest is searched. */
const PLAIN_MAX = 64;

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

  /** Addresses of all instructions that have a line. */
  ranges(): AddressRange[] {
    const { blockCount, firstRow } = this.#code;
    const ranges: AddressRange[] = [];
    for (let block = 0; block < blockCount; block++) {
      const end = firstRow[block + 1] ?? 0;
      for (let row = firstRow[block] ?? 0; row < end; row++) {
        if (this.of(row) === NO_LINE) continue;
        const start = this.#code.pcOf(row);
        ranges.push({ start, end: start + 1n });
      }
    }
    return ranges;
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

export class LineSteps {
  readonly #moments: Moments;
  readonly #levels: Levels;
  readonly #lines: RowLines;
  readonly #searchFor: (goal: Goal) => Search;
  readonly #goals: InstructionGoals;
  #anyLine: Search | null = null;

  constructor(
    moments: Moments,
    levels: Levels,
    goals: InstructionGoals,
    lines: RowLines,
    searchFor: (goal: Goal) => Search,
  ) {
    this.#moments = moments;
    this.#levels = levels;
    this.#goals = goals;
    this.#lines = lines;
    this.#searchFor = searchFor;
  }

  /** Where a step ends; null where there is no such line. */
  step(vcpu: number, from: Found, direction: Direction, isOver: boolean): Found | null {
    const moment = this.#moments.at(vcpu, from.seq);
    if (moment === null) return null;
    const line = this.#lines.of(this.#moments.rowAt(moment, from.index));
    const start: At = { ...from, line, level: 0 };
    if (direction === 'forward') {
      return this.#next(vcpu, start, direction, isOver ? 0 : null, line);
    }
    const before = this.#next(vcpu, start, direction, isOver ? 0 : null, NO_LINE);
    if (before === null) return null;
    return this.#visitStart(vcpu, before, isOver);
  }

  /** The first instruction of the visit that `last` is in. */
  #visitStart(vcpu: number, last: At, isOver: boolean): At {
    let first = last;
    for (;;) {
      const limit = isOver ? Math.min(0, first.level) : null;
      const before = this.#next(vcpu, first, 'backward', limit, NO_LINE);
      if (before === null || before.line !== last.line) return first;
      if (this.#isApart(vcpu, before.seq, first.seq)) return first;
      first = before;
    }
  }

  /** Whether transfers were lost between two moments. */
  #isApart(vcpu: number, low: number, high: number): boolean {
    return this.#moments.streams.gaps(vcpu, low, high).length > 0;
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
    for (let plain = 0; moment !== null; ) {
      const found = this.#inMoment(moment, index, way, other);
      if (found >= 0) {
        const line = this.#lines.of(this.#moments.rowAt(moment, found));
        return { seq: moment.seq, index: found, line, level };
      }
      if (low !== null) low = Math.min(low, level);
      const isPlain = this.#hasNone(moment);
      plain = isPlain ? plain + 1 : 0;
      if (low === null && plain > PLAIN_MAX) {
        const next = this.#jump(vcpu, moment, direction);
        if (next === null) return null;
        if (other !== NO_LINE && this.#isBroken(vcpu, moment.seq, next.seq)) other = NO_LINE;
        moment = this.#moments.at(vcpu, next.seq);
        index = way > 0 ? 0 : Number.POSITIVE_INFINITY;
        plain = 0;
        continue;
      }
      const next = this.#following(vcpu, moment.seq, level, low, direction);
      if (next === null) return null;
      if (other !== NO_LINE && this.#isBroken(vcpu, moment.seq, next.seq)) other = NO_LINE;
      level = next.level;
      moment = this.#moments.at(vcpu, next.seq);
      index = way > 0 ? 0 : Number.POSITIVE_INFINITY;
    }
    return null;
  }

  #isBroken(vcpu: number, a: number, b: number): boolean {
    return this.#isApart(vcpu, Math.min(a, b), Math.max(a, b));
  }

  /** The next moment, or with a limit the next one that is not deeper. */
  #following(
    vcpu: number,
    seq: number,
    level: number,
    limit: number | null,
    direction: Direction,
  ): { seq: number; level: number } | null {
    if (limit !== null) return this.#levels.nearest(vcpu, { seq, level }, limit, direction);
    const moved = this.#moments.streams.seqBy(vcpu, seq, direction === 'forward' ? 1 : -1);
    return moved.steps === 0 ? null : { seq: moved.seq, level };
  }

  #hasNone(moment: Moment): boolean {
    return this.#inMoment(moment, 0, 1, NO_LINE) < 0;
  }

  /** Over a long stretch without lines, by the index. */
  #jump(vcpu: number, moment: Moment, direction: Direction): Found | null {
    this.#anyLine ??= this.#searchFor(
      this.#goals.of(this.#lines.ranges(), (row) => this.#lines.of(row) !== NO_LINE),
    );
    const index = direction === 'forward' ? moment.count : -1;
    return this.#anyLine.nearest(vcpu, moment.seq, index, direction);
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
