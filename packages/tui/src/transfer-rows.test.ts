/** Rows stand for every transfer, once: folded as unfolded, from every place. */
import { expect, test } from 'vitest';
import { SAMPLES } from './samples.fixture.ts';
import { type Row, transferRows } from './transfer-rows.ts';
import { openWorld } from './world.fixture.ts';

/** Transfers that rows before or after the cursor stand for. */
function covered(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + (row.row === 'transfer' ? row.skip : 0), 0);
}

/** A run of 120,000 transfers would make as many rows. */
const SHORT = SAMPLES.filter((name) => name !== 'bare-scheduler');

test.each(SHORT)('%s', async (name) => {
  using world = await openWorld(name);
  const { trace, stretches } = world;
  for (const vcpu of trace.vcpus) {
    const end = trace.seqEnd(vcpu);
    const step = Math.max(1, Math.floor(end / 8));
    for (let seq = 0; seq < end; seq += step) {
      for (const isFolded of [true, false]) {
        const marks = world.marks(vcpu);
        const options = { vcpu, seq, rows: 10_000, isFolded, marks };
        const { rows, cursor } = transferRows(trace, stretches, options);
        const own = rows[cursor];
        expect(own).toMatchObject({ row: 'transfer', seq });
        expect(covered(rows.slice(0, cursor))).toBe(seq);
        expect(covered(rows.slice(cursor + 1))).toBe(end - seq - 1);
        expect(rows[0]).toEqual({ row: 'limit', at: 'start' });
        expect(rows.at(-1)).toEqual({ row: 'limit', at: 'end' });
        expect(rows.filter((row) => row.row === 'mark')).not.toEqual([]);
      }
    }
  }
});

test('a screen of rows is as high as asked for, the cursor in it', async () => {
  using world = await openWorld('riscv64-smash');
  const { trace, stretches } = world;
  for (const seq of [0, 1, 500, 978, 979]) {
    const options = { vcpu: 0, seq, rows: 8, isFolded: true, marks: world.marks(0) };
    const { rows, cursor } = transferRows(trace, stretches, options);
    expect(rows.length).toBeLessThanOrEqual(8);
    expect(rows[cursor]).toMatchObject({ seq });
  }
});
