import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LruCache } from './lru-cache.ts';
import { SegmentIndex } from './segment-index.ts';
import type { SegmentTable } from './trace.ts';

interface Segment {
  readonly vcpu: number;
  readonly firstSeq: number;
  readonly rows: number;
}

const table = (segments: readonly Segment[]): SegmentTable => ({
  count: segments.length,
  vcpu: Uint32Array.from(segments, (s) => s.vcpu),
  firstSeq: Float64Array.from(segments, (s) => s.firstSeq),
  rows: Uint32Array.from(segments, (s) => s.rows),
  file: new Uint32Array(segments.length),
  batch: new Uint32Array(segments.length),
  instructionsBefore: new Float64Array(segments.length),
  timeFirstNs: new BigUint64Array(segments.length),
  timeLastNs: new BigUint64Array(segments.length),
});

/** Segments of some vCPUs, with gaps, published in any order. */
const published = fc
  .array(
    fc.record({
      vcpu: fc.nat({ max: 3 }),
      gap: fc.nat({ max: 4 }),
      rows: fc.integer({ min: 1, max: 5 }),
    }),
    {
      maxLength: 15,
    },
  )
  .chain((steps) => {
    const ends = new Map<number, number>();
    const segments = steps.map(({ vcpu, gap, rows }) => {
      const firstSeq = (ends.get(vcpu) ?? 0) + gap;
      ends.set(vcpu, firstSeq + rows);
      return { vcpu, firstSeq, rows };
    });
    return fc.shuffledSubarray(segments, { minLength: segments.length });
  });

test('segment index: as a search through all segments', () => {
  fc.assert(
    fc.property(published, (segments) => {
      const index = new SegmentIndex(table(segments));
      expect(index.vcpus).toEqual([0, 1, 2, 3].filter((v) => segments.some((s) => s.vcpu === v)));
      for (let vcpu = 0; vcpu < 5; vcpu++) {
        const own = segments.filter((s) => s.vcpu === vcpu);
        expect(index.seqEnd(vcpu)).toBe(Math.max(0, ...own.map((s) => s.firstSeq + s.rows)));
        expect([...index.of(vcpu)].map((i) => segments[i]?.firstSeq)).toEqual(
          own.map((s) => s.firstSeq).sort((a, b) => a - b),
        );
        for (let seq = 0; seq < 120; seq++) {
          const expected = segments.findIndex(
            (s) => s.vcpu === vcpu && seq >= s.firstSeq && seq < s.firstSeq + s.rows,
          );
          expect(index.at(vcpu, seq)).toBe(expected);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('lru cache: as a list that is searched', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 6 })), fc.integer({ min: 1, max: 5 }), (keys, limit) => {
      const cache = new LruCache<number, string>(limit);
      let kept: number[] = [];
      for (const key of keys) {
        let isMade = false;
        const value = cache.get(key, () => {
          isMade = true;
          return `value ${key}`;
        });
        expect(value).toBe(`value ${key}`);
        expect(isMade).toBe(!kept.includes(key));
        kept = [...kept.filter((other) => other !== key), key].slice(-limit);
      }
    }),
  );
});
