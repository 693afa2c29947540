import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from './histogram.ts';

test('histogram: counts as a plain loop does', () => {
  const segment = fc.array(fc.nat({ max: 3000 }), { maxLength: 70 });
  fc.assert(
    fc.property(
      fc.array(segment, { maxLength: 8 }),
      fc.nat({ max: 200 }),
      (segments, foldAfter) => {
        const histogram = new Histogram(foldAfter);
        const expected: number[] = Array.from({ length: 3001 }, () => 0);
        let limit = 1;
        for (const edges of segments) {
          // Edges become known as they come.
          limit = Math.max(limit, ...edges.map((edge) => edge + 1));
          histogram.add(Uint32Array.from(edges), limit);
          for (const edge of edges) expected[edge] = (expected[edge] ?? 0) + 1;
          expect([...histogram.counts(limit)]).toEqual(expected.slice(0, limit));
        }
        expect([...histogram.counts(3001)]).toEqual(expected);
      },
    ),
  );
});

test('histogram: a number that is no edge is found wherever it stands', () => {
  for (let length = 1; length < 20; length++) {
    for (let at = 0; at < length; at++) {
      const edges = new Uint32Array(length);
      edges[at] = 5;
      expect(() => new Histogram().add(edges, 5)).toThrow(
        `transfer ${at} of a segment: found edge 5, expected below 5`,
      );
    }
  }
});
