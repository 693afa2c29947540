/**
 * Names of code that a guest made while it ran: a just-in-time compiler under Linux writes them to
 * /tmp/perf-PID.map, as perf reads it (Linux, tools/perf/Documentation/jit-interface.txt):
 *
 *   START SIZE NAME      two hexadecimal numbers, and the rest of the line
 *
 * Code comes and goes, the file only grows: of two names for one start the later one counts. The
 * names become symbols of modules that have the file's path; each is a stretch of the address
 * space in which no file is mapped, so that none hides a real module.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { Stretches } from './elf/dwarf/stretches.ts';
import type { Collected } from './modules.ts';
import type { ModuleRows } from './trace/rows.ts';
import type { SymbolTable } from './trace/trace.ts';
import { SYMBOL_TYPES } from './trace/vocabulary.ts';
import type { BlockExtents } from './trace/writer.ts';

/** A line takes some 50 bytes: over a million functions. */
const FILE_BYTES_MAX = 1 << 26;
const PAGE_BYTES = 4096;
const NAME_CHARACTERS_MAX = 4096;

export interface PerfMapSource {
  /** Of the guest, which is that of its emulator. */
  readonly pid: number;
  /** A file that was last changed before is that of an earlier process. Ms since 1970. */
  readonly startedMs: number;
  readonly blocks: () => Iterable<BlockExtents>;
  /** /tmp if left out. */
  readonly folder?: string;
}

interface Name {
  readonly start: number;
  readonly size: number;
  readonly name: string;
}

/** Adds what the file names of the code that ran, if there is such a file. */
export function withPerfMap(collected: Collected, source: PerfMapSource): Collected {
  const file = path.join(source.folder ?? '/tmp', `perf-${source.pid}.map`);
  const text = readOwnFile(file, source.startedMs);
  if (text === null) return collected;
  if (typeof text === 'number') {
    const found = `found ${text} bytes, expected at most ${FILE_BYTES_MAX}`;
    const problem = `${file}: ${found}. Names of code made at run time are not in the trace.`;
    return { ...collected, problems: [...collected.problems, problem] };
  }
  const names = namesOf(text, codeOf(source.blocks()));
  if (names.length === 0) return collected;
  const { modules, symbols } = collected;
  return {
    ...collected,
    modules: withModules(modules, file, clustersOf(names, modules)),
    symbols: withSymbols(symbols, names, modules.count),
  };
}

/**
 * Anybody may put a file into /tmp: only a regular file of our own user is read, and no link is
 * followed. @returns null if there is none; the size of one that is too large.
 */
function readOwnFile(file: string, startedMs: number): string | number | null {
  let open: number;
  try {
    open = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(open);
    const isOwn = stat.uid === process.getuid?.();
    if (!stat.isFile() || !isOwn || stat.mtimeMs < startedMs || stat.size === 0) return null;
    if (stat.size > FILE_BYTES_MAX) return stat.size;
    const bytes = Buffer.alloc(stat.size);
    const length = readSync(open, bytes, 0, bytes.length, 0);
    return bytes.toString('utf8', 0, length);
  } catch {
    return null;
  } finally {
    closeSync(open);
  }
}

/** Addresses of user space are below 2^53. */
function codeOf(blocks: Iterable<BlockExtents>): Stretches {
  const first: number[] = [];
  const end: number[] = [];
  for (const { count, pc, size } of blocks) {
    for (let row = 0; row < count; row++) {
      const at = Number(pc[row] ?? 0n);
      if (!Number.isSafeInteger(at)) continue;
      first.push(at);
      end.push(at + (size[row] ?? 0));
    }
  }
  return Stretches.of(first, end);
}

/** The names of code that ran, by address. A line that is none, as a kill leaves it, is none. */
function namesOf(text: string, code: Stretches): Name[] {
  const names = new Map<number, Name>();
  for (const [, startText = '', sizeText = '', name = ''] of text.matchAll(
    /^(?:0x)?([0-9a-f]{1,16}) (?:0x)?([0-9a-f]{1,8}) (.+)$/gim,
  )) {
    const start = Number.parseInt(startText, 16);
    const size = Number.parseInt(sizeText, 16);
    if (!Number.isSafeInteger(start + size) || !code.touches(start, start + size)) continue;
    names.set(start, { start, size, name: name.slice(0, NAME_CHARACTERS_MAX) });
  }
  return [...names.values()].sort((a, b) => a.start - b.start);
}

interface Cluster {
  readonly start: number;
  end: number;
}

/** Whole pages of names, cut where a file is mapped in between. */
function clustersOf(names: readonly Name[], modules: ModuleRows): Cluster[] {
  const starts = Array.from(modules.start.subarray(0, modules.count), Number).sort((a, b) => a - b);
  const clusters: Cluster[] = [];
  let next = 0;
  for (const { start, size } of names) {
    const from = start - (start % PAGE_BYTES);
    const end = Math.ceil((start + size) / PAGE_BYTES) * PAGE_BYTES;
    const last = clusters.at(-1);
    // The first module that begins after the cluster so far did.
    while (next < starts.length && (starts[next] ?? 0) < (last?.start ?? 0)) next++;
    const isBetween = next < starts.length && (starts[next] ?? 0) <= from;
    if (last === undefined || isBetween) clusters.push({ start: from, end });
    else last.end = Math.max(last.end, end);
  }
  return clusters;
}

function withModules(rows: ModuleRows, file: string, clusters: readonly Cluster[]): ModuleRows {
  const count = rows.count + clusters.length;
  const grown = (column: BigUint64Array, of: (cluster: Cluster) => bigint): BigUint64Array => {
    return BigUint64Array.of(...column.subarray(0, rows.count), ...clusters.map(of));
  };
  const zeros = clusters.map(() => 0);
  return {
    count,
    path: [...rows.path.slice(0, rows.count), ...clusters.map(() => file)],
    buildId: [...rows.buildId.slice(0, rows.count), ...clusters.map(() => null)],
    base: grown(rows.base, () => 0n),
    start: grown(rows.start, ({ start }) => BigInt(start)),
    size: grown(rows.size, ({ start, end }) => BigInt(end - start)),
    mappedVcpu: Uint32Array.of(...rows.mappedVcpu.subarray(0, rows.count), ...zeros),
    mappedSeq: Float64Array.of(...rows.mappedSeq.subarray(0, rows.count), ...zeros),
    mappedNs: grown(rows.mappedNs, () => 0n),
    unmappedNs: grown(rows.unmappedNs, () => 0n),
    hasUnmappedNs: Uint8Array.of(...rows.hasUnmappedNs.subarray(0, rows.count), ...zeros),
  };
}

/** All belong to the first module of the file: readers find them from the others by its path. */
function withSymbols(table: SymbolTable, names: readonly Name[], module: number): SymbolTable {
  const count = table.count + names.length;
  const address = new BigUint64Array(count);
  address.set(table.address.subarray(0, table.count));
  const size = new BigUint64Array(count);
  size.set(table.size.subarray(0, table.count));
  names.forEach((name, i) => {
    address[table.count + i] = BigInt(name.start);
    size[table.count + i] = BigInt(name.size);
  });
  const type = new Uint8Array(count).fill(SYMBOL_TYPES.indexOf('function'));
  type.set(table.type.subarray(0, table.count));
  const modules = new Uint32Array(count).fill(module);
  modules.set(table.module.subarray(0, table.count));
  const name = (symbol: number): string =>
    symbol < table.count ? table.name(symbol) : (names[symbol - table.count]?.name ?? '');
  return { count, module: modules, address, size, type, name };
}
