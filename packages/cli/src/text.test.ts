import { describe, expect, test } from 'vitest';
import {
  cut,
  fields,
  formatBytes,
  formatCount,
  formatDuration,
  plural,
  printable,
  shellWords,
  significant,
  table,
} from './text.ts';

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [1023, '1,023 bytes'],
  [1024, '1 KiB'],
  [79_462, '77.6 KiB'],
  [2 ** 30 * 1.25, '1.25 GiB'],
  [2 ** 60, '1024 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [1234, '1.23 µs'],
  [96_802_034, '96.8 ms'],
  [1.5e9, '1.5 s'],
  [185e9, '3 min 5 s'],
  [3600e9 * 2 + 60e9, '2 h 1 min'],
])('%d ns are %s', (ns, text) => {
  expect(formatDuration(ns)).toBe(text);
});

test('counts and plurals', () => {
  expect(formatCount(12_345_678)).toBe('12,345,678');
  expect(plural(1, 'transfer')).toBe('1 transfer');
  expect(plural(2000, 'transfer')).toBe('2,000 transfers');
  expect([0.6, 1, 9.999, 12.34, 155.4].map(significant)).toEqual(['0.6', '1', '10', '12.3', '155']);
});

describe('names come from the guest and must not steer the terminal', () => {
  test('control characters are shown', () => {
    expect(printable('a\u001b[31mb\nc\u009b')).toBe('a\\x1b[31mb\\x0ac\\x9b');
  });

  test('words are quoted as a shell wants them', () => {
    expect(shellWords(['./a.out', '-v', 'a b', "it's", '$(x)', ''])).toBe(
      "./a.out -v 'a b' 'it'\\''s' '$(x)' ''",
    );
  });
});

test('tables are aligned and end without blanks', () => {
  const columns = [
    { title: 'seq', align: 'right' },
    { title: 'name', align: 'left' },
  ] as const;
  expect(
    table(columns, [
      ['1', 'a'],
      ['1000', 'bcdefg'],
    ]),
  ).toEqual([' seq  name', '   1  a', '1000  bcdefg']);
  expect(
    fields([
      ['a', '1\n2'],
      ['bcd', 'x'],
    ]),
  ).toBe('a    1\n     2\nbcd  x\n');
  expect(cut('abcdef', 4)).toBe('abc…');
  expect(cut('abcd', 4)).toBe('abcd');
});
