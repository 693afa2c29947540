/**
 * What SQL may do to the world outside the trace: nothing, except to write the file that a COPY
 * names. DuckDB enforces it: file access off but for one private folder, settings locked. Here the
 * SQL is made to fit, and refused with better words than DuckDB has.
 */
import path from 'node:path';
import { BacktrailError } from '@backtrail/recorder/trace';
import { StatementType } from '@duckdb/node-api';
import { type SqlToken, sqlName, sqlStatements, sqlText, sqlTokens } from '../sql-tokens.ts';

/** One statement, ready for DuckDB. */
export interface GuardedStatement {
  readonly sql: string;
  /** The file that a COPY writes: DuckDB writes `staged`, and it moves to `path` when whole. */
  readonly output: { readonly staged: string; readonly path: string } | null;
}

export const REMEDY = 'Only the trace may be read here; --unsafe allows files and settings.';

export const forbidden = (what: string, cause?: unknown): BacktrailError =>
  new BacktrailError('E_SQL_FORBIDDEN', `${what}. ${REMEDY}`, { cause });

/** Statements that cannot leave the memory of the session. COPY is looked at by itself. */
const ALLOWED_TYPES: ReadonlySet<StatementType> = new Set([
  StatementType.SELECT,
  StatementType.EXPLAIN,
  StatementType.CREATE,
  StatementType.CREATE_FUNC,
  StatementType.DROP,
  StatementType.ALTER,
  StatementType.INSERT,
  StatementType.UPDATE,
  StatementType.DELETE,
  StatementType.PREPARE,
  StatementType.EXECUTE,
  StatementType.COPY,
  StatementType.VARIABLE_SET,
]);

/**
 * Functions that DuckDB lets through although they reach for files or change how it works, and that
 * may break it for the rest of the session; and those that run a text as SQL, which may name them.
 */
const FORBIDDEN_CALLS: ReadonlySet<string> = new Set([
  'enable_logging',
  'disable_logging',
  'truncate_duckdb_logs',
  'enable_profiling',
  'disable_profiling',
  'enable_peg_parser',
  'disable_peg_parser',
  'duckdb_secrets',
  'which_secret',
  'query',
  'json_execute_serialized_sql',
]);

const isWord = (token: SqlToken | undefined, word: string): boolean =>
  token?.kind === 'word' && token.source.toLowerCase() === word;

/** @throws BacktrailError E_SQL_FORBIDDEN for a statement that reaches out of the session. */
export function checkStatementType(type: StatementType, sql: string): void {
  if (ALLOWED_TYPES.has(type)) return;
  const words = sqlTokens(sql).filter((token) => token.kind !== 'comment');
  const isSetting = isWord(words[0], 'set') || isWord(words[0], 'reset');
  if (isSetting && isWord(words[1], 'variable')) return;
  throw forbidden(`${(sqlName(words[0]) ?? 'this statement').toUpperCase()} is not allowed`);
}

/** The file of a COPY … TO 'file': the text after the last TO outside parentheses. */
function copyTarget(tokens: readonly SqlToken[]): SqlToken | null {
  let depth = 0;
  let target: SqlToken | null = null;
  tokens.forEach((token, i) => {
    if (token.kind === 'mark' && token.source === '(') depth++;
    if (token.kind === 'mark' && token.source === ')') depth--;
    if (depth > 0 || !isWord(token, 'to')) return;
    const next = tokens[i + 1];
    if (next?.kind === 'text' && next.source.startsWith("'")) target = next;
  });
  return target;
}

/** The query of `COPY (query) TO …` and the text around it; null for any other statement. */
export function copiedQuery(
  sql: string,
): { readonly before: string; readonly sql: string; readonly after: string } | null {
  const tokens = sqlTokens(sql).filter((token) => token.kind !== 'comment');
  const open = tokens[1];
  if (!isWord(tokens[0], 'copy') || open?.kind !== 'mark' || open.source !== '(') return null;
  let depth = 0;
  for (const token of tokens.slice(1)) {
    if (token.kind !== 'mark') continue;
    if (token.source === '(') depth++;
    if (token.source !== ')' || --depth > 0) continue;
    const start = open.at + 1;
    return {
      before: sql.slice(0, start),
      sql: sql.slice(start, token.at),
      after: sql.slice(token.at),
    };
  }
  return null;
}

export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * SQL knows no 0x…, everybody here writes it: 0x401000 becomes 4198400. Comments go, so that one
 * that ends the text cannot swallow what is put behind it.
 */
function rewrite(sql: string, tokens: readonly SqlToken[], changes: Map<SqlToken, string>): string {
  let out = '';
  let at = tokens[0]?.at ?? 0;
  for (const token of tokens) {
    out += sql.slice(at, token.at);
    at = token.at + token.source.length;
    const isHex = token.kind === 'number' && /^0x/i.test(token.source);
    if (token.kind === 'comment') out += ' ';
    else if (isHex) out += `${BigInt(token.source)}`;
    else out += changes.get(token) ?? token.source;
  }
  return out;
}

/** `report.csv` of a COPY as a whole path. @throws BacktrailError E_SQL_FORBIDDEN for a URL. */
function outputPath(text: string): string {
  const name = text.slice(1, -1).replaceAll("''", "'");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) throw forbidden(`COPY to ${name} is not allowed`);
  return path.resolve(name);
}

/** @throws BacktrailError E_SQL_FORBIDDEN */
function checkCalls(tokens: readonly SqlToken[]): void {
  tokens.forEach((token, i) => {
    const name = sqlName(token)?.toLowerCase();
    const next = tokens[i + 1];
    const isCall = next?.kind === 'mark' && next.source === '(';
    if (isCall && name !== undefined && FORBIDDEN_CALLS.has(name)) {
      throw forbidden(`${name}() is not allowed`);
    }
  });
}

/**
 * Cuts `sql` into statements and sends the files of COPY through `stagingFolder`; null leaves COPY
 * and all else alone (`--unsafe`).
 * @throws BacktrailError E_SQL_FORBIDDEN
 */
export function guardSql(sql: string, stagingFolder: string | null): GuardedStatement[] {
  return sqlStatements(sqlTokens(sql)).map((withComments, index) => {
    const tokens = withComments.filter((token) => token.kind !== 'comment');
    if (stagingFolder === null) {
      return { sql: rewrite(sql, withComments, new Map()), output: null };
    }
    checkCalls(tokens);
    // CREATE OR REPLACE PERSISTENT SECRET: kept in the user's home, outside DuckDB's own locks.
    const verb = ['create', 'drop'].find((word) => isWord(tokens[0], word));
    if (verb !== undefined && tokens.slice(1, 5).some((one) => isWord(one, 'secret'))) {
      throw forbidden(`${verb.toUpperCase()} SECRET is not allowed`);
    }
    if (!isWord(tokens[0], 'copy')) {
      return { sql: rewrite(sql, withComments, new Map()), output: null };
    }
    const target = copyTarget(tokens);
    if (target === null) {
      throw forbidden(`found ${sqlText(sql, tokens).slice(0, 40)}…, expected COPY … TO 'file'`);
    }
    const output = outputPath(target.source);
    // The name decides the format where none is given.
    const staged = path.join(stagingFolder, `${index}-${path.basename(output)}`);
    const changes = new Map([[target, quoteText(staged)]]);
    return { sql: rewrite(sql, withComments, changes), output: { staged, path: output } };
  });
}
