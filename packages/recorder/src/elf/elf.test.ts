import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { needs } from '../../../../tests/require.ts';
import { buildElf, FIXTURE } from './elf.fixture.ts';
import { readBuildId, readElfHeader, readSegments } from './elf.ts';
import type { ElfClass, Endian } from './machines.ts';
import { readelfBuildId, run, withBytes, withFolder } from './readelf.fixture.ts';

const readelf = needs('readelf');

/** [machine, class, endian, e_flags, QEMU's name] */
const ISAS: readonly (readonly [number, ElfClass, Endian, number, string | null])[] = [
  [62, 64, 'little', 0, 'x86_64'],
  [62, 32, 'little', 0, null],
  [3, 32, 'little', 0, 'i386'],
  [183, 64, 'little', 0, 'aarch64'],
  [183, 64, 'big', 0, 'aarch64_be'],
  [40, 32, 'little', 0x5000400, 'arm'],
  [40, 32, 'big', 0x5000400, 'armeb'],
  [243, 64, 'little', 5, 'riscv64'],
  [243, 32, 'little', 5, 'riscv32'],
  [8, 32, 'big', 0x70001007, 'mips'],
  [8, 32, 'little', 0x70001007, 'mipsel'],
  [8, 32, 'big', 0x60000027, 'mipsn32'],
  [8, 64, 'big', 0x60000007, 'mips64'],
  [8, 64, 'little', 0x60000007, 'mips64el'],
  [20, 32, 'big', 0, 'ppc'],
  [21, 64, 'big', 1, 'ppc64'],
  [21, 64, 'little', 2, 'ppc64le'],
  [22, 64, 'big', 0, 's390x'],
  [2, 32, 'big', 0, 'sparc'],
  [18, 32, 'big', 0x100, 'sparc32plus'],
  [43, 64, 'big', 0, 'sparc64'],
  [258, 64, 'little', 3, 'loongarch64'],
  [15, 32, 'big', 0x210, 'hppa'],
  [4, 32, 'big', 0, 'm68k'],
  [42, 32, 'little', 0, 'sh4'],
  [42, 32, 'big', 0, 'sh4eb'],
  [0x9026, 64, 'little', 0, 'alpha'],
  [189, 32, 'big', 0, 'microblaze'],
  [113, 32, 'little', 0, 'nios2'],
  [92, 32, 'big', 0, 'or1k'],
  [164, 32, 'little', 0, 'hexagon'],
  [94, 32, 'little', 0, 'xtensa'],
  [76, 32, 'little', 0, 'cris'],
  [247, 64, 'little', 0, null],
];

test.each(ISAS)(
  'machine %i, %i bit, %s endian, flags %i: %s',
  (machine, elfClass, endian, flags, isa) => {
    withBytes(buildElf({ machine, class: elfClass, endian, flags }), (file) => {
      expect(readElfHeader(file)).toEqual({
        class: elfClass,
        endian,
        machine,
        isa,
        type: 'dyn',
        interpreter: null,
        isStatic: true,
        entry: FIXTURE.textAddress,
      });
    });
  },
);

test('segments, interpreter and build id of either class and byte order', () => {
  for (const elfClass of [32, 64] as const) {
    for (const endian of ['little', 'big'] as const) {
      const base = elfClass === 64 ? 0xffff_ffff_8000_0000n : 0x8000_0000n;
      const buildId = '0123456789abcdef0123456789abcdef01234567';
      const interpreter = '/lib/ld.so.1';
      const bytes = buildElf({ class: elfClass, endian, base, buildId, interpreter, type: 2 });
      withBytes(bytes, (file) => {
        const header = readElfHeader(file);
        expect(header).toMatchObject({ type: 'exec', interpreter, isStatic: false });
        expect(header.entry).toBe(base + FIXTURE.textAddress);
        expect(readBuildId(file)).toBe(buildId);
        const [first, text, data] = readSegments(file);
        expect(first).toMatchObject({ vaddr: base, offset: 0, flags: 4 });
        expect(text).toEqual({
          vaddr: base + FIXTURE.textAddress,
          offset: 0x1000,
          fileSize: 0x400,
          memSize: 0x400n,
          flags: 5,
        });
        expect(data).toMatchObject({ fileSize: 0x100, memSize: 0x3000n, flags: 6 });
      });
    }
  }
});

test('a file without build id has none, and build ids may be short', () => {
  withBytes(buildElf({}), (file) => expect(readBuildId(file)).toBeNull());
  withBytes(buildElf({ buildId: 'ab' }), (file) => expect(readBuildId(file)).toBe('ab'));
});

describe('what is no ELF file is named', () => {
  const refused: readonly (readonly [string, string | Buffer, RegExp])[] = [
    [
      'shell script',
      '#!/bin/sh -e\necho\n',
      /a script for \/bin\/sh -e,.*-- \/bin\/sh -e \S+program$/,
    ],
    [
      'env script',
      '#!/usr/bin/env python3\n',
      /a script for python3,.*record -- python3 \S+program$/,
    ],
    ['env script with flags', '#!/usr/bin/env -S A=1 node -x\n', /a script for node -x,/],
    ['script with odd bytes', '#!/x\x1b[2Jy\tz\r\n', /a script for \/x\?\[2Jy z,/],
    ['bare script', '#!', /a script, expected an ELF program\. .*-- INTERPRETER/],
    ['nothing', '', /found an empty file, expected an ELF program/],
    ['text', 'hello\n', /found text, expected an ELF program\. .*-- INTERPRETER \S+program$/],
    ['one byte', '\x7f', /found bytes 7f, expected/],
    ['Windows program', 'MZ\x90\0', /found a Windows program/],
    ['macOS program', Buffer.from('cffaedfe07000001', 'hex'), /found a macOS program/],
    ['static library', '!<arch>\nx', /found a static library/],
    ['WebAssembly', '\0asm\x01\0\0\0', /found a WebAssembly module/],
    ['only magic', '\x7fELF', /header: found 4 bytes, expected at least 52/],
    ['bad class', `\x7fELF\x03${'\0'.repeat(60)}`, /class: found 3, expected 1 \(32 bit\) or 2/],
    ['bad byte order', `\x7fELF\x02\x05${'\0'.repeat(60)}`, /byte order: found 5, expected 1/],
    ['bad type', `\x7fELF\x02\x01${'\0'.repeat(60)}`, /type: found 0, expected 1 to 4/],
    ['half a header', buildElf({}).subarray(0, 60), /header: found 60 bytes, expected at least 64/],
  ];
  test.each(refused)('%s', (_name, content, message) => {
    withBytes(typeof content === 'string' ? Buffer.from(content, 'latin1') : content, (file) => {
      for (const read of [readElfHeader, readSegments, readBuildId]) {
        expect(() => read(file)).toThrow(message);
        expect(() => read(file)).toThrow(expect.objectContaining({ code: 'E_ELF' }));
      }
    });
  });

  test('a folder, a missing file, a file as folder, a device, a link to nothing', () => {
    withFolder((folder) => {
      const file = path.join(folder, 'file');
      writeFileSync(file, 'x');
      mkdirSync(path.join(folder, 'sub'));
      symlinkSync('nowhere', path.join(folder, 'link'));
      expect(() => readElfHeader(path.join(folder, 'sub'))).toThrow(/sub: found a directory/);
      expect(() => readElfHeader(path.join(folder, 'none'))).toThrow(/none: found no such file/);
      expect(() => readElfHeader(path.join(file, 'x'))).toThrow(/found no such file/);
      expect(() => readElfHeader(path.join(folder, 'link'))).toThrow(/found no such file/);
      expect(() => readElfHeader('/dev/null')).toThrow(/found no regular file/);
    });
  });
});

describe.skipIf(readelf.missing)(`as readelf -h, -l and -n say${readelf.note}`, () => {
  const files = [process.execPath, '/bin/ls', '/bin/true', '/usr/bin/python3', '/usr/bin/readelf'];
  const cross = ['riscv64', 'aarch64'].flatMap((arch) => [
    `/usr/${arch}-linux-gnu/lib/libc.so.6`,
    `/usr/${arch}-linux-gnu/lib/crt1.o`,
  ]);
  test.each([...files, ...cross].filter((file) => isThere(file)))('%s', (file) => {
    const said = run('readelf', '-hlW', file);
    const header = readElfHeader(file);
    expect(said).toContain(header.class === 64 ? 'ELF64' : 'ELF32');
    expect(said).toContain(`${header.endian} endian`);
    const type = /Type: +(\w+)/.exec(said)?.[1];
    expect(type).toBe(header.type === 'rel' ? 'REL' : header.type === 'dyn' ? 'DYN' : 'EXEC');
    expect(BigInt(/Entry point address: +(\S+)/.exec(said)?.[1] ?? -1)).toBe(header.entry);
    expect(/interpreter: (.*)\]/.exec(said)?.[1] ?? null).toBe(header.interpreter);
    const loads = [...said.matchAll(/^ +LOAD +(\S+) (\S+) \S+ (\S+) (\S+) (...) /gm)].map(
      ([, offset, vaddr, fileSize, memSize, flags = '']) => ({
        vaddr: BigInt(vaddr ?? ''),
        offset: Number(offset),
        fileSize: Number(fileSize),
        memSize: BigInt(memSize ?? ''),
        flags: ['E', 'W', 'R'].reduce((sum, c, bit) => sum + (flags.includes(c) ? 1 << bit : 0), 0),
      }),
    );
    expect(readSegments(file)).toEqual(loads);
    expect(readBuildId(file)).toBe(readelfBuildId(file));
  });
});

function isThere(file: string): boolean {
  try {
    readElfHeader(file);
    return true;
  } catch {
    return false;
  }
}
