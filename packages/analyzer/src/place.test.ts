import { expect, test } from 'vitest';
import { findPlace } from './place.ts';
import { makeTrace } from './trace.fixture.ts';

const BASE = 0x40_0000n;

const TRACE = makeTrace({
  blocks: [{ pc: 0x1000n, code: '13000000' }],
  edges: [{ source: null, target: 0x1000n }],
  vcpus: [[0]],
  modules: [
    { path: '/bin/a.out', base: 0n, size: 0x4000n },
    { path: '/lib/l.so', base: BASE, size: 0x4000n },
    { path: '/lib/l.so', base: 2n * BASE, size: 0x4000n },
  ],
  symbols: [
    { module: 0, address: 0x1000n, size: 0x20n, name: 'main' },
    { module: 0, address: 0x1040n, size: 8n, name: 'helper' },
    { module: 0, address: 0x1080n, size: 4n, name: 'helper' },
    { module: 0, address: 0x10c0n, name: '_start' },
    { module: 0, address: 0x1100n, size: 4n, name: '_ZN1n1fEi' },
    { module: 1, address: 0x200n, size: 16n, name: 'shared' },
  ],
  sources: ['/src/a.c', '/src/lib/a.c'],
  lines: [
    { address: 0x1000n, size: 4n, source: 0, line: 7 },
    { address: 0x1004n, size: 8n, source: 0, line: 7, isStatement: 1 },
    { address: 0x100cn, size: 4n, source: 0, line: 8, isStatement: 0 },
    { address: 0x1010n, size: 4n, source: 0, line: 7 },
    { address: 0x1014n, size: 4n, source: 1, line: 7 },
    { module: 1, address: 0x204n, size: 4n, source: 1, line: 9 },
  ],
});

const demangle = (name: string): string => (name === '_ZN1n1fEi' ? 'n::f(int)' : name);
const found = (text: string): string[] =>
  findPlace(TRACE, text, demangle).starts.map((start) => start.toString(16));

test('place: an address', () => {
  expect(found('0x1234')).toEqual(['1234']);
  expect(found('*0XFFFFffffFFFFffff')).toEqual(['ffffffffffffffff']);
});

test('place: a symbol, wherever it is mapped, under any of its names', () => {
  expect(found('main')).toEqual(['1000']);
  expect(found('main+0x12')).toEqual(['1012']);
  expect(found('main+16')).toEqual(['1010']);
  expect(found('helper')).toEqual(['1040', '1080']);
  expect(found('shared')).toEqual(['400200', '800200']);
  for (const name of ['n::f', 'n::f(int)', '_ZN1n1fEi']) expect(found(name)).toEqual(['1100']);
  expect(findPlace(TRACE, 'main').ranges).toEqual([{ start: 0x1000n, end: 0x1020n }]);
  expect(findPlace(TRACE, '_start').ranges).toEqual([{ start: 0x10c0n, end: 0x10c1n }]);
});

test('place: a line begins where a breakpoint would stand', () => {
  expect(found('/src/a.c:7')).toEqual(['1000', '1010']);
  expect(found('a.c:7')).toEqual(['1000', '1010', '1014']);
  expect(found('lib/a.c:9')).toEqual(['400204', '800204']);
  expect(found('a.c:8')).toEqual(['100c']);
  expect(findPlace(TRACE, '/src/a.c:7').ranges.length).toBe(3);
});

test.each([
  ['nowhere', 'found nothing named "nowhere" among 6 symbols, expected an address'],
  ['MAI', 'Alike: main.'],
  ['main+0xg', 'found nothing named "main+0xg"'],
  ['', 'found nothing named ""'],
  ['a.c:70', 'found no code of line 70 in a.c'],
  ['c.c:7', 'found no source file c.c, expected one such as /src/a.c, /src/lib/a.c.'],
  ['0x12345678123456789', 'found nothing named'],
])('place: %j is none', (text, says) => {
  expect(() => findPlace(TRACE, text, demangle)).toThrow(says);
});

test('place: a line of a trace without lines', () => {
  const trace = makeTrace({ blocks: [], edges: [], vcpus: [] });
  expect(() => findPlace(trace, 'a.c:7')).toThrow('Build the program with -g and record it again');
});
