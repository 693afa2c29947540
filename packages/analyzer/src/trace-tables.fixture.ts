/**
 * Tables of a Trace in memory from a compact literal, for tests; trace.fixture.ts joins them.
 */
import {
  CAUSES,
  type Cause,
  HOST_HOWS,
  type HostHow,
  KINDS,
  type Kind,
  MARK_KINDS,
  type Manifest,
  type MarkKind,
  NO_CODE,
  NO_ROW,
  SYMBOL_TYPES,
  type SymbolType,
  type Trace,
} from '@backtrail/recorder/trace';

export interface FixtureBlock {
  pc: bigint;
  /** Hex digits, e.g. `13000000`. */
  code: string;
  /** Bytes of each instruction; 4 each if left out. */
  sizes?: readonly number[];
  bornVcpu?: number;
  bornSeq?: number;
  privilege?: number;
  /** A line for each instruction. */
  text?: string;
  /** Host address; 0x7f0000000000 + 256 × row if left out; null for unknown. */
  hostPc?: bigint | null;
}

export interface FixtureEdge {
  /** Null for the first instruction of a vCPU. */
  source: bigint | null;
  target: bigint;
  /** `jump` if left out, or `start` where there is no source. */
  cause?: Cause | null;
  kind?: Kind | null;
  /** By address if left out. */
  sourceBlock?: number | null;
  targetBlock?: number | null;
  hostSource?: bigint | null;
  hostTarget?: bigint | null;
  hostHow?: HostHow | null;
}

export interface FixtureMark {
  kind: MarkKind;
  vcpu?: number;
  seq: number;
  timeNs?: bigint;
  pc?: bigint;
  number?: bigint;
  code?: bigint;
  address?: bigint;
  size?: bigint;
  detail?: string;
}

export interface FixtureModule {
  path: string;
  base: bigint;
  size: bigint;
  start?: bigint;
  buildId?: string;
  mappedSeq?: number;
  mappedNs?: bigint;
  unmappedNs?: bigint;
}

export interface FixtureSymbol {
  module: number;
  address: bigint;
  size?: bigint;
  name: string;
  type?: SymbolType;
}

interface FixtureLine {
  module?: number;
  address: bigint;
  size: bigint;
  source?: number | null;
  line: number;
  column?: number;
  isStatement?: 0 | 1;
}

interface FixtureInline {
  module?: number;
  address: bigint;
  size: bigint;
  depth: number;
  name: string;
  callSource?: number;
  callLine?: number;
  callColumn?: number;
}

export interface FixtureSpec {
  /** `riscv64` if left out. */
  isa?: string;
  blocks: readonly FixtureBlock[];
  edges: readonly FixtureEdge[];
  /** Edge numbers of each vCPU in order. */
  vcpus: readonly (readonly number[])[];
  /** Transfers of a segment; 4 if left out. */
  segmentTransfers?: number;
  marks?: readonly FixtureMark[];
  modules?: readonly FixtureModule[];
  symbols?: readonly FixtureSymbol[];
  sources?: readonly string[];
  lines?: readonly FixtureLine[];
  inlines?: readonly FixtureInline[];
  manifest?: Partial<Manifest>;
}

export const u32 = (values: readonly (number | null | undefined)[]): Uint32Array =>
  Uint32Array.from(values, (value) => value ?? NO_ROW);
export const u64 = (values: readonly (bigint | null | undefined)[]): BigUint64Array =>
  BigUint64Array.from(values, (value) => value ?? 0n);
const i64 = (values: readonly (bigint | undefined)[]): BigInt64Array =>
  BigInt64Array.from(values, (value) => value ?? 0n);
const mask = (values: readonly unknown[]): Uint8Array =>
  Uint8Array.from(values, (value) => (value === null || value === undefined ? 0 : 1));
const codes = <Word extends string>(
  list: readonly Word[],
  values: readonly (Word | null | undefined)[],
): Uint8Array =>
  Uint8Array.from(values, (value) =>
    value === null || value === undefined ? NO_CODE : list.indexOf(value),
  );

const HOST_BASE = 0x7f00_0000_0000n;
const HOST_BLOCK_BYTES = 0x100n;
const HOST_SIZE = 0x80;

export function makeBlocks(spec: FixtureSpec): Trace['blocks'] {
  const code = spec.blocks.map((block) => Uint8Array.from(Buffer.from(block.code, 'hex')));
  const sizes = spec.blocks.map((block, i) =>
    Uint8Array.from(block.sizes ?? Array.from({ length: (code[i]?.length ?? 0) / 4 }, () => 4)),
  );
  const hostPcs = spec.blocks.map((block, i) =>
    block.hostPc === undefined ? HOST_BASE + BigInt(i) * HOST_BLOCK_BYTES : block.hostPc,
  );
  const none = new Uint8Array();
  return {
    count: spec.blocks.length,
    pc: u64(spec.blocks.map((block) => block.pc)),
    size: u32(code.map((bytes) => bytes.length)),
    instructions: u32(sizes.map((list) => list.length)),
    code: (block) => code[block] ?? none,
    instructionSizes: (block) => sizes[block] ?? none,
    hostPc: u64(hostPcs),
    hasHostPc: mask(hostPcs),
    hostSize: u32(hostPcs.map((hostPc) => (hostPc === null ? 0 : HOST_SIZE))),
    hostCode: () => null,
    bornVcpu: u32(spec.blocks.map((block) => block.bornVcpu ?? 0)),
    bornSeq: Float64Array.from(spec.blocks, (block) => block.bornSeq ?? 0),
    privilege: u32(spec.blocks.map((block) => block.privilege ?? 0)),
    hasPrivilege: Uint8Array.from(spec.blocks, (block) => (block.privilege === undefined ? 0 : 1)),
    text: (block) => spec.blocks[block]?.text ?? null,
  };
}

/** The newest block in which an instruction starts at `pc`: at its start, if `atStart`. */
export function blockOf(blocks: Trace['blocks'], pc: bigint, atStart: boolean): number {
  for (let block = blocks.count - 1; block >= 0; block--) {
    let at = blocks.pc[block] ?? 0n;
    for (const size of blocks.instructionSizes(block)) {
      if (at === pc) return block;
      if (atStart) break;
      at += BigInt(size);
    }
  }
  return NO_ROW;
}

export function makeEdges(spec: FixtureSpec, blocks: Trace['blocks']): Trace['edges'] {
  const { edges } = spec;
  const taken = new Float64Array(edges.length);
  for (const list of spec.vcpus) for (const edge of list) taken[edge] = (taken[edge] ?? 0) + 1;
  const sourceBlock = u32(
    edges.map((edge) => {
      if (edge.sourceBlock !== undefined) return edge.sourceBlock;
      return edge.source === null ? null : blockOf(blocks, edge.source, false);
    }),
  );
  const targetBlock = u32(
    edges.map((edge) =>
      edge.targetBlock === undefined ? blockOf(blocks, edge.target, true) : edge.targetBlock,
    ),
  );
  const hostOf = (block: number | undefined): bigint | null =>
    block !== undefined && blocks.hasHostPc[block] === 1 ? (blocks.hostPc[block] ?? null) : null;
  const hostSource = edges.map((edge, i) => {
    if (edge.hostSource !== undefined) return edge.hostSource;
    const host = hostOf(sourceBlock[i]);
    return host === null ? null : host + BigInt(HOST_SIZE - 5);
  });
  const hostTarget = edges.map((edge, i) =>
    edge.hostTarget === undefined ? hostOf(targetBlock[i]) : edge.hostTarget,
  );
  return {
    count: edges.length,
    source: u64(edges.map((edge) => edge.source)),
    hasSource: mask(edges.map((edge) => edge.source)),
    target: u64(edges.map((edge) => edge.target)),
    cause: codes(
      CAUSES,
      edges.map((edge) =>
        edge.cause === undefined ? (edge.source === null ? 'start' : 'jump') : edge.cause,
      ),
    ),
    kind: codes(
      KINDS,
      edges.map((edge) => edge.kind),
    ),
    sourceBlock,
    targetBlock,
    hostSource: u64(hostSource),
    hasHostSource: mask(hostSource),
    hostTarget: u64(hostTarget),
    hasHostTarget: mask(hostTarget),
    hostHow: codes(
      HOST_HOWS,
      edges.map((edge, i) =>
        edge.hostHow === undefined ? (hostSource[i] === null ? null : 'direct-jump') : edge.hostHow,
      ),
    ),
    taken,
  };
}

export function makeMarks(spec: FixtureSpec): Trace['marks'] {
  const marks = spec.marks ?? [];
  const column = (pick: (mark: FixtureMark) => bigint | undefined) => marks.map(pick);
  return {
    count: marks.length,
    vcpu: u32(marks.map((mark) => mark.vcpu ?? 0)),
    seq: Float64Array.from(marks, (mark) => mark.seq),
    timeNs: u64(column((mark) => mark.timeNs)),
    kind: codes(
      MARK_KINDS,
      marks.map((mark) => mark.kind),
    ),
    pc: u64(column((mark) => mark.pc)),
    hasPc: mask(column((mark) => mark.pc)),
    number: i64(column((mark) => mark.number)),
    hasNumber: mask(column((mark) => mark.number)),
    code: i64(column((mark) => mark.code)),
    hasCode: mask(column((mark) => mark.code)),
    address: u64(column((mark) => mark.address)),
    hasAddress: mask(column((mark) => mark.address)),
    size: u64(column((mark) => mark.size)),
    hasSize: mask(column((mark) => mark.size)),
    detail: (mark) => marks[mark]?.detail ?? null,
  };
}

export function makeModules(spec: FixtureSpec): Trace['modules'] {
  const modules = spec.modules ?? [];
  return {
    count: modules.length,
    path: (module) => modules[module]?.path ?? '',
    buildId: (module) => modules[module]?.buildId ?? null,
    base: u64(modules.map((module) => module.base)),
    start: u64(modules.map((module) => module.start ?? module.base)),
    size: u64(modules.map((module) => module.size)),
    mappedVcpu: u32(modules.map(() => 0)),
    mappedSeq: Float64Array.from(modules, (module) => module.mappedSeq ?? 0),
    mappedNs: u64(modules.map((module) => module.mappedNs)),
    unmappedNs: u64(modules.map((module) => module.unmappedNs)),
    hasUnmappedNs: mask(modules.map((module) => module.unmappedNs)),
  };
}

/** The three tables of source lines. */
export function makeSources(spec: FixtureSpec): Pick<Trace, 'sources' | 'lines' | 'inlines'> {
  const { sources = [], lines = [], inlines = [] } = spec;
  return {
    sources: { count: sources.length, path: (source) => sources[source] ?? '' },
    lines: {
      count: lines.length,
      module: u32(lines.map((row) => row.module ?? 0)),
      address: u64(lines.map((row) => row.address)),
      size: u64(lines.map((row) => row.size)),
      source: u32(lines.map((row) => row.source ?? NO_ROW)),
      line: u32(lines.map((row) => row.line)),
      column: u32(lines.map((row) => row.column ?? 0)),
      isStatement: u32(lines.map((row) => row.isStatement ?? 1)),
    },
    inlines: {
      count: inlines.length,
      module: u32(inlines.map((row) => row.module ?? 0)),
      address: u64(inlines.map((row) => row.address)),
      size: u64(inlines.map((row) => row.size)),
      depth: u32(inlines.map((row) => row.depth)),
      name: (inline) => inlines[inline]?.name ?? '',
      callSource: u32(inlines.map((row) => row.callSource ?? NO_ROW)),
      callLine: u32(inlines.map((row) => row.callLine ?? 0)),
      callColumn: u32(inlines.map((row) => row.callColumn ?? 0)),
    },
  };
}

export function makeSymbols(spec: FixtureSpec): Trace['symbols'] {
  const symbols = spec.symbols ?? [];
  return {
    count: symbols.length,
    module: u32(symbols.map((symbol) => symbol.module)),
    address: u64(symbols.map((symbol) => symbol.address)),
    size: u64(symbols.map((symbol) => symbol.size)),
    type: codes(
      SYMBOL_TYPES,
      symbols.map((symbol) => symbol.type ?? 'function'),
    ),
    name: (symbol) => symbols[symbol]?.name ?? '',
  };
}
