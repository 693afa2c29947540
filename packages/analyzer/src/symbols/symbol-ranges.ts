/**
 * The symbols of one module as sorted ranges, searched by address. Symbols overlap: aliases, labels
 * inside functions, functions inside objects. Of all that cover an address the one a person would
 * name is chosen, and always the same one.
 */
import { SYMBOL_TYPES, type Trace } from '@backtrail/recorder/trace';

/** Preference of types, best first: a label must not hide the function it stands in. */
const RANKS: Readonly<Record<string, number>> = { function: 0, ifunc: 0, none: 1, object: 2 };
const RANK_LAST = 3;

/** Symbols looked at before an address; a file made to overlap without end must not stall us. */
const STEPS_MAX = 4096;

/** How little a name looks like one that its author chose: fewer marks, then shorter, is better. */
function strangeness(name: string): number {
  let score = 0;
  for (const character of name) {
    if (character === '.' || character === '$' || character === '@') score += 4;
    else if (character !== '_') break;
    else score += 2;
  }
  return score + (/[.$@]/.test(name) ? 1 : 0);
}

export class SymbolRanges {
  readonly #symbols: Trace['symbols'];
  readonly #first: number;
  readonly #count: number;
  /** Highest end among the symbols so far: where a walk down may stop. */
  readonly #endMax: BigUint64Array;

  /**
   * @param first row of the module's first symbol; `count` rows from there, sorted by address.
   * @param moduleEnd address, as in the ELF file, after the module's last byte.
   */
  constructor(symbols: Trace['symbols'], first: number, count: number, moduleEnd: bigint) {
    this.#symbols = symbols;
    this.#first = first;
    this.#count = count;
    this.#ends = new BigUint64Array(count);
    this.#endMax = new BigUint64Array(count);
    let next = moduleEnd;
    for (let i = count - 1; i >= 0; i--) {
      const address = symbols.address[first + i] ?? 0n;
      const size = symbols.size[first + i] ?? 0n;
      const above = symbols.address[first + i + 1] ?? 0n;
      if (i + 1 < count && above > address) next = above;
      // No size: up to the next symbol, or to the end of the module.
      this.#ends[i] = size > 0n ? address + size : next;
    }
    let highest = 0n;
    for (let i = 0; i < count; i++) {
      const end = this.#ends[i] ?? 0n;
      if (end > highest) highest = end;
      this.#endMax[i] = highest;
    }
  }

  readonly #ends: BigUint64Array;

  /** Row of the symbol that names `address` (as in the ELF file), or -1. */
  find(address: bigint): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#symbols.address[this.#first + middle] ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    let best = -1;
    const stop = Math.max(0, low - STEPS_MAX);
    for (let i = low - 1; i >= stop && (this.#endMax[i] ?? 0n) > address; i--) {
      if ((this.#ends[i] ?? 0n) <= address) continue;
      const row = this.#first + i;
      if (best < 0 || this.#isBetter(row, best)) best = row;
    }
    return best;
  }

  /** By type, then nearness, then whether it has a size, then name. */
  #isBetter(row: number, than: number): boolean {
    const { address, size } = this.#symbols;
    const rank = this.#rank(row) - this.#rank(than);
    if (rank !== 0) return rank < 0;
    const near = (address[row] ?? 0n) - (address[than] ?? 0n);
    if (near !== 0n) return near > 0n;
    const sized = Number((size[row] ?? 0n) > 0n) - Number((size[than] ?? 0n) > 0n);
    if (sized !== 0) return sized > 0;
    const name = this.#symbols.name(row);
    const other = this.#symbols.name(than);
    const strange = strangeness(name) - strangeness(other);
    if (strange !== 0) return strange < 0;
    return name.length === other.length ? name < other : name.length < other.length;
  }

  #rank(row: number): number {
    const type = SYMBOL_TYPES[this.#symbols.type[row] ?? 0];
    return type === undefined ? RANK_LAST : (RANKS[type] ?? RANK_LAST);
  }
}
