/**
 * Lines of source files. A path in a trace is data of somebody else: only regular files of a
 * bounded size are opened, and what is in a line is shown, never sent to a terminal.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { LruCache } from './lru-cache.ts';

/** The longest generated sources have some 10 MB. */
const FILE_BYTES_MAX = 1 << 26;
const FILES_KEPT = 16;
const LINE_CHARACTERS_MAX = 400;
const TAB_COLUMNS = 4;

export interface SourceReader {
  /**
   * The text of a line, tabs as spaces, other control characters as `\\x1b`, no line break.
   * @param line from 1.
   * @returns null if the file is not there, is no regular file or too large, or has no such line.
   */
  line(path: string, line: number): string | null;
}

interface SourceFile {
  readonly bytes: Buffer;
  /** Offset of the first byte of each line. */
  readonly starts: Uint32Array;
}

/** Null if it is none that may be read. Never waits for a FIFO or a device. */
function readFile(path: string): Buffer | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > FILE_BYTES_MAX) return null;
    const bytes = Buffer.alloc(stat.size);
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(file, bytes, done, bytes.length - done, done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

function lineStarts(bytes: Buffer): Uint32Array {
  let count = 1;
  for (const byte of bytes) if (byte === 0x0a) count++;
  const starts = new Uint32Array(count);
  let next = 1;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    starts[next++] = at + 1;
  }
  return starts;
}

/** Characters that a terminal would act on, or that would turn the text around, as `\\u{…}`. */
function neutral(text: string): string {
  return text
    .replaceAll('\t', ' '.repeat(TAB_COLUMNS))
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
      const code = character.codePointAt(0) ?? 0;
      const hex = code.toString(16);
      return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
    });
}

class FileSourceReader implements SourceReader {
  readonly #files = new LruCache<string, SourceFile | 'none'>(FILES_KEPT);

  line(path: string, line: number): string | null {
    const file = this.#file(path);
    const start = file?.starts[line - 1];
    if (file === null || start === undefined) return null;
    const next = file.starts[line] ?? file.bytes.length + 1;
    if (start >= file.bytes.length) return null;
    // Four bytes of UTF-8 make a character.
    const end = Math.min(next - 1, start + 4 * LINE_CHARACTERS_MAX);
    const text = file.bytes.toString('utf8', start, end).replace(/\r$/, '');
    return neutral(text.slice(0, LINE_CHARACTERS_MAX)).trimEnd();
  }

  #file(path: string): SourceFile | null {
    const known = this.#files.get(path);
    if (known !== undefined) return known === 'none' ? null : known;
    // A relative path would mean a file of whoever reads the trace, not of who made it.
    const bytes = isAbsolute(path) ? readFile(path) : null;
    const file = bytes === null ? null : { bytes, starts: lineStarts(bytes) };
    this.#files.set(path, file ?? 'none');
    return file;
  }
}

export function createSourceReader(): SourceReader {
  return new FileSourceReader();
}
