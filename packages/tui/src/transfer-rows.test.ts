/** Rows stand for every transfer, once: folded as unfolded, from every place. */
import { expect, test } from 'vitest';
import { filterOf } from './find.ts';
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

test.each([true, false])('with a filter, folded %s: those that it wants', async (isFolded) => {
  using world = await openWorld('bare-scheduler');
  const { trace, stretches } = world;
  const wanted = filterOf(world, 'interrupt')?.wanted;
  if (wanted === undefined || wanted === null) throw new Error('no interrupt');
  const seqs = Array.from({ length: trace.seqEnd(0) }, (_none, i) => i).filter(
    (seq) => wanted[stretches.edgeAt(0, seq) ?? 0] === 1,
  );
  expect(seqs.length).toBeGreaterThan(30);
  const marks = world.marks(0);
  for (const seq of [0, 50_000, 120_282]) {
    const options = { vcpu: 0, seq, rows: 1000, isFolded, marks, wanted };
    const { rows, cursor } = transferRows(trace, stretches, options);
    expect(covered(rows.slice(0, cursor))).toBe(seqs.filter((one) => one < seq).length);
    expect(covered(rows.slice(cursor + 1))).toBe(seqs.filter((one) => one > seq).length);
    const shown = rows.flatMap((row) => (row.row === 'transfer' ? [row.seq] : []));
    expect(shown.filter((one) => one !== seq && !seqs.includes(one))).toEqual([]);
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
