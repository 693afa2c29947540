/** How often instructions ran up to a place: against counting what really ran, from the start. */
import { expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
import { Cursor } from './cursor.ts';
import { randomFrom, randomRun } from './path/random-run.fixture.ts';

const PLACES = 40;

test.each([false, true])('random places, code that changes: %s', (changesCode) => {
  const seed = SEED;
  const random = randomFrom(seed);
  for (let run = 0; run < 6; run++) {
    // Code that another vCPU changes cannot always be told apart; that is the path's affair.
    const vcpus = changesCode ? 1 : 2;
    const given = { vcpus, transfers: 120, segmentTransfers: 9, changesCode };
    const { trace, executed } = randomRun(seed + run, given);
    const cursor = new Cursor(trace);
    for (let i = 0; i < PLACES; i++) {
      const vcpu = trace.vcpus[random(trace.vcpus.length)] ?? 0;
      cursor.vcpu(vcpu);
      cursor.to(random(trace.seqEnd(vcpu)));
      cursor.instruction('forward', random(4));
      const { seq, index, pc } = cursor.position;
      const ran = executed[vcpu] ?? [];
      const before = ran.filter((one) => one.seq < seq);
      const now = ran.filter((one) => one.seq === seq).slice(0, index + 1);
      const wanted = [...before, ...now].filter((one) => one.pc === pc).length;
      const { code } = cursor;
      const rows = Uint32Array.from({ length: code.rowCount }, (_none, row) => row).filter(
        (row) => code.pcOf(row) === pc,
      );
      const counts = cursor.ranUpToHere(rows, 1e6);
      const sum = counts?.reduce((total, count) => total + count, 0);
      expect(sum, `seed ${seed}, run ${run}: ${vcpu}:${seq}:${index}`).toBe(wanted);
    }
  }
});

test('too far to count is told, and near enough is counted', () => {
  const { trace } = randomRun(5, {
    vcpus: 1,
    transfers: 100,
    segmentTransfers: 9,
    changesCode: false,
  });
  const cursor = new Cursor(trace);
  const rows = Uint32Array.of(0);
  expect(cursor.ranUpToHere(rows, 50)).toBeNull();
  cursor.to(40);
  expect(cursor.ranUpToHere(rows, 50)).not.toBeNull();
  cursor.to(80);
  expect(cursor.ranUpToHere(rows, 50)).not.toBeNull();
});
