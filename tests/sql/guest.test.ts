/** The SQL library against a program that counts what it does, recorded under QEMU. */
import path from 'node:path';
import { type Database, openDatabase, type SqlValue } from '@backtrail/analyzer/database';
import { describe, expect, test } from 'vitest';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { recordGuest } from '../guests/record.ts';

const folder = temporaryFolder('sql-guest');

async function numbers(database: Database, sql: string): Promise<number[][]> {
  const rows = (await database.query(sql)).rows();
  return rows.map((row) => row.map((value: SqlValue) => Number(value)));
}

describe.each(ISAS)('a program that counts itself, %s', (isa) => {
  const need = needsIsa(isa);
  test.skipIf(need.missing)(`SQL counts the same${need.note}`, async () => {
    const { trace, stdout } = recordGuest({
      program: buildGuest(isa, 'counts', folder),
      qemu: need.path,
      output: path.join(folder, `${isa}.trace`),
    });
    const [calls = 0, even = 0, odd = 0, turns = 0, entries = 0, signals = 0] = stdout
      .trim()
      .split(' ')
      .map(Number);
    expect([calls, even + odd, signals]).toEqual([1000, 1000, 9]);
    const database = await openDatabase(trace);
    const ask = (sql: string) => numbers(database, sql);
    try {
      expect(
        await ask(
          'SELECT calls, callers, call_sites FROM call_counts ' +
            "WHERE symbol IN ('choose', 'spin') ORDER BY symbol",
        ),
      ).toEqual([
        [calls, 1, 1],
        [entries, 1, 1],
      ]);
      expect(
        await ask("SELECT count FROM call_tree('choose', 1) WHERE level = 1 ORDER BY count"),
      ).toEqual([[even], [odd]]);
      const bias = await ask("SELECT taken, not_taken FROM branch_bias WHERE symbol = 'choose'");
      expect(bias.map((row) => row.toSorted((a, b) => a - b))).toEqual([[even, odd]]);
      expect(await ask("SELECT iterations, entries FROM loop_trips WHERE symbol = 'spin'")).toEqual(
        [[turns, entries]],
      );
      expect(
        await ask("SELECT count(*), count(return_seq) FROM deliveries WHERE name = 'SIGUSR1'"),
      ).toEqual([[signals, signals]]);
      expect(
        await ask("SELECT bytes_executed FROM coverage_by_symbol WHERE symbol = 'never'"),
      ).toEqual([[0]]);
      // The plugin counts instructions as they run, and knows nothing of edges.
      const { instructions } = trace.manifest.totals;
      expect(await ask('SELECT sum(executed) FROM instructions')).toEqual([[instructions]]);
      expect(await ask('SELECT sum(instructions) FROM hot_functions')).toEqual([[instructions]]);
      expect(await ask('SELECT instructions, transfers FROM vcpus')).toEqual([
        [instructions, trace.transfers],
      ]);
    } finally {
      await database.close();
    }
  });
});
