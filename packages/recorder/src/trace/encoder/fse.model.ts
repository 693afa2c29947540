/** Finite State Entropy, the decoder's side: slow, obvious, as RFC 8878 words it (4.1). */
import type { Distribution } from './fse.ts';

/** Bits from the lowest of the first byte on. */
class ForwardBits {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.at++) {
      value += (((this.bytes[this.at >> 3] ?? 0) >> (this.at & 7)) & 1) << i;
    }
    return value;
  }

  get bytesRead(): number {
    return Math.ceil(this.at / 8);
  }
}

/** Bits from the highest of the last byte on, behind a 1 that ends them (4.1). */
export class BackwardBits {
  private readonly bytes: Uint8Array;
  left: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const last = bytes.at(-1) ?? 0;
    if (last === 0) throw new Error('the last byte of a bit stream is 0');
    this.left = 8 * bytes.length - Math.clz32(last << 24) - 1;
  }

  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      this.left--;
      if (this.left < 0) throw new Error('found too few bits');
      value = value * 2 + (((this.bytes[this.left >> 3] ?? 0) >> (this.left & 7)) & 1);
    }
    return value;
  }
}

export interface DecodingState {
  readonly symbol: number;
  readonly bits: number;
  readonly baseline: number;
}

/** 4.1.1, "From Normalized Distribution to Decoding Tables". */
export function decodingTable({ log, counts }: Distribution): DecodingState[] {
  const size = 2 ** log;
  const symbols = Array.from({ length: size }, () => -1);
  let end = size;
  counts.forEach((count, symbol) => {
    if (count === -1) symbols[--end] = symbol;
  });
  let position = 0;
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      symbols[position] = symbol;
      do position = (position + (size >> 1) + (size >> 3) + 3) % size;
      while (position >= end);
    }
  });
  // "State value 2^log is split into as many parts as there are states of the symbol": the states
  // in order get numbers from `count` on, and as many bits as lead back to the size.
  const next = counts.map((count) => Math.abs(count));
  return symbols.map((symbol) => {
    const number = next[symbol] ?? 0;
    next[symbol] = number + 1;
    const bits = log - Math.floor(Math.log2(number));
    return { symbol, bits, baseline: number * 2 ** bits - size };
  });
}

/** 4.1.1, "FSE Table Description". */
export function readDescription(bytes: Uint8Array): { table: Distribution; bytesRead: number } {
  const bits = new ForwardBits(bytes);
  const log = bits.read(4) + 5;
  const counts: number[] = [];
  for (let remaining = 2 ** log; remaining > 0; ) {
    const max = remaining + 1;
    const width = Math.floor(Math.log2(max)) + 1;
    const low = 2 ** width - 1 - max;
    let value = bits.read(width - 1);
    if (value >= low) {
      value += bits.read(1) * 2 ** (width - 1);
      if (value >= 2 ** (width - 1)) value -= low;
    }
    counts.push(value - 1);
    remaining -= Math.abs(value - 1);
    if (value === 1) throw new Error('a count of 0: our tables have none');
  }
  return { table: { log, counts }, bytesRead: bits.bytesRead };
}

/** State of one FSE decoder. */
export class Decoder {
  private readonly table: readonly DecodingState[];
  private state: number;

  constructor(distribution: Distribution, bits: BackwardBits) {
    this.table = decodingTable(distribution);
    this.state = bits.read(distribution.log);
  }

  private get entry(): DecodingState {
    return this.table[this.state] ?? { symbol: -1, bits: 0, baseline: 0 };
  }

  get symbol(): number {
    return this.entry.symbol;
  }

  /** Bits that advance() reads. */
  get needs(): number {
    return this.entry.bits;
  }

  advance(bits: BackwardBits): void {
    const { entry } = this;
    this.state = entry.baseline + bits.read(entry.bits);
  }
}
