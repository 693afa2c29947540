import { BacktrailError } from '@backtrail/recorder/trace';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase, type SqlValue } from './database.ts';
import { errorOf } from './error.fixture.ts';
import { longTrace, withDatabase } from './long-trace.fixture.ts';
import { type FixtureTrace, makeTrace } from './trace.fixture.ts';

/** Two functions, a loop, two vCPUs; segments of 4 transfers. */
const trace = makeTrace({
  blocks: [
    { pc: 0x1000n, code: '1300000013000000' },
    { pc: 0x2000n, code: '13000000', hostPc: null },
  ],
  edges: [
    { source: null, target: 0x1000n, hostSource: null },
    { source: 0x1004n, target: 0x1000n, kind: 'branch' },
    { source: 0x1004n, target: 0x2000n, kind: 'call' },
    { source: 0x2000n, target: 0x9000n, cause: 'signal', targetBlock: null, hostTarget: null },
  ],
  vcpus: [
    [0, 1, 1, 1, 1, 2, 3],
    [0, 2],
  ],
  modules: [{ path: '/bin/prog', base: 0x1000n, size: 0x2000n }],
  symbols: [{ module: 0, address: 0n, size: 0x10n, name: '_ZN3app4mainEv' }],
  marks: [{ kind: 'signal', seq: 6, number: 11n, pc: 0x2000n, detail: 'SIGSEGV' }],
});

let database: Database;
const rows = async (sql: string): Promise<SqlValue[][]> => (await database.query(sql)).rows();

beforeAll(async () => {
  database = await openDatabase(trace);
});
afterAll(() => database.close());

describe('database', () => {
  test('transfers has every column of its edge, ordered by vCPU and seq', async () => {
    const result = await database.query('FROM transfers');
    expect(result.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'vcpu UINTEGER',
      'seq UBIGINT',
      'source UBIGINT',
      'target UBIGINT',
      'cause ENUM',
      'kind ENUM',
      'edge UINTEGER',
      'host_source UBIGINT',
      'host_target UBIGINT',
      'source_symbol VARCHAR',
      'target_symbol VARCHAR',
      'time_ns UBIGINT',
    ]);
    const all = result.rows();
    expect(all.map((row) => [row[0], row[1], row[6]])).toEqual([
      [0, 0n, 0],
      [0, 1n, 1],
      [0, 2n, 1],
      [0, 3n, 1],
      [0, 4n, 1],
      [0, 5n, 2],
      [0, 6n, 3],
      [1, 0n, 0],
      [1, 1n, 2],
    ]);
    const { edges } = trace;
    expect(all[0]).toEqual([
      0,
      0n,
      null,
      0x1000n,
      'start',
      null,
      0,
      null,
      edges.hostTarget[0],
      null,
      'app::main()',
      0n,
    ]);
    // 900 ns on 3 transfers of the segment that began at 1,000 ns.
    expect(all[5]?.slice(2)).toEqual([
      0x1004n,
      0x2000n,
      'jump',
      'call',
      2,
      edges.hostSource[2],
      null,
      'app::main()',
      null,
      1300n,
    ]);
    expect(all[6]?.slice(2, 10)).toEqual([0x2000n, 0x9000n, 'signal', null, 3, null, null, null]);
  });

  test('addresses are told from other numbers', async () => {
    const { columns } = await database.query(
      'SELECT source, seq, count(*) AS base FROM transfers GROUP BY ALL',
    );
    expect(columns.map(({ isAddress }) => isAddress)).toEqual([true, false, false]);
  });

  test('every column of every table can be read alone and together', async () => {
    for (const table of [
      'edges',
      'blocks',
      'marks',
      'modules',
      'symbols',
      'sources',
      'lines',
      'inlines',
      'segments',
      'transfers',
    ]) {
      const whole = await database.query(`FROM ${table}`);
      const byColumn: SqlValue[][] = [];
      for (const { name } of whole.columns) {
        byColumn.push((await rows(`SELECT ${name} FROM ${table}`)).map((row) => row[0] ?? null));
      }
      const transposed = whole.rows().map((_row, i) => byColumn.map((values) => values[i]));
      expect(transposed, table).toEqual(whole.rows());
    }
  });

  test('edges, marks, modules and symbols say where their addresses lie', async () => {
    expect(
      await rows('SELECT source_location, target_location, target_module, count FROM edges'),
    ).toEqual([
      [null, 'app::main()', 0, 2n],
      ['app::main()+0x4', 'app::main()', 0, 4n],
      ['app::main()+0x4', 'prog+0x1000', 0, 2n],
      ['prog+0x1000', '0x9000', null, 1n],
    ]);
    expect(await rows('SELECT kind, number, detail, location FROM marks')).toEqual([
      ['signal', 11n, 'SIGSEGV', 'prog+0x1000'],
    ]);
    expect(await rows('SELECT name, demangled, address, file_address FROM symbols')).toEqual([
      ['_ZN3app4mainEv', 'app::main()', 0x1000n, 0n],
    ]);
    expect(await rows('SELECT path, build_id FROM modules')).toEqual([['/bin/prog', null]]);
    expect(await rows('SELECT code, host_pc, host_code FROM blocks WHERE block = 1')).toEqual([
      [Uint8Array.of(0x13, 0, 0, 0), null, null],
    ]);
  });

  test('a window reads its segments only', async () => {
    const read: number[] = [];
    const spied = {
      ...trace,
      readSegment: (segment: number) => {
        read.push(segment);
        return trace.readSegment(segment);
      },
    };
    await withDatabase(spied, async (spy) => {
      const window = await spy.query('SELECT seq, edge FROM transfers_between(0, 4, 5)');
      expect(window.rows()).toEqual([
        [4n, 1],
        [5n, 2],
      ]);
    });
    expect(new Set(read)).toEqual(new Set([1]));
  });

  test.each([
    ['0, 3, 4', [3n, 4n]],
    ['0, 6, 18446744073709551615', [6n]],
    ['0, 5, 4', []],
    ['7, 0, 9', []],
  ])('transfers_between(%s)', async (window, expected) => {
    expect((await rows(`SELECT seq FROM transfers_between(${window})`)).flat()).toEqual(expected);
  });

  test('transfers_to and transfers_from find what WHERE finds', async () => {
    for (const address of [0x1000, 0x1004, 0x2000, 0x9000, 0, 1]) {
      expect(await rows(`FROM transfers_to(${address})`)).toEqual(
        await rows(`FROM transfers WHERE target = ${address}`),
      );
      expect(await rows(`FROM transfers_from(${address})`)).toEqual(
        await rows(`FROM transfers WHERE source = ${address}`),
      );
    }
  });

  test('counting reads no segment', async () => {
    const blind = { ...trace, readSegment: () => expect.unreachable('a segment was read') };
    await withDatabase(blind, async (counting) => {
      expect((await counting.query('SELECT count(*), max(seq) FROM transfers')).rows()).toEqual([
        [9n, 6n],
      ]);
    });
  });

  test('chunks and segments of awkward sizes lose nothing', async () => {
    await withDatabase(longTrace(12_345), async (long) => {
      const sums = await long.query(
        `SELECT count(*), sum(seq), count(source), count(*) FILTER (kind = 'jump') FROM transfers`,
      );
      expect(sums.rows()).toEqual([[12_345n, (12_344n * 12_345n) / 2n, 12_344n, 6172n]]);
      const inOrder = await long.query('SELECT seq FROM transfers');
      expect(inOrder.rows().every(([seq], i) => seq === BigInt(i))).toBe(true);
      const found = await long.query('SELECT seq FROM transfers_to(0x1004)');
      expect(found.rowCount).toBe(6172);
      expect(found.rows().every(([seq], i) => seq === BigInt(2 * i + 1))).toBe(true);
      expect([...found.chunks()].every(({ rowCount }) => rowCount <= 2048)).toBe(true);
    });
  });

  test('a trace joined with itself, from many threads at once', async () => {
    await withDatabase(longTrace(9000), async (long) => {
      const result = await long.query(
        `SELECT count(*) FROM transfers AS a JOIN transfers AS b ON a.seq = b.seq + 1
         WHERE a.edge <> b.edge`,
      );
      expect(result.rows()).toEqual([[8999n]]);
    });
  });

  test('statements run in order and the last one answers', async () => {
    expect(
      await rows(
        'CREATE TEMP TABLE t AS FROM edges; SELECT count(*) FROM t; DROP TABLE t; SELECT 0x10',
      ),
    ).toEqual([[16]]);
    expect(await rows("SET VARIABLE x = 4; SELECT getvariable('x')")).toEqual([[4]]);
  });

  test('queries started together wait for each other', async () => {
    const answers = await Promise.all([rows('SELECT 1'), rows('SELECT 2'), rows('SELECT 3')]);
    expect(answers).toEqual([[[1]], [[2]], [[3]]]);
  });

  test('values of every kind become plain ones', async () => {
    expect(
      await rows(
        `SELECT [1, NULL], {a: 'x', b: [2]}, MAP {'k': 1}, 1.50, DATE '2026-01-02', 'ab'::BLOB,
           true, 1e300`,
      ),
    ).toEqual([
      [
        [1, null],
        { a: 'x', b: [2] },
        [{ key: 'k', value: 1 }],
        '1.50',
        '2026-01-02',
        Uint8Array.of(0x61, 0x62),
        true,
        1e300,
      ],
    ]);
  });
});

describe('database: errors', () => {
  test('what is wrong with the SQL is shown in its place', async () => {
    const error = await errorOf(database.query('SELECT nope FROM edges'));
    expect(error.code).toBe('E_SQL');
    expect(error.message).toMatch(/^Referenced column "nope" not found.*LINE 1: .*\^/s);
    await expect(database.query(' ; -- nothing')).rejects.toMatchObject({ code: 'E_SQL' });
  });

  test.each([
    ['FROM hot_edges()', 'Write: FROM hot_edges'],
    ['FROM callers_of', 'Write: FROM callers_of(symbol)'],
    ['SELECT * FROM edges WHERE source_symbol = "main"', "A text is written 'main'."],
  ])('%s: how it is written', async (sql, hint) => {
    const { message } = await errorOf(database.query(sql));
    expect(message.split('\n').at(-1)).toBe(hint);
    expect(message).not.toMatch(/Did you mean "_|\t/);
  });

  test('damage in the trace is told in its own words, and the next query works', async () => {
    const damage = new BacktrailError('E_TRACE_DAMAGED', 'segment 1: found nonsense');
    const broken = {
      ...trace,
      readSegment: (segment: number) => {
        if (segment === 1) throw damage;
        return trace.readSegment(segment);
      },
    };
    await withDatabase(broken, async (partly) => {
      await expect(partly.query('SELECT max(edge + seq) FROM transfers')).rejects.toBe(damage);
      // What counts of edges answer needs no transfer.
      expect((await partly.query('SELECT count(*) FROM transfers')).rows()).toEqual([
        [BigInt(trace.transfers)],
      ]);
      const before = await partly.query('SELECT max(edge) FROM transfers_between(0, 0, 3)');
      expect(before.rows()).toEqual([[1]]);
    });
  });

  test('an error late in the rows is an error, not an end', async () => {
    await withDatabase(longTrace(9000), async (long) => {
      const late = "SELECT CASE WHEN seq = 8990 THEN error('late') ELSE seq END FROM transfers";
      const error = await errorOf(long.query(late));
      expect([error.code, error.message]).toEqual(['E_SQL', 'late']);
    });
  });

  /** More rows than anybody has time for, of a trace that says when they are begun. */
  const ENDLESS = 'SELECT count(a.edge) FROM transfers a, transfers b, transfers c, transfers d';
  const watched = (onRead: () => void): FixtureTrace => {
    const long = longTrace(9000);
    return {
      ...long,
      readSegment: (segment) => {
        onRead();
        return long.readSegment(segment);
      },
    };
  };

  test('an endless query can be interrupted', async () => {
    let stop = (): void => undefined;
    await withDatabase(
      watched(() => stop()),
      async (other) => {
        stop = () => other.interrupt();
        await expect(other.query(ENDLESS)).rejects.toMatchObject({ code: 'E_SQL_INTERRUPTED' });
        stop = () => undefined;
        expect((await other.query('SELECT max(edge) FROM transfers')).rows()).toEqual([[2]]);
      },
    );
  });

  test('close() ends a query that runs, and those that wait', async () => {
    const begun = Promise.withResolvers<void>();
    const other = await openDatabase(watched(() => begun.resolve()));
    const running = other.query(ENDLESS);
    const waiting = other.query('SELECT 1');
    const failed = [
      expect(running).rejects.toMatchObject({ code: 'E_SQL_INTERRUPTED' }),
      expect(waiting).rejects.toMatchObject({ code: 'E_SQL' }),
    ];
    await begun.promise;
    await other.close();
    await Promise.all(failed);
    await expect(other.query('SELECT 1')).rejects.toMatchObject({ code: 'E_SQL' });
    await other.close();
  });

  test('results outlive the database', async () => {
    const other = await openDatabase(trace);
    const result = await other.query('SELECT target_symbol FROM transfers WHERE seq = 0');
    await other.close();
    expect(result.rows()).toEqual([['app::main()'], ['app::main()']]);
  });
});
