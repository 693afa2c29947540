/**
 * Source lines and inlined functions of an ELF file, as far as they cover code that ran: DWARF 2 to
 * 5, from the file itself or its split debug file. Relocatable files and split DWARF (.dwo) are not
 * read: of the latter there are lines, and no inlined functions.
 */
import { BacktrailError } from '../../errors.ts';
import { withDebugFile, withSharedFile } from '../debug.ts';
import { type ElfFile, withFile } from '../file.ts';
import {
  PT_LOAD,
  type RawHeader,
  type RawSegment,
  readHeader,
  readSegmentHeaders,
} from '../header.ts';
import { readSections } from '../sections.ts';
import { TAG } from './codes.ts';
import { Budget, DwarfDamage, type Origin } from './cursor.ts';
import { DebugInfo, type Root } from './info.ts';
import { type InlineColumns, InlineRows } from './inlines.ts';
import { readLineProgram } from './line-program.ts';
import { type LineColumns, LineRows } from './line-rows.ts';
import { NO_PATH, Paths, ProgramFiles } from './paths.ts';
import { DebugSections } from './sections.ts';
import { Stretches } from './stretches.ts';
import type { Unit } from './units.ts';

export { NO_PATH };

const EXECUTE = 1;
/** Bytes that may be read for each byte of debug sections, and in any case. */
const BUDGET_FACTOR = 4;
const BUDGET_BYTES_MIN = 1 << 24;
const SIZED = ['info', 'abbrev', 'line', 'ranges', 'rnglists'] as const;

/** Code that ran: pairs of guest code ranges as in the ELF file. */
export interface CodeRange {
  /** Bytes from the lowest address of the file's code. */
  readonly first: ArrayLike<number>;
  readonly end: ArrayLike<number>;
}

export interface SourceLines {
  readonly paths: readonly string[];
  readonly lines: LineColumns;
  readonly inlines: InlineColumns;
  /** The first thing wrong with the file's debug sections, and how many more there are. */
  readonly damage: string | null;
}

/** Lowest address of executable code, as in the file: what ranges count from. */
export function codeOrigin(segments: readonly { flags: number; vaddr: bigint }[]): bigint {
  let lowest: bigint | null = null;
  for (const { flags, vaddr } of segments) {
    if ((flags & EXECUTE) !== 0 && (lowest === null || vaddr < lowest)) lowest = vaddr;
  }
  return lowest ?? 0n;
}

/**
 * Null if neither the file nor a split debug file of it has line tables.
 * @param ran asked for only if there are some.
 * @throws BacktrailError E_ELF if it is no ELF file or its headers are damaged.
 */
export function readSourceLines(
  file: string,
  ran: (origin: bigint) => CodeRange,
  debugRoots: readonly string[],
): SourceLines | null {
  return withFile(file, (open) => {
    const header = readHeader(open);
    const segments = readSegmentHeaders(open, header);
    const own = debugSections(open, header);
    const read = (sections: DebugSections): SourceLines =>
      withSharedFile(sections.file, sections.header, debugRoots, (shared) =>
        readAll(sections, sharedSections(shared), segments, ran),
      );
    if (own !== null) return read(own);
    return withDebugFile(open, header, segments, debugRoots, (debug, debugHeader) => {
      const sections = debugSections(debug, debugHeader);
      return sections === null ? null : read(sections);
    });
  });
}

/** Null if the file has no line tables. Damaged ones are there. */
function debugSections(file: ElfFile, header: RawHeader): DebugSections | null {
  const table = readSections(file, header);
  if (table === null || header.type === 'rel') return null;
  const has = (name: string): boolean =>
    table.findNamed(`.debug_${name}`) > 0 || table.findNamed(`.zdebug_${name}`) > 0;
  return has('line') && has('info') ? new DebugSections(file, header, table) : null;
}

/** Of a file that others lean on; null if there is none, or it cannot be read. */
function sharedSections(file: ElfFile | null): DebugSections | null {
  if (file === null) return null;
  const header = readHeader(file);
  const table = readSections(file, header);
  return table === null ? null : new DebugSections(file, header, table);
}

function readAll(
  sections: DebugSections,
  shared: DebugSections | null,
  segments: readonly RawSegment[],
  ran: (origin: bigint) => CodeRange,
): SourceLines {
  const loaded = segments.filter((one) => one.type === PT_LOAD);
  const start = codeOrigin(loaded);
  const origin = { high: Number(start >> 32n), low: Number(start & 0xffff_ffffn) };
  const { first, end } = ran(start);
  const wanted = Stretches.of(first, end);
  const code = codeOf(sections, loaded, start);
  return new Reading(sections, shared, origin, wanted, code).finish();
}

/** Where the program's code is: its sections, or else segments, from the origin. */
function codeOf(
  { file, header }: DebugSections,
  segments: readonly RawSegment[],
  origin: bigint,
): Stretches {
  const first: number[] = [];
  const end: number[] = [];
  const add = (address: bigint, size: number): void => {
    if (address < origin) return;
    first.push(Number(address - origin));
    end.push(Number(address - origin) + size);
  };
  const table = readSections(file, header);
  for (let section = 1; section < (table?.count ?? 0); section++) {
    if (table?.isExecutable(section) === true) add(table.address(section), table.size(section));
  }
  if (first.length === 0) {
    for (const { flags, vaddr, memSize } of segments) {
      if ((flags & EXECUTE) !== 0) add(vaddr, Number(memSize));
    }
  }
  return Stretches.of(first, end);
}

/** One file being read: damage ends a unit, or a line table, and is counted. */
class Reading {
  readonly #sections: DebugSections;
  readonly #shared: DebugSections | null;
  readonly #origin: Origin;
  readonly #wanted: Stretches;
  readonly #paths = new Paths();
  readonly #lines: LineRows;
  readonly #budget: Budget;
  /** Offsets of line tables that were run. */
  readonly #seen = new Set<number>();
  #firstDamage: string | null = null;
  #damages = 0;

  constructor(
    sections: DebugSections,
    shared: DebugSections | null,
    origin: Origin,
    wanted: Stretches,
    code: Stretches,
  ) {
    this.#sections = sections;
    this.#shared = shared;
    this.#origin = origin;
    this.#wanted = wanted;
    this.#lines = new LineRows(wanted, code);
    let bytes = 0;
    this.#guarded(() => {
      for (const name of SIZED) {
        bytes += (sections.find(name)?.size ?? 0) + (shared?.find(name)?.size ?? 0);
      }
    });
    this.#budget = new Budget(BUDGET_BYTES_MIN + BUDGET_FACTOR * bytes);
  }

  finish(): SourceLines {
    const inlines = this.#guarded(() => this.#read()) ?? NO_INLINES;
    const more = this.#damages > 1 ? `, and ${this.#damages - 1} more` : '';
    return {
      paths: this.#paths.list,
      lines: this.#lines.finish(),
      inlines,
      damage: this.#firstDamage === null ? null : `${this.#firstDamage}${more}`,
    };
  }

  #read(): InlineColumns {
    const shared = this.#guarded(() => this.#sharedInfo());
    const info = new DebugInfo(this.#sections, this.#origin, this.#budget, shared);
    if (info.damage !== null) this.#note(info.damage);
    const inlines = new InlineRows(info, this.#wanted);
    for (const unit of info.units) {
      if (unit.hasCode) this.#guarded(() => this.#unit(info, unit, inlines));
    }
    return inlines.finish();
  }

  #sharedInfo(): DebugInfo | null {
    if (this.#shared === null) return null;
    return new DebugInfo(this.#shared, this.#origin, this.#budget);
  }

  #unit(info: DebugInfo, unit: Unit, inlines: InlineRows): void {
    const root = info.rootOf(unit);
    // What several units share has no code of its own.
    if (root === null || root.tag === TAG.partialUnit || !this.#isWanted(root)) return;
    const files = root.stmtList < 0 ? null : this.#guarded(() => this.#table(root));
    inlines.add(root, files);
  }

  /** Units that do not say where their code is are looked through. */
  #isWanted({ ranges }: Root): boolean {
    if (ranges.length === 0) return true;
    for (let i = 0; i < ranges.length; i += 2) {
      if (this.#wanted.touches(ranges[i] ?? 0, ranges[i + 1] ?? 0)) return true;
    }
    return false;
  }

  /** Runs the line table of a unit, unless another unit has it too. */
  #table({ unit, stmtList, compDir }: Root): ProgramFiles {
    const program = readLineProgram(this.#sections, stmtList, unit.addressBytes);
    this.#budget.spend(program.cursor.end);
    const files = new ProgramFiles(program, compDir, this.#paths);
    if (this.#seen.has(stmtList)) return files;
    this.#seen.add(stmtList);
    this.#guarded(() => this.#lines.add(program, files, this.#origin));
    return files;
  }

  #guarded<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof DwarfDamage || error instanceof BacktrailError)) throw error;
      this.#note(error.message);
      return null;
    }
  }

  #note(damage: string): void {
    this.#firstDamage ??= damage;
    this.#damages++;
  }
}

const NO_INLINES: InlineColumns = {
  count: 0,
  address: new Float64Array(0),
  size: new Float64Array(0),
  depth: new Uint32Array(0),
  name: [],
  callSource: new Uint32Array(0),
  callLine: new Uint32Array(0),
  callColumn: new Uint32Array(0),
};
