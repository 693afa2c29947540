/**
 * A trace as SQL tables, by DuckDB in memory. Nothing is loaded: tables are functions that serve
 * the trace's own arrays (database/scan.ts), so opening costs what DuckDB's start costs.
 *
 * Results are whole in memory when query() returns. DuckDB could hand out rows while it makes them,
 * but an error then looks like the end of the rows, and closing halfway waits for threads that wait
 * for us. What is too big for memory goes to a file with COPY … TO.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BacktrailError, type Trace } from '@backtrail/recorder/trace';
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBMaterializedResult,
  type DuckDBPreparedStatement,
  StatementType,
  UBIGINT,
} from '@duckdb/node-api';
import { ADDRESS_COLUMNS, tableScan, tableView } from './database/columns.ts';
import { createTableContext } from './database/context.ts';
import { deliver } from './database/deliver.ts';
import { deliveriesScan } from './database/deliveries.ts';
import { isInterrupt, sqlError } from './database/errors.ts';
import { lastExecutedScans } from './database/execution.ts';
import { checkStatementType, copiedQuery, guardSql, quoteText } from './database/guard.ts';
import type { SymbolSource } from './database/names.ts';
import { LOCATION_MACRO } from './database/place-columns.ts';
import { Pushdown } from './database/pushed.ts';
import { QueryResult, type Result, rowBytes } from './database/result.ts';
import { type Scan, tableFunction } from './database/scan.ts';
import { guestNamesScan, TRANSFER_COLUMNS, traceTables } from './database/tables.ts';
import { Columns, transferScans } from './database/transfers.ts';
import { workScan } from './database/work.ts';
import { entryForm, loadLibrary } from './sql.ts';
import { createDemangler } from './symbols/demangle.ts';
import { createSymbolizer } from './symbols/symbolizer.ts';

export { ADDRESS_COLUMNS } from './database/columns.ts';
export type { SymbolSource } from './database/names.ts';
export type { Result, ResultChunk, ResultColumn } from './database/result.ts';
export { describeTables, type TableDescription } from './database/tables.ts';
export type { SqlValue } from './database/values.ts';

export interface DatabaseOptions {
  /** Lets SQL read and write files and change settings. */
  readonly unsafe?: boolean;
  /** A Symbolizer that is there already; else one is made when a query first needs it. */
  readonly symbols?: SymbolSource;
  /** Threads of DuckDB; twice the processors, at least 4, if left out. See database/scan.ts. */
  readonly threads?: number;
  /** What a result may take in memory, bytes, by the types of its columns; 2 GiB if left out. */
  readonly resultBytesMax?: number;
  /** False reads every transfer that a query names: for tests, the answers are the same. */
  readonly pushdown?: boolean;
}

export interface QueryOptions {
  /** Rows wanted of the last statement: as soon as they are found, DuckDB stops looking. */
  readonly rowsMax?: number;
}

export interface Database {
  /**
   * Runs statements one after another; queries started together wait for each other.
   * @throws BacktrailError E_SQL, E_SQL_FORBIDDEN, E_SQL_INTERRUPTED, E_WRITE, or what reading the
   * trace threw
   */
  query(sql: string, options?: QueryOptions): Promise<Result>;
  /** Ends the query that is running, if one is: it throws E_SQL_INTERRUPTED. */
  interrupt(): void;
  /**
   * Ends a running query and frees everything. Must be awaited before process.exit(), which hangs
   * while DuckDB's threads wait for JavaScript.
   */
  close(): Promise<void>;
}

const RESULT_BYTES_MAX = 2 ** 31;

const threadsDefault = (): number => Math.max(4, 2 * os.availableParallelism());

/** A result that DuckDB holds, and the names its columns had before a LIMIT was put around it. */
interface Answer {
  readonly result: DuckDBMaterializedResult;
  readonly names: readonly string[];
}

const INTERRUPT_AGAIN_MS = 10;

class TraceDatabase implements Database {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #addresses: ReadonlySet<string>;
  /** Private folder for COPY and for what does not fit into memory; null where all is allowed. */
  readonly #folder: string;
  readonly #isUnsafe: boolean;
  readonly #scanErrors: unknown[];
  readonly #resultBytesMax: number;
  readonly #forms: ReadonlyMap<string, string>;
  /** Null once a statement may have given names of tables and functions another meaning. */
  #pushdown: Pushdown | null;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(made: {
    instance: DuckDBInstance;
    connection: DuckDBConnection;
    addresses: ReadonlySet<string>;
    folder: string;
    isUnsafe: boolean;
    scanErrors: unknown[];
    resultBytesMax: number;
    pushdown: Pushdown | null;
    forms: ReadonlyMap<string, string>;
  }) {
    this.#instance = made.instance;
    this.#connection = made.connection;
    this.#addresses = made.addresses;
    this.#folder = made.folder;
    this.#isUnsafe = made.isUnsafe;
    this.#scanErrors = made.scanErrors;
    this.#resultBytesMax = made.resultBytesMax;
    this.#pushdown = made.pushdown;
    this.#forms = made.forms;
  }

  query(sql: string, options: QueryOptions = {}): Promise<Result> {
    const result = this.#tail.then(() => this.#query(sql, options));
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
    // An interrupt between two steps of a query is lost.
    const again = setInterval(() => this.#connection.interrupt(), INTERRUPT_AGAIN_MS);
    await this.#tail;
    clearInterval(again);
    this.#connection.disconnectSync();
    this.#instance.closeSync();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #query(sql: string, { rowsMax }: QueryOptions): Promise<Result> {
    const staging = this.#isUnsafe ? null : stagingFolder(this.#folder);
    const statements = guardSql(sql, staging);
    let answer: Answer | null = null;
    for (const [i, { sql: text, output }] of statements.entries()) {
      const isLast = i === statements.length - 1;
      if (output !== null) mkdirSync(path.dirname(output.staged), { recursive: true });
      answer = await this.#run(text, isLast ? rowsMax : undefined);
      if (output !== null) deliver(output.staged, output.path);
    }
    if (answer === null) {
      throw new BacktrailError('E_SQL', 'found no SQL, expected a statement such as: FROM edges');
    }
    return new QueryResult(answer.result, answer.names, this.#addresses, rowsMax);
  }

  /** One statement of the user's, which DuckDB may have cut into several. */
  async #run(sql: string, rowsMax: number | undefined): Promise<Answer> {
    this.#scanErrors.length = 0;
    try {
      const statements = await this.#connection.extractStatements(sql);
      let answer: Answer | null = null;
      for (let i = 0; i < statements.count; i++) {
        if (this.#isClosed) throw new BacktrailError('E_SQL', 'the database has been closed');
        const prepared = await statements.prepare(i);
        if (!this.#isUnsafe) checkStatementType(prepared.statementType, sql);
        const isQuery = prepared.statementType === StatementType.SELECT;
        if (isQuery && statements.count === 1) return await this.#select(prepared, sql, rowsMax);
        if (!KEEPS_NAMES.has(prepared.statementType)) this.#pushdown = null;
        const isCopy = prepared.statementType === StatementType.COPY && statements.count === 1;
        const copied = isCopy ? await this.#pushedCopy(sql) : null;
        answer = { result: copied ?? (await prepared.run()), names: [] };
      }
      if (answer === null) throw new BacktrailError('E_SQL', 'found no statement');
      return answer;
    } catch (error) {
      throw sqlError(error, this.#scanErrors, sql, this.#forms);
    }
  }

  /**
   * A query with a LIMIT around it: one row more than wanted tells that there are more. DuckDB's
   * own memory limit does not count results, and a trace may have more rows than fit anywhere.
   */
  async #select(
    whole: DuckDBPreparedStatement,
    sql: string,
    rowsMax: number | undefined,
  ): Promise<Answer> {
    const bytes = rowBytes(whole);
    const rowsFit = Math.floor(this.#resultBytesMax / bytes);
    const rowsWanted = Math.min(rowsMax ?? rowsFit, rowsFit);
    let result = await this.#pushed(whole, sql, rowsWanted);
    if (result === null) {
      const limited = await this.#connection
        .prepare(limitedSql(sql, rowsWanted))
        // Some statements that count as queries, of few rows, cannot stand in parentheses.
        .catch(() => whole);
      result = await limited.run();
    }
    if (result.rowCount > rowsFit) {
      throw new BacktrailError(
        'E_SQL',
        `the result has more than ${rowsFit} rows of about ${bytes} bytes, expected at most ` +
          `${this.#resultBytesMax} bytes. Add a LIMIT, or: COPY (…) TO 'file.parquet'`,
      );
    }
    return { result, names: namesOf(whole) };
  }

  #pushed(
    whole: DuckDBPreparedStatement,
    sql: string,
    rowsWanted: number,
  ): Promise<DuckDBMaterializedResult | null> {
    return this.#reading(sql, async (rewritten) => {
      const limited = await this.#connection.prepare(limitedSql(rewritten, rowsWanted));
      return haveSameTypes(limited, whole) ? limited : null;
    });
  }

  /** COPY (query) TO …; the file has the names of the columns, so these must be the same too. */
  async #pushedCopy(sql: string): Promise<DuckDBMaterializedResult | null> {
    const query = copiedQuery(sql);
    if (query === null) return null;
    return await this.#reading(query.sql, async (rewritten) => {
      const before = await this.#connection.prepare(query.sql);
      const after = await this.#connection.prepare(rewritten);
      if (!haveSameTypes(before, after) || !haveSameNames(before, after)) return null;
      return await this.#connection.prepare(query.before + rewritten + query.after);
    });
  }

  /** The answer by less reading (pushdown.ts); null if there is no such way, or it fails. */
  async #reading(
    sql: string,
    prepare: (rewritten: string) => Promise<DuckDBPreparedStatement | null>,
  ): Promise<DuckDBMaterializedResult | null> {
    const pushdown = this.#pushdown;
    if (pushdown === null) return null;
    try {
      const rewritten = await pushdown.rewrite(this.#connection, sql);
      const prepared = rewritten === null ? null : await prepare(rewritten);
      return prepared === null ? null : await prepared.run();
    } catch (error) {
      // Whatever went wrong goes wrong again in the query as it was written, in its own words.
      if (this.#scanErrors.length > 0 || isInterrupt(error)) throw error;
      return null;
    } finally {
      pushdown.forget();
    }
  }
}

/** Statements after which `transfers` and count() mean what they meant before. */
const KEEPS_NAMES: ReadonlySet<StatementType> = new Set([
  StatementType.SELECT,
  StatementType.EXPLAIN,
  StatementType.COPY,
  StatementType.VARIABLE_SET,
]);

function haveSameTypes(a: DuckDBPreparedStatement, b: DuckDBPreparedStatement): boolean {
  if (a.columnCount !== b.columnCount) return false;
  for (let i = 0; i < a.columnCount; i++) {
    if (a.columnType(i).toString() !== b.columnType(i).toString()) return false;
  }
  return true;
}

const namesOf = (statement: DuckDBPreparedStatement): string[] =>
  Array.from({ length: statement.columnCount }, (_none, i) => statement.columnName(i));

const haveSameNames = (a: DuckDBPreparedStatement, b: DuckDBPreparedStatement): boolean =>
  namesOf(a).join('\0') === namesOf(b).join('\0');

const limitedSql = (sql: string, rowsWanted: number): string =>
  `FROM (\n${sql}\n) LIMIT ${rowsWanted + 1}`;

const stagingFolder = (folder: string): string => path.join(folder, 'copy');

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
): {
  readonly scans: readonly Scan[];
  readonly views: readonly string[];
  readonly pushdown: Pushdown;
} {
  const demangler = createDemangler();
  const demangle = (name: string): string => demangler.demangle(name);
  const makeSymbols = () => options.symbols ?? createSymbolizer(trace);
  const context = createTableContext(trace, makeSymbols, demangle);
  const tables = traceTables(() => context);
  const columns = new Columns(trace, context.edgePlaces, TRANSFER_COLUMNS);
  const pushdown = new Pushdown(trace, TRANSFER_COLUMNS, columns);
  return {
    pushdown,
    scans: [
      ...transferScans(trace, TRANSFER_COLUMNS, columns),
      ...pushdown.scans,
      ...tables.map(tableScan),
      ...lastExecutedScans(trace),
      deliveriesScan(trace),
      workScan(context),
      guestNamesScan(trace),
    ],
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
  const { views, scans, pushdown } = traceScans(trace, options);
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: `${threads}`,
      // Made by DuckDB, if it ever needs it.
      temp_directory: folder,
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
    return new TraceDatabase({
      instance,
      connection,
      addresses,
      folder,
      isUnsafe,
      scanErrors,
      resultBytesMax: options.resultBytesMax ?? RESULT_BYTES_MAX,
      pushdown: options.pushdown === false ? null : pushdown,
      forms: new Map(library.map((entry) => [entry.name, entryForm(entry)])),
    });
  } catch (error) {
    throw sqlError(error, scanErrors);
  }
}
