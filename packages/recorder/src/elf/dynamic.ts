/**
 * The dynamic symbol table of a file without section headers, by way of PT_DYNAMIC. No entry says
 * how many symbols there are: the hash table does (gABI, "Hash Table"; DT_GNU_HASH: Solaris and
 * glibc, elf/dl-lookup.c names its words).
 */
import { type ElfFile, elfError, SYMBOL_TABLE_BYTES_MAX } from './file.ts';
import {
  Fields,
  PT_DYNAMIC,
  PT_LOAD,
  type RawHeader,
  type RawSegment,
  SYMBOL_BYTES,
} from './header.ts';
import { EM_ALPHA, EM_S390 } from './machines.ts';

const DT_NULL = 0;
const DT_HASH = 4;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_GNU_HASH = 0x6ffffef5;
const DT_MIPS_SYMTABNO = 0x70000011;
/** A program has some tens. */
const DYNAMIC_BYTES_MAX = 1 << 20;

/** Where a symbol table and its names lie in the file; the count is of entries. */
export interface TablePlace {
  readonly offset: number;
  readonly count: number;
  readonly namesOffset: number;
  readonly namesBytes: number;
}

/** Null if the file has no dynamic symbols. @throws BacktrailError if they are damaged. */
export function dynamicTable(
  file: ElfFile,
  header: RawHeader,
  segments: readonly RawSegment[],
): TablePlace | null {
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined) return null;
  const entries = readEntries(file, header, dynamic);
  const names = entries.get(DT_STRTAB);
  const namesBytes = entries.get(DT_STRSZ);
  const table = entries.get(DT_SYMTAB);
  if (names === undefined || namesBytes === undefined || table === undefined) return null;
  const place = (address: number, what: string): number => offsetOf(file, segments, address, what);
  const count = countOf(file, header, entries, place);
  if (count === null) return null;
  const offset = place(table, 'dynamic symbols');
  const bytes = count * SYMBOL_BYTES[header.class];
  file.check(offset, bytes, 'dynamic symbols', SYMBOL_TABLE_BYTES_MAX);
  return { offset, count, namesOffset: place(names, 'dynamic names'), namesBytes };
}

function readEntries(
  file: ElfFile,
  header: RawHeader,
  dynamic: RawSegment,
): ReadonlyMap<number, number> {
  const length = Math.min(dynamic.fileSize, DYNAMIC_BYTES_MAX);
  const fields = new Fields(file.read(dynamic.offset, length, 'dynamic section'), header);
  const word = header.class / 8;
  const entries = new Map<number, number>();
  for (let at = 0; at + 2 * word <= length; at += 2 * word) {
    const tag = fields.word(at);
    if (tag === DT_NULL) break;
    if (!entries.has(tag)) entries.set(tag, fields.word(at + word));
  }
  return entries;
}

/** File offset of an address that a segment holds. */
function offsetOf(
  file: ElfFile,
  segments: readonly RawSegment[],
  address: number,
  what: string,
): number {
  for (const segment of segments) {
    const within = address - Number(segment.vaddr);
    if (segment.type === PT_LOAD && within >= 0 && within < segment.fileSize) {
      return segment.offset + within;
    }
  }
  const expected = 'an address in a loadable segment';
  throw elfError(file.path, what, `address 0x${address.toString(16)}`, expected);
}

function countOf(
  file: ElfFile,
  header: RawHeader,
  entries: ReadonlyMap<number, number>,
  place: (address: number, what: string) => number,
): number | null {
  const hash = entries.get(DT_HASH);
  if (hash !== undefined) {
    // nbucket, nchain: 8 bytes each on two 64-bit machines, against the gABI.
    const isWide =
      header.class === 64 && (header.machine === EM_ALPHA || header.machine === EM_S390);
    const bytes = file.read(place(hash, 'hash table'), isWide ? 16 : 8, 'hash table');
    const fields = new Fields(bytes, header);
    return isWide ? fields.word(8) : fields.u32(4);
  }
  const gnuHash = entries.get(DT_GNU_HASH);
  if (gnuHash !== undefined) return countOfGnuHash(file, header, place(gnuHash, 'hash table'));
  return entries.get(DT_MIPS_SYMTABNO) ?? null;
}

/** nbuckets, symoffset, bloom words, shift; then bloom words, buckets, one chain word a symbol. */
function countOfGnuHash(file: ElfFile, header: RawHeader, offset: number): number {
  const head = new Fields(file.read(offset, 16, 'hash table'), header);
  const buckets = head.u32(0);
  const symbolOffset = head.u32(4);
  const bucketsAt = offset + 16 + head.u32(8) * (header.class / 8);
  const bucketBytes = file.read(bucketsAt, buckets * 4, 'hash buckets');
  const bucketFields = new Fields(bucketBytes, header);
  let last = 0;
  for (let i = 0; i < buckets; i++) last = Math.max(last, bucketFields.u32(i * 4));
  if (last < symbolOffset) return symbolOffset;
  // The chain of the last bucket ends with a set low bit; a page at a time finds it soon.
  const chainsAt = bucketsAt + buckets * 4;
  for (;;) {
    const at = chainsAt + (last - symbolOffset) * 4;
    const length = Math.min(4096, Math.floor((file.size - at) / 4) * 4);
    if (length <= 0) {
      const expected = 'an end within the file';
      throw elfError(file.path, 'hash chain', `symbol ${last}`, expected);
    }
    const chain = new Fields(file.read(at, length, 'hash chain'), header);
    for (let i = 0; i < length; i += 4, last++) {
      if ((chain.u32(i) & 1) === 1) return last + 1;
    }
  }
}
