/**
 * How many instructions of each symbol ran in each segment, for an estimate of time: a segment has
 * a clock, its instructions have none.
 *
 * Counting needs only how often each edge occurs in the segment. In a list of all instructions by
 * address, a run of sequential execution from row t up to row s is all instructions from t on, less
 * all from s on. So an edge adds, and takes away, the rest of a region (rows of one symbol that
 * follow each other) and the whole of every region above it:
 *
 *   regions      main ▕ sort        ▕ print    ▕ …
 *   opens at t          ····├──────── all ───── all      rest of sort, whole of print, …
 *   closes at s               ├────── all ───── all      the same, less
 */
import { NO_CODE, NO_ROW } from '@backtrail/recorder/trace';
import { UBIGINT, UINTEGER, VARCHAR } from '@duckdb/node-api';
import { sourceRetired } from '../path/hops.ts';
import { newColumn } from './columns.ts';
import type { TableContext } from './context.ts';
import { endOfRun } from './execution.ts';
import type { Scan } from './scan.ts';
import { CHUNK_ROWS, fillNames, fillNumbers, fillWholeNumbers } from './vectors.ts';

/** Rows of instructions that follow each other and lie in one symbol. */
interface Regions {
  readonly count: number;
  /** Of each instruction; one more element for what lies above all: `count`. */
  readonly ofRow: Uint32Array;
  /** First row after each region. */
  readonly endRow: Uint32Array;
  /** Number of the symbol's name, or NO_ROW. */
  readonly symbol: Uint32Array;
}

function makeRegions(symbols: Uint32Array): Regions {
  const ofRow = new Uint32Array(symbols.length + 1);
  const endRow: number[] = [];
  const symbol: number[] = [];
  for (let row = 0; row < symbols.length; row++) {
    const name = symbols[row] ?? NO_ROW;
    if (row === 0 || name !== symbols[row - 1]) {
      endRow.push(row);
      symbol.push(name);
    }
    endRow[endRow.length - 1] = row + 1;
    ofRow[row] = endRow.length - 1;
  }
  ofRow[symbols.length] = endRow.length;
  return {
    count: endRow.length,
    ofRow,
    endRow: Uint32Array.from(endRow),
    symbol: Uint32Array.from(symbol),
  };
}

/** The row at which each edge opens a run, and the first row after the run that it closes. */
interface EdgeRows {
  readonly opens: Uint32Array;
  /** NO_ROW where an edge has no source. */
  readonly closes: Uint32Array;
}

function edgeRows({ trace, instructions }: TableContext): EdgeRows {
  const { edges } = trace;
  const index = instructions();
  const opens = new Uint32Array(edges.count);
  const closes = new Uint32Array(edges.count).fill(NO_ROW);
  for (let edge = 0; edge < edges.count; edge++) {
    opens[edge] = index.atOrAbove(edges.target[edge] ?? 0n);
    if (edges.hasSource[edge] !== 1) continue;
    const source = edges.source[edge] ?? 0n;
    const row = index.atOrAbove(source);
    const hasRun = sourceRetired(edges.cause[edge] ?? NO_CODE, edges.kind[edge] ?? NO_CODE);
    closes[edge] = row + (hasRun && index.pc[row] === source ? 1 : 0);
  }
  return { opens, closes };
}

/** Counts one segment after another; the lists are those of the last one. */
class Counter {
  readonly #context: TableContext;
  readonly #regions: Regions;
  readonly #rows: EdgeRows;
  readonly #rest: Float64Array;
  readonly #whole: Float64Array;
  readonly #taken: Uint32Array;
  readonly #sums: Float64Array;
  readonly symbols: number[] = [];
  readonly instructions: number[] = [];

  constructor(context: TableContext) {
    this.#context = context;
    const { columns, pool } = context.instructionPlaces();
    this.#regions = makeRegions(columns.pc.symbol);
    this.#rows = edgeRows(context);
    this.#rest = new Float64Array(this.#regions.count + 1);
    this.#whole = new Float64Array(this.#regions.count + 2);
    this.#taken = new Uint32Array(context.trace.edges.count);
    // One more for what no symbol covers.
    this.#sums = new Float64Array(pool.count + 1);
  }

  count(segment: number): void {
    const { trace } = this.#context;
    const taken = this.#taken;
    const edges = trace.readSegment(segment);
    const first = edges[0] ?? NO_ROW;
    const last = edges.at(-1) ?? NO_ROW;
    taken.fill(0);
    for (let i = 0; i < edges.length; i++) {
      const edge = edges[i] ?? 0;
      taken[edge] = (taken[edge] ?? 0) + 1;
    }
    this.#rest.fill(0);
    this.#whole.fill(0);
    const { opens, closes } = this.#rows;
    for (let edge = 0; edge < taken.length; edge++) {
      const count = taken[edge] ?? 0;
      if (count === 0) continue;
      this.#from(opens[edge] ?? 0, count);
      // What the first transfer closes was opened in another segment, and counted there.
      const closed = edge === first ? count - 1 : count;
      if (closed > 0) this.#from(closes[edge] ?? NO_ROW, -closed);
    }
    this.#closeLast(segment, last);
    this.#sum();
  }

  /** All instructions from `row` on, `count` times. */
  #from(row: number, count: number): void {
    const { ofRow, endRow } = this.#regions;
    if (row >= ofRow.length - 1) return;
    const region = ofRow[row] ?? 0;
    this.#rest[region] = (this.#rest[region] ?? 0) + count * ((endRow[region] ?? 0) - row);
    this.#whole[region + 1] = (this.#whole[region + 1] ?? 0) + count;
  }

  /** The run after the last transfer ends with the first transfer of the next segment. */
  #closeLast(segment: number, last: number): void {
    if (last === NO_ROW) return;
    const { trace, instructions } = this.#context;
    const { segments } = trace;
    const vcpu = segments.vcpu[segment] ?? 0;
    const nextSeq = (segments.firstSeq[segment] ?? 0) + (segments.rows[segment] ?? 0);
    const next = trace.segmentAt(vcpu, nextSeq);
    if (next >= 0) {
      const edge = trace.readSegment(next)[0] ?? NO_ROW;
      this.#from(this.#rows.closes[edge] ?? NO_ROW, -1);
      return;
    }
    this.#from(instructions().atOrAbove(endOfRun(trace, vcpu, nextSeq - 1, last)), -1);
  }

  #sum(): void {
    const { count, symbol, endRow } = this.#regions;
    const sums = this.#sums.fill(0);
    const none = sums.length - 1;
    let open = 0;
    for (let region = 0; region < count; region++) {
      open += this.#whole[region] ?? 0;
      const length = (endRow[region] ?? 0) - (region === 0 ? 0 : (endRow[region - 1] ?? 0));
      const ran = (this.#rest[region] ?? 0) + open * length;
      const name = symbol[region] ?? NO_ROW;
      const at = name === NO_ROW ? none : name;
      sums[at] = (sums[at] ?? 0) + ran;
    }
    this.symbols.length = 0;
    this.instructions.length = 0;
    for (let name = 0; name < sums.length; name++) {
      const ran = sums[name] ?? 0;
      if (ran <= 0) continue;
      this.symbols.push(name === none ? NO_ROW : name);
      this.instructions.push(ran);
    }
  }
}

/** `_work()`: a row for each segment and symbol of which instructions ran in it. */
export function workScan(context: TableContext): Scan {
  return {
    name: '_work',
    columns: [
      newColumn('segment', UINTEGER, 'Row of segments.'),
      newColumn('symbol', VARCHAR, 'Name of the symbol; null for what no symbol covers.'),
      newColumn('instructions', UBIGINT, 'Instructions of it that ran in the segment.'),
      newColumn('segment_instructions', UBIGINT, 'Instructions of all symbols in the segment.'),
    ],
    parameters: [],
    rowsAbout: () => context.trace.manifest.totals.segments * 100,
    start: () => {
      const counter = new Counter(context);
      const texts = context.instructionPlaces().pool.words;
      const { segments } = context.trace;
      let segment = 0;
      let from = 0;
      return (outputs) => {
        while (from >= counter.symbols.length) {
          if (segment >= segments.count) return 0;
          counter.count(segment++);
          from = 0;
        }
        const symbols = counter.symbols.slice(from, from + CHUNK_ROWS);
        const ran = counter.instructions.slice(from, from + CHUNK_ROWS);
        const rows = symbols.length;
        const total = counter.instructions.reduce((sum, one) => sum + one, 0);
        from += rows;
        const fills = [
          () => fillNumbers(new Uint32Array(rows).fill(segment - 1)),
          () => fillNames(Uint32Array.from(symbols), texts),
          () => fillWholeNumbers(Float64Array.from(ran)),
          () => fillWholeNumbers(new Float64Array(rows).fill(total)),
        ];
        for (const { column, vector } of outputs) fills[column]?.()(vector, 0, rows);
        return rows;
      };
    },
  };
}
