/** The bounds of a result. */
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../database.ts';
import { errorOf } from '../error.fixture.ts';
import { longTrace, withDatabase } from '../long-trace.fixture.ts';

describe('results', () => {
  test('rowsMax stops the search when the rows are there', async () => {
    const read: number[] = [];
    const long = longTrace(50_000);
    const spied = {
      ...long,
      readSegment: (segment: number) => {
        read.push(segment);
        return long.readSegment(segment);
      },
    };
    await withDatabase(spied, async (spy) => {
      const cut = await spy.query('SELECT seq, edge, edge FROM transfers -- all;', { rowsMax: 3 });
      expect(cut.columns.map(({ name }) => name)).toEqual(['seq', 'edge', 'edge']);
      expect([cut.rowCount, cut.isCut, cut.rows()]).toEqual([
        3,
        true,
        [
          [0n, 0, 0],
          [1n, 2, 2],
          [2n, 1, 1],
        ],
      ]);
      expect(Math.max(...read)).toBeLessThan(9);
      const ordered = await spy.query('SELECT seq FROM transfers ORDER BY seq DESC', {
        rowsMax: 1,
      });
      expect(ordered.rows()).toEqual([[49_999n]]);
      const few = await spy.query('SELECT 1; FROM edges', { rowsMax: 3 });
      expect([few.rowCount, few.isCut]).toEqual([3, false]);
      for (const sql of [
        'EXPLAIN FROM edges',
        'SHOW TABLES',
        'DESCRIBE edges',
        'PIVOT edges ON kind',
      ]) {
        expect((await spy.query(sql, { rowsMax: 2 })).rows().length, sql).toBeGreaterThan(0);
      }
    });
  });

  test('a result that memory should not hold is refused before it is made', async () => {
    const small = await openDatabase(longTrace(9000), { resultBytesMax: 1000 });
    const error = await errorOf(small.query('FROM transfers'));
    expect(error.message).toMatch(/^the result has more than 7 rows of about \d+ bytes, .*COPY/);
    expect((await small.query('FROM transfers LIMIT 7')).rowCount).toBe(7);
    expect((await small.query('FROM transfers', { rowsMax: 5 })).rowCount).toBe(5);
    expect((await small.query('SELECT count(*) FROM transfers')).rows()).toEqual([[9000n]]);
    await small.close();
  });
});
