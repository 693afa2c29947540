import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBytes, parseCount, parseIndex } from './parse.ts';

describe('sizes are powers of 1024', () => {
  test.each([
    ['512K', 512 * 1024],
    ['64M', 64 * 1024 * 1024],
    ['1G', 2 ** 30],
    ['1g', 2 ** 30],
    ['1.5M', 1.5 * 2 ** 20],
    ['64MiB', 64 * 2 ** 20],
    ['64MB', 64 * 2 ** 20],
    ['8192', 8192],
  ])('%s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each(['', '0', '-1', '64Q', 'M', '1.3', '0x10', '1e400', '64 M', '9999999999G'])(
    'not %j',
    (text) => {
      expect(() => parseBytes(text)).toThrow(`Found "${text}", expected a size such as 512K`);
    },
  );
});

describe('counts are powers of 1000', () => {
  test.each([
    ['1000000', 1e6],
    ['1e6', 1e6],
    ['10M', 1e7],
    ['2.5k', 2500],
    ['1', 1],
  ])('%s', (text, count) => {
    expect(parseCount(text)).toBe(count);
  });

  test.each(['', '0', '-5', 'many', '1.5', '1e99', 'NaN', 'Infinity', '1e'])('not %j', (text) => {
    expect(() => parseCount(text)).toThrow(RangeError);
  });
});

describe('positions', () => {
  test.each([
    ['0', 0],
    ['123456', 123456],
    ['123,456', 123456],
    ['1_000', 1000],
  ])('%s', (text, index) => {
    expect(parseIndex(text)).toBe(index);
  });

  test.each(['', '-1', '1.5', '1e3', ',1', '0x10', '9007199254740993'])('not %j', (text) => {
    expect(() => parseIndex(text)).toThrow(RangeError);
  });

  test('every position reads back', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (index) => {
        expect(parseIndex(String(index))).toBe(index);
        expect(parseIndex(index.toLocaleString('en-US'))).toBe(index);
      }),
    );
  });
});

test('whatever is typed, the answer is a whole number or a RangeError', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const parse of [parseBytes, parseCount, parseIndex]) {
        try {
          expect(Number.isSafeInteger(parse(text))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }
    }),
  );
});
