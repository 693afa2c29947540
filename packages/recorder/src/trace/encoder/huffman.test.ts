import { expect, test } from 'vitest';
import { readTree } from './huffman.model.ts';
import { codesOf, treeDescription, WEIGHTS } from './huffman.ts';

test('the weights fill the tree, and codes are at most nine bits long', () => {
  const sum = WEIGHTS.reduce((all, weight) => all + 2 ** (weight - 1), 0);
  expect(sum).toBe(2 ** 9);
  const codes = codesOf(WEIGHTS);
  expect(codes.reduce((all, { bits }) => all + 2 ** (9 - bits), 0)).toBe(2 ** 9);
  // None begins with another.
  const texts = codes.map(({ value, bits }) => value.toString(2).padStart(bits, '0')).sort();
  for (const [i, text] of texts.entries()) expect(texts[i + 1]?.startsWith(text)).not.toBe(true);
  expect(codes[0]?.bits).toBe(2);
});

test('the model reads the weights from the description', () => {
  const bytes = treeDescription();
  expect(readTree(Buffer.concat([bytes, Buffer.alloc(3, 0xff)]))).toEqual({
    weights: WEIGHTS,
    bytesRead: bytes.length,
  });
});

test('weights that leave a code over are refused', () => {
  expect(() => codesOf([1, 1, 1])).toThrow('found 3 codes, expected an even number');
});
