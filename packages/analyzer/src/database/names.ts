/**
 * Which symbol each address of a table lies in, as numbers into one list of names: worked out once
 * for a table, when a query first asks for it.
 */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { createTextPool, type TextPool } from './text-pool.ts';

/** What the SQL tables need to know about addresses; a Symbolizer is one. */
export interface SymbolSource {
  /** Offset in bytes from the symbol; where there is none, the address as in the ELF file. */
  at(
    pc: bigint,
    timeNs?: bigint,
  ): {
    readonly module: number;
    readonly path: string;
    readonly name: string | null;
    readonly offset: bigint;
  } | null;
}

/** Where one column of addresses lies. */
export interface PlaceColumn {
  /** Number of the symbol's name, or NO_ROW. */
  readonly symbol: Uint32Array;
  /** The same, but where no symbol is known, the number of the module's file name. */
  readonly label: Uint32Array;
  /** Bytes from what the label names. */
  readonly offset: BigUint64Array;
  /** Row of modules, or NO_ROW. */
  readonly module: Uint32Array;
}

export interface Places<Column extends string> {
  readonly columns: Readonly<Record<Column, PlaceColumn>>;
  readonly pool: TextPool;
}

export interface AddressColumn {
  readonly count: number;
  address(row: number): bigint | null;
  /** When the address meant what is asked for; undefined: at the end of the run. */
  timeNs(row: number): bigint | undefined;
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1) || path;

export class PlaceFinder {
  readonly #symbols: SymbolSource;
  readonly #demangle: (name: string) => string;

  constructor(symbols: SymbolSource, demangle: (name: string) => string) {
    this.#symbols = symbols;
    this.#demangle = demangle;
  }

  find<Column extends string>(table: Readonly<Record<Column, AddressColumn>>): Places<Column> {
    const texts: string[] = [];
    const numbers = new Map<string, number>();
    const numberOf = (name: string): number => {
      const known = numbers.get(name);
      if (known !== undefined) return known;
      const number = texts.length;
      texts.push(this.#demangle(name));
      numbers.set(name, number);
      return number;
    };
    const columns = Object.fromEntries(
      Object.entries<AddressColumn>(table).map(([column, addresses]) => [
        column,
        this.#findColumn(addresses, numberOf),
      ]),
    ) as Record<Column, PlaceColumn>;
    return { columns, pool: createTextPool(texts) };
  }

  #findColumn(addresses: AddressColumn, numberOf: (name: string) => number): PlaceColumn {
    const { count } = addresses;
    const symbol = new Uint32Array(count).fill(NO_ROW);
    const label = new Uint32Array(count).fill(NO_ROW);
    const module = new Uint32Array(count).fill(NO_ROW);
    const offset = new BigUint64Array(count);
    for (let row = 0; row < count; row++) {
      const pc = addresses.address(row);
      const place = pc === null ? null : this.#symbols.at(pc, addresses.timeNs(row));
      if (place === null) continue;
      module[row] = place.module;
      offset[row] = place.offset;
      label[row] = numberOf(place.name ?? fileName(place.path));
      if (place.name !== null) symbol[row] = label[row] ?? NO_ROW;
    }
    return { symbol, label, offset, module };
  }
}

/**
 * When a block was made, as far as it matters for its name: only where a module was unmapped can an
 * address mean two things. ns of the host clock; undefined means the end of the run.
 */
export function blockTimes(trace: Trace): (block: number) => bigint | undefined {
  const { blocks, segments, modules } = trace;
  if (!modules.hasUnmappedNs.includes(1)) return () => undefined;
  return (block) => {
    if (block >= blocks.count) return undefined;
    const segment = trace.segmentAt(blocks.bornVcpu[block] ?? 0, blocks.bornSeq[block] ?? 0);
    return segment < 0 ? undefined : segments.timeLastNs[segment];
  };
}
