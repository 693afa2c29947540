/**
 * The file of an index, `index.cache` in the folder of its trace. It is no part of the trace: made
 * of it alone, and made anew when it is missing, stale or damaged. Little-endian:
 *
 *   0    "backtrail index\n"
 *   16   u32 version
 *   20   u32 crc32 of all bytes from 24 on
 *   24   u32 bytes of what it was made of, as JSON in UTF-8; then that
 *        columns, each: u32 words, u32 bytes of content, u32 bytes of a zstd frame, the frame
 *
 * The content of a column are its words as unsigned LEB128. Columns: groupBits and placeCount;
 * `from` of the hops, less that of the hop before; `to`, less `from`, zigzag; how many stretches
 * each hop has; the bounds of these, less the bound before; unreadable places; for each pass the
 * lengths of its summaries, and their words.
 */
import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Summaries } from './collect.ts';
import type { IndexTables } from './merge.ts';
import { SUMMARY_PASSES } from './passes.ts';

const MAGIC = Buffer.from('backtrail index\n', 'latin1');
export const INDEX_VERSION = 1;
const AT = { version: 16, crc: 20, body: 24 } as const;
/** A word takes five bytes at most. */
const WORD_BYTES_MAX = 5;
const SPARE_WORDS = 2;

/** The file does not hold what this build would write for this trace. */
export class Unusable extends Error {}

/** @param madeOf tells this trace, and what was asked of it, from every other. */
export function encodeIndex(tables: IndexTables, madeOf: string): Buffer {
  const columns = [
    Uint32Array.of(tables.groupBits, tables.placeCount),
    differences(tables.from),
    tables.to.map((to, hop) => folded(to - (tables.from[hop] ?? 0))),
    lengthsOf(tables.firstStretch),
    stretchSteps(tables),
    tables.unreadable,
    ...tables.summaries.flatMap(({ lengths, words }) => [lengths, words]),
  ];
  const key = Buffer.from(madeOf, 'utf8');
  const parts: Buffer[] = [u32(key.length), key];
  for (const column of columns) {
    const content = packed(column);
    const frame = zstdCompressSync(content);
    parts.push(u32(column.length), u32(content.length), u32(frame.length), frame);
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([MAGIC, u32(INDEX_VERSION), u32(crc32(body)), body]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Of the trace that an index is read for: what bounds the numbers in it. */
export interface IndexBounds {
  readonly edgeCount: number;
  readonly placeCount: number;
  readonly transfers: number;
}

/** @throws Unusable; never trusts a length, an order or a number that it reads. */
export function decodeIndex(file: Buffer, madeOf: string, bounds: IndexBounds): IndexTables {
  const { edgeCount } = bounds;
  // No hop, no stretch and no summary is without a transfer of its own.
  const reader = new Reader(file, 2 * bounds.transfers + SPARE_WORDS);
  reader.checkHead(madeOf);
  const [groupBits = 0, placeCount = 0] = reader.column(2);
  check(placeCount === bounds.placeCount, 'another number of segments');
  const from = reader.column();
  const to = reader.column(from.length);
  const counts = reader.column(from.length);
  check(groupBits < 32, 'groups too large');
  const groups = placeCount === 0 ? 0 : ((placeCount - 1) >>> groupBits) + 1;
  const steps = reader.columnUpTo(groups);
  const unreadable = reader.column();
  const summaries = SUMMARY_PASSES.map(() => reader.summaries(placeCount));
  reader.checkEnd();
  summed(from);
  for (let hop = 0; hop < from.length; hop++) {
    to[hop] = (from[hop] ?? 0) + unfolded(to[hop] ?? 0);
    check((from[hop] ?? 0) < edgeCount && (to[hop] ?? 0) <= edgeCount, 'an edge that is none');
  }
  for (const place of unreadable) check(place < placeCount, 'a place that is none');
  const { firstStretch, stretches } = readStretches(counts, steps, groups);
  return { groupBits, placeCount, from, to, firstStretch, stretches, unreadable, summaries };
}

function check(isSound: boolean, says: string): void {
  if (!isSound) throw new Unusable(says);
}

class Reader {
  readonly #file: Buffer;
  readonly #wordsMax: number;
  #at = AT.body;

  constructor(file: Buffer, wordsMax: number) {
    this.#file = file;
    this.#wordsMax = wordsMax;
  }

  checkHead(madeOf: string): void {
    const file = this.#file;
    check(file.length >= AT.body + 4 && file.subarray(0, 16).equals(MAGIC), 'no index');
    check(file.readUInt32LE(AT.version) === INDEX_VERSION, 'another version');
    check(file.readUInt32LE(AT.crc) === crc32(file.subarray(AT.body)), 'a wrong checksum');
    const key = this.#bytes(this.#u32());
    check(key.toString('utf8') === madeOf, 'another trace');
  }

  checkEnd(): void {
    check(this.#at === this.#file.length, 'bytes after the end');
  }

  column(words?: number): Uint32Array<ArrayBuffer> {
    const { count, content } = this.#column();
    check(words === undefined || count === words, 'a column of another length');
    const column = new Uint32Array(count);
    unpack(content, column, 0xffff_ffff);
    return column;
  }

  /** A column of words up to `wordMax`: of many edges it is most of the index. */
  columnUpTo(wordMax: number): Uint16Array | Uint32Array {
    const { count, content } = this.#column();
    const column = wordMax <= 0xffff ? new Uint16Array(count) : new Uint32Array(count);
    unpack(content, column, wordMax);
    return column;
  }

  #column(): { readonly count: number; readonly content: Buffer } {
    const count = this.#u32();
    const contentBytes = this.#u32();
    check(count <= this.#wordsMax && contentBytes <= count * WORD_BYTES_MAX, 'a column too long');
    return { count, content: inflated(this.#bytes(this.#u32()), contentBytes) };
  }

  summaries(placeCount: number): Summaries {
    const lengths = this.column(placeCount);
    const words = this.column();
    let sum = 0;
    for (const length of lengths) sum += length;
    check(sum === words.length, 'summaries of another length');
    return { lengths, words };
  }

  #u32(): number {
    return this.#bytes(4).readUInt32LE();
  }

  #bytes(count: number): Buffer {
    check(this.#at + count <= this.#file.length, 'an end too early');
    this.#at += count;
    return this.#file.subarray(this.#at - count, this.#at);
  }
}

function inflated(frame: Buffer, contentBytes: number): Buffer {
  let content: Buffer;
  try {
    content = zstdDecompressSync(frame, { maxOutputLength: Math.max(1, contentBytes) });
  } catch (error) {
    throw new Unusable(String(error));
  }
  check(content.length === contentBytes, 'a frame of another length');
  return content;
}

/** Unsigned LEB128. */
function packed(words: Uint32Array): Buffer {
  const bytes = Buffer.allocUnsafe(words.length * WORD_BYTES_MAX);
  let at = 0;
  for (let i = 0; i < words.length; i++) {
    let rest = words[i] ?? 0;
    for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
  }
  return bytes.subarray(0, at);
}

function unpack(bytes: Buffer, words: Uint16Array | Uint32Array, wordMax: number): void {
  let at = 0;
  for (let i = 0; i < words.length; i++) {
    let word = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28) throw new Unusable('a word cut short');
      word |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (word >>> 0 > wordMax) throw new Unusable('a word too large');
    words[i] = word;
  }
  check(at === bytes.length, 'more than the words of a column');
}

/** Zigzag of a difference, which may have wrapped around 32 bits. */
const folded = (difference: number): number => (difference << 1) ^ (difference >> 31);
const unfolded = (word: number): number => (word >>> 1) ^ -(word & 1);

function differences(rising: Uint32Array): Uint32Array {
  const result = new Uint32Array(rising.length);
  for (let i = 0; i < rising.length; i++) result[i] = (rising[i] ?? 0) - (rising[i - 1] ?? 0);
  return result;
}

/** The inverse, in place. */
function summed(steps: Uint32Array): void {
  let sum = 0;
  for (let i = 0; i < steps.length; i++) {
    sum += steps[i] ?? 0;
    check(sum <= 0xffff_ffff, 'an edge that is none');
    steps[i] = sum;
  }
}

function lengthsOf(firstStretch: Uint32Array): Uint32Array {
  return differences(firstStretch).subarray(1);
}

/** Of each hop: its first group, then how long it is there, how long not, and so on. */
function stretchSteps({ firstStretch, stretches }: IndexTables): Uint32Array {
  const steps = new Uint32Array(stretches.length);
  for (let hop = 0; hop + 1 < firstStretch.length; hop++) {
    let before = 0;
    const end = (firstStretch[hop + 1] ?? 0) * 2;
    for (let i = (firstStretch[hop] ?? 0) * 2; i < end; i++) {
      steps[i] = (stretches[i] ?? 0) - before;
      before = stretches[i] ?? 0;
    }
  }
  return steps;
}

function readStretches(
  counts: Uint32Array,
  steps: Uint16Array | Uint32Array,
  groups: number,
): Pick<IndexTables, 'firstStretch' | 'stretches'> {
  const firstStretch = new Uint32Array(counts.length + 1);
  let at = 0;
  for (let hop = 0; hop < counts.length; hop++) {
    const end = at + (counts[hop] ?? 0) * 2;
    check(end <= steps.length, 'stretches that are missing');
    let before = 0;
    for (let i = at; i < end; i++) {
      const step = steps[i] ?? 0;
      check(step > 0 || i === at, 'a stretch without length');
      before += step;
      check(before <= groups, 'a place that is none');
      steps[i] = before;
    }
    at = end;
    firstStretch[hop + 1] = at / 2;
  }
  check(at === steps.length, 'stretches of no hop');
  return { firstStretch, stretches: steps };
}
