/**
 * Addresses to source lines and to the functions that were inlined there. As with symbols, a place
 * is asked for at a time: modules come and go.
 */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { LruCache } from './lru-cache.ts';
import { type Symbolizer, symbolOwners } from './symbolizer.ts';

const PLACES_MAX = 1 << 15;
const MODULE_BITS = 32n;

/** Where an instruction comes from. */
export interface SourceLine {
  /** Path where the program was compiled: data of somebody else. Null where none is named. */
  readonly file: string | null;
  /** From 1; null for code that belongs to no line. */
  readonly line: number | null;
  /** From 1; null where it is not known. */
  readonly column: number | null;
}

/** One function that an address is in. */
export interface SourceFrame extends SourceLine {
  /** Demangled if the locator can; null where no name is known. */
  readonly function: string | null;
  /** False for the function that the code belongs to, true for what was inlined into it. */
  readonly isInlined: boolean;
}

export interface SourceLocatorOptions {
  /** Applied to names of functions; e.g. that of a Demangler. */
  readonly demangle?: (name: string) => string;
}

export interface SourceLocator {
  /** False if the trace has no source line at all. */
  readonly hasLines: boolean;
  /**
   * From the innermost inlined function to the one that the code belongs to. The first frame's line
   * is that of the instruction, that of each other the call of the frame before. Empty outside of
   * every module; one frame without a line where only the module is known.
   * @param timeNs host monotonic clock, ns; the end of the run if left out.
   */
  at(pc: bigint, timeNs?: bigint): readonly SourceFrame[];
  /** The line of the instruction; null where none is known. */
  lineAt(pc: bigint, timeNs?: bigint): SourceLine | null;
}

const NO_LINE: SourceLine = { file: null, line: null, column: null };

/** Last row of [from, to) whose number is not above `wanted`; `from - 1` if there is none. */
function lastRow(from: number, to: number, isAbove: (row: number) => boolean): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAbove(middle)) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

/** Rows of one module in a table that is sorted by module. */
function rowsOf(column: Uint32Array, module: number): { from: number; to: number } {
  const from = lastRow(0, column.length, (row) => (column[row] ?? 0) >= module) + 1;
  return { from, to: lastRow(from, column.length, (row) => (column[row] ?? 0) > module) + 1 };
}

/** Inlined functions of one module: rows by depth, those of one depth by address. */
class InlineRows {
  readonly #inlines: Trace['inlines'];
  readonly #byDepth = new Map<number, number[]>();

  constructor(inlines: Trace['inlines'], module: number) {
    this.#inlines = inlines;
    const { from, to } = rowsOf(inlines.module, module);
    for (let row = from; row < to; row++) {
      const depth = inlines.depth[row] ?? 0;
      const rows = this.#byDepth.get(depth);
      if (rows === undefined) this.#byDepth.set(depth, [row]);
      else rows.push(row);
    }
  }

  /** Rows that cover an address of the ELF file, outermost first. */
  covering(address: bigint): number[] {
    const found: number[] = [];
    for (let depth = 1; ; depth++) {
      const rows = this.#byDepth.get(depth) ?? [];
      const { address: start, size } = this.#inlines;
      const at = lastRow(0, rows.length, (i) => (start[rows[i] ?? 0] ?? 0n) > address);
      const row = rows[at];
      if (row === undefined || address - (start[row] ?? 0n) >= (size[row] ?? 0n)) return found;
      found.push(row);
    }
  }
}

class TraceLocator implements SourceLocator {
  readonly #trace: Trace;
  readonly #symbolizer: Symbolizer;
  readonly #demangle: (name: string) => string;
  readonly #owners: Uint32Array;
  readonly #inlines = new Map<number, InlineRows>();
  readonly #rows = new Map<number, { from: number; to: number }>();
  readonly #frames = new LruCache<bigint, readonly SourceFrame[]>(PLACES_MAX);

  constructor(trace: Trace, symbolizer: Symbolizer, options: SourceLocatorOptions) {
    this.#trace = trace;
    this.#symbolizer = symbolizer;
    this.#demangle = options.demangle ?? ((name) => name);
    this.#owners = symbolOwners(trace.modules);
  }

  get hasLines(): boolean {
    return this.#trace.lines.count > 0;
  }

  lineAt(pc: bigint, timeNs?: bigint): SourceLine | null {
    if (!this.hasLines) return null;
    const module = this.#symbolizer.moduleAt(pc, timeNs);
    if (module < 0) return null;
    const address = this.#address(pc, module);
    return this.#line(address, this.#owners[module] ?? module);
  }

  at(pc: bigint, timeNs?: bigint): readonly SourceFrame[] {
    const module = this.#symbolizer.moduleAt(pc, timeNs);
    if (module < 0) return [];
    const key = (pc << MODULE_BITS) | BigInt(module);
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const made = this.#makeFrames(pc, module, timeNs);
    this.#frames.set(key, made);
    return made;
  }

  #makeFrames(pc: bigint, module: number, timeNs: bigint | undefined): SourceFrame[] {
    const { inlines } = this.#trace;
    const owner = this.#owners[module] ?? module;
    const address = this.#address(pc, module);
    const frames: SourceFrame[] = [];
    let place = this.#line(address, owner) ?? NO_LINE;
    for (const row of this.#inlinesOf(owner).covering(address).reverse()) {
      const name = inlines.name(row);
      const named = name === '' ? null : this.#demangle(name);
      frames.push({ function: named, ...place, isInlined: true });
      place = this.#place(
        inlines.callSource[row] ?? NO_ROW,
        inlines.callLine[row] ?? 0,
        inlines.callColumn[row] ?? 0,
      );
    }
    const name = this.#symbolizer.at(pc, timeNs)?.name ?? null;
    const named = name === null ? null : this.#demangle(name);
    frames.push({ function: named, ...place, isInlined: false });
    return frames;
  }

  /** As in the ELF file. */
  #address(pc: bigint, module: number): bigint {
    return BigInt.asUintN(64, pc - (this.#trace.modules.base[module] ?? 0n));
  }

  #line(address: bigint, owner: number): SourceLine | null {
    const { lines } = this.#trace;
    let rows = this.#rows.get(owner);
    if (rows === undefined) {
      rows = rowsOf(lines.module, owner);
      this.#rows.set(owner, rows);
    }
    const row = lastRow(rows.from, rows.to, (i) => (lines.address[i] ?? 0n) > address);
    if (row < rows.from) return null;
    if (address - (lines.address[row] ?? 0n) >= (lines.size[row] ?? 0n)) return null;
    return this.#place(lines.source[row] ?? NO_ROW, lines.line[row] ?? 0, lines.column[row] ?? 0);
  }

  #place(source: number, line: number, column: number): SourceLine {
    return {
      file: source === NO_ROW ? null : this.#trace.sources.path(source),
      line: line === 0 ? null : line,
      column: column === 0 ? null : column,
    };
  }

  #inlinesOf(owner: number): InlineRows {
    const known = this.#inlines.get(owner);
    if (known !== undefined) return known;
    const made = new InlineRows(this.#trace.inlines, owner);
    this.#inlines.set(owner, made);
    return made;
  }
}

/** @param symbolizer of the same trace: it knows the modules and names the outermost function. */
export function createSourceLocator(
  trace: Trace,
  symbolizer: Symbolizer,
  options: SourceLocatorOptions = {},
): SourceLocator {
  return new TraceLocator(trace, symbolizer, options);
}
