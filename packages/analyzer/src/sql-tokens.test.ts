import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sqlName, sqlStatements, sqlText, sqlTokens } from './sql-tokens.ts';

const kinds = (sql: string): string[] =>
  sqlTokens(sql).map(({ kind, source }) => `${kind} ${source}`);

describe('SQL tokens', () => {
  test('quotes, comments and numbers are cut as DuckDB cuts them', () => {
    expect(kinds(`SELECT 'it''s; --', "a""b", e'\\'' -- c`)).toEqual([
      'word SELECT',
      "text 'it''s; --'",
      'mark ,',
      'name "a""b"',
      'mark ,',
      "text e'\\''",
      'comment -- c',
    ]);
    expect(kinds('1.5e3+0xFf/* a /* b */ c */x')).toEqual([
      'number 1.5e3',
      'mark +',
      'number 0xFf',
      'comment /* a /* b */ c */',
      'word x',
    ]);
    expect(kinds('$$;$$ $a$ $b$ ; $a$ x0x1')).toEqual([
      'text $$;$$',
      'text $a$ $b$ ; $a$',
      'word x0x1',
    ]);
  });

  test('what is never closed goes to the end', () => {
    expect(kinds("x 'ab")).toEqual(['word x', "text 'ab"]);
    expect(kinds('x /* ab')).toEqual(['word x', 'comment /* ab']);
    expect(kinds('x $a$ b')).toEqual(['word x', 'text $a$ b']);
  });

  test('statements end at semicolons outside quotes; empty ones are left out', () => {
    const sql = "; a ';' ; -- only a comment\n ; b";
    expect(sqlStatements(sqlTokens(sql)).map((tokens) => sqlText(sql, tokens))).toEqual([
      "a ';'",
      '-- only a comment\n ; b'.slice('-- only a comment\n ; '.length),
    ]);
  });

  test('names lose their quotes', () => {
    expect(sqlTokens('"a""b" c \'d\'').map(sqlName)).toEqual(['a"b', 'c', null]);
  });

  test('any text is cut without loss and without standing still', () => {
    const pieces = fc.constantFrom(
      "'",
      '"',
      '$',
      '$a$',
      '--',
      '\n',
      '/*',
      '*/',
      ';',
      '0x1',
      'é',
      '\\',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string())), (list) => {
        const sql = list.join('');
        const tokens = sqlTokens(sql);
        let rest = sql;
        for (const { source, at } of tokens.toReversed()) {
          expect(sql.slice(at, at + source.length)).toBe(source);
          rest = rest.slice(0, at) + rest.slice(at + source.length);
        }
        expect(rest.trim()).toBe('');
      }),
    );
  });
});
