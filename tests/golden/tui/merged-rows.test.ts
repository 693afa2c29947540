import { expect, test } from 'vitest';
import { withTimes } from '../../../packages/analyzer/src/cursor.model.ts';
import { randomFrom, randomRun } from '../../../packages/analyzer/src/path/random-run.fixture.ts';
import { mergedRows } from '../../../packages/tui/src/merged-rows.ts';
import { pressed, screenText, start, typed } from '../../../packages/tui/src/world.fixture.ts';
import { World } from '../../../packages/tui/src/world.ts';
import { SEED } from '../../seed.ts';

const OPTIONS = { ended: 'It ended.', command: 'backtrail walk', hasColor: false };

async function several(seed: number): Promise<World> {
  const random = randomFrom(seed);
  const given = { vcpus: 3, transfers: 60, segmentTransfers: 9, changesCode: false };
  const { trace } = randomRun(seed, given);
  return await World.open(withTimes(trace, random), OPTIONS);
}

interface At {
  readonly vcpu: number;
  readonly seq: number;
}

/** All transfers of some vCPUs in the order of the cursor. */
const sorted = ({ trace, cursor }: World, vcpus: readonly number[]): At[] =>
  vcpus
    .flatMap((vcpu) => Array.from({ length: trace.seqEnd(vcpu) }, (_none, seq) => ({ vcpu, seq })))
    .sort((a, b) => cursor.order.compare(a, b));

test('rows of several vCPUs are the transfers around the cursor, in order', async () => {
  using world = await several(SEED);
  const random = randomFrom(SEED);
  for (const vcpus of [[0, 1, 2], [0, 2], [1]]) {
    const all = sorted(world, vcpus);
    for (let i = 0; i < 20; i++) {
      const at = all[random(all.length)] ?? { vcpu: 0, seq: 0 };
      const place = all.indexOf(at);
      const rows = 2 + random(30);
      const options = { ...at, vcpus, rows, isFolded: false, wanted: null };
      const merged = mergedRows(world, options);
      const shown = merged.rows.flatMap(({ vcpu, row }) =>
        row.row === 'transfer' ? [{ vcpu, seq: row.seq }] : [],
      );
      const cursor = shown.findIndex(({ vcpu, seq }) => vcpu === at.vcpu && seq === at.seq);
      const says = `seed ${SEED}: ${JSON.stringify({ at, vcpus, rows })}`;
      expect(shown, says).toEqual(all.slice(place - cursor, place - cursor + shown.length));
      expect(merged.rows[merged.cursor], says).toMatchObject({
        vcpu: at.vcpu,
        row: { seq: at.seq },
      });
      expect(merged.rows.length, says).toBeLessThanOrEqual(rows);
      const isWhole = merged.rows.length === rows || shown.length === all.length;
      expect(isWhole, says).toBe(true);
    }
  }
});

test('folded, and with a filter, no transfer is told twice nor left out', async () => {
  using world = await several(SEED);
  const wanted = Uint8Array.from({ length: world.trace.edges.count }, (_none, edge) => edge % 2);
  for (const only of [null, wanted]) {
    const options = { vcpu: 1, seq: 30, vcpus: [0, 1, 2], rows: 1000, isFolded: true };
    const { rows } = mergedRows(world, { ...options, wanted: only });
    const told = rows.reduce((sum, { row }) => sum + (row.row === 'transfer' ? row.skip : 0), 0);
    const isWanted = ({ vcpu, seq }: At): boolean =>
      (vcpu === 1 && seq === 30) || only?.[world.stretches.edgeAt(vcpu, seq) ?? 0] !== 0;
    expect(told).toBe(sorted(world, [0, 1, 2]).filter(isWanted).length);
  }
});

test('walking goes from vCPU to vCPU, there and back; a filter keeps to some of them', async () => {
  using world = await several(SEED);
  const all = sorted(world, [0, 1, 2]);
  const merged = pressed(world, start(world), 'a', '<');
  expect(merged.message.text).not.toBe('There is one vCPU only.');
  expect(screenText(world, merged)).toMatch(/ {2}vCPU {2}seq/);
  const from = all.findIndex(({ vcpu, seq }) => vcpu === merged.position.vcpu && seq === 0);
  const there = pressed(world, merged, ...Array.from({ length: 9 }, () => 'j'));
  expect(there.position).toMatchObject(all[from + 9] ?? {});
  const back = typed(world, there, '9k');
  expect(back.position).toEqual(merged.position);
  const again = typed(world, back, '9j');
  expect(again.position).toEqual(there.position);
  const some = pressed(world, typed(world, again, 'fvcpu 0, 2'), 'enter');
  expect(some).toMatchObject({ isMerged: true, filter: { vcpus: [0, 2], wanted: null } });
  const next = pressed(world, some, 'j').position;
  const { vcpu, seq } = some.position;
  const two = sorted(world, [0, 2]);
  const at = two.findIndex((one) => one.vcpu === vcpu && one.seq === seq);
  expect(next).toMatchObject(two[at + 1] ?? {});
  const one = pressed(world, typed(world, some, 'fthread 1'), 'enter');
  expect(one).toMatchObject({ isMerged: false, position: { vcpu: 1 } });
  expect(pressed(world, one, 'v').message.text).toMatch(/one vCPU only/);
  const none = pressed(world, typed(world, one, 'fvcpu 7'), 'enter');
  expect(none.message.text).toBe('"vcpu 7": no transfer is of that.');
});
