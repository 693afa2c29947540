/** What binutils says of an ELF file, in the words of this folder: the oracle of its tests. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ELF_SYMBOL_TYPES, type ElfSymbols } from './elf.ts';

export function run(tool: string, ...args: readonly string[]): string {
  return execFileSync(tool, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, LC_ALL: 'C' },
  });
}

/** Runs `body` with a folder that is gone afterwards. */
export function withFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-elf-'));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs `body` on a file of these bytes. */
export function withBytes<T>(bytes: Uint8Array, body: (file: string) => T): T {
  return withFolder((folder) => {
    const file = path.join(folder, 'program');
    writeFileSync(file, bytes);
    return body(file);
  });
}

/** One line per symbol, sorted: `address size type name`. */
export function linesOf(symbols: ElfSymbols): string[] {
  const lines: string[] = [];
  for (let i = 0; i < symbols.count; i++) {
    const type = ELF_SYMBOL_TYPES[symbols.type[i] ?? -1];
    lines.push(`${symbols.address[i]?.toString(16)} ${symbols.size[i]} ${type} ${symbols.name(i)}`);
  }
  return lines.sort();
}

/** readelf's build id, or null. */
export function readelfBuildId(file: string): string | null {
  return /Build ID: ([0-9a-f]+)/.exec(run('readelf', '-nW', file))?.[1] ?? null;
}

/** Number, address, size, flags; between them offset and entry size, behind them three numbers. */
const SECTION = new RegExp(
  '^ {2}\\[ *(\\d+)\\] .* ([0-9a-f]{8,16}) [0-9a-f]{6,} ([0-9a-f]{6,}) [0-9a-f]{2,} ' +
    '+([A-Za-z]*) +\\d+ +\\d+ +\\d+$',
);
const SYMBOL = /^ *\d+: ([0-9a-f]+) +(0x[0-9a-f]+|\d+) (\S+) +\S+ +\S+ +(?:\[.*?\] +)?(\S+) *(.*)$/;
const TYPES: Readonly<Record<string, string>> = {
  FUNC: 'function',
  OBJECT: 'object',
  COMMON: 'object',
  NOTYPE: 'none',
  IFUNC: 'ifunc',
};

/**
 * The lines that linesOf() should give, from readelf's listing of the file's tables and, where it
 * has no .symtab, of its debug file's under /usr/lib/debug/.build-id.
 */
export function readelfLines(file: string): string[] {
  const own = listing(file);
  const tables = [own];
  const id = readelfBuildId(file);
  if (!own.includes("'.symtab'") && id !== null) {
    const split = `/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`;
    if (existsSync(split)) tables.unshift(listing(split));
  }
  const found = new Map<string, string>();
  for (const table of tables) addLines(table, found);
  return [...found.values()].sort();
}

const listing = (file: string): string => run('readelf', '-sSW', file);

/** Keeps the first of each address and name. */
function addLines(text: string, found: Map<string, string>): void {
  const code = new Set<string>();
  const data: { section: string; start: bigint; end: bigint }[] = [];
  let isDynamic = false;
  for (const line of text.split('\n')) {
    const section = SECTION.exec(line);
    if (section !== null) {
      const [, number = '', address = '', size = '', flags = ''] = section;
      if (!flags.includes('A')) continue;
      const start = BigInt(`0x${address}`);
      data.push({ section: number, start, end: start + BigInt(`0x${size}`) });
      if (flags.includes('X')) code.add(number);
    }
    if (line.startsWith('Symbol table')) isDynamic = line.includes("'.dynsym'");
    const symbol = SYMBOL.exec(line);
    if (symbol === null) continue;
    const [, value = '', size = '', readelfType = '', section2 = '', shown = ''] = symbol;
    const type = TYPES[readelfType];
    const address = BigInt(`0x${value}`);
    // readelf adds the symbol version to names of .dynsym.
    const name = isDynamic ? shown.replace(/@.*$/, '') : shown;
    const at =
      section2 === 'ABS'
        ? data.find((one) => address !== 0n && address >= one.start && address < one.end)?.section
        : data.find((one) => one.section === section2)?.section;
    if (type === undefined || at === undefined || name === '' || name.startsWith('.L')) continue;
    if (type === 'none' && (!code.has(at) || /^\$([adtx](\.|$)|xrv)/.test(name))) continue;
    const key = `${address} ${name}`;
    const line2 = `${address.toString(16)} ${BigInt(size)} ${type} ${name}`;
    if (!found.has(key)) found.set(key, line2);
  }
}
