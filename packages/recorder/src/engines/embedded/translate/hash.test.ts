import fc from 'fast-check';
import { expect, test } from 'vitest';
import { perfectHash } from './hash.ts';

/** Even addresses, as near to each other as cases of a jump table are, or far apart. */
const addresses = fc
  .uniqueArray(fc.oneof(fc.nat({ max: 2000 }), fc.nat({ max: 2 ** 31 - 1 })), {
    minLength: 1,
    maxLength: 16,
  })
  .map((halves) => halves.map((half) => 2 * half));

const placeIn = (hash: ReturnType<typeof perfectHash>, address: number): number =>
  (Math.imul(address, hash.factor) >>> hash.shift) & hash.mask;

test('each address that is in the table stands where it is looked for, in a small table', () => {
  fc.assert(
    fc.property(addresses, (list) => {
      const hash = perfectHash(list);
      expect(hash.table).toHaveLength(hash.mask + 1);
      expect(hash.table.length).toBeLessThan(8 * list.length);
      hash.table.forEach((index, place) => {
        if (index >= 0) expect(placeIn(hash, list[index] ?? -1)).toBe(place);
      });
      const found = hash.table.filter((index) => index >= 0);
      expect(new Set(found).size).toBe(found.length);
    }),
  );
});

test('cases of a jump table all have a place', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 16 }),
      (gaps) => {
        let at = 0x1_2000;
        const list = gaps.map((gap) => {
          at += 2 * gap;
          return at;
        });
        expect(perfectHash(list).table.filter((index) => index >= 0)).toHaveLength(list.length);
      },
    ),
    { numRuns: 300 },
  );
});
