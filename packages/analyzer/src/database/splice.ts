/**
 * Replaces parts of a query's text at the places that DuckDB's parse names. A place where the text
 * is not what the parse says is refused: nothing is replaced on a guess.
 */
import { type SqlToken, sqlName, sqlTokens } from '../sql-tokens.ts';
import { type AstNode, textOf } from './ast.ts';

/** Stands for the call of a table function until that is known. */
const CALL = '$';

/** Bytes of the text, and what comes there; CALL stands for the call of a table function. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The text as UTF-8, as DuckDB counts its places, and its tokens. */
export class SourceText {
  readonly #tokens = new Map<number, number>();
  readonly #list: readonly SqlToken[];
  readonly #ends: number[] = [];
  readonly #starts: number[] = [];

  readonly #sql: string;

  constructor(sql: string) {
    this.#sql = sql;
    this.#list = sqlTokens(sql).filter(({ kind }) => kind !== 'comment');
    this.#list.forEach((token, i) => {
      const start = Buffer.byteLength(sql.slice(0, token.at));
      this.#tokens.set(start, i);
      this.#starts.push(start);
      this.#ends.push(start + Buffer.byteLength(token.source));
    });
  }

  indexAt(location: unknown): number {
    return typeof location === 'number' ? (this.#tokens.get(location) ?? -1) : -1;
  }

  token(index: number): SqlToken | undefined {
    return this.#list[index];
  }

  isMark(index: number, mark: string): boolean {
    const token = this.#list[index];
    return token?.kind === 'mark' && token.source === mark;
  }

  start = (index: number): number => this.#starts[index] ?? 0;
  end = (index: number): number => this.#ends[index] ?? 0;

  /** Text of some tokens, the last one included. */
  between(first: number, last: number): string {
    const from = this.#list[first]?.at ?? 0;
    const to = this.#list[last];
    return this.#sql.slice(from, to === undefined ? from : to.at + to.source.length);
  }

  /** Index of the parenthesis that closes the one at `open`; -1 if none does. */
  closing(open: number): number {
    let depth = 0;
    for (let i = open; i < this.#list.length; i++) {
      if (this.isMark(i, '(')) depth++;
      if (this.isMark(i, ')') && --depth === 0) return i;
    }
    return -1;
  }
}

/** `count(*)`, with its FILTER if there is one; null if the text is not what the parse says. */
export function countReplacement(text: SourceText, location: unknown): Replacement | null {
  const first = text.indexAt(location);
  if (sqlName(text.token(first))?.toLowerCase() !== 'count') return null;
  if (!text.isMark(first + 1, '(')) return null;
  let last = text.closing(first + 1);
  const isBare = last === first + 2 || (last === first + 3 && text.isMark(first + 2, '*'));
  if (!isBare) return null;
  let filter = '';
  if (sqlName(text.token(last + 1))?.toLowerCase() === 'filter' && text.isMark(last + 2, '(')) {
    const end = text.closing(last + 2);
    if (end < 0) return null;
    filter = ` ${text.between(last + 1, end)}`;
    last = end;
  }
  return {
    start: text.start(first),
    end: text.end(last),
    text: `CAST(coalesce(sum(_count)${filter}, 0) AS BIGINT)`,
  };
}

/** The name of a table, by itself. */
export function tableReplacement(
  text: SourceText,
  table: AstNode,
  name: string,
): Replacement | null {
  const at = text.indexAt(table['query_location']);
  if (sqlName(text.token(at))?.toLowerCase() !== name) return null;
  // Only a name by itself: memory.main.transfers stays.
  if (text.isMark(at - 1, '.') || text.isMark(at + 1, '.')) return null;
  const alias = textOf(table['alias']) === '' ? ` AS ${name}` : '';
  return { start: text.start(at), end: text.end(at), text: `${CALL}${alias}` };
}

/** One mention of a table, and the table function that is called instead. */
export interface Mention {
  readonly replacements: readonly Replacement[];
  readonly call: string;
}

/** The text with each mention read by a call of a table function. */
export function spliced(sql: string, mentions: readonly Mention[]): string {
  const bytes = Buffer.from(sql);
  const all = mentions.flatMap(({ replacements, call }) =>
    replacements.map((one) => ({ ...one, text: one.text.replace(CALL, () => call) })),
  );
  let out = '';
  let at = 0;
  for (const { start, end, text } of all.sort((a, b) => a.start - b.start)) {
    out += bytes.toString('utf8', at, start) + text;
    at = end;
  }
  return out + bytes.toString('utf8', at);
}
