/**
 * The debug sections of an ELF file, compressed or not (gABI, "Section Compression"). Of a large
 * one that is not compressed only the parts that are asked for are read.
 *
 *   SHF_COMPRESSED    32 bit  64 bit        .zdebug_NAME (GNU, older)
 *     ch_type              0       0          0  "ZLIB"
 *     ch_size              4       8          4  size, 8 bytes, big-endian
 *     bytes               12      24         12  the stream
 */
import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { type Bytes, type ElfFile, TABLE_BYTES_MAX } from '../file.ts';
import { Fields, type RawHeader } from '../header.ts';
import { type SectionTable, SHT_NOBITS } from '../sections.ts';
import { Cursor, DwarfDamage } from './cursor.ts';

const ZLIB = 1;
const ZSTD = 2;
/** Bytes of all compressed sections of a file together, decompressed. */
const INFLATED_BYTES_MAX = 1 << 30;
/** Read at once where texts and small pieces are wanted. */
const PAGE_BYTES = 1 << 16;
const PAGES_KEPT = 64;
/** Of a list of small entries. */
const LIST_BYTES = 512;
/** The longest C++ names have some 100 KB; a text is read a page at a time. */
const TEXT_BYTES_MAX = 1 << 20;

export type DebugName =
  | 'info'
  | 'abbrev'
  | 'line'
  | 'str'
  | 'line_str'
  | 'ranges'
  | 'rnglists'
  | 'addr'
  | 'str_offsets';

/** One section: its bytes by offset. */
export class DebugSection {
  readonly name: DebugName;
  readonly size: number;
  readonly isLittle: boolean;
  readonly #read: (offset: number, length: number) => Bytes;
  /** By number; the oldest first. */
  readonly #pages = new Map<number, Bytes>();

  constructor(
    name: DebugName,
    size: number,
    isLittle: boolean,
    read: (offset: number, length: number) => Bytes,
  ) {
    this.name = name;
    this.size = size;
    this.isLittle = isLittle;
    this.#read = read;
  }

  /** A cursor over a part of it; its positions count from `offset`. */
  part(offset: number, length: number): Cursor {
    this.#check(offset, length);
    return new Cursor(this.#read(offset, length), this.isLittle);
  }

  /** As part(), as far as the section goes, from a few pages that are kept. */
  peek(offset: number, length: number): Cursor {
    this.#check(offset, 0);
    const from = offset % PAGE_BYTES;
    if (from + length > PAGE_BYTES && offset - from + PAGE_BYTES < this.size) {
      return this.part(offset, Math.min(length, this.size - offset));
    }
    const page = this.#page((offset - from) / PAGE_BYTES);
    return new Cursor(page, this.isLittle, from, from + length);
  }

  text(offset: number): string {
    this.#check(offset, 1);
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (let at = offset; at < this.size && bytes < TEXT_BYTES_MAX; ) {
      const from = at % PAGE_BYTES;
      const page = this.#page((at - from) / PAGE_BYTES).bytes;
      const to = page.indexOf(0, from);
      if (to >= 0 && pieces.length === 0) return page.toString('utf8', from, to);
      pieces.push(page.subarray(from, to < 0 ? page.length : to));
      if (to >= 0) return Buffer.concat(pieces).toString('utf8');
      bytes += page.length - from;
      at += page.length - from;
    }
    const found = `found a text at ${offset} without an end`;
    throw new DwarfDamage(`.debug_${this.name}: ${found}, expected a NUL`);
  }

  #page(number: number): Bytes {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const from = number * PAGE_BYTES;
    const made = this.#read(from, Math.min(PAGE_BYTES, this.size - from));
    this.#pages.set(number, made);
    if (this.#pages.size > PAGES_KEPT) {
      for (const oldest of this.#pages.keys()) {
        this.#pages.delete(oldest);
        break;
      }
    }
    return made;
  }

  #check(offset: number, length: number): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.size) return;
    const found = `found bytes ${offset} to ${offset + length}`;
    throw new DwarfDamage(`.debug_${this.name}: ${found}, expected at most ${this.size}`);
  }
}

/** A cursor that moves through a section, some entries at a time. */
export class SectionReader {
  readonly #section: DebugSection;
  readonly #entryBytes: number;
  /** Where in the section its cursor began. */
  #from: number;
  #start: number;
  #cursor: Cursor;

  constructor(section: DebugSection, offset: number, entryBytes: number) {
    this.#section = section;
    this.#entryBytes = entryBytes;
    this.#from = offset;
    this.#cursor = section.peek(offset, LIST_BYTES);
    this.#start = this.#cursor.at;
  }

  /** At the next entry, with all its bytes before the end, unless the section ends there. */
  next(): Cursor {
    const cursor = this.#cursor;
    if (cursor.end - cursor.at >= this.#entryBytes) return cursor;
    this.#from += cursor.at - this.#start;
    this.#cursor = this.#section.peek(this.#from, LIST_BYTES);
    this.#start = this.#cursor.at;
    return this.#cursor;
  }
}

/** The sections of one file, each looked up when it is first asked for. */
export class DebugSections {
  readonly file: ElfFile;
  readonly header: RawHeader;
  readonly #table: SectionTable;
  readonly #found = new Map<DebugName, DebugSection | null>();
  #inflatedLeft = INFLATED_BYTES_MAX;

  constructor(file: ElfFile, header: RawHeader, table: SectionTable) {
    this.file = file;
    this.header = header;
    this.#table = table;
  }

  /** Null if the file has none. @throws BacktrailError, DwarfDamage if it is damaged. */
  find(name: DebugName): DebugSection | null {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const section = this.#open(name);
    this.#found.set(name, section);
    return section;
  }

  /** @throws DwarfDamage if the file has none. */
  need(name: DebugName): DebugSection {
    const section = this.find(name);
    if (section === null) throw new DwarfDamage(`found no .debug_${name}, expected one`);
    return section;
  }

  #open(name: DebugName): DebugSection | null {
    const table = this.#table;
    const plain = table.findNamed(`.debug_${name}`);
    const number = plain >= 0 ? plain : table.findNamed(`.zdebug_${name}`);
    if (number < 0 || table.type(number) === SHT_NOBITS || table.size(number) === 0) return null;
    const offset = table.offset(number);
    const size = table.size(number);
    const isLittle = this.header.endian === 'little';
    const what = `.debug_${name}`;
    if (plain < 0) return this.#inflated(name, this.#gnuStream(offset, size, what));
    if (table.isCompressed(number)) {
      return this.#inflated(name, this.#elfStream(offset, size, what));
    }
    if (!this.file.has(offset, size)) {
      const expected = `expected at most ${this.file.size}`;
      throw new DwarfDamage(`${what}: found its end at ${offset + size}, ${expected}`);
    }
    return new DebugSection(name, size, isLittle, (from, length) =>
      this.file.read(offset + from, length, what),
    );
  }

  #gnuStream(offset: number, size: number, what: string): Stream {
    const start = this.file.read(offset, Math.min(12, size), what);
    if (start.bytes.toString('latin1', 0, 4) !== 'ZLIB' || size < 12) {
      throw new DwarfDamage(`${what}: found another start, expected ZLIB`);
    }
    const inflated = start.view.getUint32(4) * 0x1_0000_0000 + start.view.getUint32(8);
    return { type: ZLIB, inflated, packed: this.file.read(offset + 12, size - 12, what).bytes };
  }

  #elfStream(offset: number, size: number, what: string): Stream {
    const is64 = this.header.class === 64;
    const headBytes = is64 ? 24 : 12;
    if (size < headBytes) throw new DwarfDamage(`${what}: found ${size} bytes, expected more`);
    const fields = new Fields(this.file.read(offset, headBytes, what), this.header);
    const packed = this.file.read(offset + headBytes, size - headBytes, what).bytes;
    return { type: fields.u32(0), inflated: fields.word(is64 ? 8 : 4), packed };
  }

  #inflated(name: DebugName, { type, inflated, packed }: Stream): DebugSection {
    if (inflated > Math.min(this.#inflatedLeft, TABLE_BYTES_MAX)) {
      const expected = `at most ${this.#inflatedLeft} more`;
      throw new DwarfDamage(`.debug_${name}: found ${inflated} bytes, expected ${expected}`);
    }
    this.#inflatedLeft -= inflated;
    const bytes = inflate(type, packed, inflated, name);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const isLittle = this.header.endian === 'little';
    return new DebugSection(name, bytes.length, isLittle, (from, length) => ({
      bytes: bytes.subarray(from, from + length),
      view: new DataView(view.buffer, view.byteOffset + from, length),
    }));
  }
}

interface Stream {
  readonly type: number;
  readonly inflated: number;
  readonly packed: Buffer;
}

function inflate(type: number, packed: Buffer, size: number, name: DebugName): Buffer {
  const wrong = (found: string, expected: string): DwarfDamage =>
    new DwarfDamage(`.debug_${name}, compressed: found ${found}, expected ${expected}`);
  if (type !== ZLIB && type !== ZSTD) throw wrong(`type ${type}`, '1 (zlib) or 2 (zstd)');
  if (size === 0) return Buffer.alloc(0);
  let bytes: Buffer;
  try {
    const options = { maxOutputLength: size };
    bytes = type === ZLIB ? inflateSync(packed, options) : zstdDecompressSync(packed, options);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error), 'a whole stream');
  }
  if (bytes.length !== size) throw wrong(`${bytes.length} bytes`, `${size}`);
  return bytes;
}
