/** What is read instead of all transfers, and that the answers are the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase, type Result } from '../database.ts';
import { randomFrom, randomRun } from '../path/random-run.fixture.ts';
import { makeModules, makeSymbols } from '../trace-tables.fixture.ts';
import { parseExactly } from './ast.ts';
import { findPushes } from './pushdown.ts';
import { RandomSql } from './random-sql.fixture.ts';
import { spliced } from './splice.ts';
import { TRANSFER_COLUMNS } from './tables.ts';

const COLUMNS = new Set(TRANSFER_COLUMNS.map(({ name }) => name));

/** A run of three vCPUs; parts of its code have names. */
function makeRun(seed: number) {
  const { trace } = randomRun(seed, {
    vcpus: 3,
    transfers: 120,
    changesCode: false,
    segmentTransfers: 9,
  });
  const spec = {
    blocks: [],
    edges: [],
    vcpus: [],
    modules: [{ path: '/bin/random', base: 0x10000n, size: 0x1000n }],
    symbols: [
      { module: 0, address: 0n, size: 40n, name: 'first' },
      { module: 0, address: 60n, size: 60n, name: '_ZN4util6secondEv' },
    ],
  };
  return { ...trace, modules: makeModules(spec), symbols: makeSymbols(spec) };
}

let plain: Database;
let pushing: Database;
beforeAll(async () => {
  const trace = makeRun(4);
  plain = await openDatabase(trace, { pushdown: false });
  pushing = await openDatabase(trace);
});
afterAll(async () => {
  await plain.close();
  await pushing.close();
});

/** The text that is run instead; null where the query is run as it is. */
async function rewritten(sql: string): Promise<string | null> {
  const parsed = await plain.query(`SELECT json_serialize_sql('${sql.replaceAll("'", "''")}')`);
  const ast = parsed.rows()[0]?.[0];
  const pushes = findPushes(sql, parseExactly(typeof ast === 'string' ? ast : ''), COLUMNS);
  const mentions = pushes.map(({ replacements, isCounted, conditions, bounds }) => {
    const { firstSeq, lastSeq, vcpu } = bounds;
    const range = `${firstSeq}..${lastSeq === Number.POSITIVE_INFINITY ? '' : lastSeq}`;
    const call = isCounted ? 'counted' : `pushed ${conditions.length}`;
    return { replacements, call: `«${call} ${range} ${vcpu ?? '*'}»` };
  });
  return pushes.length === 0 ? null : spliced(sql, mentions);
}

const COUNT = 'CAST(coalesce(sum(_count), 0) AS BIGINT)';

describe('what is rewritten', () => {
  test.each([
    ['SELECT count(*) FROM transfers', `SELECT ${COUNT} FROM «counted 0.. *» AS transfers`],
    ['select count() from Transfers x', `select ${COUNT} from «counted 0.. *» x`],
    [
      "SELECT 'é', kind, count(*) FILTER (WHERE target > 5) FROM transfers GROUP BY ALL",
      "SELECT 'é', kind, CAST(coalesce(sum(_count) FILTER (WHERE target > 5), 0) AS BIGINT) " +
        'FROM «counted 0.. *» AS transfers GROUP BY ALL',
    ],
    [
      'SELECT DISTINCT cause FROM transfers WHERE vcpu = 1 AND 7 <= seq',
      'SELECT DISTINCT cause FROM «counted 7.. 1» AS transfers WHERE vcpu = 1 AND 7 <= seq',
    ],
    [
      "FROM transfers t WHERE t.kind = 'call' AND seq BETWEEN 3 AND 9 AND time_ns > 5",
      "FROM «pushed 1 3..9 *» t WHERE t.kind = 'call' AND seq BETWEEN 3 AND 9 AND time_ns > 5",
    ],
    [
      'SELECT seq FROM edges WHERE edge IN (SELECT edge FROM transfers WHERE target = 4)',
      'SELECT seq FROM edges WHERE edge IN ' +
        '(SELECT edge FROM «pushed 1 0.. *» AS transfers WHERE target = 4)',
    ],
  ])('%s', async (sql, expected) => {
    expect(await rewritten(sql)).toBe(expected);
  });

  test.each([
    'FROM transfers',
    'FROM transfers LIMIT 5',
    'SELECT count(seq) FROM transfers',
    'SELECT sum(target) FROM transfers',
    'SELECT max(time_ns) FROM transfers',
    'SELECT DISTINCT ON (kind) kind, seq FROM transfers',
    'SELECT kind, row_number() OVER () FROM transfers GROUP BY kind',
    'SELECT kind FROM transfers GROUP BY kind HAVING max(seq) > 5',
    'SELECT count(*) FROM transfers, edges',
    'SELECT count(*) FROM transfers USING SAMPLE 5',
    'SELECT count(*) FROM transfers TABLESAMPLE 5%',
    'SELECT any_value(seq), count(*) FROM transfers',
    'SELECT count(DISTINCT seq) FROM transfers',
    'SELECT kind, (SELECT 1), count(*) FROM transfers GROUP BY kind',
    'SELECT random() < 1, count(*) FROM transfers GROUP BY ALL',
    'SELECT count(*) FROM memory.main.transfers',
    'SELECT count(*) FROM transfers AS t(a, b)',
    'FROM transfers WHERE random() < 0.5 OR target = 5',
    'FROM transfers WHERE target + seq = 5',
    'FROM transfers WHERE seq > target',
    'WITH transfers AS (FROM edges) SELECT count(*) FROM transfers',
    'SELECT count(*) FROM edges AS transfers',
    'CREATE TABLE t AS SELECT count(*) FROM transfers',
  ])('%s is run as it is', async (sql) => {
    expect(await rewritten(sql)).toBeNull();
  });
});

const all = (result: Result) => ({
  columns: result.columns,
  rows: result
    .rows()
    .map((row) => row.map(String).join('|'))
    .sort(),
});

describe('answers', () => {
  const SEED = 20_261_126;
  test(`are those of reading everything (seed ${SEED})`, async () => {
    const random = new RandomSql(randomFrom(SEED));
    let answered = 0;
    for (let i = 0; i < 250; i++) {
      const sql = random.query();
      const expected = await plain.query(sql).catch(() => null);
      const found = await pushing.query(sql).catch(() => null);
      if (expected !== null) answered++;
      expect(found && all(found), sql).toEqual(expected && all(expected));
    }
    expect(answered).toBeGreaterThan(190);
  });

  test.each([
    // A name that the SELECT list gives never hides a column in WHERE.
    'SELECT kind AS seq, target AS kind FROM transfers WHERE seq < 9 AND kind IS NOT NULL',
    'SELECT count(*) AS target FROM transfers WHERE target > 0x10010',
    'SELECT kind, count(*) FROM transfers GROUP BY ROLLUP (kind)',
    'SELECT count(*) FROM transfers WHERE seq < 5 AND vcpu = 0 AND vcpu = 1',
    'SELECT target FROM transfers ORDER BY vcpu, seq LIMIT 3',
    'FROM (SELECT kind, count(*) FROM transfers GROUP BY kind) WHERE "count_star()" > 5',
    "SELECT count(*) FROM transfers WHERE kind = 'no such kind'",
    'SELECT a.n + b.n FROM (SELECT count(*) n FROM transfers WHERE seq < 50) a, ' +
      "(SELECT count(*) n FROM transfers WHERE kind = 'branch') b",
  ])('%s', async (sql) => {
    expect(all(await pushing.query(sql))).toEqual(all(await plain.query(sql)));
  });

  test('an error is that of the query as it was written', async () => {
    const sql = "SELECT count(*) FROM transfers WHERE target = 'x'";
    const error = await plain.query(sql).catch((one: unknown) => String(one));
    expect(await pushing.query(sql).catch((one: unknown) => String(one))).toBe(error);
    await expect(pushing.query('FROM _transfers_pushed(1::UBIGINT)')).rejects.toMatchObject({
      code: 'E_SQL',
    });
  });

  test('counts that a trace was damaged in are not believed', async () => {
    const trace = makeRun(4);
    trace.edges.taken[1] = 1000;
    const database = await openDatabase(trace);
    const found = await database.query('SELECT count(*) FROM transfers');
    await database.close();
    expect(found.rows()).toEqual([[BigInt(trace.transfers)]]);
  });

  test('a table of the same name is read', async () => {
    const database = await openDatabase(makeRun(4));
    await database.query("CREATE TEMP TABLE transfers AS SELECT 'call' AS kind");
    const found = await database.query('SELECT kind, count(*) FROM transfers GROUP BY kind');
    await database.close();
    expect(found.rows()).toEqual([['call', 1n]]);
  });
});
