/**
 * A trace that has been opened: what every reader of the project works on. Tables are columns of
 * typed arrays, row i of every column belonging together. A null is NO_CODE in a code column and
 * NO_ROW in a column of row numbers; other nullable columns carry a mask, 1 where a value is.
 */
import type { Manifest } from './manifest.ts';

/** A null row number. */
export const NO_ROW = 0xffff_ffff;

export interface SegmentTable {
  readonly count: number;
  readonly vcpu: Uint32Array;
  readonly firstSeq: Float64Array;
  readonly rows: Uint32Array;
  readonly file: Uint32Array;
  readonly batch: Uint32Array;
  readonly instructionsBefore: Float64Array;
  readonly timeFirstNs: BigUint64Array;
  readonly timeLastNs: BigUint64Array;
}

export interface EdgeTable {
  readonly count: number;
  readonly source: BigUint64Array;
  readonly hasSource: Uint8Array;
  readonly target: BigUint64Array;
  /** Index into CAUSES, or NO_CODE. */
  readonly cause: Uint8Array;
  /** Index into KINDS, or NO_CODE. */
  readonly kind: Uint8Array;
  /** Row of blocks, or NO_ROW. */
  readonly sourceBlock: Uint32Array;
  /** Row of blocks, or NO_ROW where a signal came before the target's first instruction ran. */
  readonly targetBlock: Uint32Array;
  readonly hostSource: BigUint64Array;
  readonly hasHostSource: Uint8Array;
  readonly hostTarget: BigUint64Array;
  readonly hasHostTarget: Uint8Array;
  /** Index into HOST_HOWS, or NO_CODE. */
  readonly hostHow: Uint8Array;
  /** How often each edge was taken; exact up to 2^53. */
  readonly taken: Float64Array;
}

export interface BlockTable {
  readonly count: number;
  readonly pc: BigUint64Array;
  readonly size: Uint32Array;
  readonly instructions: Uint32Array;
  /** Guest code bytes of one block; a view, not a copy. */
  code(block: number): Uint8Array;
  /** Size of each instruction of one block, bytes; a view. */
  instructionSizes(block: number): Uint8Array;
  readonly hostPc: BigUint64Array;
  readonly hasHostPc: Uint8Array;
  readonly hostSize: Uint32Array;
  /** Host code bytes of one block, or null. */
  hostCode(block: number): Uint8Array | null;
  readonly bornVcpu: Uint32Array;
  readonly bornSeq: Float64Array;
  readonly privilege: Uint32Array;
  readonly hasPrivilege: Uint8Array;
  /** A line for each instruction, or null. */
  text(block: number): string | null;
}

export interface MarkTable {
  readonly count: number;
  readonly vcpu: Uint32Array;
  readonly seq: Float64Array;
  readonly timeNs: BigUint64Array;
  /** Index into MARK_KINDS. */
  readonly kind: Uint8Array;
  readonly pc: BigUint64Array;
  readonly hasPc: Uint8Array;
  readonly number: BigInt64Array;
  readonly hasNumber: Uint8Array;
  readonly code: BigInt64Array;
  readonly hasCode: Uint8Array;
  readonly address: BigUint64Array;
  readonly hasAddress: Uint8Array;
  readonly size: BigUint64Array;
  readonly hasSize: Uint8Array;
  detail(mark: number): string | null;
}

export interface ModuleTable {
  readonly count: number;
  path(module: number): string;
  buildId(module: number): string | null;
  readonly base: BigUint64Array;
  readonly start: BigUint64Array;
  readonly size: BigUint64Array;
  readonly mappedVcpu: Uint32Array;
  readonly mappedSeq: Float64Array;
  readonly mappedNs: BigUint64Array;
  readonly unmappedNs: BigUint64Array;
  readonly hasUnmappedNs: Uint8Array;
}

export interface SymbolTable {
  readonly count: number;
  readonly module: Uint32Array;
  readonly address: BigUint64Array;
  readonly size: BigUint64Array;
  /** Index into SYMBOL_TYPES. */
  readonly type: Uint8Array;
  name(symbol: number): string;
}

/** Files that lines and inlines name. */
export interface SourceTable {
  readonly count: number;
  /** As the compiler was told it: data of somebody else. */
  path(source: number): string;
}

/** Sorted by module, then address (as in the ELF file). */
export interface LineTable {
  readonly count: number;
  readonly module: Uint32Array;
  readonly address: BigUint64Array;
  readonly size: BigUint64Array;
  /** Row of sources, or NO_ROW. */
  readonly source: Uint32Array;
  /** From 1; 0: none. */
  readonly line: Uint32Array;
  /** From 1; 0: unknown. */
  readonly column: Uint32Array;
  /** 1 where the compiler advises a breakpoint, else 0. */
  readonly isStatement: Uint32Array;
}

/** Sorted by module, address (as in the ELF file), depth. */
export interface InlineTable {
  readonly count: number;
  readonly module: Uint32Array;
  readonly address: BigUint64Array;
  readonly size: BigUint64Array;
  /** 1: inlined into the function that the symbol names. */
  readonly depth: Uint32Array;
  /** Not demangled; empty where it has none. */
  name(inline: number): string;
  /** Row of sources, or NO_ROW. */
  readonly callSource: Uint32Array;
  /** From 1; 0: unknown. */
  readonly callLine: Uint32Array;
  readonly callColumn: Uint32Array;
}

export interface Trace {
  readonly directory: string;
  readonly manifest: Manifest;
  /** `partial`: not closed properly; what is readable is served, what is missing is a problem. */
  readonly state: 'complete' | 'partial';
  /**
   * One line for each thing found missing, truncated or damaged, with its remedy. Asking looks at
   * the structure of every file; damage inside a batch is added when that is read, and
   * verifyTrace() reads all.
   */
  readonly problems: readonly string[];
  /** Transfers that can be read, all vCPUs. */
  readonly transfers: number;
  /** Tables are read when first asked for, then kept. */
  readonly segments: SegmentTable;
  readonly edges: EdgeTable;
  readonly blocks: BlockTable;
  readonly marks: MarkTable;
  readonly modules: ModuleTable;
  readonly symbols: SymbolTable;
  /** These three are empty where no module has line tables. */
  readonly sources: SourceTable;
  readonly lines: LineTable;
  readonly inlines: InlineTable;
  /** Sorted numbers of the vCPUs that have a segment. */
  readonly vcpus: readonly number[];
  /**
   * The edge numbers of one segment; do not keep it past the next few calls (a small cache is
   * behind it). @throws BacktrailError if the bytes are damaged.
   */
  readSegment(segment: number): Uint32Array;
  /**
   * A copy of the edge numbers of rows `from` to before `to` of one segment, where a trace has them
   * for less than all of it costs. @throws BacktrailError if the bytes are damaged.
   */
  readEdges?(segment: number, from: number, to: number): Uint32Array;
  /** Which segment holds (vcpu, seq), or -1 if none does (past the end, or in a gap). */
  segmentAt(vcpu: number, seq: number): number;
  /** The segments of one vCPU in order of first_seq. */
  segmentsOf(vcpu: number): Uint32Array;
  /** seq after the last readable transfer of a vCPU; 0 where it has none. */
  seqEnd(vcpu: number): number;
}
