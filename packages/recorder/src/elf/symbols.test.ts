import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { needs, needsAll } from '../../../../tests/require.ts';
import { SYMBOL_TYPES } from '../trace/vocabulary.ts';
import { buildElf, FIXTURE, type FixtureSymbol } from './elf.fixture.ts';
import { ELF_SYMBOL_TYPES, readSymbols } from './elf.ts';
import { linesOf, readelfLines, run, withBytes, withFolder } from './readelf.fixture.ts';
import { orderOf } from './sort.ts';

const NO_ROOTS = { debugRoots: [] };
const NOTYPE = 0;
const OBJECT = 1;
const ABS = 0xfff1;

const symbolsOf = (fixture: Parameters<typeof buildElf>[0]): string[] =>
  withBytes(buildElf(fixture), (file) => linesOf(readSymbols(file, NO_ROOTS)));

const f = (name: string, value = 0x2010n): FixtureSymbol => ({ name, value, size: 4n });

test('the types are those of the trace, in its order', () => {
  expect(ELF_SYMBOL_TYPES).toEqual(SYMBOL_TYPES);
});

test('both tables in one, of either class and byte order', () => {
  for (const elfClass of [32, 64] as const) {
    for (const endian of ['little', 'big'] as const) {
      const symtab = [f('b', 0x2020n), f('a'), { ...f('data', 0x5008n), type: OBJECT, section: 7 }];
      const dynsym = [f('a'), f('alias'), { ...f('i', 0x2030n), type: 10 }];
      expect(symbolsOf({ class: elfClass, endian, machine: 8, symtab, dynsym })).toEqual([
        '2010 4 function a',
        '2010 4 function alias',
        '2020 4 function b',
        '2030 4 ifunc i',
        '5008 4 object data',
      ]);
    }
  }
});

test('high addresses sort as unsigned numbers, by all 64 bits', () => {
  const base = 0xffff_ffff_8000_0000n;
  const symtab = [f('z', base + 0x2010n), f('a', base + 0x2000n), f('low', 0x10n)];
  withBytes(buildElf({ base, symtab }), (file) => {
    const symbols = readSymbols(file, NO_ROOTS);
    expect([...symbols.address]).toEqual([0x10n, base + 0x2000n, base + 0x2010n]);
    expect([0, 1, 2].map((i) => symbols.name(i))).toEqual(['low', 'a', 'z']);
  });
});

test('what names no place of the program is left out', () => {
  const symtab: FixtureSymbol[] = [
    { ...f('undefined'), section: 0 },
    { ...f('section'), type: 3 },
    { ...f('file.c'), type: 4, section: ABS },
    { ...f('tls'), type: 6 },
    { ...f('VERSION_1', 0n), type: OBJECT, section: ABS },
    { ...f('constant', 0x7777_0000n), section: ABS, type: NOTYPE },
    { ...f('in_comment', 0n), section: 10 },
    { ...f('label_in_data', 0x5000n), type: NOTYPE, section: FIXTURE.data },
    { ...f('.Llocal'), type: NOTYPE },
    f(''),
    { ...f('label', 0x2040n), type: NOTYPE },
    { ...f('absolute_code', 0x2050n), section: ABS },
    { ...f('stale_section', 0x2060n), section: 99 },
  ];
  expect(symbolsOf({ symtab })).toEqual([
    '2040 4 none label',
    '2050 4 function absolute_code',
    '2060 4 function stale_section',
  ]);
});

test('mapping symbols are labels only where the machine has them', () => {
  const names = ['$x', '$d', '$d.12', '$a', '$t', '$xrv64i2p1_m2p0', '$xyz', '$draw', '$'];
  const symtab = names.map((name) => ({ ...f(name), type: NOTYPE }));
  const kept = (machine: number): string[] =>
    symbolsOf({ machine, symtab }).map((line) => line.split(' ')[3] ?? '');
  expect(kept(243)).toEqual(['$', '$draw']);
  expect(kept(183)).toEqual(['$', '$draw', '$xrv64i2p1_m2p0', '$xyz']);
  expect(kept(62)).toHaveLength(names.length);
  const functions = names.map((name) => f(name));
  expect(symbolsOf({ machine: 183, symtab: functions })).toHaveLength(names.length);
});

test('the bit that says Thumb is no part of an address', () => {
  const symtab = [f('thumb', 0x2011n), { ...f('odd', 0x5001n), type: OBJECT, section: 7 }];
  expect(symbolsOf({ machine: 40, class: 32, symtab })).toEqual([
    '2010 4 function thumb',
    '5001 4 object odd',
  ]);
  expect(symbolsOf({ machine: 62, symtab })[0]).toBe('2011 4 function thumb');
});

test('of many symbols at one address, each name stays once', () => {
  for (const many of [3, 16, 17, 1000]) {
    const symtab = Array.from({ length: 2 * many }, (_, i) => f(`s${i % many}`));
    const dynsym = Array.from({ length: Math.min(many, 50) }, (_, i) => f(`s${i}`));
    expect(symbolsOf({ symtab, dynsym })).toHaveLength(many);
  }
});

test('names that overlap to the square of the file size are refused', () => {
  const symtab = Array.from({ length: 9000 }, (_, i) => f(i === 0 ? 'x'.repeat(60_000) : 'y'));
  const bytes = buildElf({ symtab });
  const strings = bytes.indexOf(`\0${'x'.repeat(100)}`);
  expect(strings).toBeGreaterThan(0);
  for (let i = 1; i < 9001; i++) bytes.writeUInt32LE(1 + (i % 8), 0x2100 + i * 24);
  withBytes(bytes, (file) => {
    expect(() => readSymbols(file, NO_ROOTS)).toThrow(/symbol names: found names that overlap/);
  });
});

test('without section headers, the dynamic segment leads to the symbols', () => {
  const dynsym = [f('a'), f('b', 0x2020n), { ...f('none', 0x5000n), type: NOTYPE }, f('c', 0x10n)];
  for (const elfClass of [32, 64] as const) {
    for (const endian of ['little', 'big'] as const) {
      for (const hash of ['gnu', 'sysv'] as const) {
        const fixture = { class: elfClass, endian, machine: 8, hash, dynsym, withSections: false };
        expect(symbolsOf(fixture)).toEqual([
          '10 4 function c',
          '2010 4 function a',
          '2020 4 function b',
        ]);
      }
    }
  }
  expect(symbolsOf({ withSections: false })).toEqual([]);
});

test('orderOf sorts as a comparison of bigints does, and keeps the order of equals', () => {
  const half = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 0x1_0000, 0xffff_ffff));
  fc.assert(
    fc.property(fc.array(fc.tuple(half, half)), (pairs) => {
      const high = Uint32Array.from(pairs, ([h]) => h);
      const low = Uint32Array.from(pairs, ([, l]) => l);
      const key = ([h, l]: readonly [number, number]): bigint => (BigInt(h) << 32n) | BigInt(l);
      const expected = pairs
        .map((pair, i) => ({ key: key(pair), i }))
        .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.i - b.i));
      expect([...orderOf(high, low, pairs.length)]).toEqual(expected.map((one) => one.i));
    }),
  );
});

const readelf = needs('readelf');
const REAL = [
  process.execPath,
  '/bin/ls',
  '/usr/bin/python3',
  '/usr/bin/qemu-x86_64',
  '/lib/x86_64-linux-gnu/libc.so.6',
  '/lib64/ld-linux-x86-64.so.2',
  '/usr/bin/readelf',
  ...['libc.so.6', 'libstdc++.so.6', 'libgomp.so.1', 'crt1.o', 'libatomic.so.1'].flatMap((name) => [
    `/usr/riscv64-linux-gnu/lib/${name}`,
    `/usr/aarch64-linux-gnu/lib/${name}`,
  ]),
].filter((file) => existsSync(file));

describe.skipIf(readelf.missing)(`as readelf -s says${readelf.note}`, () => {
  test.each(REAL)('%s', (file) => {
    const found = linesOf(readSymbols(file));
    const expected = readelfLines(file);
    expect(found.length).toBeGreaterThan(0);
    // Not toEqual on the whole: a difference of 100,000 lines takes minutes to print.
    const wrong = found.findIndex((line, i) => line !== expected[i]);
    if (wrong >= 0) {
      expect(found.slice(wrong, wrong + 5)).toEqual(expected.slice(wrong, wrong + 5));
    }
    expect(found).toHaveLength(expected.length);
  });

  const compiler = needs('cc');
  test.skipIf(compiler.missing)(`the compiler proper${compiler.note}`, () => {
    const cc1 = run(compiler.path, '-print-prog-name=cc1').trim();
    expect(linesOf(readSymbols(cc1))).toEqual(readelfLines(cc1));
  });

  test('without section headers, the dynamic symbols are the same', () => {
    const file = '/usr/bin/readelf';
    const bytes = readFileSync(file);
    const expected = withBytes(bytes, (copy) => linesOf(readSymbols(copy, NO_ROOTS)));
    bytes.fill(0, 40, 48);
    bytes.fill(0, 58, 64);
    withBytes(bytes, (copy) => expect(linesOf(readSymbols(copy, NO_ROOTS))).toEqual(expected));
  });
});

const nm = needsAll('nm', 'cc');
const PROGRAM = `
static int helper(int x) { return x * 3; }
int shared_name(int x) { return helper(x) + 1; }
static int counter;
int main(int argc, char **argv) { (void)argv; counter += argc; return shared_name(counter); }
`;

describe.skipIf(nm.missing)(`split debug files${nm.note}`, () => {
  /** A program with symbols, the same stripped, and its debug file. */
  const build = (folder: string, flags: readonly string[]) => {
    const source = path.join(folder, 'p.c');
    const [full, stripped, debug] = ['full', 'stripped', 'p.debug'].map((n) =>
      path.join(folder, n),
    );
    if (full === undefined || stripped === undefined || debug === undefined)
      throw new Error('names');
    writeFileSync(source, PROGRAM);
    run('cc', '-O0', '-o', full, source, ...flags);
    run('objcopy', '--only-keep-debug', full, debug);
    run('strip', '-o', stripped, full);
    return { full, stripped, debug };
  };
  const names = (lines: readonly string[]): string => lines.join('\n');

  test('by build id, under a root', () => {
    withFolder((folder) => {
      const { full, stripped, debug } = build(folder, ['-Wl,--build-id']);
      expect(names(linesOf(readSymbols(stripped, NO_ROOTS)))).not.toContain('helper');
      const id = /Build ID: (\w+)/.exec(run('readelf', '-n', full))?.[1] ?? '';
      mkdirSync(path.join(folder, '.build-id', id.slice(0, 2)), { recursive: true });
      copyFileSync(debug, path.join(folder, '.build-id', id.slice(0, 2), `${id.slice(2)}.debug`));
      const found = linesOf(readSymbols(stripped, { debugRoots: ['/nowhere', folder] }));
      expect(found).toEqual(linesOf(readSymbols(full, NO_ROOTS)));
      expect(names(found)).toContain('function helper');
    });
  });

  test('by debug link: beside the program, in .debug, under a root; its CRC must fit', () => {
    withFolder((folder) => {
      const { full, stripped, debug } = build(folder, ['-Wl,--build-id=none']);
      const linked = path.join(folder, 'linked');
      run('objcopy', `--add-gnu-debuglink=${debug}`, stripped, linked);
      const expected = linesOf(readSymbols(full, NO_ROOTS));
      expect(linesOf(readSymbols(linked, NO_ROOTS))).toEqual(expected);
      const bytes = readFileSync(debug);
      const program = path.join(folder, 'sub', 'linked');
      const root = path.join(folder, 'root');
      mkdirSync(path.join(folder, 'sub', '.debug'), { recursive: true });
      mkdirSync(path.join(root, folder, 'sub'), { recursive: true });
      copyFileSync(linked, program);
      expect(names(linesOf(readSymbols(program, { debugRoots: [root] })))).not.toContain('helper');
      writeFileSync(path.join(root, folder, 'sub', 'p.debug'), bytes);
      expect(linesOf(readSymbols(program, { debugRoots: [root] }))).toEqual(expected);
      expect(names(linesOf(readSymbols(program, NO_ROOTS)))).not.toContain('helper');
      writeFileSync(path.join(folder, 'sub', '.debug', 'p.debug'), bytes);
      expect(linesOf(readSymbols(program, NO_ROOTS))).toEqual(expected);
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
      writeFileSync(path.join(folder, 'sub', '.debug', 'p.debug'), bytes);
      expect(names(linesOf(readSymbols(program, NO_ROOTS)))).not.toContain('helper');
    });
  });

  test('nm names the same functions', () => {
    withFolder((folder) => {
      const { full } = build(folder, []);
      const found = new Set(
        linesOf(readSymbols(full, NO_ROOTS)).map((l) => l.replace(/ .* /, ' ')),
      );
      const said = [...run('nm', full).matchAll(/^0*([0-9a-f]+) [tT] (\S+)$/gm)];
      expect(said.length).toBeGreaterThan(5);
      for (const [, address, name] of said) expect(found).toContain(`${address} ${name}`);
    });
  });
});
