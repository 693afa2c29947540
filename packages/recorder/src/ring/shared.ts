/**
 * A ring in memory that the writer's thread and the recorder's share. Words that tell how far
 * either side is are read and written with Atomics, so that what they tell of is there as well;
 * all else is plain bytes.
 */
import { newHeader, type RingOptions } from './create.ts';
import type { RingStore } from './file.ts';
import { HEADER_BYTES, ringOffsets } from './layout.ts';

/** Up to here a ring is words of 8 bytes, each with one writer. */
const WORDS_END = HEADER_BYTES;

export class SharedBytes implements RingStore {
  readonly path = 'the ring in memory';
  readonly bytes: number;
  readonly #all: Uint8Array;
  readonly #words: BigInt64Array;
  /** The same words; a thread that waits for one waits for its low half. */
  readonly #halves: Int32Array;

  /** @param base byte offset of the ring in the buffer, a multiple of 8. */
  constructor(buffer: SharedArrayBuffer, base: number, bytes: number) {
    this.bytes = bytes;
    this.#all = new Uint8Array(buffer, base, bytes);
    this.#words = new BigInt64Array(buffer, base, WORDS_END / 8);
    this.#halves = new Int32Array(buffer, base, WORDS_END / 4);
  }

  read(at: number, into: Uint8Array): void {
    if (at + into.byteLength > WORDS_END || at % 8 !== 0 || into.byteLength % 8 !== 0) {
      into.set(this.#all.subarray(at, at + into.byteLength));
      return;
    }
    const words = new DataView(into.buffer, into.byteOffset, into.byteLength);
    for (let i = 0; i < into.byteLength; i += 8) {
      words.setBigInt64(i, Atomics.load(this.#words, (at + i) / 8), true);
    }
  }

  write(at: number, from: Uint8Array): void {
    if (at + from.byteLength > WORDS_END || at % 8 !== 0 || from.byteLength % 8 !== 0) {
      this.#all.set(from, at);
      return;
    }
    const words = new DataView(from.buffer, from.byteOffset, from.byteLength);
    for (let i = 0; i < from.byteLength; i += 8) {
      Atomics.store(this.#words, (at + i) / 8, words.getBigInt64(i, true));
      Atomics.notify(this.#halves, (at + i) / 4);
    }
  }

  close(): void {}

  remove(): void {}
}

/** Writes the header of a new ring into memory that is all 0. @returns its bytes. */
export function newSharedRing(
  buffer: SharedArrayBuffer,
  base: number,
  options: RingOptions,
): SharedBytes {
  const header = newHeader(options);
  new Uint8Array(buffer, base, HEADER_BYTES).set(header);
  return new SharedBytes(buffer, base, ringOffsets(options.shape).fileBytes);
}
