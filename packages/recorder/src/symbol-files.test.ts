/** Names of a machine's code from files: what is taken, from where, and what is refused. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { bareGuest } from '../../../tests/guests/bare/build.ts';
import { temporaryFolder } from '../../../tests/guests/build.ts';
import { collectModules } from './modules.ts';
import { machineFiles, symbolFile, symbolMaps, withSymbolLists } from './symbol-files.ts';

const folder = temporaryFolder('symbol-files');

function file(name: string, text: string | Uint8Array): string {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
}

const MAP = file(
  'System.map',
  [
    '0000000000000000 A irq_stack',
    'ffffffff80003000 t later',
    'ffffffff80002040 T _start',
    'ffffffff80002040 T _text',
    'ffffffff81000000 D data',
    'not a symbol',
    'ffffffff80004010 t probe\t[e1000]',
    '',
  ].join('\n'),
);

function namesOf(given: readonly string[]) {
  const files = given.map(symbolFile);
  const none = collectModules(symbolMaps(files, 0n));
  const { modules, symbols, problems } = withSymbolLists(none, files);
  const rows = Array.from({ length: symbols.count }, (_, i) => {
    return [symbols.module[i], `0x${symbols.address[i]?.toString(16)}`, symbols.name(i)];
  });
  return { modules, rows, problems };
}

describe('names of a machine', () => {
  test('a list: code and data by address, also of modules; its module is its code', () => {
    const { modules, rows, problems } = namesOf([MAP]);
    expect(problems).toEqual([]);
    expect(rows).toEqual([
      [0, '0xffffffff80002040', '_start'],
      [0, '0xffffffff80002040', '_text'],
      [0, '0xffffffff80003000', 'later'],
      [0, '0xffffffff80004010', 'probe'],
      [0, '0xffffffff81000000', 'data'],
    ]);
    expect([modules.count, modules.path[0], modules.base[0]]).toEqual([1, MAP, 0n]);
    expect([modules.start[0], modules.size[0]]).toEqual([0xffffffff80002000n, 0x3000n]);
  });

  test('with a base that wraps around, as code runs below where it was linked', () => {
    const { modules } = namesOf([`${MAP}@0x100000000`]);
    expect(modules.base[0]).toBe(0x1_0000_0000n);
    expect(modules.start[0]).toBe(0x80002000n);
  });

  test('an ELF file at its own addresses, and moved', () => {
    const elf = bareGuest('traps');
    const fixed = namesOf([elf, MAP]);
    expect([fixed.modules.path, fixed.modules.base[0]]).toEqual([[elf, MAP], 0n]);
    expect(fixed.modules.start[0]).toBe(0x8000_0000n);
    expect(fixed.rows.some(([module, , name]) => module === 0 && name === 'main')).toBe(true);
    const moved = namesOf([`${elf}@0x10000`]).modules;
    expect([moved.base[0], moved.start[0]]).toEqual([0x10000n, 0x8001_0000n]);
  });

  test('images are taken if they are ELF programs', () => {
    const elf = bareGuest('traps');
    const image = file('Image', 'MZ');
    const taken = { path: elf, base: '0x0' };
    expect(machineFiles([], [image, elf, '/nowhere'])).toEqual([taken]);
    expect(machineFiles([MAP], [elf])).toEqual([{ path: MAP, base: '0x0' }, taken]);
    expect(machineFiles([elf], [elf])).toEqual([taken]);
  });

  test.each([
    ['/nowhere/vmlinux', /found no such file, expected an ELF program/],
    [folder, /found no regular file/],
    [file('text', 'hello'), /found no line of a symbol/],
    [`${bareGuest('traps')}@0x10`, /found a base of 0x10, expected a multiple of 4096/],
  ])('%s is refused', (given, message) => {
    expect(() => symbolFile(given)).toThrow(message);
  });

  test('a list that is gone when the trace is closed is told', () => {
    const gone = { path: '/nowhere/System.map', base: '0x0' };
    const { problems } = withSymbolLists(collectModules([]), [gone]);
    expect(problems).toEqual([
      '/nowhere/System.map: found no such file, expected it as it was when the run began. ' +
        'Its symbols are not in the trace.',
    ]);
  });
});
