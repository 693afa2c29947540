/**
 * A Trace in memory from a compact literal, for tests. What is left out is filled in as a recorder
 * would: blocks of edges by their addresses, counts, segments, totals, instructions by walking the
 * code one address at a time.
 */
import {
  CAUSES,
  KINDS,
  MARK_KINDS,
  type Manifest,
  NO_CODE,
  NO_LOSSES,
  NO_ROW,
  TRACE_FORMAT,
  TRACE_VERSION,
  type Trace,
} from '@backtrail/recorder/trace';
import {
  blockOf,
  type FixtureSpec,
  makeBlocks,
  makeEdges,
  makeMarks,
  makeModules,
  makeSources,
  makeSymbols,
  u32,
  u64,
} from './trace-tables.fixture.ts';

export type { FixtureSpec } from './trace-tables.fixture.ts';

/** Everything a test may want to spoil is a plain array of the result. */
export type FixtureTrace = Trace & { readonly segmentEdges: Uint32Array[] };

/** Size of the instruction at `pc` in the newest block that has one there; 0 if none has. */
function sizeAt(blocks: Trace['blocks'], pc: bigint): number {
  const block = blockOf(blocks, pc, false);
  if (block === NO_ROW) return 0;
  let at = blocks.pc[block] ?? 0n;
  for (const size of blocks.instructionSizes(block)) {
    if (at === pc) return size;
    at += BigInt(size);
  }
  return 0;
}

/** Instructions from `pc` up to but without `end`, address by address. */
function instructionsBetween(blocks: Trace['blocks'], pc: bigint, end: bigint): number {
  let at = pc;
  let count = 0;
  for (let size = 1; at < end && size > 0; count++) {
    size = sizeAt(blocks, at);
    at += BigInt(size);
  }
  return count;
}

/** Instructions of one hop. */
function hopInstructions({ blocks, edges }: Tables, from: number, to: number): number {
  const cause = CAUSES[edges.cause[to] ?? NO_CODE];
  const isReturn = KINDS[edges.kind[to] ?? NO_CODE] === 'signal-return';
  const retired = cause === undefined || cause === 'jump' || isReturn;
  const between = instructionsBetween(blocks, edges.target[from] ?? 0n, edges.source[to] ?? 0n);
  return between + (retired ? 1 : 0);
}

type Tables = Pick<Trace, 'blocks' | 'edges' | 'marks'>;

/** Instructions a vCPU ran after its last transfer, as its `end` mark says. */
function tailInstructions({ blocks, edges, marks }: Tables, vcpu: number, last: number): number {
  for (let mark = 0; mark < marks.count; mark++) {
    if (MARK_KINDS[marks.kind[mark] ?? NO_CODE] !== 'end' || marks.vcpu[mark] !== vcpu) continue;
    return instructionsBetween(blocks, edges.target[last] ?? 0n, (marks.pc[mark] ?? 0n) + 1n);
  }
  return 0;
}

interface Segments {
  readonly table: Trace['segments'];
  readonly edges: Uint32Array[];
  readonly instructions: number;
}

function makeSegments(spec: FixtureSpec, tables: Tables): Segments {
  const rows: { vcpu: number; firstSeq: number; before: number; edges: Uint32Array }[] = [];
  const segmentTransfers = spec.segmentTransfers ?? 4;
  let instructions = 0;
  spec.vcpus.forEach((list, vcpu) => {
    let before = 0;
    list.forEach((edge, seq) => {
      const last = list[seq - 1];
      if (last !== undefined) before += hopInstructions(tables, last, edge);
      if (seq % segmentTransfers !== 0) return;
      const edges = Uint32Array.from(list.slice(seq, seq + segmentTransfers));
      rows.push({ vcpu, firstSeq: seq, before, edges });
    });
    instructions += before + tailInstructions(tables, vcpu, list.at(-1) ?? 0);
  });
  const times = (late: number) => u64(rows.map((_row, i) => BigInt(i * 1000 + late)));
  const table: Trace['segments'] = {
    count: rows.length,
    vcpu: u32(rows.map((row) => row.vcpu)),
    firstSeq: Float64Array.from(rows, (row) => row.firstSeq),
    rows: u32(rows.map((row) => row.edges.length)),
    file: u32(rows.map(() => 0)),
    batch: u32(rows.map((_row, i) => i)),
    instructionsBefore: Float64Array.from(rows, (row) => row.before),
    timeFirstNs: times(0),
    timeLastNs: times(900),
  };
  return { table, edges: rows.map((row) => row.edges), instructions };
}

function makeManifest(spec: FixtureSpec, trace: Omit<Trace, 'manifest'>, instructions: number) {
  const manifest: Manifest = {
    format: TRACE_FORMAT,
    version: TRACE_VERSION,
    complete: true,
    recovered: false,
    engine: { name: 'qemu', version: '7.2.0', hostIsa: 'x86_64', mode: 'user' },
    guest: { isa: spec.isa ?? 'riscv64', endian: 'little', addressBits: 64 },
    command: ['fixture'],
    directory: '/',
    started: '2026-01-01T00:00:00.000Z',
    startedNs: '0',
    durationNs: 1_000_000,
    end: { how: 'exit', status: 0 },
    note: null,
    unknownCalls: [],
    keep: 'all',
    stopped: null,
    ring: { bytes: 1 << 20, segments: 8, segmentTransfers: spec.segmentTransfers ?? 4 },
    totals: {
      transfers: trace.transfers,
      instructions,
      segments: trace.segments.count,
      edges: trace.edges.count,
      blocks: trace.blocks.count,
      marks: trace.marks.count,
      modules: trace.modules.count,
      symbols: trace.symbols.count,
      sources: trace.sources.count,
      lines: trace.lines.count,
      inlines: trace.inlines.count,
      vcpus: trace.vcpus.length,
      bytes: 4096,
      waitNs: 0,
    },
    losses: { ...NO_LOSSES },
    ...spec.manifest,
  };
  return manifest;
}

/** A trace that keeps every rule, unless the literal breaks one. */
export function makeTrace(spec: FixtureSpec): FixtureTrace {
  const blocks = makeBlocks(spec);
  const edges = makeEdges(spec, blocks);
  const marks = makeMarks(spec);
  const {
    table: segments,
    edges: segmentEdges,
    instructions,
  } = makeSegments(spec, {
    blocks,
    edges,
    marks,
  });
  const of = (vcpu: number): number[] => {
    const list = Array.from(segments.vcpu.keys()).filter((i) => segments.vcpu[i] === vcpu);
    return list.sort((a, b) => (segments.firstSeq[a] ?? 0) - (segments.firstSeq[b] ?? 0));
  };
  const endOf = (i: number): number => (segments.firstSeq[i] ?? 0) + (segments.rows[i] ?? 0);
  const trace = {
    directory: 'fixture.trace',
    state: 'complete' as const,
    problems: [],
    transfers: spec.vcpus.reduce((sum, list) => sum + list.length, 0),
    segments,
    segmentEdges,
    edges,
    blocks,
    marks,
    modules: makeModules(spec),
    symbols: makeSymbols(spec),
    ...makeSources(spec),
    vcpus: spec.vcpus.flatMap((list, vcpu) => (list.length > 0 ? [vcpu] : [])),
    readSegment: (segment: number) => segmentEdges[segment] ?? new Uint32Array(),
    segmentAt: (vcpu: number, seq: number) =>
      of(vcpu).find((i) => seq >= (segments.firstSeq[i] ?? 0) && seq < endOf(i)) ?? -1,
    segmentsOf: (vcpu: number) => Uint32Array.from(of(vcpu)),
    seqEnd: (vcpu: number) => of(vcpu).reduce((end, i) => Math.max(end, endOf(i)), 0),
  };
  return { ...trace, manifest: makeManifest(spec, trace, instructions) };
}
