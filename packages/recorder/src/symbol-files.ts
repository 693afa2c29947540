/**
 * Files that name code of a whole machine, which maps no files that a recorder could see: ELF files
 * with their own addresses, and lists of symbols as `nm` prints them and Linux keeps them in
 * System.map and /proc/kallsyms (scripts/kallsyms.c; nm(1) has the letters):
 *
 *   ffffffff80002040 T _start            address, letter, name
 *   ffffffff01a3c000 t probe\t[e1000]    and of a kernel module its name
 */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isElf, readElfLayout, readSymbols } from './elf/elf.ts';
import { BacktrailError } from './errors.ts';
import type { Collected, MapEvent } from './modules.ts';
import type { SymbolFile } from './trace/manifest.ts';
import type { ModuleRows } from './trace/rows.ts';
import type { SymbolTable } from './trace/trace.ts';
import { SYMBOL_TYPES } from './trace/vocabulary.ts';

/** A System.map of Linux has some 10 MiB. */
const LIST_BYTES_MAX = 1 << 28;
const PAGE_BYTES = 4096n;
const NAME_CHARACTERS_MAX = 4096;
const LINE = /^([0-9a-f]{8,16}) ([tTwWvViIdDbBrRgGsSuVnN]) (\S+)(?:[ \t]+\[\S+\])?$/gm;
const CODE = new Set('tTwWiI');

/**
 * @param given `FILE`, or `FILE@BASE` where BASE is added to its addresses.
 * @throws BacktrailError E_SYMBOLS if it names nothing.
 */
export function symbolFile(given: string): SymbolFile {
  const [, name = given, base = '0'] = /^(.+)@(0x[0-9a-f]{1,16}|\d{1,20})$/i.exec(given) ?? [];
  const path = resolve(name);
  const found = kindOf(path);
  if (found !== 'ELF file' && found !== 'list') {
    throw new BacktrailError(
      'E_SYMBOLS',
      `--symbols ${name}: found ${found}, expected an ELF program (vmlinux, firmware.elf) or a ` +
        'list of symbols (System.map, a copy of /proc/kallsyms). Check the path.',
    );
  }
  const added = BigInt.asUintN(64, BigInt(base));
  if (found === 'ELF file' && added % PAGE_BYTES !== 0n) {
    throw new BacktrailError(
      'E_SYMBOLS',
      `--symbols ${given}: found a base of 0x${added.toString(16)}, expected a multiple of ` +
        `${PAGE_BYTES}: ELF files are loaded by pages. Check the address.`,
    );
  }
  return { path, base: `0x${added.toString(16)}` };
}

/**
 * What names a machine's code: what the user gave, then those of its images that are ELF programs,
 * unless they are given too, or have no symbols and would only hide what others name.
 * @throws BacktrailError E_SYMBOLS
 */
export function machineFiles(given: readonly string[], images: readonly string[]): SymbolFile[] {
  const files = given.map(symbolFile);
  const known = new Set(files.map(({ path }) => path));
  const elf = images.filter((path) => !known.has(path) && kindOf(path) === 'ELF file');
  const naming = elf.filter((path) => files.length === 0 || hasSymbols(path));
  return [...files, ...naming.map((path) => ({ path, base: '0x0' }))];
}

/** What a file is, in words for a message. */
function kindOf(path: string): string {
  const stat = statOf(path);
  if (stat === null) return 'no such file';
  if (!stat.isFile()) return 'no regular file';
  try {
    if (isElf(path)) {
      const { type } = readElfLayout(path).header;
      return type === 'rel' || type === 'core' ? `an ELF file of type ${type}` : 'ELF file';
    }
    if (stat.size > LIST_BYTES_MAX) return `${stat.size} bytes, at most ${LIST_BYTES_MAX} are read`;
    return readFileSync(path, 'latin1').search(LINE) >= 0 ? 'list' : 'no line of a symbol';
  } catch (error) {
    return error instanceof Error ? error.message : 'a file that cannot be read';
  }
}

function hasSymbols(path: string): boolean {
  try {
    return readSymbols(path).count > 0;
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    return false;
  }
}

const statOf = (path: string): Stats | null => statSync(path, { throwIfNoEntry: false }) ?? null;

/** ELF files as if the machine had mapped them when it started. */
export function symbolMaps(files: readonly SymbolFile[], timeNs: bigint): MapEvent[] {
  return files.flatMap(({ path, base }) => {
    if (kindOf(path) !== 'ELF file') return [];
    return readElfLayout(path)
      .segments.filter(({ fileSize }) => fileSize > 0)
      .map(({ vaddr, fileSize, offset }) => ({
        kind: 'map',
        vcpu: 0,
        seq: 0,
        timeNs,
        address: BigInt.asUintN(64, vaddr + BigInt(base)),
        size: BigInt(fileSize),
        fileOffset: BigInt(offset),
        path,
      }));
  });
}

/** Adds the symbols of lists, each a module of its own. */
export function withSymbolLists(collected: Collected, files: readonly SymbolFile[]): Collected {
  let all = collected;
  for (const file of files) {
    const kind = kindOf(file.path);
    if (kind === 'list') all = withList(all, file, readFileSync(file.path, 'latin1'));
    else if (kind !== 'ELF file') {
      const problem = `${file.path}: found ${kind}, expected it as it was when the run began.`;
      all = { ...all, problems: [...all.problems, `${problem} Its symbols are not in the trace.`] };
    }
  }
  return all;
}

interface Listed {
  readonly address: bigint;
  readonly isCode: boolean;
  readonly name: string;
}

/** By address. Absolute symbols (A) are numbers; those at 0 were hidden from who copied them. */
function listedIn(text: string): Listed[] {
  const listed: Listed[] = [];
  for (const [, digits = '0', letter = '', name = ''] of text.matchAll(LINE)) {
    const address = BigInt(`0x${digits}`);
    if (address === 0n) continue;
    const isCode = CODE.has(letter);
    listed.push({ address, isCode, name: name.slice(0, NAME_CHARACTERS_MAX) });
  }
  return listed.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

function withList(collected: Collected, file: SymbolFile, text: string): Collected {
  const listed = listedIn(text);
  const code = listed.filter(({ isCode }) => isCode);
  const [first, last] = [code[0] ?? listed[0], code.at(-1) ?? listed.at(-1)];
  if (first === undefined || last === undefined) return collected;
  const start = first.address - (first.address % PAGE_BYTES);
  const end = last.address - (last.address % PAGE_BYTES) + PAGE_BYTES;
  const { modules, symbols } = collected;
  return {
    ...collected,
    modules: withModule(modules, file, start, end - start),
    symbols: withSymbols(symbols, listed, modules.count),
  };
}

function withModule(
  rows: ModuleRows,
  { path, base }: SymbolFile,
  start: bigint,
  size: bigint,
): ModuleRows {
  const grown = (column: BigUint64Array, value: bigint): BigUint64Array => {
    return BigUint64Array.of(...column.subarray(0, rows.count), BigInt.asUintN(64, value));
  };
  return {
    count: rows.count + 1,
    path: [...rows.path.slice(0, rows.count), path],
    buildId: [...rows.buildId.slice(0, rows.count), null],
    base: grown(rows.base, BigInt(base)),
    start: grown(rows.start, start + BigInt(base)),
    size: grown(rows.size, size),
    mappedVcpu: Uint32Array.of(...rows.mappedVcpu.subarray(0, rows.count), 0),
    mappedSeq: Float64Array.of(...rows.mappedSeq.subarray(0, rows.count), 0),
    mappedNs: grown(rows.mappedNs, 0n),
    unmappedNs: grown(rows.unmappedNs, 0n),
    hasUnmappedNs: Uint8Array.of(...rows.hasUnmappedNs.subarray(0, rows.count), 0),
  };
}

function withSymbols(table: SymbolTable, listed: readonly Listed[], row: number): SymbolTable {
  const count = table.count + listed.length;
  const grown = { module: new Uint32Array(count).fill(row), type: new Uint8Array(count) };
  const address = new BigUint64Array(count);
  const size = new BigUint64Array(count);
  grown.module.set(table.module.subarray(0, table.count));
  grown.type.set(table.type.subarray(0, table.count));
  address.set(table.address.subarray(0, table.count));
  size.set(table.size.subarray(0, table.count));
  listed.forEach((symbol, i) => {
    address[table.count + i] = symbol.address;
    grown.type[table.count + i] = SYMBOL_TYPES.indexOf(symbol.isCode ? 'function' : 'object');
  });
  const name = (symbol: number): string =>
    symbol < table.count ? table.name(symbol) : (listed[symbol - table.count]?.name ?? '');
  return { count, ...grown, address, size, name };
}
