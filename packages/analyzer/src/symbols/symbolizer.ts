/**
 * Addresses to names. Modules come and go while a program runs, so a place is asked for at a time;
 * without one, as things were at the end of the run.
 */
import type { Trace } from '@backtrail/recorder/trace';
import { LruCache } from './lru-cache.ts';
import { SymbolRanges } from './symbol-ranges.ts';

const PLACES_MAX = 1 << 16;
const MODULE_BITS = 32n;

export interface SymbolPlace {
  /** Row of modules. */
  readonly module: number;
  readonly path: string;
  /** Row of symbols, or null where no symbol covers the address. */
  readonly symbol: number | null;
  /** Name of the symbol, not demangled; null where there is none. */
  readonly name: string | null;
  /** Bytes from the symbol; where there is none, the address as in the ELF file. */
  readonly offset: bigint;
}

export interface SymbolizerOptions {
  /** Applied to names by format(); e.g. that of a Demangler. */
  readonly demangle?: (name: string) => string;
}

export interface Symbolizer {
  /** @param timeNs host monotonic clock, ns; the end of the run if left out. */
  at(pc: bigint, timeNs?: bigint): SymbolPlace | null;
  /** Row of the module that is mapped there, or -1. */
  moduleAt(pc: bigint, timeNs?: bigint): number;
  /** `name+0x12`, `name`, `libc.so.6+0x1234`, or `0x…` outside every module. */
  format(pc: bigint, timeNs?: bigint): string;
}

/** Bytes after the last `/`. */
const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1) || path;

/** For each module row, the row whose symbols and lines it has: the first of equal path and id. */
export function symbolOwners(modules: Trace['modules']): Uint32Array {
  const owners = new Uint32Array(modules.count);
  const first = new Map<string, number>();
  for (let module = 0; module < modules.count; module++) {
    const key = `${modules.path(module)}\0${modules.buildId(module) ?? ''}`;
    const owner = first.get(key) ?? module;
    first.set(key, owner);
    owners[module] = owner;
  }
  return owners;
}

/** Modules by start address, and the highest end among those up to each. */
class ModuleMap {
  readonly #modules: Trace['modules'];
  readonly #order: Uint32Array;
  readonly #endMax: BigUint64Array;

  constructor(modules: Trace['modules']) {
    this.#modules = modules;
    const start = (module: number): bigint => modules.start[module] ?? 0n;
    this.#order = Uint32Array.from({ length: modules.count }, (_none, i) => i).sort((a, b) => {
      if (start(a) !== start(b)) return start(a) < start(b) ? -1 : 1;
      return a - b;
    });
    this.#endMax = new BigUint64Array(modules.count);
    let highest = 0n;
    this.#order.forEach((module, i) => {
      const end = start(module) + (modules.size[module] ?? 0n);
      if (end > highest) highest = end;
      this.#endMax[i] = highest;
    });
  }

  /** Of the modules mapped there at that time the one mapped last; -1 if none is. */
  find(pc: bigint, timeNs: bigint | undefined): number {
    const { start, size } = this.#modules;
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((start[this.#order[middle] ?? 0] ?? 0n) <= pc) low = middle + 1;
      else high = middle;
    }
    let best = -1;
    for (let i = low - 1; i >= 0 && (this.#endMax[i] ?? 0n) > pc; i--) {
      const module = this.#order[i] ?? 0;
      if (pc >= (start[module] ?? 0n) + (size[module] ?? 0n)) continue;
      if (!this.#isMapped(module, timeNs)) continue;
      if (best < 0 || this.#isNewer(module, best)) best = module;
    }
    return best;
  }

  #isMapped(module: number, timeNs: bigint | undefined): boolean {
    const { mappedNs, mappedSeq, unmappedNs, hasUnmappedNs } = this.#modules;
    if (timeNs === undefined) return true;
    // What the program began with is noted a little after its first instruction.
    if (mappedSeq[module] !== 0 && (mappedNs[module] ?? 0n) > timeNs) return false;
    return hasUnmappedNs[module] !== 1 || (unmappedNs[module] ?? 0n) > timeNs;
  }

  /** Still mapped at the end goes before unmapped, then later mapped before earlier. */
  #isNewer(module: number, than: number): boolean {
    const { mappedNs, hasUnmappedNs } = this.#modules;
    const gone = (hasUnmappedNs[module] ?? 0) - (hasUnmappedNs[than] ?? 0);
    if (gone !== 0) return gone < 0;
    const later = (mappedNs[module] ?? 0n) - (mappedNs[than] ?? 0n);
    return later === 0n ? module > than : later > 0n;
  }
}

/** Symbols of a module are sorted when the first address in it is asked for. */
export function createSymbolizer(trace: Trace, options: SymbolizerOptions = {}): Symbolizer {
  const { modules, symbols } = trace;
  const owners = symbolOwners(modules);
  const map = new ModuleMap(modules);
  const ranges = new Map<number, SymbolRanges>();
  const places = new LruCache<bigint, SymbolPlace>(PLACES_MAX);

  /** First row of symbols that belongs to `module` or a later one. */
  const firstSymbol = (module: number): number => {
    let low = 0;
    let high = symbols.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((symbols.module[middle] ?? 0) < module) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const rangesOf = (module: number): SymbolRanges => {
    const owner = owners[module] ?? module;
    const known = ranges.get(owner);
    if (known !== undefined) return known;
    const first = firstSymbol(owner);
    const end = (modules.start[owner] ?? 0n) + (modules.size[owner] ?? 0n);
    const elfEnd = BigInt.asUintN(64, end - (modules.base[owner] ?? 0n));
    const made = new SymbolRanges(symbols, first, firstSymbol(owner + 1) - first, elfEnd);
    ranges.set(owner, made);
    return made;
  };

  const resolve = (pc: bigint, module: number): SymbolPlace => {
    const address = BigInt.asUintN(64, pc - (modules.base[module] ?? 0n));
    const path = modules.path(module);
    const symbol = rangesOf(module).find(address);
    if (symbol < 0) return { module, path, symbol: null, name: null, offset: address };
    const offset = address - (symbols.address[symbol] ?? 0n);
    return { module, path, symbol, name: symbols.name(symbol), offset };
  };

  const at = (pc: bigint, timeNs?: bigint): SymbolPlace | null => {
    const module = map.find(pc, timeNs);
    if (module < 0) return null;
    const key = (pc << MODULE_BITS) | BigInt(module);
    const known = places.get(key);
    if (known !== undefined) return known;
    const place = resolve(pc, module);
    places.set(key, place);
    return place;
  };

  return {
    at,
    moduleAt: (pc, timeNs) => map.find(pc, timeNs),
    format(pc, timeNs) {
      const place = at(pc, timeNs);
      if (place === null) return `0x${BigInt.asUintN(64, pc).toString(16)}`;
      const named = place.name !== null;
      const name = place.name ?? fileName(place.path);
      const text = named && options.demangle !== undefined ? options.demangle(name) : name;
      return named && place.offset === 0n ? text : `${text}+0x${place.offset.toString(16)}`;
    },
  };
}
