/**
 * Interrupts and signals from their delivery to the return: which transfer came back, and how many
 * instructions ran in between. A return belongs to the newest delivery that is still open and left
 * from the place it goes back to: a kernel may return to another task first, and a handler may
 * never return.
 */
import { BacktrailError, CAUSES, KINDS, NO_CODE, type Trace } from '@backtrail/recorder/trace';
import { UBIGINT, UINTEGER } from '@duckdb/node-api';
import { ExecutedPath } from '../path.ts';
import { newColumn } from './columns.ts';
import { rowsSource } from './execution.ts';
import type { Scan } from './scan.ts';
import { fillNumbers, fillWholeNumbers } from './vectors.ts';

interface Delivery {
  readonly vcpu: number;
  readonly seq: number;
  readonly edge: number;
  returnSeq: number | null;
  instructions: number | null;
}

/** Deliveries that wait for their return; beyond, the oldest is given up. */
const OPEN_MAX = 4096;

const DELIVERS = 1;
const RETURNS = 2;

/** For each edge whether it delivers or returns. */
function rolesOf({ edges }: Trace): Uint8Array {
  const roles = new Uint8Array(edges.count);
  for (let edge = 0; edge < edges.count; edge++) {
    const cause = CAUSES[edges.cause[edge] ?? NO_CODE];
    const kind = KINDS[edges.kind[edge] ?? NO_CODE];
    if (kind === 'signal-return' || kind === 'trap-return') roles[edge] = RETURNS;
    else if (cause === 'interrupt' || cause === 'signal') roles[edge] = DELIVERS;
  }
  return roles;
}

/** Every delivery of one vCPU, in order. */
function deliveriesOf(trace: Trace, vcpu: number, roles: Uint8Array): Delivery[] {
  const { source, target } = trace.edges;
  const all: Delivery[] = [];
  const open: Delivery[] = [];
  let nextSeq = 0;
  for (const segment of trace.segmentsOf(vcpu)) {
    const firstSeq = trace.segments.firstSeq[segment] ?? 0;
    // What returned in a gap nobody knows.
    if (firstSeq !== nextSeq) open.length = 0;
    const edges = trace.readSegment(segment);
    nextSeq = firstSeq + edges.length;
    for (let i = 0; i < edges.length; i++) {
      const edge = edges[i] ?? 0;
      const role = roles[edge] ?? 0;
      if (role === 0) continue;
      if (role === DELIVERS) {
        const one = { vcpu, seq: firstSeq + i, edge, returnSeq: null, instructions: null };
        all.push(one);
        open.push(one);
        if (open.length > OPEN_MAX) open.shift();
        continue;
      }
      const at = open.findLastIndex((one) => source[one.edge] === target[edge]);
      const found = open[at];
      if (found === undefined) continue;
      found.returnSeq = firstSeq + i;
      open.splice(at, 1);
    }
  }
  return all;
}

/**
 * Instructions between delivery and return, of each that returned. Nested ones share their part of
 * the path: it is walked once.
 */
function countInstructions(path: ExecutedPath, vcpu: number, list: readonly Delivery[]): void {
  const edgesOfTime = list
    .flatMap(({ seq, returnSeq }) => (returnSeq === null ? [] : [seq, returnSeq]))
    .sort((a, b) => a - b);
  /** Instructions counted up to a seq, and places up to there where nothing could be counted. */
  const before = new Map<number, { readonly count: number; readonly broken: number }>();
  const openAt = new Map<number, number>();
  for (const { seq, returnSeq } of list) {
    if (returnSeq === null) continue;
    openAt.set(seq, (openAt.get(seq) ?? 0) + 1);
    openAt.set(returnSeq, (openAt.get(returnSeq) ?? 0) - 1);
  }
  let count = 0;
  let broken = 0;
  let open = 0;
  let from = 0;
  for (const seq of new Set(edgesOfTime)) {
    try {
      if (open > 0) {
        path.visitRuns(vcpu, from, seq, (_block, _row, length) => {
          count += length;
          return false;
        });
      }
    } catch (error) {
      if (!(error instanceof BacktrailError) || error.code !== 'E_PATH') throw error;
      broken++;
    }
    before.set(seq, { count, broken });
    open += openAt.get(seq) ?? 0;
    from = seq;
  }
  for (const one of list) {
    const start = before.get(one.seq);
    const end = one.returnSeq === null ? undefined : before.get(one.returnSeq);
    if (start === undefined || end === undefined || start.broken !== end.broken) continue;
    one.instructions = end.count - start.count;
  }
}

const nullable = (values: readonly (number | null)[]) =>
  fillWholeNumbers(
    Float64Array.from(values, (value) => value ?? 0),
    Uint8Array.from(values, (value) => (value === null ? 0 : 1)),
  );

/** `_deliveries()`: a row for each interrupt and signal. */
export function deliveriesScan(trace: Trace): Scan {
  return {
    name: '_deliveries',
    columns: [
      newColumn('vcpu', UINTEGER, 'The vCPU.'),
      newColumn('seq', UBIGINT, 'The transfer that delivered it.'),
      newColumn('edge', UINTEGER, 'Edge of that transfer.'),
      newColumn('return_seq', UBIGINT, 'The transfer that came back; null if none is known.'),
      newColumn(
        'instructions',
        UBIGINT,
        'Instructions that ran in between, the return included; null where they cannot be told.',
      ),
    ],
    parameters: [],
    rowsAbout: () => 1000,
    start: () => {
      const roles = rolesOf(trace);
      const isAny = roles.includes(DELIVERS);
      const path = isAny ? new ExecutedPath(trace) : null;
      const list = trace.vcpus.flatMap((vcpu) => {
        if (path === null) return [];
        const found = deliveriesOf(trace, vcpu, roles);
        countInstructions(path, vcpu, found);
        return found;
      });
      return rowsSource({
        count: list.length,
        fills: [
          fillNumbers(Uint32Array.from(list, ({ vcpu }) => vcpu)),
          fillWholeNumbers(Float64Array.from(list, ({ seq }) => seq)),
          fillNumbers(Uint32Array.from(list, ({ edge }) => edge)),
          nullable(list.map(({ returnSeq }) => returnSeq)),
          nullable(list.map(({ instructions }) => instructions)),
        ],
      });
    },
  };
}
