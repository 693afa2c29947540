/** The symbols of the modules of a run as one table. */
import { ELF_SYMBOL_TYPES, type ElfSymbols, readSegments, readSymbols } from './elf/elf.ts';
import { codeRows } from './elf/placement.ts';
import { BacktrailError } from './errors.ts';
import type { SymbolTable } from './trace/trace.ts';

/** A file, and the module row that its symbols belong to; rows ascend. */
export interface SymbolSource {
  readonly path: string;
  readonly module: number;
}

/** The symbols of one file that are kept. */
interface Part {
  readonly source: SymbolSource;
  readonly symbols: ElfSymbols;
  /** Rows of `symbols`. */
  readonly rows: Uint32Array;
}

/**
 * Functions and labels in code, and objects. Files are taken in order of their rows; one that
 * does not fit under the limit goes in without its objects, or not at all, with a problem line.
 */
export function collectSymbols(
  sources: readonly SymbolSource[],
  problems: string[],
  options: { readonly symbolsMax: number; readonly debugRoots?: readonly string[] },
): SymbolTable {
  const parts: Part[] = [];
  let count = 0;
  for (const source of sources) {
    const part = readPart(source, options.symbolsMax - count, problems, options);
    if (part === null) continue;
    parts.push(part);
    count += part.rows.length;
  }
  return join(parts, count);
}

function readPart(
  source: SymbolSource,
  limit: number,
  problems: string[],
  options: { readonly debugRoots?: readonly string[] },
): Part | null {
  try {
    const symbols = readSymbols(source.path, options);
    const isCode = new Uint8Array(symbols.count);
    for (const { from, to } of codeRows(readSegments(source.path), symbols.address)) {
      isCode.fill(1, from, to);
    }
    const all = select(symbols, isCode, true);
    if (all.length <= limit) return { source, symbols, rows: all };
    const code = select(symbols, isCode, false);
    const doesFit = code.length <= limit;
    const found = `found ${all.length} symbols, expected at most ${limit} more`;
    const kept = doesFit ? 'Only its functions are in the trace.' : 'None is in the trace.';
    problems.push(`${source.path}: ${found}. ${kept}`);
    return doesFit ? { source, symbols, rows: code } : null;
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    problems.push(`${error.message} Its symbols are not in the trace.`);
    return null;
  }
}

/** Rows of what lies in code, and of objects if they are wanted. */
function select(symbols: ElfSymbols, isCode: Uint8Array, withObjects: boolean): Uint32Array {
  const object = ELF_SYMBOL_TYPES.indexOf('object');
  const rows = new Uint32Array(symbols.count);
  let count = 0;
  for (let row = 0; row < symbols.count; row++) {
    const isWanted = symbols.type[row] === object ? withObjects : isCode[row] === 1;
    if (isWanted) rows[count++] = row;
  }
  return rows.slice(0, count);
}

function join(parts: readonly Part[], count: number): SymbolTable {
  const module = new Uint32Array(count);
  const address = new BigUint64Array(count);
  const size = new BigUint64Array(count);
  const type = new Uint8Array(count);
  const partAt = new Map<number, { part: Part; from: number }>();
  let from = 0;
  for (const part of parts) {
    const { rows, symbols } = part;
    partAt.set(part.source.module, { part, from });
    module.fill(part.source.module, from, from + rows.length);
    gather(address, from, symbols.address, rows);
    gather(size, from, symbols.size, rows);
    for (let i = 0; i < rows.length; i++) type[from + i] = symbols.type[rows[i] ?? 0] ?? 0;
    from += rows.length;
  }
  const name = (symbol: number): string => {
    const found = partAt.get(module[symbol] ?? -1);
    if (found === undefined) throw new RangeError(`symbol ${symbol}: there are ${count}`);
    return found.part.symbols.name(found.part.rows[symbol - found.from] ?? 0);
  };
  return { count, module, address, size, type, name };
}

/** target[from + i] = source[rows[i]], by halves: no bigint per row. */
function gather(
  target: BigUint64Array,
  from: number,
  source: BigUint64Array,
  rows: Uint32Array,
): void {
  const to = new Uint32Array(target.buffer);
  const halves = new Uint32Array(source.buffer, source.byteOffset, source.length * 2);
  for (let i = 0; i < rows.length; i++) {
    const at = (rows[i] ?? 0) * 2;
    to[(from + i) * 2] = halves[at] ?? 0;
    to[(from + i) * 2 + 1] = halves[at + 1] ?? 0;
  }
}
