/** One query, or the prompt: where SQL comes from, in which form the result goes where. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { formatArrow, formatCsv, formatJson, formatTable } from '@backtrail/analyzer';
import { type Database, openDatabase, type Result } from '@backtrail/analyzer/database';
import { BacktrailError, openTrace, type Trace } from '@backtrail/recorder/trace';
import type { Io } from './io.ts';
import { runPrompt } from './prompt.ts';
import { fileSink, type ResultSink } from './result-file.ts';
import { rowsText, screenRows, tableText } from './result-text.ts';
import { lastStatement, statementsOf } from './sql-text.ts';
import { printable, printableLines, shellWords } from './text.ts';

export interface QueryOptions {
  readonly directory: string;
  /** `-` for stdin; null: stdin, or the prompt on a terminal. */
  readonly sql: string | null;
  readonly format: string | null;
  readonly output: string | null;
  readonly isUnsafe: boolean;
}

type Format = 'table' | 'json' | 'csv' | 'arrow' | 'parquet';

const BY_EXTENSION: Readonly<Record<string, Format>> = {
  '.json': 'json',
  '.csv': 'csv',
  '.arrow': 'arrow',
  '.parquet': 'parquet',
  '.txt': 'table',
};
const FORMATS: readonly Format[] = ['table', 'json', 'csv', 'arrow', 'parquet'];
const COPY_BYTES = 1 << 20;
/** How a statement begins that has rows to show, rather than something to do. */
const HAS_ROWS =
  /^(?:from|select|with|values|describe|show|summarize|table|pivot|unpivot|explain)\b|^\(/i;

function formatOf({ format, output }: QueryOptions): Format {
  const named = FORMATS.find((one) => one === format);
  if (named !== undefined) return named;
  if (output === null || !extname(output)) return 'table';
  const found = BY_EXTENSION[extname(output).toLowerCase()];
  if (found !== undefined) return found;
  throw new BacktrailError(
    'E_FORMAT',
    `-o: found ${output}, expected a name that ends in ${Object.keys(BY_EXTENSION).join(', ')}. ` +
      'Or say how with --format.',
  );
}

function* pieces(
  result: Result,
  format: Exclude<Format, 'parquet'>,
): Generator<string | Uint8Array> {
  switch (format) {
    case 'table':
      yield* formatTable(result, { rowsMax: Number.MAX_SAFE_INTEGER, cellWidthMax: 1 << 20 });
      return;
    case 'json':
      yield* formatJson(result);
      return;
    case 'csv':
      yield* formatCsv(result);
      return;
    case 'arrow':
      yield formatArrow(result);
  }
}

/** DuckDB writes Parquet to files only: one of our own, then to where it is wanted. */
async function* parquetPieces(database: Database, sql: string): AsyncGenerator<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'backtrail-query-'));
  try {
    const path = join(folder, 'result.parquet');
    const { before, last } = lastStatement(sql);
    if (before !== '') await database.query(before);
    // The line break ends a comment within the statement.
    await database.query(`COPY (${last}\n) TO '${path.replaceAll("'", "''")}' (FORMAT parquet)`);
    const file = openSync(path, 'r');
    try {
      for (;;) {
        const buffer = Buffer.alloc(COPY_BYTES);
        const bytes = readSync(file, buffer);
        if (bytes === 0) return;
        yield buffer.subarray(0, bytes);
      }
    } finally {
      closeSync(file);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeAll(
  data: Iterable<string | Uint8Array> | AsyncIterable<Uint8Array>,
  sink: ResultSink,
): Promise<void> {
  try {
    for await (const piece of data) {
      sink.write(piece);
      await sink.drained?.();
    }
  } catch (error) {
    sink.abandon();
    throw error;
  }
  sink.finish();
}

/** Bytes would garble a screen. */
function refuseScreen(format: Format, options: QueryOptions, io: Io): void {
  if (options.output !== null || !io.out.isTerminal) return;
  if (format !== 'arrow' && format !== 'parquet') return;
  throw new BacktrailError(
    'E_FORMAT',
    `--format ${format}: found a terminal, expected a file or a pipe. Add -o FILE.${format}`,
  );
}

async function runOne(
  database: Database,
  sql: string,
  options: QueryOptions,
  io: Io,
): Promise<void> {
  const format = formatOf(options);
  const sink = (): ResultSink =>
    options.output === null
      ? {
          // CSV and JSON are the values as they are; a screen gets them harmless.
          write: (data) =>
            io.out.write(
              io.out.isTerminal && typeof data === 'string' ? printableLines(data) : data,
            ),
          drained: async () => await io.out.drained?.(),
          finish: () => {},
          abandon: () => {},
        }
      : fileSink(options.output);
  if (format === 'parquet') {
    await writeAll(parquetPieces(database, sql), sink());
    return;
  }
  const asTable = format === 'table' && options.output === null;
  const statements = asTable ? statementsOf(sql) : [];
  // Files and other forms have one result: that of the last.
  let isFirst = true;
  for (const one of statements.length > 1 ? statements : [sql]) {
    const result = await database.query(one, asTable ? screenRows(io.out) : {});
    if (statements.length > 1 && !HAS_ROWS.test(one)) continue;
    if (!isFirst) io.out.write('\n');
    isFirst = false;
    await writeAll(asTable ? tableText(result, io.out) : pieces(result, format), sink());
    if (format === 'table' && io.err.isTerminal) {
      io.err.write(`${io.err.paint('dim', rowsText(result))}\n`);
    }
  }
}

/** What a partial trace lacks is told: a count over it is not the whole count. */
function tellPartial(trace: Trace, io: Io): void {
  if (trace.state !== 'partial') return;
  const path = shellWords([trace.directory]);
  io.err.write(
    `backtrail: ${printable(trace.directory)}: partial trace, answers cover what can be read. ` +
      `Once its recording is over: backtrail recover ${path}\n`,
  );
}

export async function runQuery(options: QueryOptions, io: Io): Promise<number> {
  refuseScreen(formatOf(options), options, io);
  const trace = openTrace(options.directory);
  const isPrompt = options.sql === null && io.in.isTerminal;
  const sql =
    options.sql === null || options.sql === '-'
      ? isPrompt
        ? ''
        : await text(io.in.stream)
      : options.sql;
  tellPartial(trace, io);
  const database = await openDatabase(trace, { unsafe: options.isUnsafe });
  try {
    if (isPrompt) {
      await runPrompt({ database, io, show: (result) => tableText(result, io.out) }, trace);
    } else await runOne(database, sql, options, io);
  } finally {
    await database.close();
  }
  return 0;
}
