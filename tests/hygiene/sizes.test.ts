import { describe, expect, test } from 'vitest';
import { projectFiles, readSources } from './files.ts';
import { functionsOf } from './functions.ts';
import { checkSizes } from './sizes.ts';

const body = (lines: number): string => '  work();\n'.repeat(lines);

test('sizes: no file, function or line of the project is over its limit', () => {
  const code = projectFiles().filter((file) => /\.([cm]?[jt]sx?|[chsS]|sql|sh|py)$/.test(file));
  expect(readSources(code).flatMap(checkSizes)).toEqual([]);
});

describe('sizes: the rule can fail', () => {
  test('a long function, named with its line', () => {
    const text = `const a = 1;\nexport function drain(): void {\n${body(81)}}\n`;
    expect(checkSizes({ path: 'packages/recorder/src/ring/ring.ts', text })).toEqual([
      'packages/recorder/src/ring/ring.ts:2: function drain is 83 lines, the limit is 70',
    ]);
    const short = `export function drain(): void {\n${body(68)}}\n`;
    expect(checkSizes({ path: 'a.ts', text: short })).toEqual([]);
  });

  test('a long C function and file', () => {
    const text = `static void\npublish(struct ring *ring)\n{\n${body(70)}}\n`;
    expect(checkSizes({ path: 'a.c', text })).toEqual([
      'a.c:2: function publish is 73 lines, the limit is 70',
    ]);
    expect(checkSizes({ path: 'a.c', text: 'int x;\n'.repeat(601) })).toEqual([
      'a.c:1: the file is 601 lines, the limit is 600',
    ]);
  });

  test('a long file', () => {
    expect(checkSizes({ path: 'a.ts', text: 'x();\n'.repeat(401) })).toEqual([
      'a.ts:1: the file is 401 lines, the limit is 400',
    ]);
    expect(checkSizes({ path: 'a.ts', text: 'x();\n'.repeat(400) })).toEqual([]);
  });

  test('a long line, unless it ends in an address', () => {
    const text = `ok\n${'x'.repeat(101)}\n// https://${'x'.repeat(101)}\n${'é'.repeat(100)}\n`;
    expect(checkSizes({ path: 'a.sql', text })).toEqual([
      'a.sql:2: the line is 101 columns, the limit is 100',
    ]);
    expect(checkSizes({ path: 'a.md', text })).toEqual([]);
  });
});

describe('sizes: which braces are functions', () => {
  const names = (text: string): string[] => functionsOf(text, 'ts').map((found) => found.name);

  test.each([
    ['function f() { if (a) { b(); } for (;;) { c(); } }', ['f']],
    ['export async function* f<T extends A<B>>(a: T): AsyncGenerator<T> { }', ['f']],
    ['function f(): { a: number; b: () => void } { }', ['f']],
    ['function f(a = { b: 1 }): a is { b: 1 } | null { }', ['f']],
    ['class A { get b(): number { } constructor(c: D) { } #e() { } static async f() { } }', null],
    ['const f = (a: number): string => { };', ['f']],
    ['const f = async <T>(a: T) => { };', ['f']],
    ['const f = a => { };', ['f']],
    ['list.map((a) => { return a; });', ['(arrow)']],
    ['const o = { f() { }, g: (a) => { }, h: 1 };', ['f', 'g']],
    ['const o = a ? b(c) : { d: 1 };', []],
    ['switch (a) { case b(c): { break; } }', []],
    ['try { } catch (error) { } while (a) { } do { } while (a)', []],
    ['interface A { b(): void } type C = { d: 1 };', []],
    ["describe.skipIf(a.b)('c', () => { test('d', () => { }); });", ['(arrow)']],
  ])('%s', (text, expected) => {
    expect(names(text)).toEqual(expected ?? ['b', 'constructor', '#e', 'f']);
  });

  test('C: functions, no control words, structures or initialisers', () => {
    const text = [
      'struct a { int b; };',
      'static const int c[] = { 1 };',
      '__attribute__((constructor)) static void d(void) {',
      '  if (c) { e(); }',
      '  for (;;) { while (f(1)) { } }',
      '}',
      'static uint64_t g(int (*h)(void), const char *i)',
      '{',
      '}',
    ].join('\n');
    expect(functionsOf(text, 'c').map((found) => found.name)).toEqual(['d', 'g']);
  });
});
