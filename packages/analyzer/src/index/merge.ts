/** Joins what was collected of rows of segments into the tables of one index. */
import { BacktrailError } from '@backtrail/recorder/trace';
import { PairTable } from '../path/pair-table.ts';
import type { Collected, Summaries } from './collect.ts';
import { SUMMARY_PASSES } from './passes.ts';

/** What an index is, in memory and in its file. */
export interface IndexTables {
  /** Segments are taken together, 2^groupBits of them, where single ones cost too much. */
  readonly groupBits: number;
  readonly placeCount: number;
  /** The two edges of each hop; sorted by the first, then the second. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** First stretch of each hop; one more at the end. */
  readonly firstStretch: Uint32Array;
  /** Groups in which a hop occurs: first, and after the last; those of one hop rise, with holes. */
  readonly stretches: Uint16Array | Uint32Array;
  readonly unreadable: Uint32Array;
  readonly summaries: readonly Summaries[];
}

const HOPS_MAX = 1 << 27;

/** @param parts in order of their places; edges are numbered below `edgeCount`. */
export function mergeCollected(
  parts: readonly Collected[],
  placeCount: number,
  edgeCount: number,
): IndexTables {
  const { from, to, local } = uniteHops(parts);
  const rank = ranksOf(from, to, edgeCount);
  const hopCount = from.length;
  const firstStretch = new Uint32Array(hopCount + 1);
  const stretches = sortStretches(parts, local, rank, firstStretch);
  return {
    groupBits: 0,
    placeCount,
    from: permuted(from, rank),
    to: permuted(to, rank),
    firstStretch,
    stretches,
    unreadable: joined(parts.map((part) => part.unreadable)),
    summaries: SUMMARY_PASSES.map((_pass, i) => ({
      lengths: joined(parts.map((part) => part.summaries[i]?.lengths ?? new Uint32Array())),
      words: joined(parts.map((part) => part.summaries[i]?.words ?? new Uint32Array())),
    })),
  };
}

/** One number for each hop of all parts, and those of each part. */
function uniteHops(parts: readonly Collected[]) {
  const pairs = new PairTable(HOPS_MAX);
  const total = parts.reduce((sum, part) => sum + part.from.length, 0);
  const from = new Uint32Array(total);
  const to = new Uint32Array(total);
  let count = 0;
  const local = parts.map((part) => {
    const numbers = new Uint32Array(part.from.length);
    for (let i = 0; i < numbers.length; i++) {
      const first = part.from[i] ?? 0;
      const second = part.to[i] ?? 0;
      let hop = pairs.get(first, second);
      if (hop < 0) {
        hop = count++;
        if (!pairs.set(first, second, hop)) throw tooMany();
        from[hop] = first;
        to[hop] = second;
      }
      numbers[i] = hop;
    }
    return numbers;
  });
  return { from: from.subarray(0, count), to: to.subarray(0, count), local };
}

function tooMany(): BacktrailError {
  return new BacktrailError(
    'E_INDEX',
    `found more than ${HOPS_MAX} pairs of edges, expected fewer. ` +
      'This trace has no index: searches go through all of it.',
  );
}

/** Rank of each hop by (from, to): two counting sorts, the second of which keeps the first. */
function ranksOf(from: Uint32Array, to: Uint32Array, edgeCount: number): Uint32Array {
  const order = Uint32Array.from(from.keys());
  const sorted = new Uint32Array(order.length);
  countingSort(order, to, edgeCount + 1, sorted);
  countingSort(sorted, from, edgeCount, order);
  const rank = new Uint32Array(order.length);
  order.forEach((hop, i) => {
    rank[hop] = i;
  });
  return rank;
}

function countingSort(
  order: Uint32Array,
  key: Uint32Array,
  keys: number,
  sorted: Uint32Array,
): void {
  const next = new Uint32Array(keys + 1);
  for (const hop of order) next[(key[hop] ?? 0) + 1] = (next[(key[hop] ?? 0) + 1] ?? 0) + 1;
  for (let i = 0; i < keys; i++) next[i + 1] = (next[i + 1] ?? 0) + (next[i] ?? 0);
  for (const hop of order) {
    const place = next[key[hop] ?? 0] ?? 0;
    sorted[place] = hop;
    next[key[hop] ?? 0] = place + 1;
  }
}

function permuted(column: Uint32Array, rank: Uint32Array): Uint32Array {
  const result = new Uint32Array(column.length);
  for (let i = 0; i < column.length; i++) result[rank[i] ?? 0] = column[i] ?? 0;
  return result;
}

/** All stretches by hop, then place; those that touch become one. */
function sortStretches(
  parts: readonly Collected[],
  local: readonly Uint32Array[],
  rank: Uint32Array,
  firstStretch: Uint32Array,
): Uint32Array {
  const next = new Uint32Array(rank.length + 1);
  parts.forEach(({ stretches }, i) => {
    for (let at = 0; at < stretches.length; at += 3) {
      const hop = rank[local[i]?.[stretches[at] ?? 0] ?? 0] ?? 0;
      next[hop + 1] = (next[hop + 1] ?? 0) + 1;
    }
  });
  for (let hop = 0; hop < rank.length; hop++) {
    next[hop + 1] = (next[hop + 1] ?? 0) + (next[hop] ?? 0);
  }
  const sorted = new Uint32Array((next[rank.length] ?? 0) * 2);
  const begin = next.slice();
  parts.forEach(({ stretches }, i) => {
    for (let at = 0; at < stretches.length; at += 3) {
      const hop = rank[local[i]?.[stretches[at] ?? 0] ?? 0] ?? 0;
      const place = next[hop] ?? 0;
      sorted[place * 2] = stretches[at + 1] ?? 0;
      sorted[place * 2 + 1] = stretches[at + 2] ?? 0;
      next[hop] = place + 1;
    }
  });
  return compacted(begin, sorted, 0, firstStretch);
}

/** Stretches of groups in place of those of places; `firstStretch` is filled. */
function compacted(
  begin: Uint32Array,
  stretches: Uint16Array | Uint32Array,
  bits: number,
  firstStretch: Uint32Array,
): Uint32Array {
  const result = new Uint32Array(stretches.length);
  let count = 0;
  for (let hop = 0; hop + 1 < begin.length; hop++) {
    firstStretch[hop] = count;
    const end = begin[hop + 1] ?? 0;
    for (let i = begin[hop] ?? 0; i < end; i++) {
      const first = (stretches[i * 2] ?? 0) >>> bits;
      const after = (((stretches[i * 2 + 1] ?? 1) - 1) >>> bits) + 1;
      if (count > (firstStretch[hop] ?? 0) && first <= (result[count * 2 - 1] ?? 0)) {
        result[count * 2 - 1] = after;
      } else {
        result[count * 2] = first;
        result[count * 2 + 1] = after;
        count++;
      }
    }
  }
  firstStretch[begin.length - 1] = count;
  return result.slice(0, count * 2);
}

/** The same index with segments taken together in pairs, for half the room or less. */
export function coarsened(tables: IndexTables): IndexTables {
  const firstStretch = new Uint32Array(tables.firstStretch.length);
  const stretches = compacted(tables.firstStretch, tables.stretches, 1, firstStretch);
  return { ...tables, groupBits: tables.groupBits + 1, firstStretch, stretches };
}

function joined(parts: readonly Uint32Array[]): Uint32Array<ArrayBuffer> {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
