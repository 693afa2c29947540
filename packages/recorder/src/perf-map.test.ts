import { symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { withFolder } from './elf/readelf.fixture.ts';
import { type Collected, collectModules } from './modules.ts';
import { withPerfMap } from './perf-map.ts';
import { someModules } from './trace/trace.fixture.ts';

/** Two modules, at 0x40_0000 and 0x50_0000, and one symbol. */
const REAL: Collected = {
  ...collectModules([]),
  modules: {
    ...someModules,
    start: BigUint64Array.of(0x40_0000n, 0x50_0000n),
    size: BigUint64Array.of(0x1000n, 0x1000n),
  },
  symbols: {
    count: 1,
    module: Uint32Array.of(0),
    address: BigUint64Array.of(0x10n),
    size: BigUint64Array.of(4n),
    type: Uint8Array.of(1),
    name: () => 'main',
  },
};

const RAN = [0x40_1008n, 0x41_0000n, 0x41_0100n, 0x60_0ff8n];
const blocks = () => [
  { count: RAN.length, pc: BigUint64Array.from(RAN), size: Uint32Array.from(RAN, () => 16) },
];

const write = (folder: string, text: string): string => {
  const file = path.join(folder, 'perf-77.map');
  writeFileSync(file, text);
  return file;
};
const collect = (folder: string, startedMs = 0): Collected =>
  withPerfMap(REAL, { pid: 77, startedMs, blocks, folder });
const namesOf = ({ symbols }: Collected): string[] =>
  Array.from({ length: symbols.count }, (_, i) => {
    const at = `${symbols.address[i]?.toString(16)}+${symbols.size[i]?.toString(16)}`;
    return `${symbols.module[i]} ${at} ${symbols.name(i)}`;
  });

describe('perf map', () => {
  test('names of code that ran, in modules that hide no file', () => {
    withFolder((folder) => {
      const file = write(
        folder,
        [
          '410100 40 later in memory',
          '401000 20 py::first:/a b.py',
          '0x410000 0x10 replaced',
          '600ff0 20 over a page',
          '410000 8 what took its place',
          '700000 10 never ran',
          'no line at all',
          '12 zz not hexadecimal',
          'fffffffffffffff0 10 beyond',
          '410100 4',
        ].join('\n'),
      );
      const found = collect(folder);
      expect(namesOf(found)).toEqual([
        '0 10+4 main',
        '2 401000+20 py::first:/a b.py',
        '2 410000+8 what took its place',
        '2 410100+40 later in memory',
        '2 600ff0+20 over a page',
      ]);
      const { modules } = found;
      expect(modules.count).toBe(4);
      expect(modules.path.slice(2)).toEqual([file, file]);
      expect(modules.start.slice(2)).toEqual(BigUint64Array.of(0x40_1000n, 0x60_0000n));
      expect(modules.size.slice(2)).toEqual(BigUint64Array.of(0x1_0000n, 0x2000n));
      expect(modules.base.slice(2)).toEqual(BigUint64Array.of(0n, 0n));
      expect(modules.path.slice(0, 2)).toEqual(someModules.path);
      expect(found.problems).toEqual([]);
    });
  });

  test('a file that is not there, is a link, is empty or older than the run names nothing', () => {
    withFolder((folder) => {
      expect(collect(folder)).toBe(REAL);
      const file = write(folder, '410000 10 name\n');
      expect(namesOf(collect(folder))).toHaveLength(2);
      utimesSync(file, 1000, 1000);
      expect(collect(folder, 1_000_001)).toBe(REAL);
      writeFileSync(file, '');
      expect(collect(folder)).toBe(REAL);
      const other = path.join(folder, 'other');
      writeFileSync(other, '410000 10 name\n');
      symlinkSync(other, path.join(folder, 'perf-78.map'));
      expect(withPerfMap(REAL, { pid: 78, startedMs: 0, blocks, folder })).toBe(REAL);
    });
  });

  test('one that is too large is told', () => {
    withFolder((folder) => {
      truncateSync(write(folder, 'x'), 2 ** 26 + 1);
      const [problem] = collect(folder).problems;
      expect(problem).toMatch(/perf-77\.map: found 67108865 bytes, expected at most 67108864\. /);
    });
  });
});
