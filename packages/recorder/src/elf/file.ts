/**
 * An ELF file that is open for reading. Every read is held against the size of the file, so that
 * no number in a hostile or truncated file can lead outside of it or to a huge allocation.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { BacktrailError } from '../errors.ts';

/** More than the names of any program take; a sparse file could claim more than memory. */
export const TABLE_BYTES_MAX = 1 << 30;
/** 11 million symbols of 64 bit; the largest browsers have some 2 million. */
export const SYMBOL_TABLE_BYTES_MAX = 1 << 28;

/** The message is one line: `PATH: WHAT: found FOUND, expected EXPECTED. REMEDY`. */
export function elfError(
  file: string,
  what: string,
  found: string,
  expected: string,
  remedy = 'The file is damaged or truncated: build or install it again.',
): BacktrailError {
  const where = what === '' ? file : `${file}: ${what}`;
  return new BacktrailError('E_ELF', `${where}: found ${found}, expected ${expected}. ${remedy}`);
}

/** Views of a read: the same bytes, one for text, one for numbers. */
export interface Bytes {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export class ElfFile {
  readonly path: string;
  readonly size: number;
  /** Last change of the file's content, ms since 1970. */
  readonly changedMs: number;
  readonly #descriptor: number;

  constructor(file: string) {
    this.path = file;
    this.#descriptor = openRegular(file);
    const stat = fstatSync(this.#descriptor);
    this.size = stat.size;
    this.changedMs = stat.mtimeMs;
    if (stat.isFile()) return;
    this.close();
    const kind = stat.isDirectory() ? 'a directory' : 'no regular file';
    throw elfError(file, '', kind, 'an ELF program', 'Name the program itself.');
  }

  /** @throws BacktrailError if a part of the range is not in the file, or it is over 1 GiB. */
  read(offset: number, length: number, what: string): Bytes {
    this.check(offset, length, what);
    const bytes = Buffer.allocUnsafeSlow(length);
    this.#fill(bytes, offset, what);
    return { bytes, view: new DataView(bytes.buffer) };
  }

  /** As read(), into `target` from `at`. */
  readInto(target: Buffer, at: number, offset: number, length: number, what: string): void {
    this.check(offset, length, what);
    this.#fill(target.subarray(at, at + length), offset, what);
  }

  /** @throws BacktrailError if a part of the range is not in the file, or it is over `bytesMax`. */
  check(offset: number, length: number, what: string, bytesMax = TABLE_BYTES_MAX): void {
    if (!this.has(offset, length)) {
      const range = `bytes ${offset} to ${offset + length}`;
      throw elfError(this.path, what, range, `an end within the file's ${this.size} bytes`);
    }
    if (length <= bytesMax) return;
    throw elfError(this.path, what, `${length} bytes`, `at most ${bytesMax}`);
  }

  has(offset: number, length: number): boolean {
    return offset >= 0 && length >= 0 && offset + length <= this.size;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #fill(target: Buffer, offset: number, what: string): void {
    let done = 0;
    while (done < target.length) {
      const count = readSync(this.#descriptor, target, done, target.length - done, offset + done);
      if (count === 0) {
        const found = `${done} bytes at ${offset}`;
        const remedy = 'The file was changed while it was read: try again.';
        throw elfError(this.path, what, found, `${target.length}`, remedy);
      }
      done += count;
    }
  }
}

/** Runs `work` on an open file and closes it. */
export function withFile<T>(file: string, work: (open: ElfFile) => T): T {
  const open = new ElfFile(file);
  try {
    return work(open);
  } catch (error) {
    // EIO and the like; anything else is a fault of this program and must not pass as damage.
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    const remedy = 'Check that the file can be read.';
    throw elfError(file, '', error.message, 'a readable file', remedy);
  } finally {
    open.close();
  }
}

/** What a file that is no ELF file is; the text ends up in an error. */
export function notElf(file: ElfFile): BacktrailError {
  const start = file.read(0, Math.min(file.size, 256), 'file').bytes;
  const expected = 'an ELF program';
  if (file.size === 0) return elfError(file.path, '', 'an empty file', expected, 'Build it again.');
  if (start[0] === 0x23 && start[1] === 0x21) {
    const run = interpreterOf(start.toString('utf8', 2));
    const found = run === '' ? 'a script' : `a script for ${run}`;
    const command = `backtrail record -- ${run === '' ? 'INTERPRETER' : run} ${file.path}`;
    const remedy = `Record its interpreter: ${command}`;
    return elfError(file.path, '', found, expected, remedy);
  }
  const content = contentOf(start);
  const remedy =
    content === 'text'
      ? `To run a script, record its interpreter: backtrail record -- INTERPRETER ${file.path}`
      : 'Name a Linux program.';
  return elfError(file.path, '', content, expected, remedy);
}

/** Interpreter and argument of a `#!` line. `env NAME` is NAME: env would replace itself. */
function interpreterOf(line: string): string {
  const printable = (line.split('\n', 1)[0] ?? '').trim().replace(/[^\P{C}\t]/gu, '?');
  const words = printable.split(/[ \t]+/);
  if (path.basename(words[0] ?? '') !== 'env') return words.join(' ');
  const isOption = (word: string): boolean => word.startsWith('-') || word.includes('=');
  const first = words.findIndex((word, i) => i > 0 && !isOption(word));
  return first < 0 ? '' : words.slice(first).join(' ');
}

/** First bytes of what people take for a Linux program. */
const CONTENTS: readonly (readonly [string, string])[] = [
  ['4d5a', 'a Windows program'],
  ['cffaedfe', 'a macOS program'],
  ['cefaedfe', 'a macOS program'],
  ['cafebabe', 'a macOS program or a Java class'],
  ['0061736d', 'a WebAssembly module'],
  ['213c617263683e0a', 'a static library'],
  ['4243c0de', 'LLVM bitcode'],
  ['504b0304', 'a zip or jar file'],
  ['1f8b', 'a gzip file'],
];

function contentOf(start: Buffer): string {
  const first = start.toString('hex', 0, 8);
  for (const [magic, name] of CONTENTS) if (first.startsWith(magic)) return name;
  const isText = start.every(
    (byte) => (byte >= 0x20 && byte !== 0x7f) || (byte >= 9 && byte <= 13),
  );
  return isText ? 'text' : `bytes ${start.toString('hex', 0, 4)}`;
}

function openRegular(file: string): number {
  try {
    // Not to wait for the writer of a FIFO.
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      const failed = elfError(file, '', 'no such file', 'an ELF program', 'Check the path.');
      throw new BacktrailError('E_ELF', failed.message, { cause: error });
    }
    const remedy = 'Check its permissions: chmod +r.';
    const found = code === 'EACCES' ? 'a file that may not be read' : message(error);
    throw elfError(file, '', found, 'a readable ELF program', remedy);
  }
}

const message = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
