/** COPY … TO: the one way in which SQL writes. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../database.ts';
import { makeTrace } from '../trace.fixture.ts';

const trace = makeTrace({
  blocks: [{ pc: 0x1000n, code: '1300000013000000' }],
  edges: [
    { source: null, target: 0x1000n },
    { source: 0x1004n, target: 0x1000n, kind: 'branch' },
  ],
  vcpus: [[0, 1, 1]],
});

let database: Database;
beforeAll(async () => {
  database = await openDatabase(trace);
});
afterAll(() => database.close());

describe('database: COPY', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backtrail-copy-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  const file = (name: string) => path.join(folder, name);

  test.each(['csv', 'json', 'parquet', 'csv.gz'])(
    'writes the named .%s and nothing else',
    async (type) => {
      const name = `out.${type}`;
      fs.writeFileSync(file(name), 'old');
      const copied = await database.query(
        `COPY (SELECT edge, count FROM edges) TO '${file(name)}'`,
      );
      expect(copied.rows()).toEqual([[2n]]);
      expect(fs.readdirSync(folder)).toEqual([name]);
      const unsafe = await openDatabase(trace, { unsafe: true });
      const read = await unsafe.query(`SELECT edge, count FROM '${file(name)}'`);
      await unsafe.close();
      expect(read.rows().map((row) => row.map(Number))).toEqual([
        [0, 1],
        [1, 2],
      ]);
      fs.rmSync(file(name));
    },
  );

  test('a query that reads less writes the same file', async () => {
    const plain = await openDatabase(trace, { pushdown: false });
    for (const sql of [
      'SELECT kind, count(*) FROM transfers GROUP BY kind ORDER BY kind',
      'SELECT kind, count(*) AS n FROM transfers GROUP BY kind ORDER BY kind',
      "SELECT seq, kind FROM transfers WHERE kind = 'branch' AND seq > 1",
    ]) {
      await plain.query(`COPY (${sql}) TO '${file('a.csv')}'`);
      await database.query(`COPY (${sql}) TO '${file('b.csv')}'`);
      expect(fs.readFileSync(file('b.csv'), 'utf8')).toBe(fs.readFileSync(file('a.csv'), 'utf8'));
    }
    await plain.close();
    fs.rmSync(file('a.csv'));
    fs.rmSync(file('b.csv'));
  });

  test('a query that fails leaves the old file', async () => {
    fs.writeFileSync(file('old.csv'), 'old');
    await expect(
      database.query(`COPY (SELECT error('no') FROM edges) TO '${file('old.csv')}'`),
    ).rejects.toMatchObject({ code: 'E_SQL' });
    expect(fs.readFileSync(file('old.csv'), 'utf8')).toBe('old');
    fs.rmSync(file('old.csv'));
  });

  test('a folder that does not exist is told', async () => {
    await expect(database.query(`COPY edges TO '${file('no/where.csv')}'`)).rejects.toMatchObject({
      code: 'E_WRITE',
    });
  });

  test('many files at once need --unsafe', async () => {
    await expect(
      database.query(`COPY edges TO '${file('parts')}' (FORMAT csv, PARTITION_BY (cause))`),
    ).rejects.toMatchObject({ code: 'E_SQL_FORBIDDEN' });
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});
