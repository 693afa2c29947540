/**
 * What the SQL library needs to know of the order of transfers, beyond what SQL can find quickly.
 *
 * Between two transfers that follow each other control ran from the target of the first up to the
 * source of the second. So an edge opens a run at its target whenever it is taken, and closes one
 * at its source: how often the instruction at an address ran is the number of runs opened at or
 * below it, less those closed below it, and needs no transfers at all, only the counts of edges.
 * Only a vCPU's first and last transfer, and those beside a gap, have no partner: `_stretches`.
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
function endAddress(trace: Trace, { vcpu, lastSeq }: Stretch, edge: number): bigint {
  const target = trace.edges.target[edge] ?? 0n;
  const last = endPc(trace, vcpu, lastSeq + 1);
  if (last !== null && last >= target) return last + 1n;
  return trace.edges.targetBlock[edge] === NO_ROW ? target : target + 1n;
}

interface Rows {
  readonly count: number;
  readonly fills: readonly Fill[];
}

/** A few rows, computed when the scan starts. */
function rowsSource({ count, fills }: Rows): ReturnType<Scan['start']> {
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

/** `_stretches()`: one row for each run of transfers without a gap. */
export function stretchesScan(trace: Trace): Scan {
  return {
    name: '_stretches',
    columns: [
      newColumn('vcpu', UINTEGER, 'The vCPU.'),
      newColumn('first_seq', UBIGINT, 'seq of its first transfer.'),
      newColumn('last_seq', UBIGINT, 'seq of its last transfer.'),
      newColumn('first_edge', UINTEGER, 'Edge of its first transfer.'),
      newColumn('last_edge', UINTEGER, 'Edge of its last transfer.'),
      newColumn('end_address', UBIGINT, 'Address after the last instruction known to have run.'),
    ],
    parameters: [],
    rowsAbout: () => 1,
    start: () => {
      const list = stretches(trace);
      const first = list.map(({ segments }) => edgeAt(trace, segments.at(0), 0));
      const last = list.map(({ segments }) => edgeAt(trace, segments.at(-1), -1));
      const ends = list.map((stretch, i) => endAddress(trace, stretch, last[i] ?? NO_ROW));
      return rowsSource({
        count: list.length,
        fills: [
          fillNumbers(Uint32Array.from(list, ({ vcpu }) => vcpu)),
          fillWholeNumbers(Float64Array.from(list, ({ firstSeq }) => firstSeq)),
          fillWholeNumbers(Float64Array.from(list, ({ lastSeq }) => lastSeq)),
          fillNumbers(Uint32Array.from(first)),
          fillNumbers(Uint32Array.from(last)),
          fillNumbers(BigUint64Array.from(ends)),
        ],
      });
    },
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

/** Walks back to the last transfer after which the instruction at `pc` ran. */
function lastThrough(trace: Trace, stretch: Stretch, pc: bigint, reach: Uint8Array): Moment | null {
  const lastEdge = edgeAt(trace, stretch.segments.at(-1), -1);
  let closes = endAddress(trace, stretch, lastEdge) > pc;
  let seq = stretch.lastSeq;
  for (const segment of stretch.segments.toReversed()) {
    const edges = trace.readSegment(segment);
    for (let i = edges.length - 1; i >= 0; i--, seq--) {
      const edge = edges[i] ?? 0;
      const bits = reach[edge] ?? 0;
      if (closes && (bits & OPENS) !== 0) return { vcpu: stretch.vcpu, seq, edge };
      closes = (bits & CLOSES) !== 0;
    }
  }
  return null;
}

/** `_last_executed(address)`: for each vCPU that ran it, when it did so last. */
export function lastExecutedScan(trace: Trace): Scan {
  return {
    name: '_last_executed',
    columns: [
      newColumn('vcpu', UINTEGER, 'The vCPU.'),
      newColumn('seq', UBIGINT, 'The transfer after which the instruction ran last.'),
      newColumn('edge', UINTEGER, 'Edge of that transfer.'),
    ],
    parameters: ['address'],
    rowsAbout: () => 1,
    start: ([pc]) => {
      const reach = reachOf(trace, pc ?? 0n);
      const found = new Map<number, Moment>();
      for (const stretch of stretches(trace).toReversed()) {
        if (found.has(stretch.vcpu)) continue;
        const moment = lastThrough(trace, stretch, pc ?? 0n, reach);
        if (moment !== null) found.set(stretch.vcpu, moment);
      }
      const rows = [...found.values()].sort((a, b) => a.vcpu - b.vcpu);
      return rowsSource({
        count: rows.length,
        fills: [
          fillNumbers(Uint32Array.from(rows, ({ vcpu }) => vcpu)),
          fillWholeNumbers(Float64Array.from(rows, ({ seq }) => seq)),
          fillNumbers(Uint32Array.from(rows, ({ edge }) => edge)),
        ],
      });
    },
  };
}
