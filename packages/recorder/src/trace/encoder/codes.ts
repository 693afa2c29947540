/**
 * Numbers of a sequence as codes and further bits, and how often each code is expected.
 * Source: RFC 8878, 3.1.1.3.2.1 (codes) and 3.1.1.3.2.2 (predefined distributions).
 */
import type { Distribution } from './fse.ts';

/** Codes below `plain` stand for themselves; behind that, how many bits follow each. */
interface CodeTable {
  readonly plain: number;
  readonly bits: readonly number[];
}

export const LITERALS: CodeTable = {
  plain: 16,
  bits: [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
};
export const MATCH: CodeTable = {
  plain: 32,
  bits: [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
};
export const MATCH_BYTES_MIN = 3;

/** Bits that follow each code. */
export const extraBits = ({ plain, bits }: CodeTable): number[] => [
  ...Array.from({ length: plain }, () => 0),
  ...bits,
];

/** The smallest number of each code; of a match's length less MATCH_BYTES_MIN. */
export function baselines(table: CodeTable): number[] {
  let next = 0;
  return extraBits(table).map((bits) => {
    const baseline = next;
    next += 1 << bits;
    return baseline;
  });
}

/** From this number on a code is its highest bit and a constant. */
export const CODES_LOOKED_UP = { literals: 64, match: 128 } as const;
export const HIGHEST_BIT_ADDS = { literals: 19, match: 36 } as const;

/** The code of each number from 0 to `count - 1`. */
export function codesBelow(table: CodeTable, count: number): Uint8Array {
  const codes = new Uint8Array(count);
  for (const [code, baseline] of baselines(table).entries()) codes.fill(code, baseline);
  return codes;
}

/** The three of a sequence, in the order of their descriptions in a block. */
export interface Distributions {
  readonly literals: Distribution;
  readonly offset: Distribution;
  readonly match: Distribution;
}

/** A list of numbers; a pair stands for `[times, number]`. */
const list = (...parts: readonly (number | readonly [number, number])[]): number[] =>
  parts.flatMap((part) =>
    typeof part === 'number' ? [part] : Array.from({ length: part[0] }, () => part[1]),
  );

export const PREDEFINED: Distributions = {
  literals: { log: 6, counts: list(4, 3, [11, 2], [3, 1], [9, 2], 3, 2, [5, 1], [4, -1]) },
  offset: { log: 5, counts: list([6, 1], [3, 2], [15, 1], [5, -1]) },
  match: { log: 6, counts: list(1, 4, 3, [6, 2], [37, 1], [7, -1]) },
};

/**
 * What sequences of edge numbers are like: the mean of ten programs' (two loops, a recursion, two
 * sorts, a heap, text, gzip, a Python and a C compiler). Matches come one behind another with no
 * literals between; lengths are even; offsets lie around 2 KiB. It costs 0.1 to 1 bit more for
 * each of the three than counts of the block's own, which would have to be counted first.
 */
export const OWN: Distributions = {
  literals: {
    log: 9,
    // Up to 16 bytes, only whole numbers: every second code. From 18 on two lengths share one.
    counts: list(
      ...list(465, -1, 5, -1, 5, -1, 2, -1, 2, -1, 1, -1, 1, -1, 1, -1),
      ...list(1, 1, -1, -1, 2, 1, 1, 1, 2, 1, [10, -1]),
    ),
  },
  offset: {
    log: 8,
    counts: list(1, -1, 3, -1, 2, 5, 12, 15, 21, [5, 23], 21, 21, 15, 10, 5, 2, [6, -1]),
  },
  match: {
    log: 9,
    // Up to 34 bytes every second code, from MATCH_BYTES on.
    counts: list(
      ...list([9, -1], 31, -1, 22, -1, 18, -1, 10, -1, 11, -1, 5, -1, 5, -1, 4, -1, 3, -1, 4, -1),
      ...list(27, -1, 23, 22, 13, 18, 9, 17, 12, 14, 31, 65, 25, 34, 31, 21, 7, 3, 2, [5, -1]),
    ),
  },
};
