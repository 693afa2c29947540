/**
 * A ring file as bytes: words, whole regions. Reading goes through node:fs, not a mapping; see
 * docs/decisions/0003-files-not-mappings.md. pread and pwrite of a tmpfs file act on the same pages
 * as the writer's mapping.
 */
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { BacktrailError } from '../errors.ts';
import { type Field, fieldBytes } from './layout.ts';

/** Reads one field of a group whose bytes start at `base` of the view. */
export function readField(view: DataView, base: number, field: Field): bigint {
  const at = base + field.at;
  switch (field.type) {
    case 'u8':
      return BigInt(view.getUint8(at));
    case 'u32':
      return BigInt(view.getUint32(at, true));
    case 'u64':
      return view.getBigUint64(at, true);
    case 'i64':
      return view.getBigInt64(at, true);
    case 'text':
      throw new TypeError('a text field is read with readText');
  }
}

/** What a ring holds was written by a process that crashed, or came from somebody else. */
export const damagedRing = (what: string): BacktrailError =>
  new BacktrailError(
    'E_RING_DAMAGED',
    `the ring: ${what}. It is damaged: remove its file, then recover the trace without it.`,
  );

/** @throws BacktrailError E_RING_DAMAGED beyond 2^53: no counter of a ring gets there. */
export function readNumber(view: DataView, base: number, field: Field): number {
  const value = readField(view, base, field);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw damagedRing(`found the number ${value}, expected at most 2^53`);
  }
  return Number(value);
}

export function readText(bytes: Uint8Array, base: number, field: Field): string {
  const part = bytes.subarray(base + field.at, base + field.at + fieldBytes(field));
  const end = part.indexOf(0);
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end));
}

export function writeField(view: DataView, base: number, field: Field, value: bigint): void {
  const at = base + field.at;
  if (field.type === 'u8') view.setUint8(at, Number(value));
  else if (field.type === 'u32') view.setUint32(at, Number(value), true);
  else view.setBigUint64(at, BigInt.asUintN(64, value), true);
}

/** Where the bytes of a ring are: a file, or memory that two threads share. */
export interface RingStore {
  /** For messages: the file's path, or a name. */
  readonly path: string;
  readonly bytes: number;
  read(at: number, into: Uint8Array): void;
  write(at: number, from: Uint8Array): void;
  close(): void;
  /** Closes and gives the bytes up. */
  remove(): void;
}

/** An open file that is read and written at absolute offsets, always in full. */
export class ByteFile implements RingStore {
  readonly path: string;
  readonly bytes: number;
  readonly #fd: number;

  constructor(path: string, flags: 'r' | 'r+') {
    this.path = path;
    try {
      this.#fd = openSync(path, flags);
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error';
      throw new BacktrailError(
        'E_RING_OPEN',
        `${path}: found ${code}, expected a ring file to read. Check the path and who owns it.`,
        { cause },
      );
    }
    this.bytes = fstatSync(this.#fd).size;
  }

  /** @throws BacktrailError if the file ends before `into` is full. */
  read(at: number, into: Uint8Array): void {
    let done = 0;
    while (done < into.byteLength) {
      const got = readSync(this.#fd, into, done, into.byteLength - done, at + done);
      if (got === 0) {
        throw new BacktrailError(
          'E_RING_SHORT',
          `${this.path}: found ${this.bytes} bytes, expected at least ` +
            `${at + into.byteLength}. The ring file was cut; nothing can be recovered past it.`,
        );
      }
      done += got;
    }
  }

  write(at: number, from: Uint8Array): void {
    let done = 0;
    while (done < from.byteLength) {
      done += writeSync(this.#fd, from, done, from.byteLength - done, at + done);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}
