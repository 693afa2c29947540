/** Ways out of the session, each tried against a file that is really there. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../database.ts';
import { errorOf } from '../error.fixture.ts';
import { makeTrace } from '../trace.fixture.ts';

const trace = makeTrace({
  blocks: [{ pc: 0x1000n, code: '13000000' }],
  edges: [{ source: null, target: 0x1000n }],
  vcpus: [[0]],
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backtrail-escapes-'));
const secret = path.join(folder, 'secret.csv');
const out = path.join(folder, 'out');

let database: Database;
beforeAll(async () => {
  fs.writeFileSync(secret, 'a,b\n1,2\n');
  database = await openDatabase(trace);
});
afterAll(async () => {
  await database.close();
  fs.rmSync(folder, { recursive: true });
});
afterEach(() => {
  expect(fs.readdirSync(folder)).toEqual(['secret.csv']);
});

const FORBIDDEN = [
  `SELECT * FROM read_csv('${secret}')`,
  `SELECT * FROM read_text('${secret}')`,
  `SELECT * FROM read_blob('${secret}')`,
  `SELECT * FROM read_json('${secret}')`,
  `SELECT * FROM read_parquet('${secret}')`,
  `SELECT * FROM read_duckdb('${secret}')`,
  `SELECT * FROM sniff_csv('${secret}')`,
  `SELECT * FROM parquet_metadata('${secret}')`,
  `SELECT * FROM glob('${folder}/*')`,
  `SELECT * FROM query_table('${secret}')`,
  `SELECT * FROM query('FROM ''${secret}''')`,
  `FROM '${secret}'`,
  `FROM '${path.relative(process.cwd(), secret)}'`,
  `CREATE VIEW v AS FROM '${secret}'`,
  `CREATE TABLE t AS FROM '${secret}'`,
  `PREPARE p AS FROM '${secret}'`,
  `EXPLAIN ANALYZE FROM '${secret}'`,
  `CREATE TABLE t (a INT, b INT); COPY t FROM '${secret}'`,
  "FROM read_text('/dev/stdin')",
  "FROM read_csv('/dev/fd/0')",
  `FROM read_text('file://${secret}')`,
  "FROM 'http://127.0.0.1:9/x.csv'",
  "FROM 's3://bucket/x.parquet'",
  `ATTACH '${out}'`,
  `ATTACH '${out}' (TYPE duckdb)`,
  'DETACH memory',
  'USE memory',
  'INSTALL httpfs',
  'LOAD httpfs',
  `LOAD '${out}'`,
  'UPDATE EXTENSIONS',
  'SET enable_external_access = true',
  'SET GLOBAL enable_external_access = true',
  'SET lock_configuration = false',
  `SET allowed_directories = ['${folder}']`,
  `SET temp_directory = '${folder}'`,
  `SET profiling_output = '${out}'`,
  `PRAGMA profiling_output = '${out}'`,
  'PRAGMA enable_profiling',
  'RESET threads',
  `EXPORT DATABASE '${out}'`,
  `IMPORT DATABASE '${folder}'`,
  'COPY FROM DATABASE memory TO memory',
  "CREATE SECRET s (TYPE http, BEARER_TOKEN 'x')",
  "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
  `CALL enable_logging('QueryLog', storage = 'file', storage_config = {'path': '${out}'})`,
  `FROM enable_logging('QueryLog', storage = 'file', storage_config = {'path': '${out}'})`,
  // A text that is put together and then run as SQL.
  `FROM query('FROM enable_log' || 'ging(storage_path = ''${out}'')')`,
  `FROM "query" ('FROM enable_log' || 'ging(''QueryLog'', storage = ''file'')')`,
  `FROM json_execute_serialized_sql(json_serialize_sql('FROM enable_log' || 'ging()'))`,
  `CREATE MACRO m(x) AS TABLE FROM query('FROM enable_log' || x)`,
  `FROM enable_profiling(format = 'json', save_location = '${out}')`,
  'FROM enable_peg_parser()',
  'FROM duckdb_secrets()',
  'FROM duckdb_extensions()',
  'DROP PERSISTENT SECRET s',
  `EXPLAIN ANALYZE COPY (SELECT 1) TO '${out}'`,
  `PREPARE p AS COPY (SELECT 1) TO '${out}'`,
  `CALL pragma_version()`,
  'BEGIN',
  'CHECKPOINT',
  'VACUUM',
];

describe('SQL cannot leave the session', () => {
  test.each(FORBIDDEN)('%s', async (sql) => {
    const error = await errorOf(database.query(sql));
    expect(error.code).toBe('E_SQL_FORBIDDEN');
    expect(error.message).toMatch(/^[^\n]+--unsafe[^\n]*$/);
    expect((await database.query('SELECT count(*) FROM transfers')).rows()).toEqual([[1n]]);
    await database.query('DROP TABLE IF EXISTS t');
  });

  test('the private folder is no way to others', async () => {
    const setting = await database.query("SELECT current_setting('temp_directory')");
    const inside = setting.rows()[0]?.[0];
    if (typeof inside !== 'string') throw new Error('found no private folder');
    const name = path.basename(folder);
    for (const way of [
      `/../${name}`,
      `/copy/../../${name}`,
      `//./../${name}`,
      `/*/../../${name}`,
    ]) {
      const from = `FROM read_text('${inside}${way}/secret.csv')`;
      expect((await errorOf(database.query(from))).code).toBe('E_SQL_FORBIDDEN');
      const list = await database.query(`FROM glob('${inside}${way}/*')`).catch(() => null);
      expect(list?.rows() ?? []).toEqual([]);
    }
    await database
      .query(
        `COPY (SELECT '../../../../../..${folder}/x' AS a, 1 AS b) TO '${out}' ` +
          "(FORMAT csv, PARTITION_BY (a), FILENAME_PATTERN '../../../../x_{i}')",
      )
      .catch(() => null);
  });

  test.each([
    ["SELECT getenv('HOME')", 'getenv does not exist'],
    ['SELECT 1 INTO x', 'SELECT INTO not supported'],
    ['EXECUTE nothing', 'does not exist'],
  ])('%s does not exist', async (sql, message) => {
    const error = await errorOf(database.query(sql));
    expect(error.code).toBe('E_SQL');
    expect(error.message).toContain(message);
  });

  test('--unsafe opens the doors', async () => {
    const unsafe = await openDatabase(trace, { unsafe: true });
    expect((await unsafe.query(`FROM '${secret}'`)).rows()).toEqual([[1n, 2n]]);
    expect(
      (await unsafe.query("SET threads = 2; SELECT current_setting('threads')")).rows(),
    ).toEqual([[2n]]);
    await unsafe.close();
  });
});
