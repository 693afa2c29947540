/**
 * The ELF header and the program headers (gABI, "ELF Header" and "Program Header").
 *
 *   ELF header       32 bit  64 bit       program header   32 bit  64 bit
 *   0x7f 'E' 'L' 'F'      0       0       p_type                0       0
 *   class, data        4, 5    4, 5       p_flags              24       4
 *   e_type               16      16       p_offset              4       8
 *   e_machine            18      18       p_vaddr               8      16
 *   e_entry              24      24       p_paddr              12      24
 *   e_phoff              28      32       p_filesz             16      32
 *   e_shoff              32      40       p_memsz              20      40
 *   e_flags              36      48       bytes                32      56
 *   e_phentsize          42      54
 *   e_phnum              44      56
 *   e_shentsize          46      58
 *   e_shnum              48      60
 *   e_shstrndx           50      62
 *   bytes                52      64
 */
import { type Bytes, type ElfFile, elfError, notElf } from './file.ts';
import type { ElfClass, Endian } from './machines.ts';

const TYPES = ['rel', 'exec', 'dyn', 'core'] as const;
export type ElfType = (typeof TYPES)[number];

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_NOTE = 4;

/** e_phnum of a file whose real number stands in sh_info of section 0. */
const PN_XNUM = 0xffff;
const SEGMENTS_MAX = 1 << 20;

/** The header as it stands in the file. Offsets and sizes are file bytes. */
export interface RawHeader {
  readonly class: ElfClass;
  readonly endian: Endian;
  readonly type: ElfType;
  readonly machine: number;
  readonly flags: number;
  readonly entry: bigint;
  readonly segmentOffset: number;
  readonly segmentCount: number;
  /** As they stand there: a section count over 16 bits is in section 0 (sections.ts). */
  readonly sectionOffset: number;
  readonly sectionBytes: number;
  readonly sectionCount: number;
  readonly sectionNames: number;
}

/** One program header. */
export interface RawSegment {
  readonly type: number;
  /** Bits: 1 execute, 2 write, 4 read. */
  readonly flags: number;
  readonly vaddr: bigint;
  /** Where it is loaded on a bare machine; means nothing in a process. */
  readonly paddr: bigint;
  readonly offset: number;
  readonly fileSize: number;
  readonly memSize: bigint;
}

export const SECTION_HEADER_BYTES = { 32: 40, 64: 64 } as const;
/** One entry of a symbol table. */
export const SYMBOL_BYTES = { 32: 16, 64: 24 } as const;
const SEGMENT_HEADER_BYTES = { 32: 32, 64: 56 } as const;
const HEADER_BYTES = { 32: 52, 64: 64 } as const;

/**
 * Reads numbers of one file: its endianness, and words that are 4 or 8 bytes by its class. A word
 * over 2^53 loses low bits, which does no harm to offsets and sizes: no file is that large.
 */
export class Fields {
  readonly view: DataView;
  readonly isLittle: boolean;
  readonly is64: boolean;
  /** Where the halves of an 8-byte word lie. */
  readonly lowAt: number;
  readonly highAt: number;

  constructor(bytes: Bytes, header: { class: ElfClass; endian: Endian }) {
    this.view = bytes.view;
    this.isLittle = header.endian === 'little';
    this.is64 = header.class === 64;
    this.lowAt = this.isLittle ? 0 : 4;
    this.highAt = 4 - this.lowAt;
  }

  u16(at: number): number {
    return this.view.getUint16(at, this.isLittle);
  }

  u32(at: number): number {
    return this.view.getUint32(at, this.isLittle);
  }

  wordBig(at: number): bigint {
    return this.is64 ? this.view.getBigUint64(at, this.isLittle) : BigInt(this.u32(at));
  }

  word(at: number): number {
    if (!this.is64) return this.u32(at);
    return this.u32(at + this.highAt) * 0x1_0000_0000 + this.u32(at + this.lowAt);
  }
}

/** @throws BacktrailError if the file is no ELF file or its header is damaged. */
export function readHeader(file: ElfFile): RawHeader {
  if (file.size < 4) throw notElf(file);
  const start = file.read(0, Math.min(file.size, HEADER_BYTES[64]), 'header');
  if (start.view.getUint32(0) !== 0x7f454c46) throw notElf(file);
  if (file.size < HEADER_BYTES[32]) throw shortHeader(file, HEADER_BYTES[32]);
  const classByte = start.view.getUint8(4);
  const dataByte = start.view.getUint8(5);
  if (classByte !== 1 && classByte !== 2) {
    throw elfError(file.path, 'class', `${classByte}`, '1 (32 bit) or 2 (64 bit)');
  }
  if (dataByte !== 1 && dataByte !== 2) {
    throw elfError(file.path, 'byte order', `${dataByte}`, '1 (little) or 2 (big)');
  }
  const elfClass: ElfClass = classByte === 2 ? 64 : 32;
  if (file.size < HEADER_BYTES[elfClass]) throw shortHeader(file, HEADER_BYTES[elfClass]);
  const endian: Endian = dataByte === 1 ? 'little' : 'big';
  return headerFields(file, new Fields(start, { class: elfClass, endian }), elfClass, endian);
}

function headerFields(
  file: ElfFile,
  fields: Fields,
  elfClass: ElfClass,
  endian: Endian,
): RawHeader {
  const is64 = elfClass === 64;
  const type = TYPES[fields.u16(16) - 1];
  if (type === undefined) {
    const expected = '1 to 4 (relocatable, executable, shared object, core)';
    throw elfError(file.path, 'type', `${fields.u16(16)}`, expected);
  }
  const segmentOffset = fields.word(is64 ? 32 : 28);
  const tail = is64 ? 54 : 42;
  const segmentCount = segmentOffset === 0 ? 0 : fields.u16(tail + 2);
  if (segmentCount > 0 && fields.u16(tail) !== SEGMENT_HEADER_BYTES[elfClass]) {
    const expected = `${SEGMENT_HEADER_BYTES[elfClass]}`;
    throw elfError(file.path, 'bytes of a program header', `${fields.u16(tail)}`, expected);
  }
  return {
    class: elfClass,
    endian,
    type,
    machine: fields.u16(18),
    flags: fields.u32(is64 ? 48 : 36),
    entry: fields.wordBig(24),
    segmentOffset,
    segmentCount,
    sectionOffset: fields.word(is64 ? 40 : 32),
    sectionBytes: fields.u16(tail + 4),
    sectionCount: fields.u16(tail + 6),
    sectionNames: fields.u16(tail + 8),
  };
}

function shortHeader(file: ElfFile, expected: number): Error {
  return elfError(file.path, 'header', `${file.size} bytes`, `at least ${expected}`);
}

/** All program headers, in order. */
export function readSegmentHeaders(file: ElfFile, header: RawHeader): RawSegment[] {
  if (header.segmentCount === 0) return [];
  const step = SEGMENT_HEADER_BYTES[header.class];
  const count = header.segmentCount === PN_XNUM ? longCount(file, header) : header.segmentCount;
  const bytes = file.read(header.segmentOffset, count * step, 'program headers');
  const fields = new Fields(bytes, header);
  const is64 = header.class === 64;
  const segments: RawSegment[] = [];
  for (let at = 0; at < bytes.bytes.length; at += step) {
    segments.push({
      type: fields.u32(at),
      flags: fields.u32(at + (is64 ? 4 : 24)),
      offset: fields.word(at + (is64 ? 8 : 4)),
      vaddr: fields.wordBig(at + (is64 ? 16 : 8)),
      paddr: fields.wordBig(at + (is64 ? 24 : 12)),
      fileSize: fields.word(at + (is64 ? 32 : 16)),
      memSize: fields.wordBig(at + (is64 ? 40 : 20)),
    });
  }
  return segments;
}

/** Core files have more mappings than 16 bits count; a program with so many is none. */
function longCount(file: ElfFile, header: RawHeader): number {
  const is64 = header.class === 64;
  const zero = file.read(header.sectionOffset, SECTION_HEADER_BYTES[header.class], 'section 0');
  const count = new Fields(zero, header).u32(is64 ? 44 : 28);
  if (count <= SEGMENTS_MAX) return count;
  throw elfError(file.path, 'program headers', `${count}`, `at most ${SEGMENTS_MAX}`);
}
