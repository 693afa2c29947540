/**
 * A decoder of zstd frames, slow and obvious: only what our frames hold, each step as RFC 8878
 * words it, with a list of what was found. Tests compare it with the encoder and with zstd.
 */
import { baselines, extraBits, LITERALS, MATCH, MATCH_BYTES_MIN, PREDEFINED } from './codes.ts';
import { BackwardBits, Decoder, readDescription } from './fse.model.ts';
import type { Distribution } from './fse.ts';
import { decodeStreams, readTree } from './huffman.model.ts';

export interface ModelBlock {
  readonly type: 'raw' | 'compressed';
  readonly isLast: boolean;
  readonly bytes: number;
  readonly literals: number;
  /** How they are written. */
  readonly coding: 'raw' | 'tree' | 'tree before';
  readonly sequences: number;
  /** How the three tables are given; null where there are no sequences. */
  readonly tables: 'predefined' | 'described' | 'repeated' | null;
}

export interface ModelFrame {
  readonly content: Uint8Array;
  readonly blocks: readonly ModelBlock[];
  /** Bytes of the header, as they are. */
  readonly header: Uint8Array;
  readonly checksum: number;
}

const CODES = {
  literals: { base: baselines(LITERALS), bits: extraBits(LITERALS) },
  match: { base: baselines(MATCH), bits: extraBits(MATCH) },
};

interface Context {
  readonly content: number[];
  recent: [number, number, number];
  /** Literals, offset, match: those last described. */
  described: readonly Distribution[] | null;
  /** The weights of the tree that was described last. */
  tree: readonly number[] | null;
}

/** 3.1.1.5: which offset a value means, and what that does to the recent ones. */
function offsetOf(context: Context, value: number, literals: number): number {
  const { recent } = context;
  if (value > 3) {
    context.recent = [value - 3, recent[0], recent[1]];
    return value - 3;
  }
  const index = value - 1 + (literals === 0 ? 1 : 0);
  const offset = index === 3 ? recent[0] - 1 : (recent[index] ?? 0);
  if (index === 1) context.recent = [offset, recent[0], recent[2]];
  if (index >= 2) context.recent = [offset, recent[0], recent[1]];
  return offset;
}

/** 3.1.1.3.1. */
function literalsOf(
  body: Uint8Array,
  context: Context,
): { literals: Uint8Array; coding: ModelBlock['coding']; bytesRead: number } {
  const [low = 0, second = 0, third = 0, fourth = 0, fifth = 0] = body;
  const header = low + second * 2 ** 8 + third * 2 ** 16 + fourth * 2 ** 24 + fifth * 2 ** 32;
  if (low % 16 === 12) {
    const size = (header % 2 ** 24) >> 4;
    return { literals: body.subarray(3, 3 + size), coding: 'raw', bytesRead: 3 + size };
  }
  if (low % 16 < 14) throw new Error(`literals with ${low % 16}`);
  const size = Math.floor(header / 2 ** 4) % 2 ** 18;
  const bytesRead = 5 + Math.floor(header / 2 ** 22);
  let streams = body.subarray(5, bytesRead);
  if (low % 16 === 14) {
    const { weights, bytesRead: treeBytes } = readTree(streams);
    context.tree = weights;
    streams = streams.subarray(treeBytes);
  }
  if (context.tree === null) throw new Error('the tree before, but there is none');
  const coding = low % 16 === 14 ? 'tree' : 'tree before';
  return { literals: decodeStreams(streams, size, context.tree), coding, bytesRead };
}

function tablesOf(modes: number): NonNullable<ModelBlock['tables']> {
  if (modes === 0x00) return 'predefined';
  if (modes === 0xa8) return 'described';
  if (modes === 0xfc) return 'repeated';
  throw new Error(`modes ${modes}`);
}

function compressedBlock(body: Uint8Array, context: Context): Omit<ModelBlock, 'type' | 'isLast'> {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const section = literalsOf(body, context);
  const { literals, coding } = section;
  let at = section.bytesRead;
  let count = view.getUint8(at++);
  if (count >= 128) count = (count - 128) * 256 + view.getUint8(at++);
  const modes = view.getUint8(at++);
  const tables = tablesOf(modes);
  if (tables === 'described') {
    context.described = [0, 1, 2].map(() => {
      const { table, bytesRead } = readDescription(body.subarray(at));
      at += bytesRead;
      return table;
    });
  }
  const predefined = [PREDEFINED.literals, PREDEFINED.offset, PREDEFINED.match];
  const used = tables === 'predefined' ? predefined : context.described;
  const [ofLiterals, ofOffset, ofMatch] = used ?? [];
  if (!(ofLiterals && ofOffset && ofMatch)) throw new Error('repeated, but never described');
  const bits = new BackwardBits(body.subarray(at));
  const literalsDecoder = new Decoder(ofLiterals, bits);
  const offsetDecoder = new Decoder(ofOffset, bits);
  const matchDecoder = new Decoder(ofMatch, bits);
  let taken = 0;
  for (let i = 0; i < count; i++) {
    const value = 2 ** offsetDecoder.symbol + bits.read(offsetDecoder.symbol);
    const match = number(CODES.match, matchDecoder.symbol, bits) + MATCH_BYTES_MIN;
    const before = number(CODES.literals, literalsDecoder.symbol, bits);
    if (i < count - 1) {
      for (const each of [literalsDecoder, matchDecoder, offsetDecoder]) each.advance(bits);
    }
    for (const byte of literals.subarray(taken, taken + before)) context.content.push(byte);
    taken += before;
    const offset = offsetOf(context, value, before);
    if (offset > context.content.length) throw new Error(`offset ${offset} is before the content`);
    for (let k = 0; k < match; k++) context.content.push(context.content.at(-offset) ?? 0);
  }
  if (bits.left !== 0) throw new Error(`${bits.left} bits are left`);
  for (const byte of literals.subarray(taken)) context.content.push(byte);
  return { bytes: body.length, literals: literals.length, coding, sequences: count, tables };
}

function number(
  { base, bits }: { readonly base: readonly number[]; readonly bits: readonly number[] },
  code: number,
  from: BackwardBits,
): number {
  return (base[code] ?? Number.NaN) + from.read(bits[code] ?? 0);
}

/** @throws Error where it is not as our frames are. */
export function decodeFrame(frame: Uint8Array): ModelFrame {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const context: Context = { content: [], recent: [1, 4, 8], described: null, tree: null };
  const blocks: ModelBlock[] = [];
  let at = 9;
  for (let isLast = false; !isLast; ) {
    const header = view.getUint16(at, true) + view.getUint8(at + 2) * 65_536;
    isLast = (header & 1) === 1;
    const bytes = header >> 3;
    const body = frame.subarray(at + 3, at + 3 + bytes);
    if (body.length !== bytes) throw new Error('a block goes beyond the frame');
    const type = (header >> 1) & 3;
    if (type === 0) {
      for (const byte of body) context.content.push(byte);
      const none = { coding: 'raw', sequences: 0, tables: null } as const;
      blocks.push({ type: 'raw', isLast, bytes, literals: bytes, ...none });
    } else if (type === 2) {
      blocks.push({ type: 'compressed', isLast, ...compressedBlock(body, context) });
    } else {
      throw new Error(`block type ${type}`);
    }
    at += 3 + bytes;
  }
  if (at + 4 !== frame.length) throw new Error(`found ${frame.length} bytes, expected ${at + 4}`);
  return {
    content: Uint8Array.from(context.content),
    blocks,
    header: frame.slice(0, 9),
    checksum: view.getUint32(at, true),
  };
}

/** The low half of XXH64 with seed 0, as its specification words it. */
export function checksumOf(content: Uint8Array): number {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const [p1, p2, p3] = [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n];
  const [p4, p5] = [0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n];
  const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
  const rotl = (value: bigint, by: bigint): bigint => u64((value << by) | (value >> (64n - by)));
  const round = (sum: bigint, word: bigint): bigint => u64(rotl(u64(sum + word * p2), 31n) * p1);
  let at = 0;
  let sum = p5;
  if (content.length >= 32) {
    const sums = [u64(p1 + p2), p2, 0n, u64(-p1)];
    for (; at + 32 <= content.length; at += 32) {
      sums.forEach((each, i) => {
        sums[i] = round(each, view.getBigUint64(at + 8 * i, true));
      });
    }
    const turns = [1n, 7n, 12n, 18n];
    sum = u64(sums.reduce((all, each, i) => all + rotl(each, turns[i] ?? 0n), 0n));
    for (const each of sums) sum = u64((sum ^ round(0n, each)) * p1 + p4);
  }
  sum = u64(sum + BigInt(content.length));
  for (; at + 8 <= content.length; at += 8) {
    sum = u64(rotl(sum ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4);
  }
  for (; at + 4 <= content.length; at += 4) {
    sum = u64(rotl(sum ^ u64(BigInt(view.getUint32(at, true)) * p1), 23n) * p2 + p3);
  }
  for (; at < content.length; at++) {
    sum = u64(rotl(sum ^ u64(BigInt(view.getUint8(at)) * p5), 11n) * p1);
  }
  sum = u64((sum ^ (sum >> 33n)) * p2);
  sum = u64((sum ^ (sum >> 29n)) * p3);
  return Number((sum ^ (sum >> 32n)) & 0xffff_ffffn);
}
