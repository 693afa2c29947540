import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { bareGuest } from '../../../tests/guests/bare/build.ts';
import { temporaryFolder } from '../../../tests/guests/build.ts';
import { readSymbols } from './elf/elf.ts';
import { fitsPattern } from './engines/pattern.ts';
import { filterOf, parseFilter, unmappedModules } from './filter.ts';

const folder = temporaryFolder('filter-rules');
const program = path.join(import.meta.dirname, '../../../tests/guests/riscv64/bin/quick.elf');

function rangeOf(file: string, name: string): { low: bigint; high: bigint } {
  const symbols = readSymbols(file);
  const at = Array.from({ length: symbols.count }, (_none, i) => i).find(
    (i) => symbols.name(i) === name,
  );
  const low = symbols.address[at ?? -1] ?? 0n;
  return { low, high: low + (symbols.size[at ?? -1] ?? 0n) };
}

describe('what --filter means', () => {
  test('terms', () => {
    expect(parseFilter(['main, !module:libc*', '0x10-0x20,0x40+0x8', 'function:user'])).toEqual([
      { excludes: false, what: 'word', name: 'main' },
      { excludes: true, what: 'module', name: 'libc*' },
      { excludes: false, what: 'addresses', low: 0x10n, high: 0x20n },
      { excludes: false, what: 'addresses', low: 0x40n, high: 0x48n },
      { excludes: false, what: 'function', name: 'user' },
    ]);
  });

  test.each([
    ['', /found "", expected a function/],
    ['main,', /found "", expected a function/],
    ['!', /found "!", expected a function/],
    ['module:', /found "module:", expected/],
    ['12', /found "12", expected/],
    ['0x20-0x10', /found "0x20-0x10", which holds no address/],
    ['0x20+0', /which holds no address/],
    ['0xffffffffffffffff+0x10', /which holds no address/],
  ])('%j is refused', (text, message) => {
    expect(() => parseFilter([text])).toThrow(message);
  });

  test('functions become the addresses of the program, neighbours one stretch', () => {
    const found = filterOf({ filter: ['by_key', 'by_name'], program }, null);
    const { low } = rangeOf(program, 'by_key');
    const { low: next, high } = rangeOf(program, 'by_name');
    expect(next).toBeLessThanOrEqual(rangeOf(program, 'by_key').high);
    expect(found?.rules).toEqual([
      { excludes: false, what: 'addresses', inProgram: true, low, high },
    ]);
    expect(found?.text).toBe(0x1_1000n);
  });

  test('what is excluded is no neighbour of what is not', () => {
    const found = filterOf({ filter: ['by_key,!by_name'], program }, null);
    expect(found?.rules.map(({ excludes }) => excludes)).toEqual([false, true]);
  });

  test('a trigger stays seen', () => {
    const address = filterOf({ filter: ['main'], program, trigger: '0x4000' }, null);
    expect(address?.kept).toEqual([{ inProgram: false, low: 0x4000n, high: 0x4001n }]);
    const { low } = rangeOf(program, 'by_key');
    const named = filterOf({ filter: ['main'], program, trigger: 'by_key' }, null);
    expect(named?.kept).toEqual([{ inProgram: true, low, high: low + 1n }]);
    const signal = filterOf({ filter: ['main'], program, trigger: 'signal:11' }, null);
    expect(signal).toMatchObject({ kept: [], keepsHandlers: true });
  });

  test('names of a machine come from its files, lists without sizes too', () => {
    const list = path.join(folder, 'System.map');
    writeFileSync(
      list,
      ['80000000 T first', '80000010 t second', '80000018 T third', ''].join('\n'),
    );
    const machine = [{ path: list, base: '0x0' }];
    const choice = { program: '/usr/bin/qemu-system-riscv64' };
    const found = filterOf({ ...choice, filter: ['sec*', 'kernel', '!user'] }, machine);
    expect(found).toMatchObject({
      text: null,
      rules: [
        { what: 'addresses', inProgram: false, low: 0x8000_0010n, high: 0x8000_0018n },
        { excludes: false, what: 'level', level: 1 },
        { excludes: true, what: 'level', level: 0 },
      ],
    });
    const elf = filterOf({ ...choice, filter: ['function:kernel'] }, [
      { path: bareGuest('levels'), base: '0x0' },
    ]);
    expect(elf?.rules.length).toBe(1);
  });

  test.each([
    [['nowhere'], null, /found no function "nowhere" in .*quick\.elf/],
    [['kernel'], null, /"kernel", which is a privilege level, expected it with --system/],
    [['module:a'], [], /found module:a with --system/],
    [['main'], [], /found no function "main" in the files that name the machine's code/],
  ])('%j is refused', (filter, machine, message) => {
    const of = machine === null ? program : 'qemu-system-riscv64';
    expect(() => filterOf({ filter, program: of }, machine)).toThrow(message);
  });

  test('a level that is not told of that machine is refused', () => {
    const choice = { filter: ['user'], program: 'qemu-system-arm' };
    expect(() => filterOf(choice, [])).toThrow(/found "user" with qemu-system-arm/);
    const machine = { filter: ['machine'], program: 'qemu-system-x86_64' };
    expect(() => filterOf(machine, [])).toThrow(/found "machine" with qemu-system-x86_64/);
  });

  test('a trigger that is no function of the program is refused', () => {
    const choice = { filter: ['main'], program, trigger: 'nowhere' };
    expect(() => filterOf(choice, null)).toThrow(/found --trigger nowhere beside it/);
  });

  test('files that were never mapped are told', () => {
    const paths = ['/usr/lib/libc.so.6', '/home/a.out'];
    expect(unmappedModules(['module:libc*,!module:/home/*', 'main'], paths)).toEqual([]);
    expect(unmappedModules(['!module:libz*'], paths)).toEqual([
      '--filter: found no file "libz*" that was mapped, nothing is in it.',
    ]);
  });
});

describe('patterns', () => {
  test.each([
    ['', '', true],
    ['*', '', true],
    ['?', '', false],
    ['a*c', 'abbc', true],
    ['a*c', 'abbcd', false],
    ['*lib?.so*', '/usr/libz.so.1', true],
    ['a**b?', 'axxbc', true],
    ['a.c', 'abc', false],
    [`${'a*'.repeat(200)}b`, 'a'.repeat(5000), false],
  ])('%s and %s: %s', (pattern, name, fits) => {
    expect(fitsPattern(pattern, name)).toBe(fits);
  });
});
