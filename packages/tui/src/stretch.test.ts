/** Loops that are gone round: what is remembered of them changes no answer. */
import { openTrace } from '@backtrail/analyzer';
import { expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
import { SAMPLES, sample } from './samples.fixture.ts';
import { Stretches } from './stretch.ts';
import { randomFrom } from './world.fixture.ts';

const WAYS = [1, -1] as const;

test.each(SAMPLES)(`%s: transfers that go round a loop, from anywhere, seed ${SEED}`, (name) => {
  const random = randomFrom(SEED);
  const trace = openTrace(sample(name));
  const stretches = new Stretches(trace);
  const [vcpu = 0] = trace.vcpus;
  const list: number[] = [];
  for (const segment of trace.segmentsOf(vcpu)) {
    list.push(...stretches.alike(trace.readSegment(segment)));
  }
  let longest = 0;
  for (let ask = 0; ask < 2000; ask++) {
    const way = WAYS[random(2)] ?? 1;
    const seq = random(list.length);
    const keyAt = (i: number): number | undefined => list[seq + way * i];
    const round = Uint32Array.from({ length: 1 + random(4) }, (_none, i) => keyAt(i) ?? 0);
    const max = 1 + random(200);
    let wanted = 0;
    while (wanted < max && keyAt(wanted) === round[wanted % round.length]) wanted++;
    expect(stretches.goingRound(vcpu, seq, way, round, max)).toBe(wanted);
    longest = Math.max(longest, wanted);
  }
  expect(longest).toBeGreaterThan(4);
});
