/** The call stack at any moment: random histories against real stacks, and some hard cases. */
import { BacktrailError } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
import { randomFrom } from './path/random-run.fixture.ts';
import { randomHistory, type TrueFrame } from './stack/history.fixture.ts';
import { stacksBy } from './stack/kept.ts';
import { type CallStack, CallStacks, ODDITIES } from './stack.ts';
import { makeIndex } from './trace-index.ts';

const SEEDS = [323_421_491, ...Array.from({ length: 3 }, (_, run) => SEED + run)];
/** Longer than any stack of a history. */
const framesMax = 4096;

/** What both sides say of a frame, outermost first. */
const lines = (frames: readonly TrueFrame[]): string[] =>
  frames.map(({ seq, callSite, returnAddress, pc }) => {
    const text = (address: bigint | null): string => address?.toString(16) ?? '-';
    return `@${seq} from ${text(callSite)} to ${text(returnAddress)} at ${text(pc)}`;
  });
const seen = (stack: CallStack): string[] => lines([...stack.frames].reverse());

describe('random histories', () => {
  test.each(SEEDS)('seed %i: stacks are the real ones at every moment', (seed) => {
    const segmentTransfers = 1 + (seed % 97);
    const history = randomHistory({ seed, steps: 500, segmentTransfers });
    const { trace, truth, broken, unsettled } = history;
    const stacks = new CallStacks(trace, { saveTransfers: 1 + (seed % 300) });
    for (let seq = 0; seq < truth.length; seq++) {
      if (unsettled.has(seq)) continue;
      const stack = stacks.at(0, seq, { framesMax });
      expect(seen(stack), `seed ${seed}, after ${seq}`).toEqual(lines(truth[seq] ?? []));
    }
    expect(stacks.odd(0, 'switched').count).toBe(history.switches);
    const found = stacks.brokenReturns(0);
    expect(found.count).toBe(broken.length);
    expect(found.first.map(({ seq }) => seq)).toEqual(broken.slice(0, 16));
    expect(found.last.map(({ seq }) => seq)).toEqual(broken.slice(16).slice(-16));
  });

  test.each(SEEDS)('seed %i: what was kept of a run gives the same stacks', (seed) => {
    const { trace, truth } = randomHistory({ seed, steps: 500, segmentTransfers: 50 });
    const whole = new CallStacks(trace, { saveTransfers: 100 });
    const kept = whole.words(0);
    const again = new CallStacks(trace, { load: () => kept, summary: () => null });
    const indexed = stacksBy(trace, makeIndex(trace));
    for (let seq = 0; seq < truth.length; seq += 7) {
      const expected = whole.at(0, seq, { framesMax });
      expect(again.at(0, seq, { framesMax })).toEqual(expected);
      expect(indexed.at(0, seq, { framesMax })).toEqual(expected);
    }
    for (const oddity of ODDITIES) expect(again.odd(0, oddity)).toEqual(whole.odd(0, oddity));
    expect(again.words(0)).toEqual(kept);
  });

  test.each(SEEDS)('seed %i: steps and jumps in any order, over a gap too', (seed) => {
    const of = randomHistory({
      seed,
      steps: 500,
      segmentTransfers: 20,
      coroutines: 1 + (seed % 2),
    });
    const lost = 3 + (seed % 5);
    const gapEnd = (lost + 1) * 20;
    const readSegment = (segment: number): Uint32Array => {
      if (segment === lost) throw new BacktrailError('E_TRACE_DAMAGED', 'segment is damaged');
      return of.trace.readSegment(segment);
    };
    const trace = { ...of.trace, readSegment };
    const saveTransfers = 150;
    const words = new CallStacks(trace, { saveTransfers }).words(0);
    const random = randomFrom(seed);
    for (let walk = 0; walk < 20; walk++) {
      const stacks = new CallStacks(trace, { load: () => words });
      let seq = gapEnd + random(of.truth.length - gapEnd);
      for (let i = 0; i < 20; i++) {
        const alone = new CallStacks(trace, { load: () => words });
        const expected = alone.at(0, seq, { framesMax });
        expect(stacks.at(0, seq, { framesMax }), `seed ${seed}, after ${seq}`).toEqual(expected);
        // Mostly back, as people walk.
        const next = random(9) === 0 ? random(of.truth.length) : seq - random(30) + random(15);
        const isThere = next >= 0 && trace.segmentAt(0, next) >= 0;
        if (isThere && trace.segmentAt(0, next) !== lost) seq = next;
      }
    }
  });

  test.each(SEEDS)('seed %i: what was kept and then spoilt does no harm', (seed) => {
    const { trace, truth } = randomHistory({ seed, steps: 300, segmentTransfers: 50 });
    const kept = new CallStacks(trace, { saveTransfers: 100 }).words(0);
    const random = randomFrom(seed);
    for (let i = 0; i < 200; i++) {
      const spoilt = kept.slice(0, random(4) === 0 ? random(kept.length) : kept.length);
      spoilt[random(spoilt.length)] = random(2) === 0 ? random(100) : 0xffff_ffff - random(3);
      const stacks = new CallStacks(trace, { load: () => spoilt });
      const seq = random(truth.length);
      expect(stacks.at(0, seq).seq).toBe(seq);
      expect(stacks.brokenReturns(0).first.length).toBeLessThanOrEqual(16);
    }
  });

  test.each(SEEDS)('seed %i: behind a gap only what came after it is known', (seed) => {
    const of = randomHistory({ seed, steps: 500, segmentTransfers: 40, coroutines: 1 });
    const lost = 1 + (seed % 10);
    const gapEnd = (lost + 1) * 40;
    const readSegment = (segment: number): Uint32Array => {
      if (segment === lost) throw new BacktrailError('E_TRACE_DAMAGED', 'segment is damaged');
      return of.trace.readSegment(segment);
    };
    const stacks = new CallStacks({ ...of.trace, readSegment });
    expect(() => stacks.at(0, gapEnd - 1)).toThrow(/found no transfer \d+ of vCPU 0/);
    for (let seq = gapEnd; seq < of.truth.length; seq++) {
      const truth = of.truth[seq] ?? [];
      const known = truth.filter((frame) => frame.seq >= gapEnd);
      const { pc } = truth[truth.length - known.length - 1] ?? { pc: 0n };
      const unknown = { seq: gapEnd, callSite: null, returnAddress: null, pc };
      const stack = stacks.at(0, seq, { framesMax });
      expect(seen(stack), `seed ${seed}, after ${seq}`).toEqual(lines([unknown, ...known]));
      expect(stack.isBottomKnown).toBe(false);
    }
  });
});
