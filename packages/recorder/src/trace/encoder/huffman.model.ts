/** Huffman coded literals, the decoder's side: slow, obvious, as RFC 8878 words it (4.2). */
import { BackwardBits, Decoder, readDescription } from './fse.model.ts';

/** 4.2.1: the weights of all symbols. Only those that FSE encodes. */
export function readTree(bytes: Uint8Array): { weights: number[]; bytesRead: number } {
  const size = bytes[0] ?? 0;
  if (size >= 128) throw new Error('weights that are not compressed');
  const { table, bytesRead } = readDescription(bytes.subarray(1, 1 + size));
  const bits = new BackwardBits(bytes.subarray(1 + bytesRead, 1 + size));
  const decoders = [new Decoder(table, bits), new Decoder(table, bits)] as const;
  const weights: number[] = [];
  for (let turn: 0 | 1 = 0; ; turn = turn === 0 ? 1 : 0) {
    weights.push(decoders[turn].symbol);
    if (bits.left < decoders[turn].needs) {
      weights.push(decoders[turn === 0 ? 1 : 0].symbol);
      break;
    }
    decoders[turn].advance(bits);
  }
  // The last one makes the sum a power of two.
  const sum = weights.reduce((all, weight) => all + (weight > 0 ? 2 ** (weight - 1) : 0), 0);
  const total = 2 ** (Math.floor(Math.log2(sum)) + 1);
  weights.push(Math.log2(total - sum) + 1);
  return { weights, bytesRead: 1 + size };
}

/** Each code as a text of bits, and its symbol: from the lowest weight on (4.2.1.3). */
function codesOf(weights: readonly number[]): Map<string, number> {
  const sum = weights.reduce((all, weight) => all + (weight > 0 ? 2 ** (weight - 1) : 0), 0);
  const bitsMax = Math.log2(sum);
  const codes = new Map<string, number>();
  // A code of weight w takes 2^(w - 1) of the places from 0 to `sum`.
  let place = 0;
  for (let weight = 1; weight <= bitsMax; weight++) {
    for (const [symbol, each] of weights.entries()) {
      if (each !== weight) continue;
      const bits = bitsMax + 1 - weight;
      codes.set((place / 2 ** (weight - 1)).toString(2).padStart(bits, '0'), symbol);
      place += 2 ** (weight - 1);
    }
  }
  return codes;
}

/** 4.2.2: four streams, of which a table of three sizes says where they are. */
export function decodeStreams(
  bytes: Uint8Array,
  size: number,
  weights: readonly number[],
): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const codes = codesOf(weights);
  const found: number[] = [];
  const part = Math.floor((size + 3) / 4);
  let at = 6;
  for (let stream = 0; stream < 4; stream++) {
    const end = stream < 3 ? at + view.getUint16(2 * stream, true) : bytes.length;
    const bits = new BackwardBits(bytes.subarray(at, end));
    const count = stream < 3 ? part : size - 3 * part;
    for (let i = 0; i < count; i++) {
      let code = '';
      while (!codes.has(code)) code += bits.read(1);
      found.push(codes.get(code) ?? 0);
    }
    if (bits.left !== 0) throw new Error(`${bits.left} bits are left in stream ${stream}`);
    at = end;
  }
  return Uint8Array.from(found);
}
