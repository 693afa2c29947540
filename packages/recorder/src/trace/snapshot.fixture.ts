/** Everything a trace serves, as plain values that can be compared. */
import { BacktrailError } from '../errors.ts';
import { bytesAt } from './columns.ts';
import type { BlockRows, EdgeRows, MarkRows } from './rows.ts';
import type { Trace } from './trace.ts';

type Value = unknown;

const at = <T>(column: ArrayLike<T>, row: number): T | undefined => column[row];
const masked = <T>(column: ArrayLike<T>, has: Uint8Array, row: number): T | null | undefined =>
  has[row] === 1 ? column[row] : null;

const list = (count: number, row: (i: number) => Value): Value[] =>
  Array.from({ length: count }, (_, i) => row(i));

export const edgeValues = (rows: EdgeRows): Value[] =>
  list(rows.count, (i) => [
    masked(rows.source, rows.hasSource, i),
    at(rows.target, i),
    at(rows.cause, i),
    at(rows.kind, i),
    at(rows.sourceBlock, i),
    at(rows.targetBlock, i),
    masked(rows.hostSource, rows.hasHostSource, i),
    masked(rows.hostTarget, rows.hasHostTarget, i),
    at(rows.hostHow, i),
  ]);

export const blockValues = (rows: BlockRows): Value[] =>
  list(rows.count, (i) => [
    at(rows.pc, i),
    at(rows.size, i),
    at(rows.instructions, i),
    [...bytesAt(rows.instructionSizes, i)],
    [...bytesAt(rows.code, i)],
    masked(rows.hostPc, rows.hasHostPc, i),
    masked(rows.hostSize, rows.hasHostPc, i),
    rows.hasHostCode[i] === 1 ? [...bytesAt(rows.hostCode, i)] : null,
    at(rows.bornVcpu, i),
    at(rows.bornSeq, i),
    masked(rows.privilege, rows.hasPrivilege, i),
    rows.text[i] ?? null,
  ]);

const markValue = (rows: Omit<MarkRows, 'detail'>, i: number, detail: string | null): Value => [
  at(rows.vcpu, i),
  at(rows.seq, i),
  at(rows.timeNs, i),
  at(rows.kind, i),
  masked(rows.pc, rows.hasPc, i),
  masked(rows.number, rows.hasNumber, i),
  masked(rows.code, rows.hasCode, i),
  masked(rows.address, rows.hasAddress, i),
  masked(rows.size, rows.hasSize, i),
  detail,
];

export const markValues = (rows: MarkRows): Value[] =>
  list(rows.count, (i) => markValue(rows, i, rows.detail[i] ?? null));

/** Segments with their transfers; null for one that cannot be read. */
export function segmentValues(trace: Trace): Value[] {
  const { segments } = trace;
  const transfers = (i: number): Value => {
    try {
      return [...trace.readSegment(i)];
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      return null;
    }
  };
  return list(segments.count, (i) => [
    at(segments.vcpu, i),
    at(segments.firstSeq, i),
    at(segments.instructionsBefore, i),
    at(segments.timeFirstNs, i),
    at(segments.timeLastNs, i),
    transfers(i),
  ]);
}

export function servedBlocks(trace: Trace): Value[] {
  const { blocks } = trace;
  return list(blocks.count, (i) => {
    const hostCode = blocks.hostCode(i);
    return [
      at(blocks.pc, i),
      at(blocks.size, i),
      at(blocks.instructions, i),
      [...blocks.instructionSizes(i)],
      [...blocks.code(i)],
      masked(blocks.hostPc, blocks.hasHostPc, i),
      masked(blocks.hostSize, blocks.hasHostPc, i),
      hostCode === null ? null : [...hostCode],
      at(blocks.bornVcpu, i),
      at(blocks.bornSeq, i),
      masked(blocks.privilege, blocks.hasPrivilege, i),
      blocks.text(i),
    ];
  });
}

export const servedMarks = ({ marks }: Trace): Value[] =>
  list(marks.count, (i) => markValue(marks, i, marks.detail(i)));

export const servedModules = ({ modules }: Trace): Value[] =>
  list(modules.count, (i) => [
    modules.path(i),
    modules.buildId(i),
    at(modules.base, i),
    at(modules.start, i),
    at(modules.size, i),
    at(modules.mappedVcpu, i),
    at(modules.mappedSeq, i),
    at(modules.mappedNs, i),
    masked(modules.unmappedNs, modules.hasUnmappedNs, i),
  ]);

export const servedSymbols = ({ symbols }: Trace): Value[] =>
  list(symbols.count, (i) => [
    at(symbols.module, i),
    at(symbols.address, i),
    at(symbols.size, i),
    at(symbols.type, i),
    symbols.name(i),
  ]);

export const servedSources = ({ sources }: Trace): Value[] =>
  list(sources.count, (i) => sources.path(i));

export const servedLines = ({ lines }: Trace): Value[] =>
  list(lines.count, (i) => [
    at(lines.module, i),
    at(lines.address, i),
    at(lines.size, i),
    at(lines.source, i),
    at(lines.line, i),
    at(lines.column, i),
    at(lines.isStatement, i),
  ]);

export const servedInlines = ({ inlines }: Trace): Value[] =>
  list(inlines.count, (i) => [
    at(inlines.module, i),
    at(inlines.address, i),
    at(inlines.size, i),
    at(inlines.callSource, i),
    at(inlines.depth, i),
    inlines.name(i),
    at(inlines.callLine, i),
    at(inlines.callColumn, i),
  ]);

/** Each part of a trace by itself. */
export const PARTS = {
  segments: segmentValues,
  edges: ({ edges }: Trace): Value[] => edgeValues(edges),
  taken: ({ edges }: Trace): Value[] => [...edges.taken],
  blocks: servedBlocks,
  marks: servedMarks,
  modules: servedModules,
  symbols: servedSymbols,
  sources: servedSources,
  lines: servedLines,
  inlines: servedInlines,
};

export type Part = keyof typeof PARTS;

export const ALL_PARTS: readonly Part[] = [
  'segments',
  'edges',
  'taken',
  'blocks',
  'marks',
  'modules',
  'symbols',
  'sources',
  'lines',
  'inlines',
];

export const snapshot = (trace: Trace): Record<Part, Value[]> => ({
  segments: PARTS.segments(trace),
  edges: PARTS.edges(trace),
  taken: PARTS.taken(trace),
  blocks: PARTS.blocks(trace),
  marks: PARTS.marks(trace),
  modules: PARTS.modules(trace),
  symbols: PARTS.symbols(trace),
  sources: PARTS.sources(trace),
  lines: PARTS.lines(trace),
  inlines: PARTS.inlines(trace),
});
