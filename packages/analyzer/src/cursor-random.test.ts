/** Random runs: every move of the cursor against the obvious model. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CursorModel, stopsOf, withHoles } from './cursor.model.ts';
import { Cursor } from './cursor.ts';
import { checkCase, MARKS_MADE, type Random, randomLines } from './cursor-check.fixture.ts';
import { SegmentCollector } from './index/collect.ts';
import { decodeIndex, encodeIndex } from './index/file.ts';
import { coarsened, mergeCollected } from './index/merge.ts';
import { jobsOf } from './index/threads.ts';
import { TraceIndex } from './index/trace-index.ts';
import { type RandomRun, randomFrom, randomRun } from './path/random-run.fixture.ts';
import type { FixtureTrace } from './trace.fixture.ts';
import { type FixtureMark, makeMarks } from './trace-tables.fixture.ts';

const PLACES = 5;

/** Marks anywhere, some of them at an instruction that ran. */
function randomMarks(run: RandomRun, random: Random): FixtureMark[] {
  return run.executed.flatMap((executed, vcpu) =>
    Array.from({ length: random(12) }, () => {
      const near = executed[random(executed.length)] ?? { seq: 0, pc: 0n };
      const kind = MARKS_MADE[random(MARKS_MADE.length)] ?? 'map';
      const pc = random(3) > 0 ? { pc: near.pc } : {};
      return { kind, vcpu, seq: near.seq + random(2), ...pc };
    }),
  );
}

const options = fc.record({
  vcpus: fc.integer({ min: 1, max: 3 }),
  transfers: fc.integer({ min: 1, max: 150 }),
  segmentTransfers: fc.integer({ min: 1, max: 40 }),
  changesCode: fc.constant(false),
});

function checkRun(seed: number, run: RandomRun, hasHoles: boolean): void {
  const random = randomFrom(seed);
  const marks = makeMarks({ ...NOTHING, marks: [...endMarks(run), ...randomMarks(run, random)] });
  const lost = new Set(
    Array.from(run.trace.segments.vcpu.keys()).filter(() => hasHoles && random(3) === 0),
  );
  const trace = withHoles({ ...run.trace, marks }, (segment) => lost.has(segment));
  const lineOf = randomLines(random);
  for (const vcpu of trace.vcpus) {
    const executed = run.executed[vcpu] ?? [];
    const stops = stopsOf(trace, vcpu, executed, run.trace.seqEnd(vcpu), lineOf);
    const model = new CursorModel(trace, vcpu, stops);
    for (const bits of [null, 0, 1 + random(3)]) {
      const index = bits === null ? null : indexOf(trace, bits);
      const cursor = new Cursor(trace, { vcpu, lineOf, index, missesMax: random(4) });
      checkCase({ trace, vcpu, cursor, model, random }, PLACES);
    }
  }
}

/** @param groupBits segments that the index tells apart: groups of 2^groupBits */
function indexOf(trace: FixtureTrace, groupBits: number): TraceIndex {
  const collector = new SegmentCollector(trace);
  const placeCount = collector.places.segment.length;
  const parts = jobsOf(placeCount, 2).map((job) =>
    collector.collect(job.firstPlace, job.endPlace, () => undefined),
  );
  let tables = mergeCollected(parts, placeCount, trace.edges.count);
  for (let bits = 0; bits < groupBits; bits++) tables = coarsened(tables);
  const read = decodeIndex(encodeIndex(tables, 'x'), 'x', {
    edgeCount: trace.edges.count,
    placeCount,
    transfers: trace.transfers,
  });
  // In memory they may take half the bits.
  expect({ ...read, stretches: Uint32Array.from(read.stretches) }).toEqual(tables);
  return new TraceIndex(trace, read);
}

const NOTHING = { blocks: [], edges: [], vcpus: [] };

function endMarks({ executed, trace }: RandomRun): FixtureMark[] {
  return executed.map((list, vcpu) => ({
    kind: 'end' as const,
    vcpu,
    seq: trace.seqEnd(vcpu),
    pc: list.at(-1)?.pc ?? 0n,
  }));
}

/** A vCPU goes through code that another one translates again after its own last transfer. */
const BORN_AT_THE_END: [
  number,
  { vcpus: number; transfers: number; segmentTransfers: number; changesCode: boolean },
] = [0x7fff_fff5, { vcpus: 3, transfers: 12, segmentTransfers: 1, changesCode: false }];

describe('cursor: every move equals that of a model', () => {
  const seed = fc.integer({ min: 0, max: 0x7fff_ffff });

  test('several vCPUs, signals, cut blocks, segments of any size', () => {
    fc.assert(
      fc.property(seed, options, (number, given) => {
        checkRun(number, randomRun(number, given), false);
      }),
      { numRuns: 15, examples: [BORN_AT_THE_END] },
    );
  });

  test('with lost segments', () => {
    fc.assert(
      fc.property(seed, options, (number, given) => {
        checkRun(number, randomRun(number, given), true);
      }),
      { numRuns: 15 },
    );
  });
});
