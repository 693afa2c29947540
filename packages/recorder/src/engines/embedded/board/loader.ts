/** Bare-metal programs: which ELF files are, and how they come into RAM. */
import { readElfLayout } from '../../../elf/elf.ts';
import { type ElfFile, elfError, withFile } from '../../../elf/file.ts';
import {
  PT_LOAD,
  type RawHeader,
  type RawSegment,
  readHeader,
  readSegmentHeaders,
} from '../../../elf/header.ts';
import { EM_RISCV } from '../../../elf/machines.ts';
import { findTables, readNames, SymbolCursor } from '../../../elf/symbol-table.ts';
import { BacktrailError } from '../../../errors.ts';
import { RAM_START } from './map.ts';

export { RAM_BYTES_DEFAULT, RAM_START } from './map.ts';

/** A stretch of the file as it lies where the program runs; for the map of modules. */
interface ProgramMap {
  readonly address: bigint;
  readonly size: bigint;
  /** Offset in the file. */
  readonly code: bigint;
  readonly detail: string;
}

export interface BareProgram {
  readonly entry: bigint;
  /** Address of the symbol `tohost`, a word by which test programs tell how they end. */
  readonly tohost: bigint | null;
  readonly maps: readonly ProgramMap[];
  /**
   * Copies the segments to their physical addresses, which must lie in [start, end).
   * @param raw gives the bytes of RAM at an address, all 0.
   * @throws BacktrailError E_ELF if one does not.
   */
  place(start: number, end: number, raw: (address: number, bytes: number) => Uint8Array): void;
}

/**
 * Whether a program is for a bare machine rather than for Linux: an RV64 executable that asks for
 * no dynamic linker, begins where RAM does or above, and has nothing that ends below. Linux
 * programs lie below: their linker puts them at 0x10000.
 * @throws BacktrailError E_ELF as readElfHeader does.
 */
export function looksBare(program: string): boolean {
  const { header, segments } = readElfLayout(program);
  if (header.isa !== 'riscv64' || header.type !== 'exec' || !header.isStatic) return false;
  const loaded = segments.filter(({ memSize }) => memSize > 0n);
  const start = BigInt(RAM_START);
  return header.entry >= start && loaded.every(({ vaddr, memSize }) => vaddr + memSize > start);
}

/** @throws BacktrailError E_ELF if it is no bare-metal RV64 program, or is damaged. */
export function readBareProgram(path: string): BareProgram {
  return withFile(path, (file) => {
    const header = readHeader(file);
    checkKind(file, header);
    const all = readSegmentHeaders(file, header);
    const segments = all.filter(({ type, memSize }) => type === PT_LOAD && memSize > 0n);
    if (segments.length === 0) {
      throw elfError(path, '', 'nothing to load', 'a PT_LOAD segment', 'Link it as a program.');
    }
    return {
      entry: physicalEntry(header, segments),
      tohost: findTohost(file, header, all),
      maps: segments.map(({ vaddr, memSize, offset }) => {
        return { address: vaddr, size: memSize, code: BigInt(offset), detail: path };
      }),
      place: placer(path, contentsOf(file, segments)),
    };
  });
}

function checkKind(file: ElfFile, header: RawHeader): void {
  const isRv64 = header.machine === EM_RISCV && header.class === 64 && header.endian === 'little';
  if (!isRv64) {
    const found = `machine ${header.machine}, ${header.class} bit, ${header.endian} endian`;
    const expected = `machine ${EM_RISCV} (RISC-V), 64 bit, little endian`;
    throw elfError(file.path, '', found, expected, 'Build it for RV64, or use --engine qemu.');
  }
  if (header.type === 'exec') return;
  const remedy = 'Link it at a fixed address: -static -no-pie.';
  throw elfError(file.path, 'type', header.type, 'exec (a program at a fixed address)', remedy);
}

/** Where the program is linked elsewhere than it is loaded, its entry moves with it, as in QEMU. */
function physicalEntry(header: RawHeader, segments: readonly RawSegment[]): bigint {
  const { entry } = header;
  const home = segments.find(({ vaddr, fileSize }) => {
    return entry >= vaddr && entry < vaddr + BigInt(fileSize);
  });
  return home === undefined ? entry : entry - home.vaddr + home.paddr;
}

interface Contents {
  readonly segment: RawSegment;
  readonly bytes: Buffer;
}

function contentsOf(file: ElfFile, segments: readonly RawSegment[]): Contents[] {
  return segments.map((segment) => {
    if (BigInt(segment.fileSize) > segment.memSize) {
      const found = `${segment.fileSize} bytes in the file`;
      throw elfError(file.path, 'segment', found, `at most ${segment.memSize}, as in memory`);
    }
    return { segment, bytes: file.read(segment.offset, segment.fileSize, 'segment').bytes };
  });
}

function placer(path: string, contents: readonly Contents[]): BareProgram['place'] {
  return (start, end, raw) => {
    for (const { segment, bytes } of contents) {
      // Without a linker script the file's own headers come first, on a page of their own below
      // RAM.
      const below = BigInt(start) - segment.paddr;
      const isHeaders = segment.offset === 0 && below > 0n && below < segment.memSize;
      const first = isHeaders ? BigInt(start) : segment.paddr;
      const last = segment.paddr + segment.memSize;
      if (first < BigInt(start) || last > BigInt(end)) {
        const found = `0x${first.toString(16)} to 0x${last.toString(16)}`;
        const expected = `addresses in RAM, 0x${start.toString(16)} to 0x${end.toString(16)}`;
        const remedy = 'Link it into RAM, or ask for more RAM.';
        throw elfError(path, 'segment', found, expected, remedy);
      }
      const content = isHeaders ? bytes.subarray(Number(below)) : bytes;
      raw(Number(first), content.length).set(content);
    }
  };
}

/** Null also where the symbols are damaged: a program runs without them. */
function findTohost(
  file: ElfFile,
  header: RawHeader,
  segments: readonly RawSegment[],
): bigint | null {
  try {
    const { symtab } = findTables(file, header, segments);
    if (symtab === null) return null;
    const names = readNames([symtab]);
    const cursor = new SymbolCursor(symtab);
    for (let index = 1; index < symtab.count; index++) {
      cursor.at(index);
      const { nameOffset } = cursor;
      if (names.toString('latin1', nameOffset, nameOffset + TOHOST.length) !== TOHOST) continue;
      return (BigInt(cursor.high) << 32n) | BigInt(cursor.low);
    }
    return null;
  } catch (error) {
    if (error instanceof BacktrailError) return null;
    throw error;
  }
}

const TOHOST = 'tohost\0';
