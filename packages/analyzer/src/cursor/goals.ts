/**
 * What can be looked for in a stream, in a form that one loop understands: bits for each edge as
 * the beginning of a hop and as its end. A hop is worth a look where the two have a bit in common.
 *
 *   transfer i ─► target … instructions, one after another in memory … source ─► transfer i + 1
 *
 * Addresses only rise within a hop. So it ran an instruction at an address if its target is not
 * above and its source not below that address: two comparisons, made once for each edge.
 */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';
import type { CodeIndex } from '../path/code-index.ts';
import { type EdgeEnds, edgeEnds } from '../path/hops.ts';
import type { Direction } from '../path.ts';
import type { Moment } from './moments.ts';

/** Addresses from `start` to before `end`. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

export interface Goal {
  /** Bits of each edge as the transfer that begins a hop. */
  readonly from: Uint32Array;
  /** Bits of each edge as the one that ends it; of `edges.count`: where none is known. */
  readonly to: Uint32Array;
  /**
   * Index in a moment: the first one sought from `bound` on, or the last one up to it; -1 for none.
   */
  find(moment: Moment, direction: Direction, bound: number): number;
}

type Accept = (row: number, block: number) => boolean;

const EVERY_BIT = 0xffff_ffff;
/** One bit each; what is more is looked for as one range that covers several. */
const RANGES_MAX = 32;

/** Arrivals: of transfers over one of the edges. */
export function landings(trace: Trace, isWanted: (edge: number) => boolean): Goal {
  const { count } = trace.edges;
  const from = new Uint32Array(count);
  for (let edge = 0; edge < count; edge++) from[edge] = isWanted(edge) ? 1 : 0;
  return {
    from,
    to: new Uint32Array(count + 1).fill(1),
    find: (_moment, direction, bound) => (direction === 'forward' ? (bound > 0 ? -1 : 0) : 0),
  };
}

/** Goals that are instructions: made from the ends of edges as the trace is read once. */
export class InstructionGoals {
  readonly #code: CodeIndex;
  readonly #ends: EdgeEnds;
  readonly #edgeCount: number;

  constructor(trace: Trace, code: CodeIndex) {
    this.#code = code;
    this.#ends = edgeEnds(trace);
    this.#edgeCount = trace.edges.count;
  }

  /** Instructions that begin in one of the ranges. */
  at(ranges: readonly AddressRange[]): Goal {
    const sought = merged(ranges);
    return this.#goal(sought, (row, block) => {
      const pc = this.#pc(row, block);
      return sought.some((range) => pc >= range.start && pc < range.end);
    });
  }

  /** Instructions of one block, where they ran as part of that block. */
  inBlock(block: number): Goal {
    const start = this.#pc(this.#code.firstRow[block] ?? 0, block);
    const end = start + BigInt(this.#code.endBytes[block] ?? 0);
    return this.#goal([{ start, end }], (_row, other) => other === block);
  }

  /**
   * Instructions that `accept` takes, all of which lie in the ranges.
   * @param apart ranges that it never takes and that run often: they are best told apart
   */
  of(ranges: readonly AddressRange[], accept: Accept, apart: readonly AddressRange[] = []): Goal {
    return this.#goal(merged(ranges), accept, merged(apart));
  }

  #pc(row: number, block: number): bigint {
    const { pc, offsetBytes } = this.#code;
    const base = (BigInt(pc.high[block] ?? 0) << 32n) | BigInt(pc.low[block] ?? 0);
    return base + BigInt(offsetBytes[row] ?? 0);
  }

  #goal(
    ranges: readonly AddressRange[],
    accept: Accept,
    apart: readonly AddressRange[] = [],
  ): Goal {
    const from = new Uint32Array(this.#edgeCount);
    const to = new Uint32Array(this.#edgeCount + 1);
    let bit = 1;
    for (const range of covering(ranges, apart)) {
      this.#addRange(range, bit, from, to);
      bit <<= 1;
    }
    to[this.#edgeCount] = EVERY_BIT;
    return {
      from,
      to,
      find: (moment, direction, bound) =>
        direction === 'forward' ? firstOf(moment, bound, accept) : lastOf(moment, bound, accept),
    };
  }

  #addRange(range: AddressRange, bit: number, from: Uint32Array, to: Uint32Array): void {
    const { source, target, retired } = this.#ends;
    const last = range.end - 1n;
    const [lowHigh, lowLow] = halves(range.start);
    const [highHigh, highLow] = halves(last);
    for (let edge = 0; edge < this.#edgeCount; edge++) {
      const tHigh = target.high[edge] ?? 0;
      if (tHigh < highHigh || (tHigh === highHigh && (target.low[edge] ?? 0) <= highLow)) {
        from[edge] = (from[edge] ?? 0) | bit;
      }
      const sHigh = source.high[edge] ?? 0;
      const sLow = source.low[edge] ?? 0;
      const isAbove = sHigh > lowHigh || (sHigh === lowHigh && sLow > lowLow);
      const isAt = sHigh === lowHigh && sLow === lowLow && retired[edge] === 1;
      if (isAbove || isAt) to[edge] = (to[edge] ?? 0) | bit;
    }
  }
}

function halves(address: bigint): [number, number] {
  return [Number(address >> 32n), Number(address & 0xffff_ffffn)];
}

/** Sorted, and without overlap; empty ones are left out. */
function merged(ranges: readonly AddressRange[]): AddressRange[] {
  const sorted = ranges
    .filter((range) => range.end > range.start)
    .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const list: AddressRange[] = [];
  for (const range of sorted) {
    const last = list.at(-1);
    if (last === undefined || range.start > last.end) list.push(range);
    else if (range.end > last.end) list[list.length - 1] = { start: last.start, end: range.end };
  }
  return list;
}

/** Larger than any distance between two ranges. */
const FAR = 1n << 64n;

/** At most RANGES_MAX ranges over all of these: the nearest with nothing `apart` are united. */
function covering(ranges: readonly AddressRange[], apart: readonly AddressRange[]): AddressRange[] {
  if (ranges.length <= RANGES_MAX) return [...ranges];
  const gaps = ranges.map((range, i) => range.start - (ranges[i - 1]?.end ?? 0n));
  let next = 0;
  for (let i = 1; i < ranges.length; i++) {
    const start = ranges[i]?.start ?? 0n;
    const isCut = (apart[next]?.start ?? FAR) < start;
    if (isCut) gaps[i] = FAR + (gaps[i] ?? 0n);
    while ((apart[next]?.start ?? FAR) < start) next++;
  }
  const distance = (i: number): bigint => gaps[i] ?? 0n;
  const order = ranges.map((_range, i) => i).slice(1);
  order.sort((a, b) => (distance(a) > distance(b) ? -1 : distance(a) < distance(b) ? 1 : 0));
  const cuts = new Set(order.slice(0, RANGES_MAX - 1));
  const list: AddressRange[] = [];
  ranges.forEach((range, i) => {
    const last = list.at(-1);
    if (last === undefined || cuts.has(i)) list.push(range);
    else list[list.length - 1] = { start: last.start, end: range.end };
  });
  return list;
}

function firstOf(moment: Moment, bound: number, accept: Accept): number {
  let index = 0;
  for (let run = 0; run < moment.length.length; run++) {
    const length = moment.length[run] ?? 0;
    const first = moment.firstRow[run] ?? 0;
    const block = moment.block[run] ?? NO_ROW;
    for (let i = Math.max(0, bound - index); i < length; i++) {
      if (accept(first + i, block)) return index + i;
    }
    index += length;
  }
  return -1;
}

function lastOf(moment: Moment, bound: number, accept: Accept): number {
  let index = moment.count;
  for (let run = moment.length.length - 1; run >= 0; run--) {
    const length = moment.length[run] ?? 0;
    const first = moment.firstRow[run] ?? 0;
    const block = moment.block[run] ?? NO_ROW;
    index -= length;
    for (let i = Math.min(length - 1, bound - index); i >= 0; i--) {
      if (accept(first + i, block)) return index + i;
    }
  }
  return -1;
}
