/**
 * Table functions: what SQL reads from is filled in by JavaScript, a chunk at a time.
 *
 * DuckDB calls back from its own threads, and each of them waits until the one JavaScript thread
 * has served it. Serving a chunk takes 5 µs; waking a sleeping thread takes five times that. So a
 * scan lets many DuckDB threads wait at once (THREADS in database.ts): none of the two sides ever
 * sleeps, and on two cores a scan is five times as fast as with one waiting thread.
 */
import { DuckDBTableFunction, type DuckDBType } from '@duckdb/node-api';
import duckdb, { type DataChunk, type Vector } from '@duckdb/node-bindings';

/** What the documentation says about a column, and what DuckDB has to know. */
export interface ScanColumn {
  readonly name: string;
  readonly type: DuckDBType;
  /** One sentence. */
  readonly says: string;
  /** Values are addresses and print as 0x…. */
  readonly isAddress: boolean;
}

/** Fills the vectors of one chunk and returns the number of rows; 0 is the end. */
export type ChunkSource = (vectors: readonly OutputColumn[]) => number;

export interface OutputColumn {
  /** Index in the columns of the scan. */
  readonly column: number;
  readonly vector: Vector;
}

export interface Scan {
  /** Name of the function in SQL. */
  readonly name: string;
  readonly columns: readonly ScanColumn[];
  /** Names of its parameters, each a UBIGINT. */
  readonly parameters: readonly string[];
  /** Estimate of the rows for DuckDB's planner. Quick: it is asked for whenever a view is made. */
  rowsAbout(values: readonly bigint[]): number;
  /** @param values one for each parameter. */
  start(values: readonly bigint[]): ChunkSource;
}

/** The state of one running scan, as DuckDB carries it from call to call. */
interface Running {
  readonly source: ChunkSource;
  /** The column of the scan for each column of the chunk. */
  readonly projected: readonly number[];
}

function isRunning(value: unknown): value is Running {
  return typeof value === 'object' && value !== null && 'source' in value && 'projected' in value;
}

interface Bound {
  readonly values: readonly bigint[];
}

function isBound(value: unknown): value is Bound {
  return typeof value === 'object' && value !== null && 'values' in value;
}

function bind(scan: Scan, info: duckdb.TableFunctionBindInfo): void {
  const values = scan.parameters.map((parameter, i) => {
    const value = duckdb.bind_get_parameter(info, i);
    if (duckdb.is_null_value(value)) throw new Error(`${parameter}: found NULL, expected a number`);
    return duckdb.get_uint64(value);
  });
  for (const column of scan.columns) {
    duckdb.bind_add_result_column(info, column.name, column.type.toLogicalType().logical_type);
  }
  duckdb.bind_set_cardinality(info, Math.max(1, scan.rowsAbout(values)), false);
  duckdb.bind_set_bind_data(info, { values } satisfies Bound);
}

function start(scan: Scan, info: duckdb.TableFunctionInitInfo, threads: number): void {
  const bound = duckdb.init_get_bind_data(info);
  if (!isBound(bound)) throw new Error(`${scan.name}: found no bind data`);
  const projected: number[] = [];
  const count = duckdb.init_get_column_count(info);
  for (let i = 0; i < count; i++) projected.push(duckdb.init_get_column_index(info, i));
  const running: Running = { source: scan.start(bound.values), projected };
  duckdb.init_set_init_data(info, running);
  duckdb.init_set_max_threads(info, threads);
}

function fill(scan: Scan, info: duckdb.TableFunctionInfo, chunk: DataChunk): void {
  const running = duckdb.function_get_init_data(info);
  if (!isRunning(running)) throw new Error(`${scan.name}: found no state`);
  const vectors: OutputColumn[] = [];
  for (let i = 0; i < running.projected.length; i++) {
    const column = running.projected[i] ?? 0;
    // count(*) asks for one column that no scan has: rows count, values do not.
    if (column >= scan.columns.length) continue;
    vectors.push({ column, vector: duckdb.data_chunk_get_vector(chunk, i) });
  }
  duckdb.data_chunk_set_size(chunk, running.source(vectors));
}

/**
 * @param threads how many DuckDB threads may wait for a chunk at once.
 * @param onError told of every error before DuckDB turns it into text.
 */
export function tableFunction(
  scan: Scan,
  parameterType: DuckDBType,
  threads: number,
  onError: (error: unknown) => void,
): DuckDBTableFunction {
  const guarded = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      onError(error);
      throw error;
    }
  };
  const made = new DuckDBTableFunction();
  made.setName(scan.name);
  for (const _parameter of scan.parameters) made.addParameter(parameterType);
  made.setSupportsProjectionPushdown(true);
  const { table_function } = made;
  duckdb.table_function_set_bind(table_function, (info) => guarded(() => bind(scan, info)));
  duckdb.table_function_set_init(table_function, (info) =>
    guarded(() => start(scan, info, threads)),
  );
  duckdb.table_function_set_function(table_function, (info, chunk) =>
    guarded(() => fill(scan, info, chunk)),
  );
  return made;
}
