/** Truncated and flipped files: the right answer or a BacktrailError, never anything else. */
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BacktrailError } from '../errors.ts';
import { buildElf, type FixtureSymbol } from './elf.fixture.ts';
import { readBuildId, readElfHeader, readElfLayout, readSegments, readSymbols } from './elf.ts';
import { linesOf, withFolder } from './readelf.fixture.ts';

const symbol = (i: number): FixtureSymbol => ({
  name: `symbol_${i}`,
  value: 0x2000n + BigInt(i),
  type: i % 3,
  section: i % 5 === 0 ? 7 : 6,
});
const symbols = Array.from({ length: 40 }, (_, i) => symbol(i));
const FIXTURE = {
  symtab: symbols,
  dynsym: symbols.slice(10, 30),
  interpreter: '/lib/ld.so',
  buildId: '00112233445566778899aabbccddeeff00112233',
};

const SAMPLES: readonly (readonly [string, Buffer])[] = [
  ['64 bit', buildElf(FIXTURE)],
  ['32 bit, big endian', buildElf({ ...FIXTURE, class: 32, endian: 'big', machine: 20 })],
  ['without section headers', buildElf({ ...FIXTURE, withSections: false })],
  [
    '32 bit without, old hash',
    buildElf({ ...FIXTURE, class: 32, withSections: false, hash: 'sysv' }),
  ],
  ...['/bin/true', '/usr/bin/true']
    .filter((file) => existsSync(file))
    .slice(0, 1)
    .map((file) => [file, readFileSync(file)] as const),
];

/** Every reading function on one file; each answer or 'refused'. */
const READERS = {
  header: readElfHeader,
  segments: readSegments,
  buildId: readBuildId,
  layout: (file: string) => {
    const { header, segments, buildId } = readElfLayout(file);
    return { header, segments, buildId };
  },
  symbols: (file: string) => linesOf(readSymbols(file, { debugRoots: [] })),
} as const;

function readAll(file: string): Record<string, unknown> {
  const answers: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(READERS)) {
    try {
      answers[name] = read(file);
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      expect(error.code).toBe('E_ELF');
      expect(error.message).toMatch(/: found .*, expected .*\. \S/);
      expect(error.message).not.toContain('\n');
      answers[name] = 'refused';
    }
  }
  return answers;
}

/** What a cut file may say for less: it has its header, but its notes cannot be told any more. */
const mayLose = (name: string): boolean => name === 'layout';

describe.each(SAMPLES)('%s', (_name, bytes) => {
  const whole = withFolder((folder) => {
    const file = path.join(folder, 'whole');
    writeFileSync(file, bytes);
    return readAll(file);
  });

  test('is read whole', () => {
    expect(Object.values(whole)).not.toContain('refused');
  });

  test('truncated at any point', () => {
    withFolder((folder) => {
      const file = path.join(folder, 'cut');
      const property = fc.property(fc.nat(bytes.length - 1), (length) => {
        writeFileSync(file, bytes.subarray(0, length));
        for (const [name, answer] of Object.entries(readAll(file))) {
          if (answer !== 'refused' && !mayLose(name)) expect(answer).toEqual(whole[name]);
        }
      });
      fc.assert(property, { numRuns: 300 });
    });
  });

  test('with flipped bits', () => {
    withFolder((folder) => {
      const file = path.join(folder, 'flipped');
      // Half of them in the headers, where one bit does most.
      const place = fc.oneof(fc.nat(511), fc.nat(bytes.length - 1), fc.nat(0x2000));
      const flip = fc.record({ at: place, bit: fc.nat(7) });
      const property = fc.property(fc.array(flip, { minLength: 1, maxLength: 4 }), (flips) => {
        const copy = Buffer.from(bytes);
        for (const { at, bit } of flips)
          copy[at % copy.length] = copy.readUInt8(at % copy.length) ^ (1 << bit);
        writeFileSync(file, copy);
        readAll(file);
      });
      fc.assert(property, { numRuns: 500 });
    });
  });

  test('with random words over headers and tables', () => {
    withFolder((folder) => {
      const file = path.join(folder, 'words');
      const value = fc.constantFrom(0, 1, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff);
      const word = fc.record({ at: fc.nat(0x300), value });
      const property = fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), (words) => {
        const copy = Buffer.from(bytes);
        for (const { at, value } of words) copy.writeUInt32LE(value, at & ~3);
        writeFileSync(file, copy);
        readAll(file);
      });
      fc.assert(property, { numRuns: 500 });
    });
  });
});

test('a table larger than any real one is refused before it is allocated', () => {
  withFolder((folder) => {
    const file = path.join(folder, 'sparse');
    const bytes = buildElf(FIXTURE);
    const sectionsAt = Number(bytes.readBigUInt64LE(40));
    const tableBytes = 24n * (1n << 34n);
    bytes.writeBigUInt64LE(tableBytes, sectionsAt + 8 * 64 + 32);
    writeFileSync(file, bytes);
    expect(() => readSymbols(file)).toThrow(/symbols: found bytes .* expected an end within/);
    // A file with a hole of that size: no disk is taken.
    truncateSync(file, Number(tableBytes) + bytes.length);
    expect(() => readSymbols(file)).toThrow(/symbols: found \d+ bytes, expected at most/);
  });
});
