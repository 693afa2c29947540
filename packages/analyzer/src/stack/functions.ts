/**
 * Which function an address belongs to. Functions are what symbols name and, outside of those,
 * what calls arrive at: a stripped program has functions too. A part that the compiler moved away
 * (`name.cold`) belongs to the function it was cut from.
 */
import { KINDS, NO_ROW, SYMBOL_TYPES, type Trace } from '@backtrail/recorder/trace';
import { symbolOwners } from '../symbols/symbolizer.ts';

/** No function at an address. */
export const NO_FUNCTION = NO_ROW;

const CALL = KINDS.indexOf('call');
const INDIRECT_CALL = KINDS.indexOf('indirect-call');
/** Of a function that nothing bounds, e.g. of a JIT compiler, bytes. */
const UNBOUNDED_BYTES = 1n << 16n;
const COLD = /\.cold(\.\d+)?$/;
const NOT_YET = NO_ROW - 1;

/** Starts in ascending order, with what else is known of each. */
interface Starts {
  start: BigUint64Array;
  /** First address after it; 0 where the symbol does not say. */
  end: BigUint64Array;
  /** Row of symbols, or NO_ROW. */
  symbol: Uint32Array;
}

interface SymbolStarts {
  readonly functions: Starts;
  /** Addresses of symbols without a type: functions of hand-written code, or labels in one. */
  readonly labels: readonly bigint[];
}

/** First row of symbols of each module, one more at the end. */
function symbolRows({ modules, symbols }: Trace): Uint32Array {
  const first = new Uint32Array(modules.count + 1);
  for (let row = 0; row < symbols.count; row++) {
    const next = (symbols.module[row] ?? 0) + 1;
    first[next] = (first[next] ?? 0) + 1;
  }
  for (let i = 1; i <= modules.count; i++) first[i] = (first[i] ?? 0) + (first[i - 1] ?? 0);
  return first;
}

function symbolStarts(trace: Trace): SymbolStarts {
  const { modules, symbols } = trace;
  const owners = symbolOwners(modules);
  const firstRow = symbolRows(trace);
  const start: bigint[] = [];
  const end: bigint[] = [];
  const symbol: number[] = [];
  const labels: bigint[] = [];
  for (let module = 0; module < modules.count; module++) {
    const owner = owners[module] ?? module;
    const base = modules.base[module] ?? 0n;
    for (let row = firstRow[owner] ?? 0; row < (firstRow[owner + 1] ?? 0); row++) {
      const type = SYMBOL_TYPES[symbols.type[row] ?? 0];
      const address = BigInt.asUintN(64, base + (symbols.address[row] ?? 0n));
      if (type === 'none') labels.push(address);
      if (type !== 'function' && type !== 'ifunc') continue;
      const size = symbols.size[row] ?? 0n;
      start.push(address);
      end.push(size === 0n ? 0n : address + size);
      symbol.push(row);
    }
  }
  return { functions: sorted(start, end, symbol), labels };
}

/** In ascending order, one for each address: the longest. */
function sorted(start: bigint[], end: bigint[], symbol: number[]): Starts {
  const order = Uint32Array.from(start.keys());
  const isSorted = start.every((at, i) => i === 0 || (start[i - 1] ?? 0n) <= at);
  if (!isSorted) {
    order.sort((a, b) => {
      const [left, right] = [start[a] ?? 0n, start[b] ?? 0n];
      return left < right ? -1 : left > right ? 1 : a - b;
    });
  }
  const into: Starts = {
    start: new BigUint64Array(order.length),
    end: new BigUint64Array(order.length),
    symbol: new Uint32Array(order.length),
  };
  let count = 0;
  for (const i of order) {
    const at = start[i] ?? 0n;
    const isSame = count > 0 && into.start[count - 1] === at;
    const place = isSame ? count - 1 : count++;
    if (isSame && (into.end[place] ?? 0n) >= (end[i] ?? 0n)) continue;
    into.start[place] = at;
    into.end[place] = end[i] ?? 0n;
    into.symbol[place] = symbol[i] ?? NO_ROW;
  }
  return {
    start: into.start.slice(0, count),
    end: into.end.slice(0, count),
    symbol: into.symbol.slice(0, count),
  };
}

/** Bytes that a call which only pushes its address jumps over, at most: retpolines need 12. */
const JUMPED_OVER_MAX = 64n;

/** A short way forward under a name without a size, as lists of a kernel's symbols have them. */
function isOverItself(known: Starts, source: bigint, target: bigint): boolean {
  if (target <= source || target - source > JUMPED_OVER_MAX) return false;
  const holds = lastUpTo(known.start, target);
  const isUnsized = holds >= 0 && known.end[holds] === 0n;
  return isUnsized && known.start[holds] !== target && (known.start[holds] ?? 0n) <= source;
}

/** Targets of calls and labels that no symbol with a size covers. */
function otherStarts(trace: Trace, known: Starts, labels: readonly bigint[]): BigUint64Array {
  const { edges } = trace;
  const found: bigint[] = [...labels];
  for (let edge = 0; edge < edges.count; edge++) {
    const kind = edges.kind[edge];
    if (kind !== CALL && kind !== INDIRECT_CALL) continue;
    const target = edges.target[edge] ?? 0n;
    if (!isOverItself(known, edges.source[edge] ?? 0n, target)) found.push(target);
  }
  const all = BigUint64Array.from(found).sort();
  let count = 0;
  let below = -1;
  let coveredTo = 0n;
  for (const at of all) {
    while ((known.start[below + 1] ?? at + 1n) <= at && below + 1 < known.start.length) {
      below++;
      const end = known.end[below] ?? 0n;
      if (end > coveredTo) coveredTo = end;
    }
    const isKnown = below >= 0 && known.start[below] === at;
    if (isKnown || at < coveredTo || (count > 0 && all[count - 1] === at)) continue;
    all[count++] = at;
  }
  return all.slice(0, count);
}

function merged(known: Starts, others: BigUint64Array): Starts {
  const length = known.start.length + others.length;
  const start = new BigUint64Array(length);
  const end = new BigUint64Array(length);
  const symbol = new Uint32Array(length).fill(NO_ROW);
  let [a, b] = [0, 0];
  for (let i = 0; i < length; i++) {
    const isKnown =
      b >= others.length || (a < known.start.length && (known.start[a] ?? 0n) <= (others[b] ?? 0n));
    start[i] = (isKnown ? known.start[a] : others[b]) ?? 0n;
    if (isKnown) {
      end[i] = known.end[a] ?? 0n;
      symbol[i] = known.symbol[a] ?? NO_ROW;
      a++;
    } else b++;
  }
  return { start, end, symbol };
}

/** Ends of modules, ascending by start: a function does not go on into the next module. */
class ModuleEnds {
  readonly #starts: BigUint64Array;
  readonly #ends = new Map<bigint, bigint>();

  constructor({ modules }: Trace) {
    for (let module = 0; module < modules.count; module++) {
      const start = modules.start[module] ?? 0n;
      const end = start + (modules.size[module] ?? 0n);
      if (end > (this.#ends.get(start) ?? 0n)) this.#ends.set(start, end);
    }
    this.#starts = BigUint64Array.from(this.#ends.keys()).sort();
  }

  /** End of the module at an address; 0 where none is. */
  at(pc: bigint): bigint {
    const start = this.#starts[lastUpTo(this.#starts, pc)];
    const end = start === undefined ? 0n : (this.#ends.get(start) ?? 0n);
    return end > pc ? end : 0n;
  }
}

/** Index of the last element that is not greater; -1 if all are. */
export function lastUpTo(ascending: BigUint64Array, value: bigint): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0n) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export class FunctionTable {
  readonly #trace: Trace;
  readonly #starts: Starts;
  /** Function that another one lies in, or NO_FUNCTION. */
  readonly #around: Uint32Array;
  /** The function that a cold part was cut from, else itself; looked up when first asked for. */
  readonly #whole: Uint32Array;
  #byName: Map<string, number[]> | null = null;

  /** Reads symbols, modules and the calls among the edges. */
  constructor(trace: Trace) {
    this.#trace = trace;
    const { functions, labels } = symbolStarts(trace);
    this.#starts = merged(functions, otherStarts(trace, functions, labels));
    this.#setEnds();
    this.#around = this.#nesting();
    this.#whole = new Uint32Array(this.#starts.start.length).fill(NOT_YET);
  }

  /** Number of the function that holds `pc`, or NO_FUNCTION. */
  at(pc: bigint): number {
    const found = this.#partAt(pc);
    return found === NO_FUNCTION ? NO_FUNCTION : this.#wholeOf(found);
  }

  /** Whether a function begins at `pc`; a cold part is no function. */
  beginsAt(pc: bigint): boolean {
    const part = this.#partAt(pc);
    return part !== NO_FUNCTION && this.#starts.start[part] === pc && this.#wholeOf(part) === part;
  }

  startOf(of: number): bigint {
    return this.#starts.start[of] ?? 0n;
  }

  #partAt(pc: bigint): number {
    const { start, end } = this.#starts;
    let part = lastUpTo(start, pc);
    while (part >= 0 && (end[part] ?? 0n) <= pc) {
      const around = this.#around[part] ?? NO_FUNCTION;
      part = around === NO_FUNCTION ? -1 : around;
    }
    return part < 0 ? NO_FUNCTION : part;
  }

  /** What has no size goes on to the next function or the end of its module. */
  #setEnds(): void {
    const { start, end } = this.#starts;
    const modules = new ModuleEnds(this.#trace);
    for (let i = 0; i < start.length; i++) {
      if ((end[i] ?? 0n) !== 0n) continue;
      const at = start[i] ?? 0n;
      const moduleEnd = modules.at(at);
      let bound = moduleEnd === 0n ? at + UNBOUNDED_BYTES : moduleEnd;
      const next = start[i + 1];
      if (next !== undefined && next < bound) bound = next;
      end[i] = BigInt.asUintN(64, bound);
    }
  }

  #nesting(): Uint32Array {
    const { start, end } = this.#starts;
    const around = new Uint32Array(start.length).fill(NO_FUNCTION);
    const open: number[] = [];
    for (let i = 0; i < start.length; i++) {
      const at = start[i] ?? 0n;
      for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
        if ((end[top] ?? 0n) > at) break;
        open.pop();
      }
      around[i] = open.at(-1) ?? NO_FUNCTION;
      open.push(i);
    }
    return around;
  }

  #wholeOf(part: number): number {
    const known = this.#whole[part] ?? part;
    if (known !== NOT_YET) return known;
    const whole = this.#findWhole(part);
    this.#whole[part] = whole;
    return whole;
  }

  #findWhole(part: number): number {
    const row = this.#starts.symbol[part] ?? NO_ROW;
    if (row === NO_ROW) return part;
    const { symbols } = this.#trace;
    const name = symbols.name(row);
    if (!COLD.test(name)) return part;
    const base = name.replace(COLD, '');
    let best = part;
    let nearest = -1n;
    for (const other of this.#named().get(base) ?? []) {
      const symbol = this.#starts.symbol[other] ?? NO_ROW;
      if (symbols.module[symbol] !== symbols.module[row]) continue;
      const away = (this.#starts.start[other] ?? 0n) - (this.#starts.start[part] ?? 0n);
      const distance = away < 0n ? -away : away;
      if (nearest >= 0n && distance >= nearest) continue;
      nearest = distance;
      best = other;
    }
    return best;
  }

  /** Only a program with cold parts pays for this. */
  #named(): Map<string, number[]> {
    if (this.#byName !== null) return this.#byName;
    const byName = new Map<string, number[]>();
    this.#starts.symbol.forEach((row, i) => {
      if (row === NO_ROW) return;
      const name = this.#trace.symbols.name(row);
      const list = byName.get(name);
      if (list === undefined) byName.set(name, [i]);
      else list.push(i);
    });
    this.#byName = byName;
    return byName;
  }
}
