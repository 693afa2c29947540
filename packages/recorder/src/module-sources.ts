/** Source lines and inlined functions of the modules of a run, as far as their code ran. */
import {
  type CodeRange,
  NO_PATH,
  readSourceLines,
  type SourceLines,
} from './elf/dwarf/source-lines.ts';
import { BacktrailError } from './errors.ts';
import type { CodeSources } from './trace/rows.ts';
import { NO_ROW } from './trace/trace.ts';
import type { BlockExtents } from './trace/writer.ts';

/** A file, the module row that its lines belong to, and every place where it was loaded. */
interface LineSource {
  readonly path: string;
  readonly module: number;
  readonly loads: readonly {
    readonly base: bigint;
    readonly start: bigint;
    readonly size: bigint;
  }[];
}

interface Part {
  readonly module: number;
  /** Address as in the ELF file that its rows count from. */
  readonly origin: bigint;
  readonly read: SourceLines;
}

const DEBUG_ROOTS: readonly string[] = ['/usr/lib/debug'];
const WORD = 0x1_0000_0000;

/** Files in order of their module rows. What cannot be read goes to `problems`, a line a file. */
export function collectSources(
  files: readonly LineSource[],
  blocks: () => Iterable<BlockExtents>,
  problems: string[],
  debugRoots: readonly string[] = DEBUG_ROOTS,
): CodeSources {
  const parts: Part[] = [];
  for (const file of files) {
    const part = readPart(file, blocks, problems, debugRoots);
    if (part !== null) parts.push(part);
  }
  return join(parts);
}

function readPart(
  file: LineSource,
  blocks: () => Iterable<BlockExtents>,
  problems: string[],
  debugRoots: readonly string[],
): Part | null {
  let origin = 0n;
  const ran = (codeOrigin: bigint): CodeRange => {
    origin = codeOrigin;
    return codeOf(file, codeOrigin, blocks());
  };
  try {
    const read = readSourceLines(file.path, ran, debugRoots);
    if (read === null) return null;
    if (read.damage !== null) {
      problems.push(
        `${file.path}: debug information: ${read.damage}. Source lines are missing from the ` +
          'trace: build the program, or install its debug file, again.',
      );
    }
    return { module: file.module, origin, read };
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    // Mostly the line about its symbols has told what is wrong with the file.
    const isTold = problems.some((line) => line.startsWith(`${file.path}: `));
    if (!isTold) problems.push(`${error.message} Its source lines are not in the trace.`);
    return null;
  }
}

/** Blocks that lie in a file, wherever it was loaded, as bytes from the lowest of its code. */
function codeOf({ loads }: LineSource, origin: bigint, blocks: Iterable<BlockExtents>): CodeRange {
  const first: number[] = [];
  const end: number[] = [];
  const places = loads.map(({ base, start, size }) => {
    const zero = BigInt.asUintN(64, base + origin);
    const room = BigInt.asUintN(64, start + size - zero);
    return { high: Number(zero >> 32n), low: Number(zero & 0xffff_ffffn), room: Number(room) };
  });
  for (const { count, pc, size } of blocks) {
    const halves = new Uint32Array(pc.buffer, pc.byteOffset, 2 * count);
    for (const { high, low, room } of places) {
      for (let row = 0; row < count; row++) {
        const above = (halves[2 * row + 1] ?? 0) - high;
        const at = above * WORD + ((halves[2 * row] ?? 0) - low);
        if (at < 0 || at >= room) continue;
        first.push(at);
        end.push(at + (size[row] ?? 0));
      }
    }
  }
  return { first, end };
}

/** The tables of all files as one; paths that several name are one row. */
function join(parts: readonly Part[]): CodeSources {
  const path: string[] = [];
  const numbers = new Map<string, number>();
  const rowOf = (name: string): number => {
    const known = numbers.get(name);
    if (known !== undefined) return known;
    numbers.set(name, path.length);
    path.push(name);
    return path.length - 1;
  };
  const total = (of: (read: SourceLines) => number): number =>
    parts.reduce((sum, part) => sum + of(part.read), 0);
  const lines = lineColumns(total((read) => read.lines.count));
  const inlines = inlineColumns(total((read) => read.inlines.count));
  let line = 0;
  let inline = 0;
  for (const { module, origin, read } of parts) {
    const sources = Uint32Array.from(read.paths, rowOf);
    const sourceOf = (number: number): number =>
      number === NO_PATH ? NO_ROW : (sources[number] ?? NO_ROW);
    const { count } = read.lines;
    lines.module.fill(module, line, line + count);
    place(lines.address, line, read.lines.address.subarray(0, count), origin);
    place(lines.size, line, read.lines.size.subarray(0, count), 0n);
    lines.source.set(read.lines.source.subarray(0, count).map(sourceOf), line);
    lines.line.set(read.lines.line.subarray(0, count), line);
    lines.column.set(read.lines.column.subarray(0, count), line);
    lines.isStatement.set(read.lines.isStatement.subarray(0, count), line);
    line += count;
    inlines.module.fill(module, inline, inline + read.inlines.count);
    place(inlines.address, inline, read.inlines.address, origin);
    place(inlines.size, inline, read.inlines.size, 0n);
    inlines.depth.set(read.inlines.depth, inline);
    inlines.callSource.set(read.inlines.callSource.map(sourceOf), inline);
    inlines.callLine.set(read.inlines.callLine, inline);
    inlines.callColumn.set(read.inlines.callColumn, inline);
    inline += read.inlines.count;
  }
  const name = parts.flatMap((part) => part.read.inlines.name);
  return { sources: { count: path.length, path }, lines, inlines: { ...inlines, name } };
}

/** Numbers that count from `origin` as addresses. */
function place(target: BigUint64Array, from: number, numbers: Float64Array, origin: bigint): void {
  for (let i = 0; i < numbers.length; i++) {
    target[from + i] = BigInt.asUintN(64, origin + BigInt(numbers[i] ?? 0));
  }
}

const lineColumns = (count: number) => ({
  count,
  module: new Uint32Array(count),
  address: new BigUint64Array(count),
  size: new BigUint64Array(count),
  source: new Uint32Array(count),
  line: new Uint32Array(count),
  column: new Uint32Array(count),
  isStatement: new Uint32Array(count),
});

const inlineColumns = (count: number) => ({
  count,
  module: new Uint32Array(count),
  address: new BigUint64Array(count),
  size: new BigUint64Array(count),
  depth: new Uint32Array(count),
  callSource: new Uint32Array(count),
  callLine: new Uint32Array(count),
  callColumn: new Uint32Array(count),
});
