/**
 * Huffman codes of literals where numbers are 32 bits wide: a fixed tree, made for bytes of which
 * a third are 0. Source: RFC 8878, 4.2.
 */
import { type Distribution, description, encodingTable, firstState } from './fse.ts';

/** Bits of the longest code: that of a symbol with a weight of 1. */
const BITS_MAX = 9;

/**
 * The weight of each byte; a code is BITS_MAX + 1 less its weight long. Numbers of edges have a
 * highest byte of 0, then one of few, then two that may be anything.
 */
export const WEIGHTS: readonly number[] = Array.from({ length: 256 }, (_, byte) => {
  if (byte < 3) return 8 - byte;
  return byte < 38 ? 2 : 1;
});

/** How often each weight occurs in WEIGHTS, about, of 64. */
const WEIGHTS_EXPECTED: Distribution = { log: 6, counts: [-1, 51, 6, -1, -1, -1, 1, 1, 1] };

export interface Code {
  readonly value: number;
  readonly bits: number;
}

/** The code of each byte: numbered from the longest on, in the order of symbols (4.2.1.3). */
export function codesOf(weights: readonly number[]): Code[] {
  const codes: Code[] = Array.from({ length: weights.length }, () => ({ value: 0, bits: 0 }));
  let next = 0;
  for (let weight = 1; weight <= BITS_MAX; weight++) {
    for (const [symbol, each] of weights.entries()) {
      if (each === weight) codes[symbol] = { value: next++, bits: BITS_MAX + 1 - weight };
    }
    if (next % 2 !== 0) throw new RangeError(`found ${next} codes, expected an even number`);
    next /= 2;
  }
  return codes;
}

/**
 * What tells a decoder the tree: weights of all bytes but the last, which follows from the
 * others, by two FSE encoders in turn (4.2.1.1, 4.2.1.2).
 */
export function treeDescription(): Uint8Array<ArrayBuffer> {
  const table = encodingTable(WEIGHTS_EXPECTED);
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let i = 0; i < count; i++) bits.push((value >> i) & 1);
  };
  const states: (number | null)[] = [null, null];
  for (let i = WEIGHTS.length - 2; i >= 0; i--) {
    const weight = WEIGHTS[i] ?? 0;
    const state = states[i % 2] ?? null;
    if (state === null) {
      states[i % 2] = firstState(table, weight);
    } else {
      const count = (state + (table.bits[weight] ?? 0)) >>> 16;
      put(state, count);
      states[i % 2] = table.next[(state >>> count) + (table.find[weight] ?? 0)] ?? 0;
    }
  }
  for (const state of states.reverse()) put(state ?? 0, table.log);
  put(1, 1);
  const stream = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) stream[i >> 3] = (stream[i >> 3] ?? 0) | (bit << (i & 7));
  const head = description(WEIGHTS_EXPECTED);
  const bytes = Uint8Array.of(head.length + stream.length, ...head, ...stream);
  if (bytes.length > 128) throw new RangeError(`found ${bytes.length} bytes, expected 128 at most`);
  return bytes;
}
