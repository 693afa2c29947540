/**
 * A place in the code as people write it: an address, a symbol, a source line. It stands for the
 * addresses of its first instructions, as a breakpoint there would, and for all of its code.
 */
import { BacktrailError, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import type { AddressRange } from './cursor/goals.ts';
import { symbolOwners } from './symbols/symbolizer.ts';

export interface CodePlace {
  readonly is: 'address' | 'symbol' | 'line';
  /** Where it begins: several, where a name or a line has code in several places. */
  readonly starts: readonly bigint[];
  /** All of it; of a symbol without a size, and of an address, one byte. */
  readonly ranges: readonly AddressRange[];
}

const NAMED_MAX = 3;

/**
 * What stands for a place: `0x401136`, `*0x401136`, `main`, `main+0x12`, `smash.c:12`,
 * `src/smash.c:12`. A symbol is named as in the ELF file or demangled, with or without its
 * parameters; a file by its path or the end of it.
 * @throws BacktrailError E_PLACE if the trace has nothing of that name.
 */
export function findPlace(
  trace: Trace,
  text: string,
  demangle: (name: string) => string = (name) => name,
): CodePlace {
  const address = /^\*?(0x[0-9a-f]{1,16})$/i.exec(text)?.[1];
  if (address !== undefined) return placeOf('address', [range(BigInt(address), 1n)]);
  // Names first: one in C++ may have a colon and digits, too.
  const named = symbolRanges(trace, text, demangle);
  if (named.length > 0) return placeOf('symbol', named);
  const [, base = '', offset = ''] = /^(.+)\+(0x[0-9a-f]{1,16}|\d{1,18})$/i.exec(text) ?? [];
  const shifted = base === '' ? [] : symbolRanges(trace, base, demangle);
  if (shifted.length > 0) {
    return placeOf(
      'address',
      shifted.map(({ start }) => range(start + BigInt(offset), 1n)),
    );
  }
  const [, file = '', line = ''] = /^(.+):(\d{1,9})$/.exec(text) ?? [];
  if (file !== '') return linePlace(trace, file, Number(line));
  throw unknown(trace, text, demangle);
}

const range = (start: bigint, bytes: bigint): AddressRange => {
  const first = BigInt.asUintN(64, start);
  return { start: first, end: first + (bytes > 0n ? bytes : 1n) };
};

function placeOf(is: CodePlace['is'], ranges: readonly AddressRange[]): CodePlace {
  return { is, starts: [...new Set(ranges.map(({ start }) => start))], ranges };
}

/** Where the symbols and lines of each module lie: a file may be mapped more than once. */
function basesOf({ modules }: Trace): Map<number, bigint[]> {
  const bases = new Map<number, bigint[]>();
  symbolOwners(modules).forEach((owner, module) => {
    const base = modules.base[module] ?? 0n;
    bases.set(owner, [...(bases.get(owner) ?? []), base]);
  });
  return bases;
}

/** `f(int)` and `f` are both names of it. */
function isNamed(name: string, wanted: string): boolean {
  return name === wanted || (name.startsWith(`${wanted}(`) && name.endsWith(')'));
}

function symbolRanges(
  trace: Trace,
  wanted: string,
  demangle: (name: string) => string,
): AddressRange[] {
  const { symbols } = trace;
  const bases = basesOf(trace);
  const found: AddressRange[] = [];
  for (let symbol = 0; symbol < symbols.count; symbol++) {
    const name = symbols.name(symbol);
    if (name !== wanted && !isNamed(demangle(name), wanted)) continue;
    for (const base of bases.get(symbols.module[symbol] ?? 0) ?? []) {
      found.push(range(base + (symbols.address[symbol] ?? 0n), symbols.size[symbol] ?? 0n));
    }
  }
  return found;
}

function linePlace(trace: Trace, file: string, line: number): CodePlace {
  const { lines, sources } = trace;
  const isFile = Array.from({ length: sources.count }, (_none, source) => {
    const path = sources.path(source);
    return path === file || path.endsWith(`/${file}`);
  });
  const bases = basesOf(trace);
  const starts = new Set<bigint>();
  const ends = new Set<string>();
  const ranges: AddressRange[] = [];
  for (let row = 0; row < lines.count; row++) {
    const source = lines.source[row] ?? NO_ROW;
    if (lines.line[row] !== line || isFile[source] !== true) continue;
    for (const base of bases.get(lines.module[row] ?? 0) ?? []) {
      const one = range(base + (lines.address[row] ?? 0n), lines.size[row] ?? 0n);
      const goesOn = ends.has(`${source}:${one.start}`);
      ends.add(`${source}:${one.end}`);
      ranges.push(one);
      // Where the compiler would put a breakpoint; not again where the line just goes on.
      if (lines.isStatement[row] === 1 && !goesOn) starts.add(one.start);
    }
  }
  if (ranges.length === 0) throw noLine(trace, file, line, isFile.includes(true));
  return { is: 'line', starts: starts.size > 0 ? [...starts] : firstOf(ranges), ranges };
}

const firstOf = (ranges: readonly AddressRange[]): bigint[] =>
  ranges.slice(0, 1).map(({ start }) => start);

function noLine(trace: Trace, file: string, line: number, isKnown: boolean): BacktrailError {
  const { lines, sources } = trace;
  if (lines.count === 0) {
    return new BacktrailError(
      'E_PLACE',
      `${trace.directory}: found no source lines, expected some for ${file}:${line}. ` +
        'Build the program with -g and record it again, or name a symbol or an address.',
    );
  }
  if (isKnown) {
    return new BacktrailError(
      'E_PLACE',
      `${trace.directory}: found no code of line ${line} in ${file}, expected a line with code. ` +
        'Name one nearby: declarations, comments and code that was left out have none.',
    );
  }
  const some = Array.from({ length: Math.min(NAMED_MAX, sources.count) }, (_none, i) =>
    sources.path(i),
  );
  return new BacktrailError(
    'E_PLACE',
    `${trace.directory}: found no source file ${file}, expected one such as ${some.join(', ')}. ` +
      'Name its path or the end of it.',
  );
}

function unknown(trace: Trace, text: string, demangle: (name: string) => string): BacktrailError {
  const { symbols } = trace;
  const wanted = text.toLowerCase();
  const near = new Set<string>();
  for (let symbol = 0; symbol < symbols.count && near.size < NAMED_MAX; symbol++) {
    const name = demangle(symbols.name(symbol));
    if (wanted !== '' && name.toLowerCase().includes(wanted)) near.add(name);
  }
  const alike = near.size === 0 ? '' : ` Alike: ${[...near].join(', ')}.`;
  return new BacktrailError(
    'E_PLACE',
    `${trace.directory}: found nothing named "${text}" among ${symbols.count} symbols, expected ` +
      `an address (0x401136), a symbol (main, main+0x12) or a line (smash.c:12).${alike}`,
  );
}
