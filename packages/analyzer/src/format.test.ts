import { describe, expect, test } from 'vitest';
import type { Result, SqlValue } from './database.ts';
import { distinctNames, formatCsv, formatJson, formatTable } from './format.ts';

/** A result of two chunks. */
function result(
  columns: readonly (readonly [name: string, type: string, isAddress?: boolean])[],
  rows: readonly (readonly SqlValue[])[],
): Result {
  const cut = Math.ceil(rows.length / 2);
  return {
    columns: columns.map(([name, type, isAddress]) => ({
      name,
      type,
      isAddress: isAddress ?? false,
    })),
    rowCount: rows.length,
    isCut: false,
    *chunks() {
      for (const part of [rows.slice(0, cut), rows.slice(cut)]) {
        yield {
          rowCount: part.length,
          columns: columns.map((_column, i) => part.map((row) => row[i] ?? null)),
        };
      }
    },
    rows: () => rows.map((row) => [...row]),
  };
}

const SOME = result(
  [
    ['seq', 'UBIGINT'],
    ['target', 'UBIGINT', true],
    ['symbol', 'VARCHAR'],
    ['code', 'BLOB'],
  ],
  [
    [7n, 0xffff_ffff_8000_0000n, 'operator,(a, "b")', Uint8Array.of(0, 255)],
    [12_345n, 0x10n, '', null],
    [null, null, 'tab\there\x1b[31m', Uint8Array.of()],
  ],
);
const text = (pieces: Iterable<string>): string => [...pieces].join('');

describe('formats', () => {
  test('table: numbers to the right, addresses in hex, nothing steers the terminal', () => {
    expect(text(formatTable(SOME))).toBe(
      [
        '  seq  target              symbol             code',
        '─────  ──────────────────  ─────────────────  ────',
        '    7  0xffffffff80000000  operator,(a, "b")  00ff',
        '12345  0x10                                   null',
        ' null  null                tab\\there\\x1b[31m',
        '',
      ].join('\n'),
    );
  });

  test('table: what is left out is told', () => {
    const lines = text(formatTable(SOME, { rowsMax: 1, cellWidthMax: 6 })).split('\n');
    expect(lines.slice(2)).toEqual(['  7  0xfff…  opera…  00ff', '… 3 rows in all, 1 shown', '']);
  });

  const WIDE = result(
    [
      ['count', 'UBIGINT'],
      ['name', 'VARCHAR'],
      ['place', 'VARCHAR'],
      ['target', 'UBIGINT', true],
    ],
    [
      [1n, 'a'.repeat(30), 'b'.repeat(20), 0x1234_5678n],
      [2n, 'é', 'c', 0n],
    ],
  );

  test('table: texts are shortened to the screen, then columns are left out and named', () => {
    const at = (lineWidthMax: number) => text(formatTable(WIDE, { lineWidthMax })).split('\n');
    expect(at(100)[2]).toBe(`    1  ${'a'.repeat(30)}  ${'b'.repeat(20)}  0x12345678`);
    expect(at(60)[2]).toBe(`    1  ${'a'.repeat(18)}…  ${'b'.repeat(20)}  0x12345678`);
    expect(at(60)[3]).toBe(`    2  é${' '.repeat(20)}c${' '.repeat(21)}0x0`);
    expect(at(50).slice(2)).toEqual([
      `    1  ${'a'.repeat(15)}…  ${'b'.repeat(15)}…`,
      `    2  é${' '.repeat(17)}c`,
      '… not shown, too wide: target',
      '',
    ]);
    for (const width of [10, 33, 45, 64, 75]) {
      for (const line of at(width).slice(0, 4)) expect(line.length).toBeLessThanOrEqual(width);
    }
  });

  test('table: a fraction is rounded on a screen, not in a file', () => {
    const share = result(
      [['share', 'DOUBLE']],
      [[2 / 3], [1e-9 / 3], [0.5], [Number.NaN], [1_234_567.8]],
    );
    const screen = text(formatTable(share, { lineWidthMax: 80 })).split('\n');
    expect(screen.slice(2, 7).map((line) => line.trim())).toEqual([
      '0.666667',
      '3.33333e-10',
      '0.5',
      'NaN',
      '1234568',
    ]);
    expect(text(formatTable(share))).toContain('0.6666666666666666');
    expect(text(formatCsv(share))).toContain('0.6666666666666666');
  });

  test('table: a single row that is too wide is a list', () => {
    const one = result(
      [
        ['count', 'UBIGINT'],
        ['name', 'VARCHAR'],
      ],
      [[1n, 'a'.repeat(30)]],
    );
    expect(text(formatTable(one, { lineWidthMax: 20 }))).toBe(
      `count  1\nname   ${'a'.repeat(12)}…\n`,
    );
  });

  test('table: that there are more is told', () => {
    expect(
      text(formatTable({ ...SOME, isCut: true }))
        .split('\n')
        .at(-2),
    ).toBe('… more than 3 rows; LIMIT, or a file, takes as many as you want');
  });

  test('table: EXPLAIN keeps its drawing, no columns give nothing', () => {
    const explain = result(
      [
        ['explain_key', 'VARCHAR'],
        ['explain_value', 'VARCHAR'],
      ],
      [['p', '┌─┐\n└─┘']],
    );
    expect(text(formatTable(explain))).toBe('┌─┐\n└─┘\n');
    expect(text(formatTable(result([], [])))).toBe('');
    expect(text(formatCsv(result([], [])))).toBe('');
  });

  test('csv: quotes where needed, null and empty differ', () => {
    expect(text(formatCsv(SOME))).toBe(
      [
        'seq,target,symbol,code',
        '7,0xffffffff80000000,"operator,(a, ""b"")",00ff',
        '12345,0x10,"",',
        ',,tab\there\x1b[31m,""',
        '',
      ].join('\n'),
    );
  });

  test('json: one object a line, readable by JSON.parse', () => {
    expect(JSON.parse(text(formatJson(SOME)))).toEqual([
      { seq: 7, target: '0xffffffff80000000', symbol: 'operator,(a, "b")', code: '00ff' },
      { seq: 12_345, target: '0x10', symbol: '', code: null },
      { seq: null, target: null, symbol: 'tab\there\x1b[31m', code: '' },
    ]);
    expect(text(formatJson(SOME)).split('\n')).toHaveLength(6);
    expect(JSON.parse(text(formatJson(result([['a', 'INTEGER']], []))))).toEqual([]);
    const odd = result(
      [
        ['a', 'DOUBLE'],
        ['a', 'HUGEINT'],
        ['l', 'UBIGINT[]'],
      ],
      [[Number.NaN, 2n ** 70n, [1n, { x: null }]]],
    );
    expect(text(formatJson(odd))).toBe(
      '[\n{"a":null,"a_1":1180591620717411303424,"l":[1,{"x":null}]}\n]\n',
    );
  });

  test('names that repeat are told apart', () => {
    const names = ['a', 'a', 'a_1', 'a'].map((name) => ({ name, type: '', isAddress: false }));
    expect(distinctNames(names)).toEqual(['a', 'a_1', 'a_1_1', 'a_2']);
  });

  test('many rows come in few pieces', () => {
    const many = result(
      [['i', 'INTEGER']],
      Array.from({ length: 3000 }, (_none, i) => [i]),
    );
    expect([...formatCsv(many)].length).toBeLessThan(6);
    expect(text(formatCsv(many)).split('\n')).toHaveLength(3002);
  });
});
