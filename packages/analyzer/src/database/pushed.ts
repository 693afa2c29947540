/**
 * Serves what pushdown.ts found: `_transfers_pushed(n)`, transfers of some edges and segments, and
 * `_transfers_counted(n)`, edges with how often they were taken; only one query knows its n.
 */
import type { Trace } from '@backtrail/recorder/trace';
import { type DuckDBConnection, UBIGINT } from '@duckdb/node-api';
import { isNode, listOf, parseExactly, textOf } from './ast.ts';
import { newColumn } from './columns.ts';
import { findPushes, mentionsTransfers, type Push } from './pushdown.ts';
import type { ChunkSource, Scan, ScanColumn } from './scan.ts';
import { type Mention, spliced } from './splice.ts';
import {
  allWindows,
  type Columns,
  emptyChunk,
  type Slice,
  slicesOf,
  startWanted,
  startWindows,
  type Window,
} from './transfers.ts';
import { CHUNK_ROWS, fillWholeNumbers } from './vectors.ts';

/** Transfers counted before rows are handed out: a call of DuckDB's should not take long. */
const TRANSFERS_A_ROUND = 1 << 24;

interface Served {
  readonly push: Push;
  /** 1 for each edge whose transfers are wanted; null: all. */
  readonly wanted: Uint8Array | null;
}

function windowsOf(trace: Trace, { bounds }: Push): Window[] {
  const { firstSeq, lastSeq, vcpu } = bounds;
  return allWindows(trace)
    .filter((window) => vcpu === null || window.vcpu === vcpu)
    .map((window) => ({ vcpu: window.vcpu, from: firstSeq, to: lastSeq + 1 }));
}

/** Counts of some edges of one vCPU, ready to be handed out. */
interface Counts {
  vcpu: number;
  readonly edges: number[];
  readonly counts: number[];
}

/** Whether the counts of edges.arrow are those of the transfers that are there. */
function areCountsTrue(trace: Trace): boolean {
  if (trace.state !== 'complete' || trace.manifest.losses.damaged > 0) return false;
  let sum = 0;
  for (const taken of trace.edges.taken) sum += taken;
  return sum === trace.transfers;
}

/** Counts transfers by edge, some segments at a time; returns false when there are no more. */
class RoundCounter {
  readonly #trace: Trace;
  readonly #slices: Iterator<Slice>;
  readonly #taken: Uint32Array;
  #next: Slice | null;

  constructor(trace: Trace, windows: readonly Window[]) {
    this.#trace = trace;
    this.#slices = slicesOf(trace, windows);
    this.#taken = new Uint32Array(trace.edges.count);
    this.#next = this.#pull();
  }

  #pull(): Slice | null {
    const next = this.#slices.next();
    return next.done === true ? null : next.value;
  }

  #vcpuOf(slice: Slice): number {
    return this.#trace.segments.vcpu[slice.segment] ?? 0;
  }

  /** Fills `out`; a round is of one vCPU. */
  round(out: Counts): boolean {
    if (this.#next === null) return false;
    const taken = this.#taken;
    taken.fill(0);
    out.vcpu = this.#vcpuOf(this.#next);
    let count = 0;
    while (this.#next !== null && count < TRANSFERS_A_ROUND) {
      const { segment, start, end } = this.#next;
      if (this.#vcpuOf(this.#next) !== out.vcpu) break;
      const edges = this.#trace.readSegment(segment);
      for (let i = start; i < end; i++) {
        const edge = edges[i] ?? 0;
        taken[edge] = (taken[edge] ?? 0) + 1;
      }
      count += end - start;
      this.#next = this.#pull();
    }
    collect(taken, out);
    return true;
  }
}

function collect(taken: ArrayLike<number>, out: Counts): void {
  out.edges.length = 0;
  out.counts.length = 0;
  for (let edge = 0; edge < taken.length; edge++) {
    const count = taken[edge] ?? 0;
    if (count === 0) continue;
    out.edges.push(edge);
    out.counts.push(count);
  }
}

/** Rounds of counts: one, of the trace's own counts, where those will do. */
function countRounds(trace: Trace, push: Push): (out: Counts) => boolean {
  const { firstSeq, lastSeq } = push.bounds;
  const isWhole = firstSeq === 0 && lastSeq === Number.POSITIVE_INFINITY;
  if (isWhole && !push.namesVcpu && areCountsTrue(trace)) {
    let isDone = false;
    return (out) => {
      if (isDone) return false;
      isDone = true;
      out.vcpu = 0;
      collect(trace.edges.taken, out);
      return true;
    };
  }
  const counter = new RoundCounter(trace, windowsOf(trace, push));
  return (out) => counter.round(out);
}

/** A row for each edge and round. Its seq is one that meets the bounds: no more is asked of it. */
function startCounted(trace: Trace, columns: Columns, push: Push, countAt: number): ChunkSource {
  const nextRound = countRounds(trace, push);
  const counts: Counts = { vcpu: 0, edges: [], counts: [] };
  const chunk = emptyChunk();
  chunk.segmentSeq = push.bounds.firstSeq;
  chunk.positions = new Uint32Array(CHUNK_ROWS);
  let from = 0;
  return (outputs) => {
    while (from >= counts.edges.length) {
      if (!nextRound(counts)) return 0;
      from = 0;
    }
    chunk.edges = Uint32Array.from(counts.edges.slice(from, from + CHUNK_ROWS));
    chunk.vcpu = counts.vcpu;
    chunk.rows = chunk.edges.length;
    const taken = Float64Array.from(counts.counts.slice(from, from + CHUNK_ROWS));
    for (const { column, vector } of outputs) {
      if (column === countAt) fillWholeNumbers(taken)(vector, 0, chunk.rows);
    }
    columns.fill(
      outputs.filter(({ column }) => column !== countAt),
      chunk,
    );
    from += chunk.rows;
    return chunk.rows;
  };
}

/** What `value` says apart from where it stood in the text. */
const withoutPlaces = (value: unknown): string =>
  JSON.stringify(value, (key, one: unknown) => (key === 'query_location' ? undefined : one));

export class Pushdown {
  readonly #trace: Trace;
  readonly #columnNames: ReadonlySet<string>;
  readonly #served = new Map<number, Served>();
  #last = 0;
  readonly scans: readonly Scan[];

  constructor(trace: Trace, scanColumns: readonly ScanColumn[], columns: Columns) {
    this.#trace = trace;
    this.#columnNames = new Set(scanColumns.map(({ name }) => name));
    const rowsAbout = ([handle]: readonly bigint[]) => this.#rowsAbout(handle);
    this.scans = [
      {
        name: '_transfers_pushed',
        columns: scanColumns,
        parameters: ['handle'],
        rowsAbout,
        start: ([handle]) => {
          const { push, wanted } = this.#find(handle);
          const windows = windowsOf(trace, push);
          if (wanted === null) return startWindows(trace, columns, windows);
          if (!wanted.includes(1)) return () => 0;
          return startWanted(trace, columns, wanted, windows);
        },
      },
      {
        name: '_transfers_counted',
        columns: [...scanColumns, newColumn('_count', UBIGINT, 'How often the edge was taken.')],
        parameters: ['handle'],
        rowsAbout: () => trace.manifest.totals.edges,
        start: ([handle]) =>
          startCounted(trace, columns, this.#find(handle).push, scanColumns.length),
      },
    ];
  }

  #find(handle: bigint | undefined): Served {
    const found = this.#served.get(Number(handle ?? 0n));
    if (found === undefined) throw new Error('this function is not for use in queries');
    return found;
  }

  #rowsAbout(handle: bigint | undefined): number {
    const { wanted } = this.#find(handle);
    if (wanted === null) return this.#trace.manifest.totals.transfers / 10;
    return this.#trace.edges.taken.reduce(
      (sum, taken, edge) => sum + (wanted[edge] === 1 ? taken : 0),
      0,
    );
  }

  /** Forgets what queries before were promised. */
  forget(): void {
    this.#served.clear();
  }

  /**
   * The same query, with less to read; null if there is none.
   * @param connection of this database, on which no query runs now.
   */
  async rewrite(connection: DuckDBConnection, sql: string): Promise<string | null> {
    if (!mentionsTransfers(sql)) return null;
    const ast = await parse(connection, sql);
    const pushes = findPushes(sql, ast, this.#columnNames);
    if (pushes.length === 0) return null;
    const mentions: Mention[] = [];
    for (const push of pushes) {
      const wanted = await this.#wanted(connection, push);
      if (wanted === 'unknown') return null;
      const handle = ++this.#last;
      this.#served.set(handle, { push, wanted });
      const name = push.isCounted ? '_transfers_counted' : '_transfers_pushed';
      mentions.push({ replacements: push.replacements, call: `${name}(${handle}::UBIGINT)` });
    }
    return spliced(sql, mentions);
  }

  /** Asks the conditions of each edge. */
  async #wanted(connection: DuckDBConnection, push: Push): Promise<Uint8Array | null | 'unknown'> {
    if (push.conditions.length === 0) return null;
    const alias = `"${push.alias.replaceAll('"', '""')}"`;
    const shell = await parse(connection, `SELECT edge FROM edges AS ${alias} WHERE TRUE AND TRUE`);
    const statement = listOf(isNode(shell) ? shell['statements'] : null)[0];
    const node = isNode(statement) ? statement['node'] : null;
    const where = isNode(node) ? node['where_clause'] : null;
    if (!isNode(shell) || !isNode(statement) || !isNode(node) || !isNode(where)) return 'unknown';
    const [only] = push.conditions;
    const all = push.conditions.length === 1 ? only : { ...where, children: push.conditions };
    const asked = { ...node, where_clause: all };
    const query = { ...shell, statements: [{ ...statement, node: asked }] };
    const printed = await connection.runAndReadAll('SELECT json_deserialize_sql($1::JSON)', [
      JSON.stringify(query),
    ]);
    const sql = textOf(printed.getRows()[0]?.[0]);
    // What DuckDB prints must be what it was given.
    if (withoutPlaces(await parse(connection, sql)) !== withoutPlaces(query)) return 'unknown';
    const found = await connection.runAndReadAll(sql);
    const wanted = new Uint8Array(this.#trace.edges.count);
    for (const edge of found.getColumns()[0] ?? []) wanted[Number(edge)] = 1;
    return wanted;
  }
}

/** DuckDB's parse of a SELECT; of anything else, something without statements. */
async function parse(connection: DuckDBConnection, sql: string): Promise<unknown> {
  const parsed = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  return parseExactly(textOf(parsed.getRows()[0]?.[0]));
}
