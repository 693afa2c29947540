/** The SQL library against what a machine wrote down as it ran (model.ts), from printed seeds. */
import { type Database, openDatabase, type SqlValue } from '@backtrail/analyzer/database';
import { describe, expect, test } from 'vitest';
import { randomFrom } from '../../packages/analyzer/src/path/random-run.fixture.ts';
import { makeMarks } from '../../packages/analyzer/src/trace-tables.fixture.ts';
import {
  callPairs,
  callTree,
  functionRows,
  hopsOf,
  loopRows,
  type NamedRun,
  namedRun,
  ranAt,
  signalRows,
  sizes,
  Tally,
  timeRows,
} from './model.ts';

const SEEDS = Array.from({ length: 6 }, (_none, i) => 1000 + i * 77);

async function asking(seed: number, ask: (run: NamedRun, database: Database) => Promise<void>) {
  const run = namedRun(seed, 1 + (seed % 3));
  const database = await openDatabase(run.trace);
  try {
    await ask(run, database);
  } finally {
    await database.close();
  }
}

const textOf = (value: SqlValue | undefined): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

/** Rows as texts, to compare without an order. */
async function texts(database: Database, sql: string): Promise<string[]> {
  const rows = (await database.query(sql)).rows();
  return rows.map((row) => row.map(textOf).join(' '));
}

describe.each(SEEDS)('seed %i', (seed) => {
  test('instructions, branch_bias, coverage_by_symbol', () =>
    asking(seed, async (run, database) => {
      const ran = ranAt(run);
      const size = sizes(run);
      expect(await texts(database, 'SELECT pc, size, executed FROM instructions')).toEqual(
        [...size].sort(([a], [b]) => (a < b ? -1 : 1)).map(([pc, n]) => `${pc} ${n} ${ran.of(pc)}`),
      );
      const taken = new Tally<bigint>();
      for (const { kind, source } of hopsOf(run)) {
        if (kind === 'branch' && source !== null) taken.add(source);
      }
      const isBranch = (pc: bigint): boolean => run.branches.has(pc);
      const branches = [...ran.counts].filter(([pc]) => isBranch(pc));
      expect(
        await texts(database, 'SELECT pc, executed, taken, not_taken FROM branch_bias ORDER BY pc'),
      ).toEqual(
        branches
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([pc, n]) => `${pc} ${n} ${taken.of(pc)} ${n - taken.of(pc)}`),
      );
      const covered = run.functions.map(({ name, start, end }) => {
        const inside = [...ran.counts].filter(([pc]) => pc >= start && pc < end);
        const bytes = inside.reduce((sum, [pc]) => sum + (size.get(pc) ?? 0), 0);
        return `${name} ${bytes} ${inside.reduce((sum, [, n]) => sum + n, 0)}`;
      });
      expect(
        await texts(
          database,
          'SELECT symbol, bytes_executed, instructions_executed FROM coverage_by_symbol',
        ),
      ).toEqual(covered);
    }));

  test('functions and calls', () =>
    asking(seed, async (run, database) => {
      const rows = functionRows(run);
      const hot = [...rows].filter(([, row]) => row.ran > 0);
      const found = await texts(database, 'SELECT symbol, instructions, calls FROM hot_functions');
      expect(found.toSorted()).toEqual(
        hot.map(([name, row]) => `${name} ${row.ran} ${row.calls}`).sort(),
      );
      const counts = await texts(database, 'SELECT symbol, calls FROM call_counts');
      expect(counts.toSorted()).toEqual(
        [...rows]
          .filter(([, row]) => row.calls > 0)
          .map(([name, row]) => `${name} ${row.calls}`)
          .sort(),
      );
      const pairs = [...callPairs(run).counts].map(([pair, count]) => `${pair} ${count}`);
      const callees = run.functions.map(
        ({ name }) =>
          `SELECT '${name}', callee, sum(count) FROM callees_of('${name}') GROUP BY ALL`,
      );
      const listed = await texts(database, callees.join(' UNION ALL '));
      expect(listed.toSorted()).toEqual(pairs.filter((pair) => !pair.startsWith('null')).sort());
      for (const { name } of run.functions) {
        const tree = `SELECT tree, count, is_above FROM call_tree('${name}', 3)`;
        expect(await texts(database, tree)).toEqual(callTree(run, name, 3));
      }
    }));

  test('loop_trips, deliveries, time_by_symbol', () =>
    asking(seed, async (run, database) => {
      const loops = await texts(database, 'SELECT head, iterations, entries FROM loop_trips');
      expect(loops.toSorted()).toEqual(
        [...loopRows(run)].map(([head, row]) => `${head} ${row.ran} ${row.entries}`).sort(),
      );
      const signals = 'SELECT vcpu, seq, return_seq, instructions FROM deliveries';
      expect(await texts(database, signals)).toEqual(signalRows(run));
      const time = await database.query(
        'SELECT symbol, vcpu, instructions, time_ns FROM time_by_symbol',
      );
      const model = timeRows(run);
      expect(time.rowCount).toBe(model.size);
      for (const [symbol, vcpu, instructions, timeNs] of time.rows()) {
        const row = model.get(`${textOf(symbol)} ${textOf(vcpu)}`);
        expect(Number(instructions)).toBe(row?.ran);
        expect(Math.abs(Number(timeNs) - (row?.timeNs ?? 0))).toBeLessThanOrEqual(0.51);
      }
    }));

  test('last_executed_before', () =>
    asking(seed, async (run, database) => {
      const random = randomFrom(seed);
      const places = [...sizes(run).keys()];
      const asked = Array.from({ length: 25 }, () => ({
        pc: places[random(places.length)] ?? 0n,
        vcpu: random(run.executed.length),
        seq: random(170),
      }));
      const sql = asked.map(
        ({ pc, vcpu, seq }, i) =>
          `SELECT ${i}, vcpu, seq FROM last_executed_before(${pc}, ${vcpu}, ${seq})`,
      );
      const expected = asked.flatMap(({ pc, vcpu, seq }, i) => {
        const list = run.executed[vcpu] ?? [];
        const last = list.findLast((one) => one.pc === pc && one.seq < seq);
        return last === undefined ? [] : [`${i} ${vcpu} ${last.seq}`];
      });
      const found = await texts(database, `${sql.join(' UNION ALL ')} ORDER BY 1`);
      expect(found).toEqual(expected);
    }));
});

test('gaps: where seqs are missing, and what marks say of it', async () => {
  const run = namedRun(5, 2);
  const { segments } = run.trace;
  // The third segment of vCPU 0 and all after it come 10 later, the fifth 5 later still.
  const own = run.trace.segmentsOf(0);
  own.forEach((segment, i) => {
    const late = (i >= 2 ? 10 : 0) + (i >= 4 ? 5 : 0);
    segments.firstSeq[segment] = (segments.firstSeq[segment] ?? 0) + late;
  });
  const end = Math.max(
    ...Array.from(own, (i) => (segments.firstSeq[i] ?? 0) + (segments.rows[i] ?? 0)),
  );
  const spec = { blocks: [], edges: [], vcpus: [] };
  const marks = makeMarks({
    ...spec,
    marks: [
      { kind: 'gap', seq: 14, number: 10n, detail: 'the disk was full' },
      { kind: 'gap', seq: end, number: 3n, detail: 'killed' },
      { kind: 'gap', vcpu: 7, seq: 0, number: 2n },
    ],
  });
  const database = await openDatabase({ ...run.trace, marks });
  const found = await texts(database, 'SELECT vcpu, first_seq, last_seq, lost, detail FROM gaps');
  const lost = await texts(database, 'SELECT vcpu, lost FROM vcpus');
  await database.close();
  expect(found).toEqual([
    '0 14 23 10 the disk was full',
    '0 38 42 5 null',
    `0 ${end} ${end + 2} 3 killed`,
    '7 0 1 2 null',
  ]);
  expect(lost).toEqual(['0 18', '1 0']);
});

test('the runs have what the tests are about', () => {
  const runs = SEEDS.map((seed) => namedRun(seed, 1 + (seed % 3)));
  expect(runs.flatMap(signalRows).filter((row) => !row.includes('null')).length).toBeGreaterThan(9);
  expect(runs.flatMap((run) => [...loopRows(run).keys()]).length).toBeGreaterThan(9);
  expect(runs.flatMap((run) => callTree(run, 'f0', 3)).length).toBeGreaterThan(9);
});
