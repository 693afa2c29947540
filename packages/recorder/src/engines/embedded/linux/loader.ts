/**
 * Puts a static RV64 program into memory as the kernel does (fs/binfmt_elf.c): its segments, zero
 * pages behind them, the heap right after. Every number of the file is doubted.
 */
import { type ElfFile, elfError, withFile } from '../../../elf/file.ts';
import {
  PT_INTERP,
  PT_LOAD,
  type RawHeader,
  type RawSegment,
  readHeader,
  readSegmentHeaders,
} from '../../../elf/header.ts';
import { EM_RISCV } from '../../../elf/machines.ts';
import { BacktrailError } from '../../../errors.ts';
import type { MachineMark } from '../core/machine.ts';
import { PAGE_BYTES, PROT } from './abi.ts';
import { Failure } from './errno.ts';
import { type Mappings, pageDown, pageUp } from './mappings.ts';
import { ANONYMOUS } from './regions.ts';

/** Where a position-independent program goes; the kernel would take a random place. */
export const PIE_BASE = 0x200_0000;
/** vm.mmap_min_addr of the kernel's default configuration. */
export const LOWEST_ADDRESS = 0x1_0000;
const PT_GNU_STACK = 0x6474_e551;
const FLAG = { execute: 1, write: 2, read: 4 } as const;
const SEGMENT_HEADER_BYTES = 56;

export interface LoadedProgram {
  readonly entry: number;
  /** Address of the program headers in memory; 0: they are not there. */
  readonly headers: number;
  readonly headerCount: number;
  /** End of the last segment, page-aligned: where the heap begins. */
  readonly end: number;
  readonly isStackExecutable: boolean;
  /** One for each piece of the file that is in memory. */
  readonly marks: readonly MachineMark[];
}

/** A loadable segment at its place in memory. */
interface Piece {
  readonly start: number;
  readonly fileEnd: number;
  readonly end: number;
  readonly offset: number;
  readonly flags: number;
}

/**
 * @param file path on the host.
 * @param guestPath what /proc/self/maps shows.
 * @throws BacktrailError E_ELF, E_ISA, E_DYNAMIC
 */
export function loadProgram(mappings: Mappings, file: string, guestPath: string): LoadedProgram {
  return withFile(file, (open) => {
    const header = readHeader(open);
    check(file, header);
    const segments = readSegmentHeaders(open, header);
    refuseDynamic(file, segments);
    const bias = header.type === 'dyn' ? PIE_BASE : 0;
    const pieces = piecesOf(file, segments, bias);
    for (const piece of pieces) checkFits(mappings, open, piece);
    for (const piece of pieces) mapPiece(mappings, open, piece, guestPath);
    const last = pieces.reduce((end, piece) => Math.max(end, piece.end), 0);
    const stack = segments.find((one) => one.type === PT_GNU_STACK);
    return {
      entry: entryOf(file, header, pieces, bias),
      headers: headersAt(header, pieces),
      headerCount: segments.length,
      end: pageUp(last),
      isStackExecutable: stack === undefined || (stack.flags & FLAG.execute) !== 0,
      marks: pieces.map((piece) => markOf(piece, file)),
    };
  });
}

function check(file: string, header: RawHeader): void {
  const isRight = header.machine === EM_RISCV && header.class === 64 && header.endian === 'little';
  if (!isRight) {
    throw new BacktrailError(
      'E_ISA',
      `${file}: found a ${header.class}-bit ${header.endian}-endian program of ELF machine ` +
        `${header.machine}, expected riscv64 (64, little, ${EM_RISCV}), which is what the ` +
        'embedded engine runs. Use --engine qemu.',
    );
  }
  if (header.type !== 'exec' && header.type !== 'dyn') {
    const remedy = 'Link it to a program.';
    throw elfError(file, 'type', header.type, 'exec or dyn, a program', remedy);
  }
}

function refuseDynamic(file: string, segments: readonly RawSegment[]): void {
  if (!segments.some((one) => one.type === PT_INTERP)) return;
  throw new BacktrailError(
    'E_DYNAMIC',
    `${file}: found a dynamic program, expected a static one. Link it with -static, or use ` +
      '--engine qemu -L SYSROOT.',
  );
}

function piecesOf(file: string, segments: readonly RawSegment[], bias: number): Piece[] {
  const pieces: Piece[] = [];
  for (const segment of segments) {
    if (segment.type !== PT_LOAD || segment.memSize === 0n) continue;
    const { vaddr, memSize, fileSize, offset, flags } = segment;
    const end = vaddr + memSize + BigInt(bias);
    // What fits below 2^40 is exact as a number; whether it fits into the guest is asked later.
    if (end > 1n << 40n) throw noRoom(file, vaddr, memSize);
    if (BigInt(fileSize) > memSize) {
      throw elfError(file, 'segment', `${fileSize} bytes in the file`, `at most its ${memSize}`);
    }
    const start = Number(vaddr) + bias;
    if ((start - offset) % PAGE_BYTES !== 0) {
      const found = `offset ${offset} for address 0x${start.toString(16)}`;
      throw elfError(file, 'segment', found, 'the same place in a page');
    }
    const before = pieces.at(-1);
    if (before !== undefined && start < before.end) {
      const found = `one at 0x${start.toString(16)}`;
      throw elfError(file, 'segments', found, `none before 0x${before.end.toString(16)}`);
    }
    pieces.push({ start, fileEnd: start + fileSize, end: Number(end), offset, flags });
  }
  if (pieces.length > 0) return pieces;
  const remedy = 'It holds no program: link it again.';
  throw elfError(file, 'loadable segments', 'none', 'at least one', remedy);
}

function noRoom(file: string, address: bigint, bytes: bigint): BacktrailError {
  return new BacktrailError(
    'E_GUEST_MEMORY',
    `${file}: found a segment of ${bytes} bytes at 0x${address.toString(16)}, expected all of ` +
      'them between 0x10000 and the end of the guest’s memory. Use --engine qemu.',
  );
}

function checkFits(mappings: Mappings, file: ElfFile, piece: Piece): void {
  const start = pageDown(piece.start);
  file.check(piece.offset, piece.fileEnd - piece.start, 'segment');
  if (mappings.exists(start, pageUp(piece.end) - start)) return;
  throw noRoom(file.path, BigInt(piece.start), BigInt(piece.end - piece.start));
}

function protOf(flags: number): number {
  return (
    ((flags & FLAG.read) !== 0 ? PROT.read : 0) |
    ((flags & FLAG.write) !== 0 ? PROT.write : 0) |
    ((flags & FLAG.execute) !== 0 ? PROT.execute : 0)
  );
}

/**
 * Whole pages come from the file, also what stands before and behind the segment in it: two
 * segments may share a page of the file, and the later one's permissions hold for that page.
 */
function mapPiece(mappings: Mappings, file: ElfFile, piece: Piece, name: string): void {
  const start = pageDown(piece.start);
  const fileEnd = piece.fileEnd > piece.start ? pageUp(piece.fileEnd) : start;
  const end = pageUp(piece.end);
  const prot = protOf(piece.flags);
  try {
    if (fileEnd > start) {
      const delta = piece.offset - piece.start;
      mappings.map(start, fileEnd - start, prot, { ...ANONYMOUS, name, fileDelta: delta });
      const from = start + delta;
      const bytes = Math.min(fileEnd - start, file.size - from);
      mappings.fill(start, bytes).set(file.read(from, bytes, 'segment').bytes);
      const zeroEnd = Math.min(fileEnd, end);
      const isZeroed = piece.end > piece.fileEnd && (piece.flags & FLAG.write) !== 0;
      if (isZeroed) mappings.fill(piece.fileEnd, zeroEnd - piece.fileEnd).fill(0);
    }
    if (end > fileEnd) mappings.map(fileEnd, end - fileEnd, prot);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw noRoom(file.path, BigInt(piece.start), BigInt(piece.end - piece.start));
  }
}

function entryOf(file: string, header: RawHeader, pieces: readonly Piece[], bias: number): number {
  const entry = Number(header.entry) + bias;
  const isInside = pieces.some((piece) => entry >= piece.start && entry < piece.end);
  if (isInside && entry % 2 === 0) return entry;
  const found = `0x${header.entry.toString(16)}`;
  throw elfError(file, 'entry', found, 'an even address in one of its segments');
}

function headersAt(header: RawHeader, pieces: readonly Piece[]): number {
  const from = header.segmentOffset;
  const bytes = header.segmentCount * SEGMENT_HEADER_BYTES;
  for (const piece of pieces) {
    const fileSize = piece.fileEnd - piece.start;
    if (from >= piece.offset && from + bytes <= piece.offset + fileSize) {
      return piece.start + from - piece.offset;
    }
  }
  return 0;
}

/** As the kernel would list it: whole pages. */
function markOf(piece: Piece, file: string): MachineMark {
  const start = pageDown(piece.start);
  return {
    kind: 'map',
    address: BigInt(start),
    size: BigInt(pageUp(Math.max(piece.fileEnd, piece.start + 1)) - start),
    code: BigInt(piece.offset - (piece.start - start)),
    detail: file,
  };
}
