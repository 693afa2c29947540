/**
 * Which ELF files a run had in memory, where and when, their symbols and source lines: from the map
 * and unmap events of the run to the rows of modules.arrow, symbols.arrow and their companions.
 *
 * A loader maps a file piece by piece; a program may also map an ELF file just to read it. What
 * tells them apart is whether executable bytes lie where the program headers ask for them, seen
 * from the base that the pieces agree on. The events carry no protection: a guest's code is
 * mapped without execute permission on the host.
 */
import { basesOf, extentOf, isOnePiece, type Mapping, placesCode } from './elf/placement.ts';
import { type ClockPair, type Known, ModuleFiles, type Unknown } from './module-files.ts';
import { collectSources } from './module-sources.ts';
import { collectSymbols } from './module-symbols.ts';
import { type CodeSources, type ModuleRows, NO_SOURCES } from './trace/rows.ts';
import type { SymbolTable } from './trace/trace.ts';
import type { BlockExtents } from './trace/writer.ts';

/** A file was mapped, or a range unmapped; an unmap uses address and size only. */
export interface MapEvent {
  readonly kind: 'map' | 'unmap';
  readonly vcpu: number;
  readonly seq: number;
  /** Host monotonic clock, ns. */
  readonly timeNs: bigint;
  readonly address: bigint;
  readonly size: bigint;
  readonly fileOffset: bigint;
  readonly path: string;
}

export interface CollectOptions {
  /**
   * One moment on both clocks. With it a file that changed after it was mapped is found, and its
   * symbols, which may be wrong, are left out.
   */
  readonly clock?: ClockPair;
  /** Where split debug files are; default /usr/lib/debug. */
  readonly debugRoots?: readonly string[];
  /** The code that ran: source lines are kept of that only, and of none if it is left out. */
  readonly blocks?: () => Iterable<BlockExtents>;
  /** Symbols kept in all; default 4 million. */
  readonly symbolsMax?: number;
}

export interface Collected {
  readonly modules: ModuleRows;
  /** Names are decoded when asked for. */
  readonly symbols: SymbolTable;
  readonly code: CodeSources;
  /** One line for each file of which something is missing. */
  readonly problems: readonly string[];
}

const SYMBOLS_MAX = 4_000_000;
/** Pieces of one file further apart than this are two loads, where no headers tell. */
const LOAD_SPAN_BYTES_MAX = 1n << 26n;

/**
 * `events` in the order in which they happened. A file that is loaded at two places, or again
 * after it was unmapped, is a module each time; its symbols go with the row of its first load and
 * are found from the others by equal path and build id. Files that are gone or damaged are
 * modules, without symbols, if they were mapped as programs and libraries are.
 */
export function collectModules(
  events: readonly MapEvent[],
  options: CollectOptions = {},
): Collected {
  const files = new ModuleFiles(options.clock);
  const memory = new Memory(files);
  for (const event of events) {
    if (event.kind === 'map') memory.map(event);
    else memory.unmap(event);
  }
  const loads = memory.loads.filter((load) => load.isModule());
  const modules = rowsOf(loads);
  const first = new Map<string, number>();
  loads.forEach((load, row) => {
    if (load.file.layout !== null && !first.has(load.file.path)) first.set(load.file.path, row);
  });
  for (const load of loads) files.report(load.file);
  const problems = [...files.problems];
  const sources = [...first].map(([path, module]) => ({ path, module }));
  const symbols = collectSymbols(sources, problems, {
    symbolsMax: options.symbolsMax ?? SYMBOLS_MAX,
    ...(options.debugRoots === undefined ? {} : { debugRoots: options.debugRoots }),
  });
  const placed = sources.map((source) => ({
    ...source,
    loads: loads.filter((load) => load.file.path === source.path),
  }));
  const code =
    options.blocks === undefined
      ? NO_SOURCES
      : collectSources(placed, options.blocks, problems, options.debugRoots);
  return { modules, symbols, code, problems };
}

/** Where a symbol is in what these events have mapped: once for each load of a file that has it. */
export function addressesOf(name: string, events: readonly MapEvent[]): bigint[] {
  const { modules, symbols } = collectModules(events);
  const found = new Set<bigint>();
  for (let symbol = 0; symbol < symbols.count; symbol++) {
    if (symbols.name(symbol) !== name) continue;
    const path = modules.path[symbols.module[symbol] ?? 0];
    modules.path.forEach((other, row) => {
      if (other !== path) return;
      found.add(BigInt.asUintN(64, (modules.base[row] ?? 0n) + (symbols.address[symbol] ?? 0n)));
    });
  }
  return [...found];
}

function rowsOf(loads: readonly Load[]): ModuleRows {
  return {
    count: loads.length,
    path: loads.map((load) => load.file.path),
    buildId: loads.map((load) => load.file.layout?.buildId ?? null),
    base: BigUint64Array.from(loads, (load) => load.base),
    start: BigUint64Array.from(loads, (load) => load.start),
    size: BigUint64Array.from(loads, (load) => load.size),
    mappedVcpu: Uint32Array.from(loads, (load) => load.mapped.vcpu),
    mappedSeq: Float64Array.from(loads, (load) => load.mapped.seq),
    mappedNs: BigUint64Array.from(loads, (load) => load.mapped.timeNs),
    unmappedNs: BigUint64Array.from(loads, (load) => load.unmappedNs ?? 0n),
    hasUnmappedNs: Uint8Array.from(loads, (load) => (load.unmappedNs === null ? 0 : 1)),
  };
}

/** One file at one base for one stretch of time; a module if it turns out to be loaded there. */
class Load {
  readonly file: Known | Unknown;
  readonly base: bigint;
  readonly mapped: MapEvent;
  unmappedNs: bigint | null = null;
  /** Mapped stretches that are left of it. */
  pieces = 0;
  #hasCode = false;
  #mostBytes = 0n;
  #low: bigint;
  #high: bigint;
  readonly #offsets = new Set<bigint>();

  constructor(file: Known | Unknown, base: bigint, mapped: MapEvent) {
    this.file = file;
    this.base = base;
    this.mapped = mapped;
    this.#low = mapped.address;
    this.#high = mapped.address + mapped.size;
  }

  add(event: MapEvent): void {
    this.#offsets.add(event.fileOffset);
    if (event.address < this.#low) this.#low = event.address;
    if (event.address + event.size > this.#high) this.#high = event.address + event.size;
    if (event.fileOffset === 0n && event.size > this.#mostBytes) this.#mostBytes = event.size;
    const { layout } = this.file;
    if (layout !== null && placesCode(layout.segments, this.base, event)) this.#hasCode = true;
  }

  /** Whether this mapping of the file can be a further piece of this load. */
  takes(event: MapEvent): boolean {
    if (this.unmappedNs !== null) return false;
    const { layout } = this.file;
    if (layout !== null) return basesOf(layout.segments, event).includes(this.base);
    if (this.#offsets.has(event.fileOffset) && event.address !== this.mapped.address) return false;
    return event.address >= this.#low && event.address < this.#high + LOAD_SPAN_BYTES_MAX;
  }

  isModule(): boolean {
    const { file } = this;
    const isPieced = this.#offsets.size > 1;
    if (file.layout === null) return isPieced || /\.so(\.[\d.]+)?$/.test(file.path);
    if (!this.#hasCode) return false;
    // The whole file in one mapping is how it is read: a dynamic linker maps each segment. What
    // was there before the guest ran was loaded, and neighbours with equal permission are one.
    const isWhole = this.#mostBytes >= BigInt(file.layout.fileSize);
    return isPieced || !isWhole || this.mapped.seq === 0 || isOnePiece(file.layout.segments);
  }

  get start(): bigint {
    const { layout } = this.file;
    if (layout === null) return this.#low;
    return BigInt.asUintN(64, this.base + extentOf(layout.segments).start);
  }

  get size(): bigint {
    const { layout } = this.file;
    return layout === null ? this.#high - this.#low : extentOf(layout.segments).size;
  }
}

interface Piece {
  readonly start: bigint;
  readonly end: bigint;
  readonly load: Load;
}

/** The guest's address space, as far as ELF files are mapped in it. */
class Memory {
  readonly loads: Load[] = [];
  readonly #files: ModuleFiles;
  /** Loads by path that are not closed. */
  readonly #open = new Map<string, Load[]>();
  #pieces: Piece[] = [];

  constructor(files: ModuleFiles) {
    this.#files = files;
  }

  map(event: MapEvent): void {
    if (event.size <= 0n) return;
    const touched = this.#cut(event);
    const file = this.#files.of(event);
    if (file !== null) this.#place(event, file);
    this.#closeEmpty(touched, event.timeNs);
  }

  unmap(event: MapEvent): void {
    this.#closeEmpty(this.#cut(event), event.timeNs);
  }

  #place(event: MapEvent, file: Known | Unknown): void {
    const open = this.#open.get(file.path) ?? [];
    let load = open.find((one) => one.takes(event));
    if (load === undefined) {
      const base = baseOf(file, event);
      if (base === null) return;
      load = new Load(file, base, event);
      this.loads.push(load);
      open.push(load);
      this.#open.set(file.path, open);
    }
    load.add(event);
    load.pieces++;
    this.#pieces.push({ start: event.address, end: event.address + event.size, load });
  }

  /** Takes a range out of all pieces; returns the loads that lost something. */
  #cut({ address, size }: Mapping): Set<Load> {
    const touched = new Set<Load>();
    const end = address + size;
    if (!this.#pieces.some((piece) => piece.start < end && piece.end > address)) return touched;
    const left: Piece[] = [];
    for (const piece of this.#pieces) {
      if (piece.start >= end || piece.end <= address) {
        left.push(piece);
        continue;
      }
      touched.add(piece.load);
      piece.load.pieces--;
      const parts = [
        { ...piece, end: address },
        { ...piece, start: end },
      ].filter((part) => part.start < part.end);
      piece.load.pieces += parts.length;
      left.push(...parts);
    }
    this.#pieces = left;
    return touched;
  }

  #closeEmpty(touched: ReadonlySet<Load>, timeNs: bigint): void {
    for (const load of touched) {
      if (load.pieces > 0) continue;
      load.unmappedNs = timeNs;
      const open = this.#open.get(load.file.path) ?? [];
      this.#open.set(
        load.file.path,
        open.filter((one) => one !== load),
      );
    }
  }
}

/** Null if the file's headers do not put anything at this offset: it is mapped to be read. */
function baseOf(file: Known | Unknown, event: MapEvent): bigint | null {
  if (file.layout === null) return BigInt.asUintN(64, event.address - event.fileOffset);
  const bases = basesOf(file.layout.segments, event);
  // A program linked at fixed addresses is at them.
  if (file.layout.header.type === 'exec' && bases.includes(0n)) return 0n;
  return bases[0] ?? null;
}
