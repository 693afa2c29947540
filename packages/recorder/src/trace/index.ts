/** The trace format: all that may be used from outside this folder. */
export { BacktrailError } from '../errors.ts';
export { type ByteRows, packBytes } from './columns.ts';
export { type TraceState, traceState } from './directory.ts';
export {
  type End,
  type KeepMode,
  type Losses,
  type Manifest,
  NO_LOSSES,
  type Relative,
} from './manifest.ts';
export { privilegeLevels } from './privilege.ts';
export { openTrace, verifyTrace } from './reader.ts';
export {
  type ResultBatch,
  type ResultCell,
  type ResultColumnSchema,
  type ResultColumnType,
  writeResultArrow,
} from './result.ts';
export type {
  BlockRows,
  CodeSources,
  EdgeRows,
  InlineRows,
  LineRows,
  MarkRows,
  ModuleRows,
  SegmentInfo,
  SourceRows,
  SymbolRows,
} from './rows.ts';
export {
  BLOCKS,
  type Column,
  type ColumnType,
  EDGES,
  INLINES,
  LINES,
  MARKS,
  MODULES,
  SEGMENTS,
  SOURCES,
  SYMBOLS,
  TABLES,
  type TableName,
  type TableSchema,
  TRACE_FORMAT,
  TRACE_VERSION,
  TRANSFERS,
} from './schema.ts';
export {
  bitsPerTransfer,
  describeLosses,
  LOSS_COUNTERS,
  type Loss,
  type LossCounter,
  type Severity,
} from './stats.ts';
export {
  type BlockTable,
  type EdgeTable,
  type InlineTable,
  type LineTable,
  type MarkTable,
  type ModuleTable,
  NO_ROW,
  type SegmentTable,
  type SourceTable,
  type SymbolTable,
  type Trace,
} from './trace.ts';
export * from './vocabulary.ts';
export { type TraceCounts, TraceWriter } from './writer.ts';
