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

test.each(SAMPLES)(`%s: transfers that are wanted, from anywhere, seed ${SEED}`, (name) => {
  const random = randomFrom(SEED);
  const trace = openTrace(sample(name));
  const stretches = new Stretches(trace);
  const [vcpu = 0] = trace.vcpus;
  const segments = Array.from(trace.segmentsOf(vcpu), (segment) => [...trace.readSegment(segment)]);
  const list = segments.flat();
  for (const share of [2, 50, 400]) {
    const wanted = Uint8Array.from({ length: trace.edges.count }, () => +(random(share) === 0));
    for (let ask = 0; ask < 60; ask++) {
      const way = WAYS[random(2)] ?? 1;
      const seq = random(list.length);
      const max = 1 + random(random(2) === 0 ? 8 : 3000);
      const expected: number[] = [];
      let at = seq;
      for (; at >= 0 && at < list.length && expected.length < max; at += way) {
        if (wanted[list[at] ?? 0] === 1) expected.push(at);
      }
      const found = stretches.matching(vcpu, seq, way, { max, lookMax: list.length, wanted });
      expect([...(found.seqs ?? [])]).toEqual(expected);
      expect([...found.edges]).toEqual(expected.map((one) => list[one]));
      expect(found).toMatchObject({ seqNext: at, hasMore: at >= 0 && at < list.length });
    }
  }
});
