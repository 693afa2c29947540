/**
 * Finite State Entropy, the encoder's side: tables made of normalized counts.
 * Source: RFC 8878, 4.1; the form of the encoding table is that of the reference implementation
 * (one next state for each place of a symbol, and per symbol how to find it and how many bits go).
 *
 * A state is a number from 2^log to 2^(log + 1) - 1. To encode a symbol, as many low bits of the
 * state are written as bring the rest into the range that belongs to the symbol.
 */

/** How often each symbol is expected among 2^log; -1: less than once. They fill the table. */
export interface Distribution {
  readonly log: number;
  readonly counts: readonly number[];
}

export interface EncodingTable {
  readonly log: number;
  /** Next states, those of one symbol side by side. */
  readonly next: Uint16Array;
  /**
   * For each symbol two numbers.
   *   bits    (state + bits) >>> 16 is the number of low bits of the state to write
   *   find    (state >>> that) + find is the place of the next state
   */
  readonly bits: Int32Array;
  readonly find: Int32Array;
}

/** The symbol of each state, as decoders lay them out (RFC 8878, 4.1.1). */
export function spread({ log, counts }: Distribution): Uint8Array {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  let high = size - 1;
  for (const [symbol, count] of counts.entries()) if (count === -1) symbols[high--] = symbol;
  const step = (size >>> 1) + (size >>> 3) + 3;
  let at = 0;
  for (const [symbol, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at > high);
    }
  }
  return symbols;
}

export function encodingTable(distribution: Distribution): EncodingTable {
  const { log, counts } = distribution;
  const size = 1 << log;
  const bits = new Int32Array(counts.length);
  const find = new Int32Array(counts.length);
  const place: number[] = [];
  let total = 0;
  for (const [symbol, signed] of counts.entries()) {
    const count = Math.abs(signed);
    place.push(total);
    // States from `first` on write `most` bits, those below one bit less.
    const most = count > 1 ? log - (31 - Math.clz32(count - 1)) : log;
    const first = count > 1 ? count << most : size;
    bits[symbol] = (most << 16) - first;
    find[symbol] = total - count;
    total += count;
  }
  if (total !== size) throw new RangeError(`found counts of ${total} states, expected ${size}`);
  const next = new Uint16Array(size);
  for (const [state, symbol] of spread(distribution).entries()) {
    const at = place[symbol] ?? 0;
    next[at] = size + state;
    place[symbol] = at + 1;
  }
  return { log, next, bits, find };
}

/** The state that the last symbol leaves an encoder in before anything was written. */
export function firstState(table: EncodingTable, symbol: number): number {
  const bits = table.bits[symbol] ?? 0;
  const count = (bits + (1 << 15)) >>> 16;
  const state = (count << 16) - bits;
  return table.next[(state >>> count) + (table.find[symbol] ?? 0)] ?? 0;
}

/** The bytes that tell a decoder the counts (RFC 8878, 4.1.1). */
export function description({ log, counts }: Distribution): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let held = 0n;
  let heldBits = 0n;
  const put = (value: number, count: number): void => {
    held |= BigInt(value) << heldBits;
    heldBits += BigInt(count);
    for (; heldBits >= 8n; heldBits -= 8n, held >>= 8n) bytes.push(Number(held & 0xffn));
  };
  put(log - 5, 4);
  let left = 1 << log;
  for (let symbol = 0; left > 0; symbol++) {
    const count = counts[symbol] ?? 0;
    // Values from 0 to left + 1 are possible; the low ones take one bit less.
    const width = 32 - Math.clz32(left + 1);
    const short = (1 << width) - 1 - (left + 1);
    const value = count + 1;
    const isShort = value < short;
    const isHigh = value >= 1 << (width - 1);
    put(isShort || !isHigh ? value : value + short, isShort ? width - 1 : width);
    left -= Math.abs(count);
    if (count === 0) throw new RangeError(`found a count of 0 for symbol ${symbol}, expected none`);
  }
  if (heldBits > 0n) bytes.push(Number(held));
  return Uint8Array.from(bytes);
}
