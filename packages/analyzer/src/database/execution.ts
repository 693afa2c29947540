/**
 * What the SQL library needs to know of the order of transfers, beyond what SQL can find quickly.
 *
 * Between two transfers that follow each other control ran from the target of the first up to the
 * source of the second. So an edge opens a run at its target whenever it is taken, and closes one
 * at its source: how often the instruction at an address ran is the number of runs opened at or
 * below it, less those closed below it, and needs no transfers at all, only the counts of edges
 * (instructions.ts). Only a vCPU's first and last transfer, and those beside a gap, have no
 * partner: the ends of stretches.
 */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { UBIGINT, UINTEGER } from '@duckdb/node-api';
import { sourceRetired } from '../path/hops.ts';
import { endPc } from '../path.ts';
import { newColumn } from './columns.ts';
import type { Scan } from './scan.ts';
import { CHUNK_ROWS, type Fill, fillNumbers, fillWholeNumbers } from './vectors.ts';

/** Transfers of one vCPU that follow each other without a gap. */
interface Stretch {
  readonly vcpu: number;
  /** Row numbers of segments, in order of seq. */
  readonly segments: readonly number[];
  readonly firstSeq: number;
  readonly lastSeq: number;
}

function stretches(trace: Trace): Stretch[] {
  const { firstSeq, rows } = trace.segments;
  const list: Stretch[] = [];
  for (const vcpu of trace.vcpus) {
    let open: { segments: number[]; firstSeq: number; endSeq: number } | null = null;
    const close = (): void => {
      if (open === null) return;
      list.push({
        vcpu,
        segments: open.segments,
        firstSeq: open.firstSeq,
        lastSeq: open.endSeq - 1,
      });
    };
    for (const segment of trace.segmentsOf(vcpu)) {
      const first = firstSeq[segment] ?? 0;
      const count = rows[segment] ?? 0;
      if (count === 0) continue;
      if (open !== null && open.endSeq === first) {
        open.segments.push(segment);
        open.endSeq += count;
        continue;
      }
      close();
      open = { segments: [segment], firstSeq: first, endSeq: first + count };
    }
    close();
  }
  return list;
}

const edgeAt = (trace: Trace, segment: number | undefined, index: number): number =>
  segment === undefined ? NO_ROW : (trace.readSegment(segment).at(index) ?? NO_ROW);

/**
 * The address after the last instruction known to have run when no transfer follows `edge`: after
 * the one in the vCPU's `end` mark, or else after the first instruction that the edge arrived at.
 */
export function endOfRun(trace: Trace, vcpu: number, lastSeq: number, edge: number): bigint {
  const target = trace.edges.target[edge] ?? 0n;
  const last = endPc(trace, vcpu, lastSeq + 1);
  if (last !== null && last >= target) return last + 1n;
  return trace.edges.targetBlock[edge] === NO_ROW ? target : target + 1n;
}

/** Where the transfers of a trace begin and end without a partner. */
export interface StretchEnd {
  readonly firstEdge: number;
  /** The last instruction known to have run after the last transfer; null if none is. */
  readonly lastPc: bigint | null;
  /** Where the last transfer arrived. */
  readonly target: bigint;
}

export function stretchEnds(trace: Trace): StretchEnd[] {
  return stretches(trace).map((stretch) => {
    const last = edgeAt(trace, stretch.segments.at(-1), -1);
    const target = trace.edges.target[last] ?? 0n;
    const end = endOfRun(trace, stretch.vcpu, stretch.lastSeq, last);
    const firstEdge = edgeAt(trace, stretch.segments.at(0), 0);
    return { firstEdge, lastPc: end > target ? end - 1n : null, target };
  });
}

interface Rows {
  readonly count: number;
  readonly fills: readonly Fill[];
}

/** A few rows, computed when the scan starts. */
export function rowsSource({ count, fills }: Rows): ReturnType<Scan['start']> {
  let from = 0;
  return (outputs) => {
    const first = from;
    const rows = Math.min(CHUNK_ROWS, count - first);
    if (rows === 0) return 0;
    for (const { column, vector } of outputs) fills[column]?.(vector, first, rows);
    from += rows;
    return rows;
  };
}

const OPENS = 1;
const CLOSES = 2;

/** For each edge: whether a run that it opens starts, and one that it closes ends, around `pc`. */
function reachOf({ edges }: Trace, pc: bigint): Uint8Array {
  const reach = new Uint8Array(edges.count);
  for (let edge = 0; edge < edges.count; edge++) {
    const source = edges.source[edge] ?? 0n;
    const opens = (edges.target[edge] ?? 0n) <= pc;
    const retired = sourceRetired(edges.cause[edge] ?? 0, edges.kind[edge] ?? 0);
    const closes = edges.hasSource[edge] === 1 && (source > pc || (retired && source === pc));
    reach[edge] = (opens ? OPENS : 0) | (closes ? CLOSES : 0);
  }
  return reach;
}

interface Moment {
  readonly vcpu: number;
  readonly seq: number;
  readonly edge: number;
}

/** Walks back from `beforeSeq` to the last transfer after which the instruction at `pc` ran. */
function lastThrough(
  trace: Trace,
  stretch: Stretch,
  pc: bigint,
  reach: Uint8Array,
  beforeSeq: number,
): Moment | null {
  const lastEdge = edgeAt(trace, stretch.segments.at(-1), -1);
  let closes = endOfRun(trace, stretch.vcpu, stretch.lastSeq, lastEdge) > pc;
  for (const segment of stretch.segments.toReversed()) {
    const firstSeq = trace.segments.firstSeq[segment] ?? 0;
    // One past the limit is looked at too: it closes the last run before.
    if (firstSeq > beforeSeq) continue;
    const edges = trace.readSegment(segment);
    for (let i = Math.min(edges.length - 1, beforeSeq - firstSeq); i >= 0; i--) {
      const edge = edges[i] ?? 0;
      const bits = reach[edge] ?? 0;
      const seq = firstSeq + i;
      if (seq < beforeSeq && closes && (bits & OPENS) !== 0) {
        return { vcpu: stretch.vcpu, seq, edge };
      }
      closes = (bits & CLOSES) !== 0;
    }
  }
  return null;
}

const SEQ_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const toSeq = (value: bigint): number => Number(value > SEQ_MAX ? SEQ_MAX : value);

const LAST_COLUMNS = [
  newColumn('vcpu', UINTEGER, 'The vCPU.'),
  newColumn('seq', UBIGINT, 'The transfer after which the instruction ran last.'),
  newColumn('edge', UINTEGER, 'Edge of that transfer.'),
];

function lastMoments(trace: Trace, pc: bigint, of: readonly Stretch[], beforeSeq: number): Rows {
  const reach = reachOf(trace, pc);
  const found = new Map<number, Moment>();
  for (const stretch of of.toReversed()) {
    if (found.has(stretch.vcpu)) continue;
    const moment = lastThrough(trace, stretch, pc, reach, beforeSeq);
    if (moment !== null) found.set(stretch.vcpu, moment);
  }
  const rows = [...found.values()].sort((a, b) => a.vcpu - b.vcpu);
  return {
    count: rows.length,
    fills: [
      fillNumbers(Uint32Array.from(rows, ({ vcpu }) => vcpu)),
      fillWholeNumbers(Float64Array.from(rows, ({ seq }) => seq)),
      fillNumbers(Uint32Array.from(rows, ({ edge }) => edge)),
    ],
  };
}

/**
 * `_last_executed(address)`: for each vCPU that ran it, when it did so last;
 * `_last_executed_before(address, vcpu, seq)`: on one vCPU, before transfer `seq`.
 */
export function lastExecutedScans(trace: Trace): Scan[] {
  return [
    {
      name: '_last_executed',
      columns: LAST_COLUMNS,
      parameters: ['address'],
      rowsAbout: () => 1,
      start: ([pc]) =>
        rowsSource(lastMoments(trace, pc ?? 0n, stretches(trace), Number.POSITIVE_INFINITY)),
    },
    {
      name: '_last_executed_before',
      columns: LAST_COLUMNS,
      parameters: ['address', 'vcpu', 'seq'],
      rowsAbout: () => 1,
      start: ([pc, vcpu, seq]) => {
        const of = stretches(trace).filter((stretch) => BigInt(stretch.vcpu) === vcpu);
        return rowsSource(lastMoments(trace, pc ?? 0n, of, toSeq(seq ?? 0n)));
      },
    },
  ];
}
