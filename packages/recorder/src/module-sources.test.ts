import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { needsAll } from '../../../tests/require.ts';
import { dwarfSections } from './elf/dwarf/dwarf.fixture.ts';
import { type DwarfKind, elfWith } from './elf/dwarf/elf-with.fixture.ts';
import { readBuildId, readSegments } from './elf/elf.ts';
import { withFolder } from './elf/readelf.fixture.ts';
import { collectSources } from './module-sources.ts';
import type { CodeSources } from './trace/rows.ts';
import { NO_ROW } from './trace/trace.ts';

const KIND: DwarfKind = { version: 5, is64: true, isLittle: true, isLong: false };

type Ran = readonly (readonly [pc: bigint, size: number])[];
const blocksOf = (ran: Ran) => () => [
  {
    count: ran.length,
    pc: BigUint64Array.from(ran, ([pc]) => pc),
    size: Uint32Array.from(ran, ([, size]) => size),
  },
];

/** `address+size file:line` of each line. */
const linesOf = ({ lines, sources }: CodeSources): string[] =>
  Array.from({ length: lines.count }, (_, i) => {
    const source = lines.source[i] ?? NO_ROW;
    const file = source === NO_ROW ? '' : sources.path[source];
    const at = `${lines.address[i]?.toString(16)}+${lines.size[i]?.toString(16)}`;
    return `${lines.module[i]} ${at} ${file}:${lines.line[i]}`;
  });

const inlinesOf = ({ inlines, sources }: CodeSources): string[] =>
  Array.from({ length: inlines.count }, (_, i) => {
    const at = `${inlines.address[i]?.toString(16)}+${inlines.size[i]?.toString(16)}`;
    const call = `${sources.path[inlines.callSource[i] ?? 0]}:${inlines.callLine[i]}`;
    return `${at} ${inlines.depth[i]} ${inlines.name[i]} ${call}`;
  });

describe('source lines of modules', () => {
  const collect = (folder: string, ran: Ran, bases = [0n]): CodeSources => {
    const file = path.join(folder, 'program');
    writeFileSync(file, elfWith(KIND, dwarfSections(KIND)));
    const loads = bases.map((base) => ({ base, start: base + 0x1000n, size: 0x1000n }));
    const problems: string[] = [];
    const found = collectSources([{ path: file, module: 3, loads }], blocksOf(ran), problems);
    expect(problems).toEqual([]);
    return found;
  };

  test('only those of code that ran', () => {
    withFolder((folder) => {
      const found = collect(folder, [
        [0x1009n, 2],
        [0x103fn, 9],
        [0x0ff0n, 16],
        [0x9000n, 4],
      ]);
      expect(linesOf(found)).toEqual(['3 1008+4 /src/lib/outer.h:2', '3 1028+18 /src/main.c:156']);
      expect(inlinesOf(found)).toEqual(['1008+10 1 outer /src/main.c:10']);
      expect(linesOf(collect(folder, []))).toEqual([]);
    });
  });

  test('of a file that is loaded at several places, all that ran at any of them', () => {
    withFolder((folder) => {
      const high = 0xffff_ffff_0000_0000n;
      const ran: Ran = [
        [0x5000_1000n, 4],
        [high + 0x100cn, 4],
      ];
      const found = collect(folder, ran, [0x5000_0000n, high]);
      expect(linesOf(found)).toEqual(['3 1000+8 /src/main.c:1', '3 100c+14 /src/lib/outer.h:152']);
      expect(inlinesOf(found)).toEqual([
        '1008+10 1 outer /src/main.c:10',
        '100c+4 2 _Z5innerv /src/lib/outer.h:20',
      ]);
    });
  });

  test('two files share the paths that both name', () => {
    withFolder((folder) => {
      const file = path.join(folder, 'program');
      writeFileSync(file, elfWith(KIND, dwarfSections(KIND)));
      const other = path.join(folder, 'other');
      copyFileSync(file, other);
      const at = (base: bigint) => [{ base, start: base + 0x1000n, size: 0x1000n }];
      const files = [
        { path: file, module: 0, loads: at(0n) },
        { path: other, module: 1, loads: at(0x10_0000n) },
      ];
      const found = collectSources(
        files,
        blocksOf([
          [0x1000n, 1],
          [0x10_1000n, 1],
        ]),
        [],
      );
      expect(linesOf(found)).toEqual(['0 1000+8 /src/main.c:1', '1 1000+8 /src/main.c:1']);
      expect(found.sources.path).toEqual(['/src/main.c']);
    });
  });

  test('damage is a problem line, and what is whole is kept', () => {
    withFolder((folder) => {
      const file = path.join(folder, 'program');
      const sections = dwarfSections(KIND);
      writeFileSync(file, elfWith(KIND, { ...sections, '.debug_str': Buffer.from('x') }));
      const problems: string[] = [];
      const loads = [{ base: 0n, start: 0x1000n, size: 0x1000n }];
      collectSources([{ path: file, module: 0, loads }], blocksOf([[0x1000n, 64]]), problems);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/debug information: .*found .*, expected .*\. Source lines are/);
      collectSources([{ path: folder, module: 0, loads }], blocksOf([[0x1000n, 64]]), problems);
      expect(problems[1]).toMatch(/found a directory, expected .* lines are not in the trace\.$/);
      collectSources([{ path: folder, module: 0, loads }], blocksOf([[0x1000n, 64]]), problems);
      expect(problems).toHaveLength(2);
    });
  });
});

describe('source lines in split debug files', () => {
  const tools = needsAll('cc', 'objdump');
  const run = (command: string, ...args: string[]): void =>
    void execFileSync(command, args, { stdio: 'pipe' });

  test.skipIf(tools.missing)(`by build id and by link, if they belong${tools.note}`, () => {
    withFolder((folder) => {
      const at = (name: string): string => path.join(folder, name);
      writeFileSync(at('a.c'), 'int main(int c, char **v) { return c > 1; }\n');
      run('cc', '-g', '-O1', '-Wl,--build-id', '-o', at('full'), at('a.c'));
      run('objcopy', '--only-keep-debug', at('full'), at('a.debug'));
      run('objcopy', '--strip-debug', at('full'), at('stripped'));
      run('objcopy', `--add-gnu-debuglink=${at('a.debug')}`, at('stripped'), at('linked'));
      const code = readSegments(at('full')).find((segment) => (segment.flags & 1) !== 0);
      const start = code?.vaddr ?? 0n;
      const size = code?.memSize ?? 0n;
      const count = (file: string, roots: readonly string[]): number => {
        const files = [{ path: file, module: 0, loads: [{ base: 0n, start, size }] }];
        const ran: Ran = [[start, Number(size)]];
        return collectSources(files, blocksOf(ran), [], roots).lines.count;
      };
      const all = count(at('full'), []);
      expect(all).toBeGreaterThan(1);
      expect(count(at('linked'), [])).toBe(all);
      expect(count(at('stripped'), [])).toBe(0);
      const id = readBuildId(at('full')) ?? '';
      mkdirSync(at(`root/.build-id/${id.slice(0, 2)}`), { recursive: true });
      renameSync(at('a.debug'), at(`root/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`));
      expect(count(at('stripped'), [at('root')])).toBe(all);
      // A debug file of another build.
      writeFileSync(at('a.c'), 'int main(void) { return 7; }\n');
      run('cc', '-g', '-O1', '-Wl,--build-id', '-o', at('other'), at('a.c'));
      run('objcopy', '--only-keep-debug', at('other'), at('a.debug'));
      expect(count(at('linked'), [])).toBe(0);
    });
  });
});
