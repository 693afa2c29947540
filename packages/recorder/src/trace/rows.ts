/**
 * Rows as callers hand them to the writer: plain column arrays, which may be longer than `count`
 * and may be reused after the call. The writer numbers the rows itself, from 0, in order.
 */
import {
  type ByteRows,
  binary,
  type ColumnData,
  code,
  i64,
  ordinals,
  rowNumbers,
  text,
  u32,
  u64,
  wholeNumbers,
} from './columns.ts';
import type {
  EdgeTable,
  InlineTable,
  LineTable,
  MarkTable,
  ModuleTable,
  SymbolTable,
} from './trace.ts';

/** Fields as in EdgeTable; row numbers of blocks may be NO_ROW, codes NO_CODE. */
export type EdgeRows = Omit<EdgeTable, 'taken'>;

export interface BlockRows {
  readonly count: number;
  readonly pc: BigUint64Array;
  readonly size: Uint32Array;
  readonly instructions: Uint32Array;
  /** Size of each instruction, bytes. */
  readonly instructionSizes: ByteRows;
  /** Guest code. */
  readonly code: ByteRows;
  readonly hostPc: BigUint64Array;
  /** 1 where hostPc and hostSize are known. */
  readonly hasHostPc: Uint8Array;
  readonly hostSize: Uint32Array;
  readonly hostCode: ByteRows;
  readonly hasHostCode: Uint8Array;
  readonly bornVcpu: Uint32Array;
  readonly bornSeq: Float64Array;
  readonly privilege: Uint32Array;
  readonly hasPrivilege: Uint8Array;
  readonly text: readonly (string | null)[];
}

export type MarkRows = Omit<MarkTable, 'detail'> & { readonly detail: readonly (string | null)[] };

export type ModuleRows = Omit<ModuleTable, 'path' | 'buildId'> & {
  readonly path: readonly string[];
  readonly buildId: readonly (string | null)[];
};

/** Sorted by module, then address. */
export type SymbolRows = Omit<SymbolTable, 'name'> & { readonly name: readonly string[] };

export interface SourceRows {
  readonly count: number;
  readonly path: readonly string[];
}

/** Sorted by module, then address. */
export type LineRows = LineTable;

/** Sorted by module, address, depth. */
export type InlineRows = Omit<InlineTable, 'name'> & { readonly name: readonly string[] };

/** What line tables say of the code in a trace. */
export interface CodeSources {
  readonly sources: SourceRows;
  readonly lines: LineRows;
  readonly inlines: InlineRows;
}

export const NO_SOURCES: CodeSources = {
  sources: { count: 0, path: [] },
  lines: {
    count: 0,
    module: new Uint32Array(0),
    address: new BigUint64Array(0),
    size: new BigUint64Array(0),
    source: new Uint32Array(0),
    line: new Uint32Array(0),
    column: new Uint32Array(0),
    isStatement: new Uint32Array(0),
  },
  inlines: {
    count: 0,
    module: new Uint32Array(0),
    address: new BigUint64Array(0),
    size: new BigUint64Array(0),
    depth: new Uint32Array(0),
    name: [],
    callSource: new Uint32Array(0),
    callLine: new Uint32Array(0),
    callColumn: new Uint32Array(0),
  },
};

/** One published segment. */
export interface SegmentInfo {
  readonly vcpu: number;
  readonly firstSeq: number;
  /** Instructions this vCPU had retired when the first transfer of the segment landed. */
  readonly instructionsBefore: number;
  readonly timeFirstNs: bigint;
  readonly timeLastNs: bigint;
}

// Each function below is the twin of one in tables.ts; columns stand in the order of schema.ts.

export function edgeColumns(rows: EdgeRows, first: number, taken: Float64Array): ColumnData[] {
  const { count } = rows;
  return [
    ordinals(first, count),
    u64(rows.source, rows.hasSource),
    u64(rows.target),
    code(rows.cause),
    code(rows.kind),
    rowNumbers(rows.sourceBlock, count),
    rowNumbers(rows.targetBlock, count),
    u64(rows.hostSource, rows.hasHostSource),
    u64(rows.hostTarget, rows.hasHostTarget),
    code(rows.hostHow),
    wholeNumbers(taken, count),
  ];
}

export function blockColumns(rows: BlockRows, first: number): ColumnData[] {
  const { count } = rows;
  return [
    ordinals(first, count),
    u64(rows.pc),
    u32(rows.size),
    u32(rows.instructions),
    binary(rows.instructionSizes),
    binary(rows.code),
    u64(rows.hostPc, rows.hasHostPc),
    u32(rows.hostSize, rows.hasHostPc),
    binary(rows.hostCode, rows.hasHostCode),
    u32(rows.bornVcpu),
    wholeNumbers(rows.bornSeq, count),
    u32(rows.privilege, rows.hasPrivilege),
    text(rows.text, count),
  ];
}

export function markColumns(rows: MarkRows, first: number): ColumnData[] {
  const { count } = rows;
  return [
    ordinals(first, count),
    u32(rows.vcpu),
    wholeNumbers(rows.seq, count),
    u64(rows.timeNs),
    code(rows.kind),
    u64(rows.pc, rows.hasPc),
    i64(rows.number, rows.hasNumber),
    i64(rows.code, rows.hasCode),
    u64(rows.address, rows.hasAddress),
    u64(rows.size, rows.hasSize),
    text(rows.detail, count),
  ];
}

export function moduleColumns(rows: ModuleRows): ColumnData[] {
  const { count } = rows;
  return [
    ordinals(0, count),
    text(rows.path, count),
    text(rows.buildId, count),
    u64(rows.base),
    u64(rows.start),
    u64(rows.size),
    u32(rows.mappedVcpu),
    wholeNumbers(rows.mappedSeq, count),
    u64(rows.mappedNs),
    u64(rows.unmappedNs, rows.hasUnmappedNs),
  ];
}

export function symbolColumns(rows: SymbolRows): ColumnData[] {
  return [
    u32(rows.module),
    u64(rows.address),
    u64(rows.size),
    text(rows.name, rows.count),
    code(rows.type),
  ];
}

export function sourceColumns(rows: SourceRows): ColumnData[] {
  return [ordinals(0, rows.count), text(rows.path, rows.count)];
}

export function lineColumns(rows: LineRows): ColumnData[] {
  return [
    u32(rows.module),
    u64(rows.address),
    u64(rows.size),
    rowNumbers(rows.source, rows.count),
    u32(rows.line),
    u32(rows.column),
    u32(rows.isStatement),
  ];
}

export function inlineColumns(rows: InlineRows): ColumnData[] {
  return [
    u32(rows.module),
    u64(rows.address),
    u64(rows.size),
    u32(rows.depth),
    text(rows.name, rows.count),
    rowNumbers(rows.callSource, rows.count),
    u32(rows.callLine),
    u32(rows.callColumn),
  ];
}

/** One segment as a row of segments.arrow. */
export function segmentColumns(
  info: SegmentInfo,
  segment: number,
  rows: number,
  file: number,
  batch: number,
): ColumnData[] {
  return [
    ordinals(segment, 1),
    u32(Uint32Array.of(info.vcpu)),
    wholeNumbers(Float64Array.of(info.firstSeq), 1),
    u32(Uint32Array.of(rows)),
    u32(Uint32Array.of(file)),
    u32(Uint32Array.of(batch)),
    wholeNumbers(Float64Array.of(info.instructionsBefore), 1),
    u64(BigUint64Array.of(info.timeFirstNs)),
    u64(BigUint64Array.of(info.timeLastNs)),
  ];
}
