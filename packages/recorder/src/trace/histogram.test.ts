import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from './histogram.ts';
import { NARROW_EDGES_MAX } from './schema.ts';

test('histogram: counts as a plain loop does, and narrows', () => {
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
          const narrow = histogram.add(Uint32Array.from(edges), limit);
          expect([...(narrow ?? [])]).toEqual(edges);
          for (const edge of edges) expected[edge] = (expected[edge] ?? 0) + 1;
          expect([...histogram.counts(limit)]).toEqual(expected.slice(0, limit));
        }
        expect([...histogram.counts(3001)]).toEqual(expected);
      },
    ),
  );
});

test('histogram: segments of any size, in place or not, with few edges and with many', () => {
  const histogram = new Histogram();
  const expected: number[] = [];
  const limits = [1000, NARROW_EDGES_MAX, NARROW_EDGES_MAX + 1, 200_000];
  for (const [round, limit] of limits.entries()) {
    for (const transfers of [100, 20_000, 300_001, 7]) {
      const edges = Uint32Array.from({ length: transfers }, (_, i) => (i * 7919 + round) % limit);
      edges[transfers - 1] = limit - 1;
      const place = histogram.place(transfers);
      place.set(edges);
      const narrow = histogram.add(round % 2 === 0 ? place : edges, limit);
      for (const edge of edges) expected[edge] = (expected[edge] ?? 0) + 1;
      const isNarrow = limit <= NARROW_EDGES_MAX;
      expect(narrow === null ? null : Buffer.from(Uint32Array.from(narrow).buffer)).toEqual(
        isNarrow ? Buffer.from(edges.buffer) : null,
      );
    }
  }
  const counts = histogram.counts(200_000);
  expect(counts.every((count, edge) => count === (expected[edge] ?? 0))).toBe(true);
});

test('histogram: a number that is no edge is found wherever it stands', () => {
  const histogram = new Histogram();
  for (let length = 1; length < 40; length++) {
    for (let at = 0; at < length; at++) {
      for (const wrong of [5, 0x8000_0000, 0xffff_ffff]) {
        const edges = new Uint32Array(length);
        edges[at] = wrong;
        expect(() => histogram.add(edges, 5)).toThrow(
          `transfer ${at} of a segment: found edge ${wrong}, expected below 5`,
        );
      }
    }
  }
});
