/**
 * One symbol table of an ELF file, entry by entry in place (gABI, "Symbol Table").
 *
 *              32 bit  64 bit               32 bit  64 bit
 *   st_name         0       0    st_info        12       4   (low 4 bits: type)
 *   st_value        4       8    st_shndx       14       6
 *   st_size         8      16    bytes          16      24
 */
import { dynamicTable, type TablePlace } from './dynamic.ts';
import {
  type Bytes,
  type ElfFile,
  elfError,
  SYMBOL_TABLE_BYTES_MAX,
  TABLE_BYTES_MAX,
} from './file.ts';
import { Fields, type RawHeader, type RawSegment, SYMBOL_BYTES } from './header.ts';
import {
  readSections,
  type SectionTable,
  SHT_DYNSYM,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from './sections.ts';

const SHN_LORESERVE = 0xff00;
const SHN_XINDEX = 0xffff;

/** What part of memory a symbol's section is; `unknown`: decide by its address. */
export type Home = 'undefined' | 'code' | 'data' | 'nowhere' | 'unknown';

export interface TableSource extends TablePlace {
  readonly file: ElfFile;
  readonly header: RawHeader;
  readonly segments: readonly RawSegment[];
  readonly sections: SectionTable | null;
  /** Section number of each symbol where 16 bits do not hold it; null if there are none. */
  readonly longSections: Bytes | null;
}

/** The tables that a file has: `symtab` is null where it was stripped. */
export function findTables(
  file: ElfFile,
  header: RawHeader,
  segments: readonly RawSegment[],
): { symtab: TableSource | null; dynsym: TableSource | null } {
  const sections = readSections(file, header);
  const base = { file, header, segments, sections, longSections: null };
  if (sections === null) {
    const place = dynamicTable(file, header, segments);
    return { symtab: null, dynsym: place === null ? null : { ...base, ...place } };
  }
  const ofType = (type: number): TableSource | null => {
    const section = sections.find(type);
    const place = section < 0 ? null : placeOf(file, header, sections, section);
    if (place === null) return null;
    const isSymtab = type === SHT_SYMTAB;
    const longSections = isSymtab ? readLong(sections, section, place.count) : null;
    return { ...base, ...place, longSections };
  };
  return { symtab: ofType(SHT_SYMTAB), dynsym: ofType(SHT_DYNSYM) };
}

/** Null for a table without symbols, as `strip --only-keep-debug` leaves of .dynsym. */
function placeOf(
  file: ElfFile,
  header: RawHeader,
  sections: SectionTable,
  section: number,
): TablePlace | null {
  const step = SYMBOL_BYTES[header.class];
  const bytes = sections.size(section);
  const found = sections.entryBytes(section);
  if (found !== step) throw elfError(file.path, 'bytes of a symbol', `${found}`, `${step}`);
  const count = Math.floor(bytes / step);
  if (count <= 1) return null;
  file.check(sections.offset(section), bytes, 'symbols', SYMBOL_TABLE_BYTES_MAX);
  const names = sections.link(section);
  if (names <= 0 || names >= sections.count) {
    throw elfError(file.path, 'symbol names', `section ${names}`, `1 to ${sections.count - 1}`);
  }
  return {
    offset: sections.offset(section),
    count,
    namesOffset: sections.offset(names),
    namesBytes: sections.size(names),
  };
}

function readLong(sections: SectionTable, symtab: number, count: number): Bytes | null {
  for (let section = 1; section < sections.count; section++) {
    if (sections.type(section) !== SHT_SYMTAB_SHNDX || sections.link(section) !== symtab) continue;
    const bytes = sections.read(section, 'section numbers of symbols');
    return bytes.bytes.length >= count * 4 ? bytes : null;
  }
  return null;
}

/** Names of all tables of one ElfSymbols end to end; must fit one buffer. */
export function readNames(sources: readonly TableSource[]): Buffer {
  const total = sources.reduce((sum, source) => sum + source.namesBytes, 0);
  const first = sources[0];
  if (first === undefined) return Buffer.alloc(0);
  for (const source of sources) {
    source.file.check(source.namesOffset, source.namesBytes, 'symbol names');
  }
  if (total > TABLE_BYTES_MAX) {
    const expected = `at most ${TABLE_BYTES_MAX}`;
    throw elfError(first.file.path, 'symbol names', `${total} bytes`, expected);
  }
  const names = Buffer.allocUnsafeSlow(total);
  let at = 0;
  for (const { file, namesOffset, namesBytes } of sources) {
    file.readInto(names, at, namesOffset, namesBytes, 'symbol names');
    at += namesBytes;
    if (namesBytes > 0 && names[at - 1] !== 0) {
      throw elfError(file.path, 'symbol names', `last byte ${names[at - 1]}`, '0');
    }
  }
  return names;
}

/** Reads the entries of a table; the numbers are in the fields after a call of `at`. */
export class SymbolCursor {
  nameOffset = 0;
  type = 0;
  high = 0;
  low = 0;
  sizeHigh = 0;
  sizeLow = 0;
  #section = 0;
  #index = 0;
  readonly #fields: Fields;
  readonly #source: TableSource;
  /** Of each section, so that the flags are decoded once; a number is an index of HOMES. */
  readonly #homes: Uint8Array;

  constructor(source: TableSource) {
    const { file, header, count, offset, sections } = source;
    const bytes = file.read(offset, count * SYMBOL_BYTES[header.class], 'symbols');
    this.#fields = new Fields(bytes, header);
    this.#source = source;
    this.#homes = new Uint8Array(sections?.count ?? 0);
    for (let section = 1; section < this.#homes.length; section++) {
      if (sections?.isExecutable(section)) this.#homes[section] = 2;
      else if (sections?.isAllocated(section)) this.#homes[section] = 1;
    }
  }

  at(index: number): void {
    const fields = this.#fields;
    this.#index = index;
    if (fields.is64) {
      const at = index * SYMBOL_BYTES[64];
      const { lowAt, highAt } = fields;
      this.nameOffset = fields.u32(at);
      this.type = fields.view.getUint8(at + 4) & 0xf;
      this.#section = fields.u16(at + 6);
      this.low = fields.u32(at + 8 + lowAt);
      this.high = fields.u32(at + 8 + highAt);
      this.sizeLow = fields.u32(at + 16 + lowAt);
      this.sizeHigh = fields.u32(at + 16 + highAt);
      return;
    }
    const at = index * SYMBOL_BYTES[32];
    this.nameOffset = fields.u32(at);
    this.low = fields.u32(at + 4);
    this.sizeLow = fields.u32(at + 8);
    this.type = fields.view.getUint8(at + 12) & 0xf;
    this.#section = fields.u16(at + 14);
  }

  home(): Home {
    let section = this.#section;
    if (section === SHN_XINDEX && this.#source.longSections !== null) {
      const { isLittle } = this.#fields;
      section = this.#source.longSections.view.getUint32(this.#index * 4, isLittle);
    } else if (section >= SHN_LORESERVE) {
      return 'unknown';
    }
    if (section === 0) return 'undefined';
    // Tools that rewrite a file leave old section numbers behind, and strippers no sections at all.
    if (section >= this.#homes.length) return 'unknown';
    const home = this.#homes[section];
    if (home === 2) return 'code';
    return home === 1 ? 'data' : 'nowhere';
  }
}
