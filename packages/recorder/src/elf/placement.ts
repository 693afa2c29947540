/** Where the segments of an ELF file land in memory, told from what was mapped. */
import type { ElfSegment } from './elf.ts';

const EXECUTE = 1;
/** Smallest page of all guests. */
const PAGE_BYTES = 4096;
/** Larger ones that guests round segments to: alpha and sparc64 8 KiB, aarch64 16 and 64 KiB. */
const LARGER_PAGES_BYTES = [8192, 16384, 65536] as const;

/** A stretch of a file that was mapped; addresses and sizes in bytes. */
export interface Mapping {
  readonly address: bigint;
  readonly size: bigint;
  readonly fileOffset: bigint;
}

/**
 * What to add to addresses of the file if this mapping is a part of its being loaded, likeliest
 * first; empty if no segment of the file can be at that offset. Two segments share a page of the
 * file where one ends and the next begins, so there may be several.
 */
export function basesOf(segments: readonly ElfSegment[], mapping: Mapping): bigint[] {
  const offset = Number(mapping.fileOffset);
  const ranked: { base: bigint; rank: number }[] = [];
  for (const segment of segments) {
    const rank = rankOf(segment, offset);
    if (rank === null) continue;
    const delta = BigInt(segment.offset) - segment.vaddr;
    const base = BigInt.asUintN(64, mapping.address - mapping.fileOffset + delta);
    if (base % BigInt(PAGE_BYTES) === 0n) ranked.push({ base, rank });
  }
  ranked.sort((a, b) => a.rank - b.rank);
  return [...new Set(ranked.map((one) => one.base))];
}

/** Lower is likelier; null if the segment cannot be mapped from this offset. */
function rankOf(segment: ElfSegment, offset: number): number | null {
  if (segment.fileSize === 0) return null;
  const down = (bytes: number): number => Math.floor(segment.offset / bytes) * bytes;
  if (offset === down(PAGE_BYTES)) return 0;
  if (offset >= segment.offset && offset < segment.offset + segment.fileSize) return 1;
  return LARGER_PAGES_BYTES.some((bytes) => offset === down(bytes)) ? 2 : null;
}

/** True if the mapping puts executable bytes of the file where its headers ask for them. */
export function placesCode(
  segments: readonly ElfSegment[],
  base: bigint,
  mapping: Mapping,
): boolean {
  return segments.some((segment) => {
    if ((segment.flags & EXECUTE) === 0) return false;
    const end = segment.offset + segment.fileSize;
    const isCovered =
      Number(mapping.fileOffset) < end &&
      Number(mapping.fileOffset + mapping.size) > segment.offset;
    const delta = BigInt(segment.offset) - segment.vaddr;
    const found = BigInt.asUintN(64, mapping.address - mapping.fileOffset + delta);
    return isCovered && found === base;
  });
}

/** True if one mapping can be all of a loaded file. */
export function isOnePiece(segments: readonly ElfSegment[]): boolean {
  return segments.filter((segment) => segment.fileSize > 0).length <= 1;
}

/** First address and bytes of the file in memory, whole pages, before a base is added. */
export function extentOf(segments: readonly ElfSegment[]): { start: bigint; size: bigint } {
  const page = BigInt(PAGE_BYTES);
  let start: bigint | null = null;
  let end = 0n;
  for (const { vaddr, memSize } of segments) {
    if (memSize === 0n) continue;
    if (start === null || vaddr < start) start = vaddr;
    if (vaddr + memSize > end) end = vaddr + memSize;
  }
  if (start === null) return { start: 0n, size: 0n };
  const first = start - (start % page);
  return { start: first, size: ((end + page - 1n) / page) * page - first };
}

/** Row ranges [from, to) of ascending addresses that lie in executable segments. */
export function codeRows(
  segments: readonly ElfSegment[],
  address: BigUint64Array,
): { from: number; to: number }[] {
  return segments
    .filter((segment) => (segment.flags & EXECUTE) !== 0)
    .map(({ vaddr, memSize }) => ({
      from: firstRowAt(address, vaddr),
      to: firstRowAt(address, vaddr + memSize),
    }));
}

/** The first row whose address is `wanted` or above. */
function firstRowAt(address: BigUint64Array, wanted: bigint): number {
  let from = 0;
  let to = address.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((address[middle] ?? 0n) < wanted) from = middle + 1;
    else to = middle;
  }
  return from;
}
