import { tableFromIPC } from 'apache-arrow';
import polars from 'nodejs-polars';
import { describe, expect, test } from 'vitest';
import { type ResultColumnSchema, writeResultArrow } from './result.ts';

const SCHEMA: readonly ResultColumnSchema[] = [
  { name: 'b', type: 'bool' },
  { name: 'i', type: 'i64' },
  { name: 'u', type: 'u64' },
  { name: 'f', type: 'f64' },
  { name: 't', type: 'utf8' },
  { name: 'x', type: 'binary' },
];
const ROWS = [
  [true, -1n, 0xffff_ffff_ffff_ffffn, 0.5, 'näme', Uint8Array.of(0, 255)],
  [null, null, null, null, null, null],
  [false, 7, 7, -2, '', new Uint8Array()],
];
const byColumn = (rows: typeof ROWS) =>
  SCHEMA.map((_column, i) => rows.map((row) => row[i] ?? null));

describe('result as Arrow', () => {
  const bytes = writeResultArrow(SCHEMA, [
    { rows: 2, columns: byColumn(ROWS.slice(0, 2)) },
    { rows: 1, columns: byColumn(ROWS.slice(2)) },
  ]);

  test('apache-arrow reads every value back, batch by batch', () => {
    const table = tableFromIPC(bytes);
    expect(table.batches.map((batch) => batch.numRows)).toEqual([2, 1]);
    const read = Array.from({ length: 3 }, (_none, row) =>
      SCHEMA.map((_column, i): unknown => table.getChildAt(i)?.get(row)),
    );
    expect(read).toEqual([ROWS[0], ROWS[1], [false, 7n, 7n, -2, '', new Uint8Array()]]);
  });

  test('an independent reader agrees', () => {
    const frame = polars.readIPC(Buffer.from(bytes));
    expect(frame.columns).toEqual(SCHEMA.map(({ name }) => name));
    expect(frame.height).toBe(3);
    expect(frame.getColumn('t').toArray()).toEqual(['näme', null, '']);
    expect(frame.getColumn('u').toArray().at(0)).toBe(0xffff_ffff_ffff_ffffn);
  });

  test('no rows still have their columns', () => {
    const table = tableFromIPC(writeResultArrow(SCHEMA, []));
    expect(table.numRows).toBe(0);
    expect(table.schema.names).toEqual(SCHEMA.map(({ name }) => name));
  });

  test('a batch with a column missing is refused', () => {
    expect(() => writeResultArrow(SCHEMA, [{ rows: 0, columns: [] }])).toThrow(
      'found 0 columns, expected 6',
    );
  });
});
