import { formatArrow } from '@backtrail/analyzer';
import type { Result, SqlValue } from '@backtrail/analyzer/database';
import polars from 'nodejs-polars';
import { expect, test } from 'vitest';

const COLUMNS = ['UBIGINT', 'HUGEINT', 'HUGEINT', 'ENUM', 'INTEGER[]', 'BOOLEAN'];
const ROWS: readonly (readonly SqlValue[])[] = [
  [0xffff_ffff_ffff_ffffn, 5n, 5n, 'jump', [1, 2], true],
  [null, null, 2n ** 70n, null, null, null],
];

test('a result as Arrow: types that fit, text for the rest', () => {
  const result: Result = {
    // All of one name, which Arrow would allow but few readers.
    columns: COLUMNS.map((type) => ({ name: 'c', type, isAddress: false })),
    rowCount: 2,
    isCut: false,
    *chunks() {
      yield { rowCount: 2, columns: COLUMNS.map((_type, i) => ROWS.map((row) => row[i] ?? null)) };
    },
    rows: () => ROWS.map((row) => [...row]),
  };
  const frame = polars.readIPC(Buffer.from(formatArrow(result)));
  expect(frame.columns).toEqual(['c', 'c_1', 'c_2', 'c_3', 'c_4', 'c_5']);
  const types = ['UInt64', 'Int64', 'String', 'String', 'String', 'Bool'];
  expect(frame.dtypes.map((type, i) => String(type).includes(types[i] ?? '?'))).not.toContain(
    false,
  );
  const columns = frame.columns.map((name): unknown[] => [...frame.getColumn(name).toArray()]);
  expect(columns.map(([first]) => first)).toEqual([2n ** 64n - 1n, 5, '5', 'jump', '[1, 2]', true]);
  expect(columns.map(([, second]) => second)).toEqual([
    null,
    null,
    `${2n ** 70n}`,
    null,
    null,
    null,
  ]);
});
