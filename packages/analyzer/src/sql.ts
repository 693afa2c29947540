/**
 * The library of views and macros in sql/: one file a topic, every entry with its sentence.
 *
 *   -- The edges taken most often, the hottest first.        sentences about the entry
 *   -- @argument symbol Name of the function.                macros only, one a parameter
 *   -- @column edge Row number of edges.                     one a column of the result
 *   -- @address target Where control went.                   the same for one that holds addresses
 *   CREATE VIEW hot_edges AS …;
 *
 * What stands in a file before its first entry, ended by an empty line, is about the topic. Names
 * that begin with an underscore are for the library itself and need no sentence.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { BacktrailError } from '@backtrail/recorder/trace';
import { type SqlToken, sqlName, sqlStatements, sqlText, sqlTokens } from './sql-tokens.ts';

export interface LibraryField {
  readonly name: string;
  readonly says: string;
  readonly isAddress: boolean;
}

export interface LibraryEntry {
  readonly name: string;
  /** `macro` is a value, `table macro` is read from, as a view is. */
  readonly kind: 'view' | 'macro' | 'table macro';
  readonly says: string;
  readonly parameters: readonly LibraryField[];
  readonly columns: readonly LibraryField[];
  /** The statement that creates it. */
  readonly sql: string;
}

export interface LibraryTopic {
  /** Name of the file without `.sql`. */
  readonly name: string;
  readonly says: string;
  readonly entries: readonly LibraryEntry[];
}

/** As it is written in a query: `name`, or `name(argument, …)`. */
export const entryForm = ({ name, kind, parameters }: LibraryEntry): string =>
  kind === 'view' ? name : `${name}(${parameters.map((one) => one.name).join(', ')})`;

/** Beside this file in src; from dist, next door. Only src has the .sql files. */
const FOLDER = new URL('../src/sql/', import.meta.url);

const FIELD = /^@(argument|column|address) (\w+) (.+)$/;

const isWord = (token: SqlToken | undefined, word: string): boolean =>
  token?.kind === 'word' && token.source.toUpperCase() === word;

interface Comment {
  readonly says: string;
  readonly parameters: readonly LibraryField[];
  readonly columns: readonly LibraryField[];
}

/** Lines of comment; a line indented by more than one space goes on with the one above. */
function readComment(comments: readonly SqlToken[]): Comment {
  const lines: string[] = [];
  for (const { source } of comments) {
    const text = source.replace(/^-- ?/, '');
    if (/^\s/.test(text) && lines.length > 0) lines.push(`${lines.pop()} ${text.trim()}`);
    else lines.push(text.trim());
  }
  const fields = lines.flatMap((line) => {
    const [, tag, name = '', says = ''] = FIELD.exec(line) ?? [];
    return tag === undefined ? [] : [{ tag, name, says }];
  });
  const field = ({ tag, name, says }: (typeof fields)[number]): LibraryField => ({
    name,
    says,
    isAddress: tag === 'address',
  });
  return {
    says: lines.filter((line) => !line.startsWith('@')).join(' '),
    parameters: fields.filter(({ tag }) => tag === 'argument').map(field),
    columns: fields.filter(({ tag }) => tag !== 'argument').map(field),
  };
}

function readEntry(sql: string, statement: readonly SqlToken[], path: string): LibraryEntry {
  const comments = statement.filter(({ kind }) => kind === 'comment');
  const start = statement.findIndex(({ kind }) => kind !== 'comment');
  const tokens = statement.slice(start).filter(({ kind }) => kind !== 'comment');
  const name = sqlName(tokens[2]);
  const isView = isWord(tokens[1], 'VIEW');
  if (!isWord(tokens[0], 'CREATE') || !(isView || isWord(tokens[1], 'MACRO')) || name === null) {
    const found = sqlText(sql, tokens).slice(0, 40);
    throw new BacktrailError(
      'E_INTERNAL',
      `${path}: found ${found}, expected CREATE VIEW or CREATE MACRO`,
    );
  }
  const as = tokens.findIndex((token) => isWord(token, 'AS'));
  const kind = isView ? 'view' : isWord(tokens[as + 1], 'TABLE') ? 'table macro' : 'macro';
  const before = comments.filter(({ at }) => at < (tokens[0]?.at ?? 0));
  return { name, kind, ...readComment(before), sql: sqlText(sql, statement.slice(start)) };
}

/** One file of the library. @param path names it in error messages. */
export function parseLibrary(sql: string, path: string): Omit<LibraryTopic, 'name'> {
  const [, intro = '', rest = ''] = /^((?:--[^\n]*\n)*)\n([\s\S]*)$/.exec(sql) ?? [];
  if (intro === '') {
    throw new BacktrailError(
      'E_INTERNAL',
      `${path}: found no comment and empty line at the top, expected what the file is about`,
    );
  }
  const statements = sqlStatements(sqlTokens(rest));
  return {
    says: readComment(sqlTokens(intro)).says,
    entries: statements.map((statement) => readEntry(rest, statement, path)),
  };
}

/** Every topic, in the order in which their entries can be created: by name of the file. */
export function loadLibrary(): LibraryTopic[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.sql'));
  return files.sort().map((file) => {
    const sql = readFileSync(new URL(file, FOLDER), 'utf8');
    return { name: file.replace(/\.sql$/, ''), ...parseLibrary(sql, `sql/${file}`) };
  });
}
