/**
 * A trace as SQL tables, by DuckDB in memory. Nothing is loaded: tables are functions that serve
 * the trace's own arrays (database/scan.ts), so opening costs what DuckDB's start costs.
 *
 * Results are whole in memory when query() returns. DuckDB could hand out rows while it makes them,
 * but an error then looks like the end of the rows, and closing halfway waits for threads that wait
 * for us. What is too big for memory goes to a file with COPY … TO.
 */
import { randomUUID } from 'node:crypto';
import { copyFileSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BacktrailError, type Trace } from '@backtrail/recorder/trace';
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBMaterializedResult,
  DuckDBTypeId,
  UBIGINT,
} from '@duckdb/node-api';
import { ADDRESS_COLUMNS, tableScan, tableView } from './database/columns.ts';
import { createTableContext } from './database/context.ts';
import { sqlError } from './database/errors.ts';
import { lastExecutedScan, stretchesScan } from './database/execution.ts';
import {
  checkStatementType,
  type GuardedStatement,
  guardSql,
  quoteText,
} from './database/guard.ts';
import type { SymbolSource } from './database/names.ts';
import { type Scan, tableFunction } from './database/scan.ts';
import { LOCATION_MACRO, TRANSFER_COLUMNS, traceTables } from './database/tables.ts';
import { transferScans } from './database/transfers.ts';
import { type SqlValue, toSqlValue } from './database/values.ts';
import { loadLibrary } from './sql.ts';
import { createDemangler } from './symbols/demangle.ts';
import { createSymbolizer } from './symbols/symbolizer.ts';

export { ADDRESS_COLUMNS } from './database/columns.ts';
export type { SymbolSource } from './database/names.ts';
export { describeTables, type TableDescription } from './database/tables.ts';
export type { SqlValue } from './database/values.ts';

export interface DatabaseOptions {
  /** Lets SQL read and write files and change settings. */
  readonly unsafe?: boolean;
  /** A Symbolizer that is there already; else one is made when a query first needs it. */
  readonly symbols?: SymbolSource;
  /** Threads of DuckDB; twice the processors, at least 4, if left out. See database/scan.ts. */
  readonly threads?: number;
}

export interface ResultColumn {
  readonly name: string;
  /** As SQL writes it; just `ENUM` for an enum. */
  readonly type: string;
  /** Values are addresses: to be written 0x…. */
  readonly isAddress: boolean;
}

export interface ResultChunk {
  readonly rowCount: number;
  /** The values of each column. */
  readonly columns: readonly (readonly SqlValue[])[];
}

/** What the last statement of a query gave. Free of the database: it may be read after close(). */
export interface Result {
  readonly columns: readonly ResultColumn[];
  readonly rowCount: number;
  /** All rows, up to 2,048 at a time, made into values as they are taken. May be called again. */
  chunks(): Generator<ResultChunk>;
  /** All rows at once. */
  rows(): SqlValue[][];
}

export interface Database {
  /**
   * Runs statements one after another; queries started together wait for each other.
   * @throws BacktrailError E_SQL, E_SQL_FORBIDDEN, E_SQL_INTERRUPTED, or what reading the trace threw
   */
  query(sql: string): Promise<Result>;
  /** Ends the query that is running, if one is: it throws E_SQL_INTERRUPTED. */
  interrupt(): void;
  /**
   * Ends a running query and frees everything. Must be awaited before process.exit(), which hangs
   * while DuckDB's threads wait for JavaScript.
   */
  close(): Promise<void>;
}

const threadsDefault = (): number => Math.max(4, 2 * os.availableParallelism());

class QueryResult implements Result {
  readonly columns: readonly ResultColumn[];
  readonly rowCount: number;
  readonly #result: DuckDBMaterializedResult;

  constructor(result: DuckDBMaterializedResult, addresses: ReadonlySet<string>) {
    this.#result = result;
    this.rowCount = result.rowCount;
    const types = result.columnTypes();
    this.columns = result.columnNames().map((name, i) => {
      const type = types[i];
      const isEnum = type?.typeId === DuckDBTypeId.ENUM;
      return {
        name,
        type: isEnum ? 'ENUM' : (type?.toString() ?? ''),
        isAddress: type?.typeId === DuckDBTypeId.UBIGINT && addresses.has(name),
      };
    });
  }

  *chunks(): Generator<ResultChunk> {
    for (let i = 0; i < this.#result.chunkCount; i++) {
      const chunk = this.#result.getChunk(i);
      const columns = chunk.getColumns().map((values) => values.map(toSqlValue));
      yield { rowCount: chunk.rowCount, columns };
    }
  }

  rows(): SqlValue[][] {
    const rows: SqlValue[][] = [];
    for (const { rowCount, columns } of this.chunks()) {
      for (let row = 0; row < rowCount; row++) {
        rows.push(columns.map((values) => values[row] ?? null));
      }
    }
    return rows;
  }
}

/** The file of a COPY, whole, to where the user wants it. */
function deliver({ staged, path: target }: NonNullable<GuardedStatement['output']>): void {
  if (!lstatSync(staged).isFile()) {
    throw new BacktrailError(
      'E_SQL_FORBIDDEN',
      `${target}: COPY made a folder, expected one file. Add --unsafe to allow folders.`,
    );
  }
  try {
    renameSync(staged, target);
  } catch {
    // Another file system. Whatever is wrong with the target shows here again.
    try {
      copyFileSync(staged, target);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new BacktrailError('E_WRITE', `${target}: cannot be written: ${why}.`, {
        cause: error,
      });
    }
  }
}

class TraceDatabase implements Database {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #addresses: ReadonlySet<string>;
  /** Private folder for COPY and for what does not fit into memory; null where all is allowed. */
  readonly #folder: string;
  readonly #isUnsafe: boolean;
  readonly #scanErrors: unknown[];
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(made: {
    instance: DuckDBInstance;
    connection: DuckDBConnection;
    addresses: ReadonlySet<string>;
    folder: string;
    isUnsafe: boolean;
    scanErrors: unknown[];
  }) {
    this.#instance = made.instance;
    this.#connection = made.connection;
    this.#addresses = made.addresses;
    this.#folder = made.folder;
    this.#isUnsafe = made.isUnsafe;
    this.#scanErrors = made.scanErrors;
  }

  query(sql: string): Promise<Result> {
    const result = this.#tail.then(() => this.#query(sql));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  interrupt(): void {
    if (!this.#isClosed) this.#connection.interrupt();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.interrupt();
    this.#isClosed = true;
    await this.#tail;
    this.#connection.disconnectSync();
    this.#instance.closeSync();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #query(sql: string): Promise<Result> {
    const staging = this.#isUnsafe ? null : stagingFolder(this.#folder);
    const statements = guardSql(sql, staging);
    let result: DuckDBMaterializedResult | null = null;
    for (const { sql: text, output } of statements) {
      if (output !== null) mkdirSync(path.dirname(output.staged), { recursive: true });
      result = await this.#run(text);
      if (output !== null) deliver(output);
    }
    if (result === null) {
      throw new BacktrailError('E_SQL', 'found no SQL, expected a statement such as: FROM edges');
    }
    return new QueryResult(result, this.#addresses);
  }

  /** One statement of the user's, which DuckDB may have cut into several. */
  async #run(sql: string): Promise<DuckDBMaterializedResult> {
    this.#scanErrors.length = 0;
    try {
      const statements = await this.#connection.extractStatements(sql);
      let result: DuckDBMaterializedResult | null = null;
      for (let i = 0; i < statements.count; i++) {
        if (this.#isClosed) throw new BacktrailError('E_SQL', 'the database has been closed');
        const prepared = await statements.prepare(i);
        if (!this.#isUnsafe) checkStatementType(prepared.statementType, sql);
        result = await prepared.run();
      }
      if (result === null) throw new BacktrailError('E_SQL', 'found no statement');
      return result;
    } catch (error) {
      throw sqlError(error, this.#scanErrors);
    }
  }
}

const stagingFolder = (folder: string): string => path.join(folder, 'copy');
const spillFolder = (folder: string): string => path.join(folder, 'spill');

/** Settings that close every door but the private folder; the last one locks them all. */
const lockDown = (folder: string): string => `
  SET allowed_directories = [${quoteText(`${folder}${path.sep}`)}];
  SET enable_external_access = false;
  SET lock_configuration = true;
`;

/** Everything that SQL can read of a trace: functions, and views so that nobody sees them. */
function traceScans(
  trace: Trace,
  options: DatabaseOptions,
): { readonly scans: readonly Scan[]; readonly views: readonly string[] } {
  const demangler = createDemangler();
  const demangle = (name: string): string => demangler.demangle(name);
  const makeSymbols = () => options.symbols ?? createSymbolizer(trace);
  const context = createTableContext(trace, makeSymbols, demangle);
  const tables = traceTables(() => context);
  const transfers = transferScans(trace, TRANSFER_COLUMNS, context.edgePlaces);
  return {
    scans: [...transfers, ...tables.map(tableScan), stretchesScan(trace), lastExecutedScan(trace)],
    views: ['CREATE VIEW transfers AS FROM _transfers();', ...tables.map(tableView)],
  };
}

/**
 * Opens a database on a trace: no table of it is read before a query needs it.
 * @throws BacktrailError E_SQL if DuckDB does not start
 */
export async function openDatabase(trace: Trace, options: DatabaseOptions = {}): Promise<Database> {
  const isUnsafe = options.unsafe ?? false;
  const threads = options.threads ?? threadsDefault();
  const folder = path.join(os.tmpdir(), `backtrail-sql-${randomUUID()}`);
  const scanErrors: unknown[] = [];
  const library = loadLibrary().flatMap(({ entries }) => entries);
  const { views, scans } = traceScans(trace, options);
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: `${threads}`,
      temp_directory: spillFolder(folder),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    for (const scan of scans) {
      const onError = (error: unknown) => void scanErrors.push(error);
      connection.registerTableFunction(tableFunction(scan, UBIGINT, threads, onError));
    }
    const librarySql = library.map(({ sql }) => `${sql};`);
    const setUp = [LOCATION_MACRO, ...views, ...librarySql, isUnsafe ? '' : lockDown(folder)];
    await connection.run(setUp.join('\n'));
    const addresses = new Set([
      ...ADDRESS_COLUMNS,
      ...library.flatMap(({ columns }) => columns.flatMap((c) => (c.isAddress ? [c.name] : []))),
    ]);
    return new TraceDatabase({ instance, connection, addresses, folder, isUnsafe, scanErrors });
  } catch (error) {
    throw sqlError(error, scanErrors);
  }
}
