import path from 'node:path';
import { StatementType } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { checkStatementType, guardSql } from './guard.ts';

const STAGING = '/tmp/staging';
const guarded = (sql: string) => guardSql(sql, STAGING);

describe('SQL guard', () => {
  test('0x… becomes a number, but not inside quotes, names or comments', () => {
    const [first] = guarded(`SELECT 0x10, '0x10', "0x10", x0x10 /* 0x10 */ -- 0x10`);
    expect(first?.sql).toBe(`SELECT 16, '0x10', "0x10", x0x10    `);
    const [highest] = guarded('SELECT 0xFFFFFFFFFFFFFFFF');
    expect(highest?.sql).toBe('SELECT 18446744073709551615');
  });

  test('COPY writes into the staging folder under its own name', () => {
    const [copy] = guarded(`COPY (SELECT 1 AS "to") TO 'out/it''s.parquet' (FORMAT parquet)`);
    expect(copy?.output).toEqual({
      staged: `${STAGING}/0-it's.parquet`,
      path: path.resolve("out/it's.parquet"),
    });
    expect(copy?.sql).toBe(
      `COPY (SELECT 1 AS "to") TO '${STAGING}/0-it''s.parquet' (FORMAT parquet)`,
    );
  });

  test('a TO inside the query is not the one of COPY', () => {
    const [copy] = guarded("copy (select 'x' to 'y') to /* here */ 'z.csv'");
    expect(copy?.output?.path).toBe(path.resolve('z.csv'));
  });

  test.each([
    ["COPY t FROM 'x.csv'", 'expected COPY'],
    ['COPY FROM DATABASE a TO b', 'expected COPY'],
    ["COPY t TO 's3://bucket/x'", 'COPY to s3://bucket/x is not allowed'],
    ['COPY t TO getvariable(1)', 'expected COPY'],
    ["COPY t TO e'x'", 'expected COPY'],
    ["CALL enable_logging('QueryLog')", 'enable_logging() is not allowed'],
    ['FROM "ENABLE_LOGGING"()', 'enable_logging() is not allowed'],
    ["FROM query /* a text */ ('FROM edges')", 'query() is not allowed'],
    ['DROP PERSISTENT SECRET IF EXISTS s', 'DROP SECRET is not allowed'],
    ['CREATE OR REPLACE PERSISTENT SECRET s (TYPE http)', 'CREATE SECRET is not allowed'],
  ])('%s is refused', (sql, message) => {
    expect(() => guarded(sql)).toThrow(message);
    expect(() => guarded(sql)).toThrow('--unsafe');
    expect(guardSql(sql, null)).toMatchObject([{ output: null }]);
  });

  test('a column may be called query', () => {
    expect(guarded('SELECT query, "duckdb_secrets" FROM t')).toHaveLength(1);
  });

  test('only SET VARIABLE passes of all settings', () => {
    const check = (sql: string) => () => checkStatementType(StatementType.SET, sql);
    expect(check('SET /* a */ VARIABLE x = 1')).not.toThrow();
    expect(check('RESET VARIABLE x')).not.toThrow();
    expect(check('SET threads = 1')).toThrow('SET is not allowed');
    expect(check('RESET threads')).toThrow('RESET is not allowed');
    expect(() => checkStatementType(StatementType.SELECT, 'SELECT 1')).not.toThrow();
    expect(() => checkStatementType(StatementType.ATTACH, "ATTACH 'x'")).toThrow(
      'ATTACH is not allowed',
    );
  });
});
