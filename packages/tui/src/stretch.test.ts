/** Loops that are gone round: what is remembered of them changes no answer. */
import { expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
import { randomFrom } from '../../analyzer/src/path/random-run.fixture.ts';
import { makeTrace } from '../../analyzer/src/trace.fixture.ts';
import { Stretches } from './stretch.ts';

const EDGES = 6;
const WAYS = [1, -1] as const;

/** Transfers in loops of loops, with some that fit nowhere. */
function randomTransfers(random: (below: number) => number): number[] {
  const list: number[] = [];
  while (list.length < 600) {
    const round = Array.from({ length: 1 + random(4) }, () => random(EDGES));
    for (let times = random(60); times >= 0; times--) list.push(...round);
  }
  return list;
}

function counted(
  list: readonly number[],
  seq: number,
  way: 1 | -1,
  round: Uint32Array,
  max: number,
) {
  let count = 0;
  while (count < max && list[seq + way * count] === round[count % round.length]) count++;
  return count;
}

test(`transfers that go round a loop, from anywhere in it, seed ${SEED}`, () => {
  const random = randomFrom(SEED);
  for (let run = 0; run < 20; run++) {
    const list = randomTransfers(random);
    const trace = makeTrace({
      blocks: [],
      edges: Array.from({ length: EDGES }, (_none, i) => ({
        source: BigInt(0x1000 + 8 * i),
        target: BigInt(0x2000 + 8 * i),
      })),
      vcpus: [list],
      segmentTransfers: 50 + random(100),
    });
    const stretches = new Stretches(trace);
    let longest = 0;
    for (let ask = 0; ask < 400; ask++) {
      const way = WAYS[random(2)] ?? 1;
      const seq = random(list.length);
      const length = 1 + random(4);
      const round = stretches.alike(
        Uint32Array.from({ length }, (_none, i) => list[seq + way * i] ?? 0),
      );
      const max = 1 + random(200);
      const wanted = counted(list, seq, way, round, max);
      expect(stretches.goingRound(0, seq, way, round, max)).toBe(wanted);
      longest = Math.max(longest, wanted);
    }
    expect(longest).toBeGreaterThan(40);
  }
});
