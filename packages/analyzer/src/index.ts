/** Questions about a trace: its executed path, its code, its names, and whether it is sound. */
export {
  BacktrailError,
  CAUSES,
  KINDS,
  MARK_KINDS,
  type MarkKind,
  NO_ROW,
  openTrace,
  type Trace,
} from '@backtrail/recorder/trace';
export { CallPath, type CallPathRow } from './call-path.ts';
export {
  CHECK_CODES,
  type CheckCode,
  type CheckOptions,
  type CheckReport,
  checkTrace,
  type Finding,
} from './check.ts';
export {
  CRASH_REPORT_FORMAT,
  CRASH_REPORT_VERSION,
  type CrashBrokenReturn,
  type CrashEnd,
  type CrashEvent,
  type CrashFlame,
  type CrashFrame,
  type CrashInstruction,
  type CrashMarkRow,
  type CrashPlace,
  type CrashRecent,
  type CrashReport,
  type CrashRow,
  type CrashSource,
  type CrashSpan,
  type CrashTransferRow,
  type CrashWhere,
  type CrashWildJump,
} from './crash/report.ts';
export { type CrashOptions, crashReport } from './crash.ts';
export {
  type AddressRange,
  Cursor,
  type CursorIndex,
  type CursorOptions,
  type Gap,
  type Landing,
  type LineOf,
  type Move,
  type OpenFrames,
  type Position,
  type TimeOrder,
  type WhyNot,
} from './cursor.ts';
export { createDisassembler, type Disassembler, type Instruction } from './disassembly/capstone.ts';
export {
  type Classifier,
  createClassifier,
  FLOW_KINDS,
  type Flow,
  type FlowKind,
} from './disassembly/classify.ts';
export { disassembleWasm, type WasmInstruction } from './disassembly/wasm.ts';
export { type Fold, foldLoops } from './fold.ts';
export {
  formatAddress,
  formatArrow,
  formatCsv,
  formatJson,
  formatTable,
  type TableOptions,
} from './format.ts';
export { signalName } from './guest-names.ts';
export { instructionText } from './instruction-text.ts';
export { lastVcpu } from './last-vcpu.ts';
export { type MarkFacts, markText } from './mark-text.ts';
export {
  blockPath,
  CodeIndex,
  type Direction,
  ExecutedPath,
  endHasRun,
  endMark,
  endPc,
  type HopRuns,
  instructionPath,
  type PathInstruction,
  type PathRun,
  type RowVisitor,
  type RunVisitor,
} from './path.ts';
export { type CodePlace, findPlace } from './place.ts';
export { privilegeLevel, privilegeName, privilegeOf } from './privilege.ts';
export {
  entryForm,
  type LibraryEntry,
  type LibraryField,
  type LibraryTopic,
  loadLibrary,
} from './sql.ts';
export { stacksBy } from './stack/kept.ts';
export {
  type FrameNames,
  type NamedFrame,
  type NamedPlace,
  nameFrames,
} from './stack/named.ts';
export {
  type BrokenReturn,
  type BrokenReturns,
  type CallStack,
  CallStacks,
  type CallStacksOptions,
  type Frame,
  type FrameEntry,
  type FrameMove,
  ODDITIES,
  type Oddity,
  type OddTransfer,
  type OddTransfers,
  type StackAtOptions,
} from './stack.ts';
export { createDemangler, type Demangler } from './symbols/demangle.ts';
export { withSymbols } from './symbols/operands.ts';
export {
  createSourceLocator,
  type SourceFrame,
  type SourceLine,
  type SourceLocator,
  type SourceLocatorOptions,
} from './symbols/source-locator.ts';
export { createSourceReader, type SourceReader } from './symbols/source-text.ts';
export {
  createSymbolizer,
  type Symbolizer,
  type SymbolizerOptions,
  type SymbolPlace,
} from './symbols/symbolizer.ts';
export {
  type IndexOptions,
  type IndexProgress,
  makeIndex,
  type OpenedIndex,
  openIndex,
  type Summarize,
  type SummaryPass,
  storedIndex,
  TraceIndex,
} from './trace-index.ts';
