/**
 * The symbols of an ELF file as columns: .symtab (its own or that of its split debug file) and
 * .dynsym in one, sorted by address. No object, bigint or string is made per symbol: debug builds
 * have millions.
 */
import { withDebugTable } from './debug.ts';
import { elfError, withFile } from './file.ts';
import { PT_LOAD, type RawHeader, readHeader, readSegmentHeaders } from './header.ts';
import { EM_AARCH64, EM_ARM, EM_MIPS, EM_PARISC, EM_RISCV } from './machines.ts';
import { Ranges } from './ranges.ts';
import { orderOf } from './sort.ts';
import {
  findTables,
  type Home,
  readNames,
  SymbolCursor,
  type TableSource,
} from './symbol-table.ts';

/** What a symbol names; twin of SYMBOL_TYPES in trace/vocabulary.ts, in the same order. */
export const ELF_SYMBOL_TYPES = ['function', 'object', 'none', 'ifunc'] as const;

export interface ElfSymbols {
  readonly count: number;
  /** As in the file, without the bit that marks Thumb and MIPS16 code; ascending. */
  readonly address: BigUint64Array;
  /** Bytes; 0 where the file does not say. */
  readonly size: BigUint64Array;
  /** Index into ELF_SYMBOL_TYPES. */
  readonly type: Uint8Array;
  name(symbol: number): string;
}

const FUNCTION = 0;
const OBJECT = 1;
const NONE = 2;
const IFUNC = 3;
const UNWANTED = 0xff;

/** Where split debug files are looked for besides the program's own folder. */
const DEBUG_ROOTS: readonly string[] = ['/usr/lib/debug'];

/**
 * Reads the symbols of a file. Left out: undefined, section, file and TLS symbols, labels of the
 * assembler (`.L…`, `$x`, `$d`), absolute ones outside of the program's memory, symbols without a
 * type outside of code, and the second of two with one address and name. In a relocatable file
 * addresses are offsets in sections.
 * @throws BacktrailError E_ELF if it is no ELF file or is damaged.
 */
export function readSymbols(
  file: string,
  options: { readonly debugRoots?: readonly string[] } = {},
): ElfSymbols {
  const roots = options.debugRoots ?? DEBUG_ROOTS;
  return withFile(file, (open) => {
    const header = readHeader(open);
    const segments = readSegmentHeaders(open, header);
    const { symtab, dynsym } = findTables(open, header, segments);
    const own = dynsym === null ? [] : [dynsym];
    if (symtab !== null) return merge([symtab, ...own]);
    const split = withDebugTable(open, header, segments, roots, (table) => merge([table, ...own]));
    return split ?? merge(own);
  });
}

function merge(sources: readonly TableSource[]): ElfSymbols {
  const gathered = new Gathered(sources);
  let namesAt = 0;
  for (const source of sources) {
    gathered.add(source, namesAt);
    namesAt += source.namesBytes;
  }
  return gathered.finish();
}

/** Symbols as they are read, before they are sorted. */
class Gathered {
  #count = 0;
  readonly #names: Buffer;
  readonly #file: string;
  readonly #nameStart: Uint32Array;
  readonly #nameEnd: Uint32Array;
  readonly #nameHash: Uint32Array;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #sizeHigh: Uint32Array;
  readonly #sizeLow: Uint32Array;
  readonly #type: Uint8Array;
  /**
   * Bytes of names that may still be read. Symbols may share a name, so that a hostile file can
   * hold the square of its size in names; real ones stay near the size of their string table.
   */
  #nameBytesLeft: number;

  constructor(sources: readonly TableSource[]) {
    const total = sources.reduce((sum, source) => sum + source.count, 0);
    this.#names = readNames(sources);
    this.#file = sources[0]?.file.path ?? '';
    this.#nameStart = new Uint32Array(total);
    this.#nameEnd = new Uint32Array(total);
    this.#nameHash = new Uint32Array(total);
    this.#high = new Uint32Array(total);
    this.#low = new Uint32Array(total);
    this.#sizeHigh = new Uint32Array(total);
    this.#sizeLow = new Uint32Array(total);
    this.#type = new Uint8Array(total);
    this.#nameBytesLeft = (1 << 26) + 8 * this.#names.length + 256 * total;
  }

  add(source: TableSource, namesAt: number): void {
    const cursor = new SymbolCursor(source);
    const { machine } = source.header;
    const namesEnd = namesAt + source.namesBytes;
    const bitIsMode = machine === EM_ARM || machine === EM_MIPS;
    const loaded = Ranges.of(source.segments, (one) => one.type === PT_LOAD);
    const code = Ranges.of(source.segments, (one) => one.type === PT_LOAD && (one.flags & 1) !== 0);
    for (let index = 1; index < source.count; index++) {
      cursor.at(index);
      const type = typeOf(cursor.type, machine);
      if (type === UNWANTED || cursor.nameOffset === 0) continue;
      let home = cursor.home();
      if (home === 'unknown') home = homeByAddress(cursor, code, loaded);
      if (home === 'undefined' || home === 'nowhere' || (type === NONE && home !== 'code'))
        continue;
      const nameStart = namesAt + cursor.nameOffset;
      if (nameStart >= namesEnd) throw this.#badName(index, cursor.nameOffset, source);
      if (this.#isLabel(nameStart, type, source.header)) continue;
      const at = this.#count++;
      this.#scanName(at, nameStart);
      this.#type[at] = type;
      this.#high[at] = cursor.high;
      this.#low[at] = bitIsMode && type !== OBJECT ? cursor.low & ~1 : cursor.low;
      this.#sizeHigh[at] = cursor.sizeHigh;
      this.#sizeLow[at] = cursor.sizeLow;
    }
  }

  finish(): ElfSymbols {
    const order = orderOf(this.#high, this.#low, this.#count);
    const kept = this.#withoutTwins(order);
    const address = new BigUint64Array(kept.length);
    const size = new BigUint64Array(kept.length);
    const type = new Uint8Array(kept.length);
    const nameStart = new Uint32Array(kept.length);
    const nameEnd = new Uint32Array(kept.length);
    const addressHalves = new Uint32Array(address.buffer);
    const sizeHalves = new Uint32Array(size.buffer);
    for (let row = 0; row < kept.length; row++) {
      const from = kept[row] ?? 0;
      addressHalves[row * 2 + LOW_HALF] = this.#low[from] ?? 0;
      addressHalves[row * 2 + 1 - LOW_HALF] = this.#high[from] ?? 0;
      sizeHalves[row * 2 + LOW_HALF] = this.#sizeLow[from] ?? 0;
      sizeHalves[row * 2 + 1 - LOW_HALF] = this.#sizeHigh[from] ?? 0;
      type[row] = this.#type[from] ?? 0;
      nameStart[row] = this.#nameStart[from] ?? 0;
      nameEnd[row] = this.#nameEnd[from] ?? 0;
    }
    const names = this.#names;
    const name = (symbol: number): string =>
      names.toString('utf8', nameStart[symbol], nameEnd[symbol]);
    return { count: kept.length, address, size, type, name };
  }

  /** `order` without symbols that have the address and the name of an earlier one. */
  #withoutTwins(order: Uint32Array): Uint32Array {
    const seen = new Set<string>();
    let kept = 0;
    for (let from = 0, to = 0; from < order.length; from = to) {
      const first = order[from] ?? 0;
      to = from + 1;
      while (to < order.length && this.#isSameAddress(first, order[to] ?? 0)) to++;
      // Few share an address; where many do (a hostile file), a set keeps this linear.
      const isMany = to - from > 16;
      const keptFrom = kept;
      for (let i = from; i < to; i++) {
        const item = order[i] ?? 0;
        if (isMany) {
          const name = this.#names.toString('latin1', this.#nameStart[item], this.#nameEnd[item]);
          if (seen.has(name)) continue;
          seen.add(name);
        } else if (this.#hasTwin(order, keptFrom, kept, item)) {
          continue;
        }
        order[kept++] = item;
      }
      if (isMany) seen.clear();
    }
    return order.subarray(0, kept);
  }

  #hasTwin(order: Uint32Array, from: number, to: number, item: number): boolean {
    for (let i = from; i < to; i++) if (this.#isSameName(order[i] ?? 0, item)) return true;
    return false;
  }

  #isSameAddress(one: number, other: number): boolean {
    return this.#low[one] === this.#low[other] && this.#high[one] === this.#high[other];
  }

  #isSameName(one: number, other: number): boolean {
    if (this.#nameHash[one] !== this.#nameHash[other]) return false;
    const [start, end] = [this.#nameStart[one], this.#nameEnd[one]];
    const [otherStart, otherEnd] = [this.#nameStart[other], this.#nameEnd[other]];
    return this.#names.compare(this.#names, otherStart, otherEnd, start, end) === 0;
  }

  /** Finds the end of a name; hashes it by FNV-1a (offset 2166136261, prime 16777619). */
  #scanName(at: number, start: number): void {
    const names = this.#names;
    let hash = 0x811c9dc5;
    let end = start;
    for (let byte = names[end] ?? 0; byte !== 0; byte = names[++end] ?? 0) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    this.#nameStart[at] = start;
    this.#nameEnd[at] = end;
    this.#nameHash[at] = hash;
    this.#nameBytesLeft -= end - start;
    if (this.#nameBytesLeft >= 0) return;
    const expected = `about the ${names.length} bytes of the string table`;
    throw elfError(this.#file, 'symbol names', 'names that overlap to far more', expected);
  }

  /** Labels that assemblers leave behind: `.L…`, and what marks stretches of code and data. */
  #isLabel(start: number, type: number, header: RawHeader): boolean {
    const first = this.#names[start];
    const second = this.#names[start + 1];
    if (first === CHAR.dot) return second === CHAR.L;
    if (first !== CHAR.dollar || type !== NONE || second === undefined) return false;
    const isRiscv = header.machine === EM_RISCV;
    if (!isRiscv && header.machine !== EM_ARM && header.machine !== EM_AARCH64) return false;
    if (!MAPPING_LETTERS.has(second)) return false;
    const third = this.#names[start + 2];
    // RISC-V names the instruction set: $xrv64i2p1_m2p0.
    return third === 0 || third === CHAR.dot || (isRiscv && second === CHAR.x);
  }

  #badName(index: number, nameOffset: number, source: TableSource): Error {
    const expected = `an offset under ${source.namesBytes}`;
    return elfError(source.file.path, `name of symbol ${index}`, `offset ${nameOffset}`, expected);
  }
}

/** Which of the two 32-bit halves of a 64-bit number comes first in this machine's memory. */
const LOW_HALF = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
const CHAR = { dot: 0x2e, dollar: 0x24, L: 0x4c, x: 0x78 } as const;
/** a, d, t, x: ARM ELF "Mapping symbols"; x, d: AArch64 and RISC-V psABI. */
const MAPPING_LETTERS: ReadonlySet<number> = new Set([0x61, 0x64, 0x74, 0x78]);

/** Absolute symbols at 0 are no places: names of symbol versions, constants. */
function homeByAddress({ high, low }: SymbolCursor, code: Ranges, loaded: Ranges): Home {
  if (high === 0 && low === 0) return 'nowhere';
  if (code.has(high, low)) return 'code';
  return loaded.has(high, low) ? 'data' : 'nowhere';
}

/** STT_*: 0 none, 1 object, 2 function, 5 common, 10 GNU ifunc; 13 is each machine's own. */
function typeOf(type: number, machine: number): number {
  if (type === 2) return FUNCTION;
  if (type === 1 || type === 5) return OBJECT;
  if (type === 0) return NONE;
  if (type === 10) return IFUNC;
  // STT_ARM_TFUNC, STT_PARISC_MILLI.
  return type === 13 && (machine === EM_ARM || machine === EM_PARISC) ? FUNCTION : UNWANTED;
}
