import { BacktrailError } from '@backtrail/analyzer';
import { expect, test } from 'vitest';
import { randomRun } from '../../../packages/analyzer/src/path/random-run.fixture.ts';
import { World } from '../../../packages/tui/src/world.ts';
import { SEED } from '../../seed.ts';

test('while nobody waits, the segments beside the cursor are read, each once', async () => {
  const given = { vcpus: 2, transfers: 60, segmentTransfers: 9, changesCode: false };
  const { trace } = randomRun(SEED, given);
  const read: number[] = [];
  const readSegment = (segment: number): Uint32Array => {
    read.push(segment);
    if (segment === damaged) throw new BacktrailError('E_TRACE_DAMAGED', `segment ${segment}`);
    return trace.readSegment(segment);
  };
  const options = { ended: 'It ended.', command: 'backtrail walk', hasColor: false };
  let damaged = -1;
  using world = await World.open({ ...trace, readSegment }, options);
  const segments = [...trace.segmentsOf(1)];
  const [first = -1, second = -1, third = -1, fourth = -1] = segments;
  const ahead = (segment: number): number[] => {
    read.length = 0;
    const place = { vcpu: 1, seq: (trace.segments.firstSeq[segment] ?? 0) + 3 };
    while (world.readAhead(place));
    expect(world.readAhead(place)).toBe(false);
    return [...read];
  };
  expect(ahead(second)).toEqual([first, third]);
  expect(ahead(second)).toEqual([]);
  expect(ahead(first)).toEqual([second]);
  expect(ahead(segments.at(-1) ?? -1)).toEqual([segments.at(-2)]);
  damaged = third;
  expect(ahead(second)).toEqual([first, third]);
  damaged = -1;
  expect(ahead(third)).toEqual([second, fourth]);
  read.length = 0;
  expect(world.readAhead({ vcpu: 1, seq: 1e9 })).toBe(false);
  expect(read).toEqual([]);
});
