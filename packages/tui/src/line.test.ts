import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ansi,
  cut,
  cutMiddle,
  fitted,
  harmless,
  left,
  right,
  span,
  textOf,
  widthOf,
} from './line.ts';

test('a line is as wide as asked for, whatever is in it', () => {
  const texts = fc.array(fc.constantFrom('a', 'main+0x12', '漢字', '😀', 'é', 'e\u0301', ' '));
  fc.assert(
    fc.property(fc.array(texts), fc.integer({ min: 1, max: 40 }), (spans, columns) => {
      const line = spans.map((texts) => span(texts.join('')));
      expect(widthOf(textOf(fitted(line, columns)))).toBe(columns);
      const text = textOf(line);
      expect(widthOf(left(text, columns))).toBe(columns);
      expect(widthOf(right(text, columns))).toBe(columns);
    }),
  );
});

test('what is cut says so', () => {
  expect(cut('abcdef', 4)).toBe('abc…');
  expect(cut('漢字漢字', 5)).toBe('漢字…');
  expect(cutMiddle('a_very_long_function+0x12', 16)).toBe('a_very_lon…+0x12');
  expect(cutMiddle('short+0x1', 16)).toBe('short+0x1');
});

test('nothing in a trace steers the terminal', () => {
  expect(harmless('a\u001b[2Jb\u0007\u009b1m\n\u202ex')).toBe(
    'a\\x1b[2Jb\\x07\\x9b1m\\x0a\\u{202e}x',
  );
});

test('NO_COLOR leaves what is no colour', () => {
  const line = [span('a', 'red'), span('b', 'inverse'), span('c')];
  expect(ansi(line, true)).toBe('\u001b[31ma\u001b[0m\u001b[7mb\u001b[0mc');
  expect(ansi(line, false)).toBe('a\u001b[7mb\u001b[0mc');
});
