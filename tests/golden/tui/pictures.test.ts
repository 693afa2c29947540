/**
 * The pictures of docs/ and README: real screens of a real crash. UPDATE=1 draws them anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sample } from '../../../packages/tui/src/samples.fixture.ts';
import { Screen } from './screen.ts';
import { inverted, joined, paletteColor, type Run, svgOf } from './svg.ts';

const PLAIN = {
  color: null,
  background: null,
  isBold: false,
  isDim: false,
  isUnderlined: false,
} as const;

const cellsOf = (text: string, style: Partial<Run> = {}): Run[] =>
  Array.from(text, (one, column) => ({
    row: 0,
    column,
    columns: 1,
    text: one,
    ...PLAIN,
    ...style,
  }));

const SHOWN = [
  {
    name: 'walk-crash',
    size: { columns: 100, rows: 30 },
    keys: '',
    shows: 'killed by SIGSEGV',
    title: 'backtrail walk at the end of a program that crashed: the last transfers and the code',
  },
  {
    name: 'walk-wide',
    size: { columns: 150, rows: 40 },
    keys: 'k\u001b[D',
    shows: 'transfer 977 of 979  instruction 3 of 3',
    title: 'backtrail walk in a wide terminal, a transfer further back: transfers, code and calls',
  },
];

test.each(SHOWN)('$name', async ({ name, size, keys, shows, title }) => {
  const file = fileURLToPath(new URL(`../../../docs/pictures/${name}.svg`, import.meta.url));
  using screen = new Screen(['walk', sample('riscv64-smash')], size);
  await screen.shows('killed by SIGSEGV');
  screen.type(keys);
  await screen.shows(shows);
  const picture = svgOf(screen.runs, { ...size, title });
  if (process.env['UPDATE'] === '1') writeFileSync(file, picture);
  if (!existsSync(file)) throw new Error(`${file}: not there. Draw it with UPDATE=1, look at it`);
  expect(picture).toBe(readFileSync(file, 'utf8'));
});

test('letters that mean something in XML are letters', () => {
  const picture = svgOf(joined(cellsOf('<a&"b">')), { columns: 7, rows: 1, title: '<&' });
  expect(picture).toContain('&lt;a&amp;&quot;b&quot;&gt;</text>');
  expect(picture).toContain('<title>&lt;&amp;</title>');
});

test('cells of one style are one run, at their columns; blanks are none', () => {
  const red = { color: '#ff0000' };
  const cells = [...cellsOf('  ab '), ...cellsOf('cd', red)].map((cell, column) => ({
    ...cell,
    column,
  }));
  expect(joined(cells)).toEqual([
    { ...PLAIN, row: 0, column: 2, columns: 2, text: 'ab' },
    { ...PLAIN, ...red, row: 0, column: 5, columns: 2, text: 'cd' },
  ]);
});

test('words with several blanks between them have places of their own', () => {
  const [run] = joined(cellsOf('ab   c d', { background: '#222222' }));
  const picture = svgOf(run === undefined ? [] : [run], { columns: 8, rows: 1, title: 'x' });
  const places = Array.from(picture.matchAll(/<text x="(\d+)"[^>]*>([^<]*)/g), ([, x, text]) => [
    Number(x),
    text,
  ]);
  expect(places).toEqual([
    [10, 'ab'],
    [50, 'c d'],
  ]);
});

test('a wide character keeps its two columns', () => {
  const wide = { ...PLAIN, row: 0, column: 0, columns: 2, text: '字' };
  const after = { ...PLAIN, row: 0, column: 2, columns: 1, text: 'a' };
  expect(joined([wide, after])).toEqual([wide, after]);
});

test('colours: of the palette, and exchanged', () => {
  expect([16, 196, 231, 232, 255].map(paletteColor)).toEqual([
    '#000000',
    '#ff0000',
    '#ffffff',
    '#080808',
    '#eeeeee',
  ]);
  const style = inverted({ ...PLAIN, color: '#123456' });
  expect(style.background).toBe('#123456');
  expect(style.color).not.toBe(null);
});
