/**
 * SQL as tokens, the way DuckDB's own lexer cuts them: enough to find statements, words, texts and
 * comments. Whatever is misread here is still checked by DuckDB, which runs with its doors locked.
 */
export type SqlTokenKind = 'word' | 'name' | 'text' | 'number' | 'mark' | 'comment';

export interface SqlToken {
  /** `name` is a quoted identifier, `mark` one character of punctuation. */
  readonly kind: SqlTokenKind;
  /** As written, with quotes. */
  readonly source: string;
  /** Index of its first character. */
  readonly at: number;
}

const PATTERNS: readonly (readonly [SqlTokenKind, RegExp])[] = [
  ['comment', /--[^\n]*/y],
  ['text', /[eE]'(?:\\[\s\S]|''|[^'\\])*'?/y],
  ['text', /'(?:''|[^'])*'?/y],
  ['name', /"(?:""|[^"])*"?/y],
  ['text', /\$([\p{L}_][\p{L}\p{N}_]*)?\$[\s\S]*?(?:\$\1\$|$)/uy],
  ['number', /0[xX][0-9a-fA-F]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?/y],
  ['word', /[\p{L}_][\p{L}\p{N}_$]*/uy],
];
const SPACE = /\s+/y;

/** Length of a block comment at `at`; they nest. */
function blockComment(sql: string, at: number): number {
  let depth = 0;
  let i = at;
  while (i < sql.length) {
    if (sql.startsWith('/*', i)) {
      depth++;
      i += 2;
    } else if (sql.startsWith('*/', i)) {
      depth--;
      i += 2;
      if (depth === 0) break;
    } else i++;
  }
  return i - at;
}

function match(pattern: RegExp, sql: string, at: number): string | null {
  const sticky = new RegExp(pattern);
  sticky.lastIndex = at;
  return sticky.exec(sql)?.[0] ?? null;
}

/** Every token in order; white space lies between them. */
export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  const push = (kind: SqlTokenKind, source: string): void => {
    tokens.push({ kind, source, at });
    at += source.length;
  };
  while (at < sql.length) {
    const space = match(SPACE, sql, at);
    if (space !== null) {
      at += space.length;
      continue;
    }
    if (sql.startsWith('/*', at)) {
      push('comment', sql.slice(at, at + blockComment(sql, at)));
      continue;
    }
    let found = false;
    for (const [kind, pattern] of PATTERNS) {
      const source = match(pattern, sql, at);
      if (source === null) continue;
      push(kind, source);
      found = true;
      break;
    }
    if (!found) push('mark', String.fromCodePoint(sql.codePointAt(at) ?? 0));
  }
  return tokens;
}

/** The tokens of each statement, without the semicolons and without empty statements. */
export function sqlStatements(tokens: readonly SqlToken[]): SqlToken[][] {
  const statements: SqlToken[][] = [[]];
  for (const token of tokens) {
    if (token.kind === 'mark' && token.source === ';') statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements.filter((list) => list.some(({ kind }) => kind !== 'comment'));
}

/** The text from the first to the last token, comments in between included. */
export function sqlText(sql: string, tokens: readonly SqlToken[]): string {
  const first = tokens.at(0);
  const last = tokens.at(-1);
  if (first === undefined || last === undefined) return '';
  return sql.slice(first.at, last.at + last.source.length);
}

/** `name`, or `"odd name"`, as it is without quotes; null for other tokens. */
export function sqlName(token: SqlToken | undefined): string | null {
  if (token?.kind === 'word') return token.source;
  if (token?.kind === 'name') return token.source.slice(1, -1).replaceAll('""', '"');
  return null;
}
