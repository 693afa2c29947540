/**
 * What backtrail wants to know of an ELF file, 32 and 64 bit, little and big endian: which guest it
 * is for, where it is placed in memory, its build id, its symbols. Only the bytes needed are read.
 */
import { BacktrailError } from '../errors.ts';
import { type ElfFile, elfError, withFile } from './file.ts';
import {
  type ElfType,
  PT_INTERP,
  PT_LOAD,
  type RawHeader,
  type RawSegment,
  readHeader,
  readSegmentHeaders,
} from './header.ts';
import { type ElfClass, type Endian, isaOf } from './machines.ts';
import { findBuildId } from './notes.ts';

export { ELF_SYMBOL_TYPES, type ElfSymbols, readSymbols } from './symbols.ts';

export interface ElfHeader {
  readonly class: ElfClass;
  readonly endian: Endian;
  /** e_machine of the ELF registry. */
  readonly machine: number;
  /** The guest as in `qemu-NAME`; null where QEMU has no user mode for it. */
  readonly isa: string | null;
  /** `dyn`: a shared object or a position-independent program. */
  readonly type: ElfType;
  /** The dynamic linker that it asks for, e.g. `/lib64/ld-linux-x86-64.so.2`. */
  readonly interpreter: string | null;
  /** True if it asks for none: it is started directly (so is a library or the linker itself). */
  readonly isStatic: boolean;
  /** As in the file; add the base where it is loaded. */
  readonly entry: bigint;
}

/** A stretch of the file that is placed in memory (PT_LOAD). */
export interface ElfSegment {
  /** Address as in the file. */
  readonly vaddr: bigint;
  readonly offset: number;
  readonly fileSize: number;
  /** Bytes in memory; those past `fileSize` are zero. */
  readonly memSize: bigint;
  /** Bits: 1 execute, 2 write, 4 read. */
  readonly flags: number;
}

/** Where the parts of a file go, and which file it is: what a map of modules needs. */
export interface ElfLayout {
  readonly header: ElfHeader;
  readonly segments: readonly ElfSegment[];
  /** Lower-case hex; null if the file has none. */
  readonly buildId: string | null;
  readonly fileSize: number;
  /** Last change of its content, ms since 1970. */
  readonly changedMs: number;
}

/** Linux: PATH_MAX, its NUL included. */
const INTERPRETER_BYTES_MAX = 4096;

/** @throws BacktrailError E_ELF if it is no ELF file (the message says what it is) or damaged. */
export function readElfHeader(file: string): ElfHeader {
  return withFile(file, (open) => {
    const header = readHeader(open);
    return describe(open, header, readSegmentHeaders(open, header));
  });
}

/** The loadable segments, in file order. @throws BacktrailError E_ELF as readElfHeader does. */
export function readSegments(file: string): ElfSegment[] {
  return withFile(file, (open) => loadable(readSegmentHeaders(open, readHeader(open))));
}

/** gABI, p_flags. */
const EXECUTE = 1;

/**
 * Where the file has its first byte of code: what QEMU says of the program as it runs.
 * @throws BacktrailError E_ELF as readElfHeader does.
 */
export function firstCode(file: string): bigint {
  const code = readSegments(file).filter(({ flags }) => (flags & EXECUTE) !== 0);
  const starts = code.map(({ vaddr }) => vaddr);
  return starts.reduce((least, start) => (start < least ? start : least), starts[0] ?? 0n);
}

/** Lower-case hex, or null. @throws BacktrailError E_ELF as readElfHeader does. */
export function readBuildId(file: string): string | null {
  return withFile(file, (open) => {
    const header = readHeader(open);
    return findBuildId(open, header, readSegmentHeaders(open, header));
  });
}

/**
 * Damaged section headers do not matter here: a file runs with them, and readSymbols tells.
 * @throws BacktrailError E_ELF as readElfHeader does.
 */
export function readElfLayout(file: string): ElfLayout {
  return withFile(file, (open) => {
    const header = readHeader(open);
    const segments = readSegmentHeaders(open, header);
    return {
      header: describe(open, header, segments),
      segments: loadable(segments),
      buildId: buildIdOrNull(open, header, segments),
      fileSize: open.size,
      changedMs: open.changedMs,
    };
  });
}

/** Whether a file begins as an ELF file does. @throws BacktrailError E_ELF if it cannot be read. */
export function isElf(file: string): boolean {
  return withFile(file, (open) => {
    return open.size >= 4 && open.read(0, 4, 'header').view.getUint32(0) === 0x7f454c46;
  });
}

function buildIdOrNull(
  file: ElfFile,
  header: RawHeader,
  segments: readonly RawSegment[],
): string | null {
  try {
    return findBuildId(file, header, segments);
  } catch (error) {
    if (error instanceof BacktrailError) return null;
    throw error;
  }
}

function describe(file: ElfFile, header: RawHeader, segments: readonly RawSegment[]): ElfHeader {
  const interpreter = readInterpreter(file, segments);
  const isProgram = header.type === 'exec' || header.type === 'dyn';
  return {
    class: header.class,
    endian: header.endian,
    machine: header.machine,
    isa: isaOf(header.machine, header.class, header.endian, header.flags),
    type: header.type,
    interpreter,
    isStatic: isProgram && interpreter === null,
    entry: header.entry,
  };
}

function readInterpreter(file: ElfFile, segments: readonly RawSegment[]): string | null {
  const segment = segments.find((one) => one.type === PT_INTERP);
  if (segment === undefined) return null;
  if (segment.fileSize > INTERPRETER_BYTES_MAX) {
    const expected = `at most ${INTERPRETER_BYTES_MAX} bytes`;
    throw elfError(file.path, 'path of the dynamic linker', `${segment.fileSize}`, expected);
  }
  const { bytes } = file.read(segment.offset, segment.fileSize, 'path of the dynamic linker');
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

function loadable(segments: readonly RawSegment[]): ElfSegment[] {
  return segments
    .filter((segment) => segment.type === PT_LOAD)
    .map(({ vaddr, offset, fileSize, memSize, flags }) => {
      return { vaddr, offset, fileSize, memSize, flags };
    });
}
