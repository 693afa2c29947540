/**
 * `transfers` in SQL, whole or in part. Nothing is kept: a scan reads segments as it goes, and of
 * their columns only those that a query names (gather.ts).
 */
import type { SegmentTable, Trace } from '@backtrail/recorder/trace';
import {
  type ChunkRows,
  type Gather,
  gatherAddresses,
  gatherCodes,
  gatherEdges,
  gatherSeq,
  gatherSymbols,
  gatherTimes,
  gatherVcpu,
  Scratch,
} from './gather.ts';
import type { Places } from './names.ts';
import type { ChunkSource, OutputColumn, Scan, ScanColumn } from './scan.ts';
import { CHUNK_ROWS } from './vectors.ts';

export type EdgePlaces = () => Places<'source' | 'target'>;

/** Columns for which the edges of a segment need not be read. */
const PLACE_COLUMNS: readonly string[] = ['vcpu', 'seq', 'time_ns'];

/** The columns of transfers by name, each made when a query first asks for it. */
export class Columns {
  readonly #trace: Trace;
  readonly #places: EdgePlaces;
  readonly #names: readonly string[];
  readonly #scratch = new Scratch();
  readonly #made: (Gather | undefined)[] = [];

  constructor(trace: Trace, places: EdgePlaces, columns: readonly ScanColumn[]) {
    this.#trace = trace;
    this.#places = places;
    this.#names = columns.map(({ name }) => name);
  }

  /** Whether any of the columns is one of the edge. */
  needEdges(outputs: readonly OutputColumn[]): boolean {
    return outputs.some(({ column }) => !PLACE_COLUMNS.includes(this.#names[column] ?? ''));
  }

  fill(outputs: readonly OutputColumn[], chunk: ChunkRows): void {
    for (const { column, vector } of outputs) {
      let gather = this.#made[column];
      if (gather === undefined) {
        gather = this.#make(this.#names[column] ?? '');
        this.#made[column] = gather;
      }
      gather(vector, chunk);
    }
  }

  #make(column: string): Gather {
    const scratch = this.#scratch;
    const { edges } = this.#trace;
    switch (column) {
      case 'vcpu':
        return gatherVcpu(scratch);
      case 'seq':
        return gatherSeq(scratch);
      case 'source':
        return gatherAddresses(scratch, edges.source, edges.hasSource);
      case 'target':
        return gatherAddresses(scratch, edges.target);
      case 'cause':
        return gatherCodes(scratch, edges.cause);
      case 'kind':
        return gatherCodes(scratch, edges.kind);
      case 'edge':
        return gatherEdges;
      case 'host_source':
        return gatherAddresses(scratch, edges.hostSource, edges.hasHostSource);
      case 'host_target':
        return gatherAddresses(scratch, edges.hostTarget, edges.hasHostTarget);
      case 'source_symbol':
        return this.#symbols('source');
      case 'target_symbol':
        return this.#symbols('target');
      case 'time_ns':
        return gatherTimes(scratch);
      default:
        throw new RangeError(`transfers has no column ${column}`);
    }
  }

  #symbols(end: 'source' | 'target'): Gather {
    const { columns, pool } = this.#places();
    return gatherSymbols(this.#scratch, columns[end], pool.words);
  }
}

export const emptyChunk = (): ChunkRows => ({
  vcpu: 0,
  edges: new Uint32Array(0),
  from: 0,
  rows: 0,
  segmentSeq: 0,
  at: 0,
  positions: null,
  timeFirstNs: 0n,
  timeStepNs: 0,
});

/** Times lie on a line from the first to the last of the segment. */
function openSegment(chunk: ChunkRows, segments: SegmentTable, segment: number): void {
  const rows = segments.rows[segment] ?? 0;
  chunk.vcpu = segments.vcpu[segment] ?? 0;
  chunk.segmentSeq = segments.firstSeq[segment] ?? 0;
  chunk.timeFirstNs = segments.timeFirstNs[segment] ?? 0n;
  const spanNs = Number((segments.timeLastNs[segment] ?? 0n) - chunk.timeFirstNs);
  chunk.timeStepNs = rows === 0 ? 0 : Math.max(0, spanNs) / rows;
}

/** Transfers of one vCPU with from ≤ seq < to. */
export interface Window {
  readonly vcpu: number;
  readonly from: number;
  readonly to: number;
}

export const allWindows = (trace: Trace): Window[] =>
  trace.vcpus.map((vcpu) => ({ vcpu, from: 0, to: Number.POSITIVE_INFINITY }));

/** Part of a segment: transfers at `start` ≤ position < `end`. */
export interface Slice {
  readonly segment: number;
  readonly start: number;
  readonly end: number;
}

/** The segments of some windows, ordered by vCPU, then seq. */
export function* slicesOf(trace: Trace, windows: readonly Window[]): Generator<Slice> {
  const { segments } = trace;
  for (const { vcpu, from, to } of windows) {
    for (const segment of trace.segmentsOf(vcpu)) {
      const first = segments.firstSeq[segment] ?? 0;
      const start = Math.max(0, from - first);
      const end = Math.min(segments.rows[segment] ?? 0, to - first);
      if (start < end) yield { segment, start, end };
    }
  }
}

/** Every transfer of some windows. */
export function startWindows(
  trace: Trace,
  columns: Columns,
  windows: readonly Window[],
): ChunkSource {
  const slices = slicesOf(trace, windows);
  const chunk = emptyChunk();
  let slice: Slice | null = null;
  let position = 0;
  return (outputs) => {
    if (slice === null || position >= slice.end) {
      const next = slices.next();
      if (next.done === true) return 0;
      slice = next.value;
      position = slice.start;
      openSegment(chunk, trace.segments, slice.segment);
    }
    chunk.rows = Math.min(CHUNK_ROWS, slice.end - position);
    chunk.at = position;
    chunk.from = position;
    position += chunk.rows;
    // Asked for with every chunk, not kept: the trace keeps the segments that are in use.
    if (columns.needEdges(outputs)) chunk.edges = trace.readSegment(slice.segment);
    columns.fill(outputs, chunk);
    return chunk.rows;
  };
}

/** The transfers whose edge has a 1 in `wanted`: a chunk holds those of one segment. */
export function startWanted(
  trace: Trace,
  columns: Columns,
  wanted: Uint8Array,
  windows: readonly Window[],
): ChunkSource {
  const slices = slicesOf(trace, windows);
  const chunk = emptyChunk();
  const positions = new Uint32Array(CHUNK_ROWS);
  const found = new Uint32Array(CHUNK_ROWS);
  chunk.positions = positions;
  chunk.edges = found;
  let slice: Slice | null = null;
  let position = 0;
  return (outputs) => {
    chunk.rows = 0;
    while (chunk.rows === 0) {
      if (slice === null || position >= slice.end) {
        const next = slices.next();
        if (next.done === true) return 0;
        slice = next.value;
        position = slice.start;
        openSegment(chunk, trace.segments, slice.segment);
      }
      const edges = trace.readSegment(slice.segment);
      const { end } = slice;
      let rows = 0;
      for (; position < end && rows < CHUNK_ROWS; position++) {
        const edge = edges[position] ?? 0;
        if (wanted[edge] !== 1) continue;
        found[rows] = edge;
        positions[rows] = position;
        rows++;
      }
      chunk.rows = rows;
    }
    columns.fill(outputs, chunk);
    return chunk.rows;
  };
}

const seqOf = (value: bigint | undefined): number =>
  Math.min(Number(value ?? 0n), Number.MAX_SAFE_INTEGER);

/**
 * `_transfers()`; `_transfers_between(vcpu, first_seq, last_seq)`, which reads only those segments;
 * `_transfers_from(address)` and `_transfers_to(address)`, which make rows only of what they find.
 */
export function transferScans(
  trace: Trace,
  scanColumns: readonly ScanColumn[],
  columns: Columns,
): Scan[] {
  const scan = (
    name: string,
    parameters: readonly string[],
    start: (values: readonly bigint[]) => ChunkSource,
    rowsAbout: Scan['rowsAbout'],
  ): Scan => ({ name, columns: scanColumns, parameters, rowsAbout, start });
  const all = () => trace.manifest.totals.transfers;
  // As a guess: an address is one of a thousand.
  const some = () => all() / 1000;
  return [
    scan('_transfers', [], () => startWindows(trace, columns, allWindows(trace)), all),
    scan(
      '_transfers_between',
      ['vcpu', 'first_seq', 'last_seq'],
      ([vcpu, first, last]) => {
        const window = { vcpu: Number(vcpu ?? 0n), from: seqOf(first), to: seqOf(last) + 1 };
        return startWindows(trace, columns, [window]);
      },
      ([, first, last]) => Math.min(all(), Math.max(0, seqOf(last) - seqOf(first) + 1)),
    ),
    scan(
      '_transfers_from',
      ['address'],
      ([address]) => {
        const { source, hasSource } = trace.edges;
        const wanted = hasSource.map((has, edge) =>
          has === 1 && source[edge] === address ? 1 : 0,
        );
        return startWanted(trace, columns, wanted, allWindows(trace));
      },
      some,
    ),
    scan(
      '_transfers_to',
      ['address'],
      ([address]) => {
        const wanted = Uint8Array.from(trace.edges.target, (target) =>
          target === address ? 1 : 0,
        );
        return startWanted(trace, columns, wanted, allWindows(trace));
      },
      some,
    ),
  ];
}
