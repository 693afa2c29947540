import { existsSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildElf, type Fixture } from './elf/elf.fixture.ts';
import { readSegments } from './elf/elf.ts';
import { withFolder } from './elf/readelf.fixture.ts';
import { type Collected, type CollectOptions, collectModules, type MapEvent } from './modules.ts';
import { SYMBOL_TYPES } from './trace/vocabulary.ts';

const PAGE = 4096n;
const BUILD_ID = '00112233445566778899aabbccddeeff00112233';
const SYMBOLS = [
  { name: 'main', value: 0x2010n, size: 8n },
  { name: 'outside', value: 0x10n, size: 8n },
  { name: 'table', value: 0x5000n, size: 16n, type: 1, section: 7 },
  { name: 'entry', value: 0x2000n, type: 0 },
];

/** Events of a run, stamped one after another: time 1000, 1001, …; seq 1, 2, … */
class Run {
  readonly events: MapEvent[] = [];
  readonly #firstSeq: number;

  constructor(firstSeq = 1) {
    this.#firstSeq = firstSeq;
  }

  map(file: string, address: bigint, size: bigint, fileOffset = 0n, vcpu = 0): this {
    return this.#add('map', address, size, fileOffset, file, vcpu);
  }

  unmap(address: bigint, size: bigint): this {
    return this.#add('unmap', address, size, 0n, '', 0);
  }

  /** As a dynamic linker loads: the whole span from the first segment, then each over it. */
  load(file: string, base: bigint): this {
    const [first, ...rest] = readSegments(file);
    const last = rest.at(-1) ?? first;
    if (first === undefined || last === undefined) throw new Error(`${file}: no segments`);
    const end = last.vaddr + last.memSize;
    this.map(file, base + down(first.vaddr), up(end) - down(first.vaddr), offsetOf(first));
    for (const segment of rest) {
      const at = down(segment.vaddr);
      const size = up(segment.vaddr + BigInt(segment.fileSize)) - at;
      this.map(file, base + at, size, offsetOf(segment));
    }
    return this;
  }

  collect(options?: CollectOptions): Collected {
    return collectModules(this.events, options);
  }

  #add(
    kind: 'map' | 'unmap',
    address: bigint,
    size: bigint,
    fileOffset: bigint,
    file: string,
    vcpu: number,
  ): this {
    const at = this.events.length;
    const timeNs = BigInt(1000 + at);
    this.events.push({
      kind,
      vcpu,
      seq: this.#firstSeq + at,
      timeNs,
      address,
      size,
      fileOffset,
      path: file,
    });
    return this;
  }
}

const down = (value: bigint): bigint => value - (value % PAGE);
const up = (value: bigint): bigint => down(value + PAGE - 1n);
const offsetOf = (segment: { offset: number }): bigint => down(BigInt(segment.offset));

/** Runs `body` with one file per fixture, named after its key. */
function withElfs<K extends string>(
  fixtures: Readonly<Record<K, Fixture>>,
  body: (files: Record<K, string>, folder: string) => void,
): void {
  withFolder((folder) => {
    const files = {} as Record<K, string>;
    for (const name in fixtures) {
      files[name] = path.join(folder, name);
      writeFileSync(
        files[name],
        buildElf({ buildId: BUILD_ID, symtab: SYMBOLS, ...fixtures[name] }),
      );
    }
    body(files, folder);
  });
}

/** One line per module: file, base, start + size, mapped … unmapped. */
const shown = ({ modules }: Collected): string[] =>
  modules.path.map((file, row) => {
    const end = modules.hasUnmappedNs[row] === 1 ? `${modules.unmappedNs[row]}` : '';
    const place = [modules.base, modules.start, modules.size].map((c) => c[row]?.toString(16));
    return `${path.basename(file)} ${place.join(' ')} ${modules.mappedNs[row]}-${end}`;
  });

const symbolLines = ({ symbols }: Collected): string[] =>
  Array.from({ length: symbols.count }, (_, i) => {
    const type = SYMBOL_TYPES[symbols.type[i] ?? -1];
    const at = `${symbols.address[i]?.toString(16)}+${symbols.size[i]}`;
    return `${symbols.module[i]} ${at} ${type} ${symbols.name(i)}`;
  });

test('no events, no modules', () => {
  const { modules, symbols, problems } = collectModules([]);
  expect([modules.count, symbols.count, problems]).toEqual([0, 0, []]);
});

test('a position-independent program and a library, as mapped by QEMU and by ld.so', () => {
  withElfs({ program: {}, lib: {} }, ({ program, lib }) => {
    const run = new Run()
      .map(program, 0x4000_0000n, 0x1000n, 0n)
      .map(program, 0x4000_2000n, 0x1000n, 0x1000n)
      .map(program, 0x4000_5000n, 0x1000n, 0x2000n)
      .load(lib, 0x7000_0000n);
    const found = run.collect();
    expect(shown(found)).toEqual([
      'program 40000000 40000000 8000 1000-',
      'lib 70000000 70000000 8000 1003-',
    ]);
    expect(found.modules.buildId).toEqual([BUILD_ID, BUILD_ID]);
    expect([...found.modules.mappedSeq]).toEqual([1, 4]);
    expect(found.problems).toEqual([]);
    expect(symbolLines(found)).toEqual([
      '0 2000+0 none entry',
      '0 2010+8 function main',
      '0 5000+16 object table',
      '1 2000+0 none entry',
      '1 2010+8 function main',
      '1 5000+16 object table',
    ]);
  });
});

test('a program linked at a fixed address has base 0, wherever its first mapping begins', () => {
  const fixture = { type: 2, base: 0x40_0000n, symtab: [{ name: 'f', value: 0x40_2000n }] };
  withElfs({ fixed: fixture, high: { ...fixture, base: 0xffff_ffff_8000_0000n } }, (files) => {
    const run = new Run()
      .map(files.fixed, 0x40_2000n, 0x1000n, 0x1000n)
      .map(files.fixed, 0x40_0000n, 0x1000n, 0n);
    expect(shown(run.collect())).toEqual(['fixed 0 400000 8000 1000-']);
    expect(symbolLines(run.collect())).toEqual(['0 402000+0 function f']);
    const high = new Run().load(files.high, 0n).collect();
    expect(shown(high)).toEqual(['high 0 ffffffff80000000 8000 1000-']);
  });
});

test('a library below its linked address has a base that wraps around 64 bits', () => {
  withElfs({ prelinked: { base: 0x4100_0000n } }, ({ prelinked }) => {
    const found = new Run().load(prelinked, -0x100_0000n).collect();
    expect(shown(found)).toEqual(['prelinked ffffffffff000000 40000000 8000 1000-']);
  });
});

test('dlopen, dlclose, dlopen at the same address: a module each time, symbols once', () => {
  withElfs({ lib: {}, other: {} }, ({ lib, other }) => {
    const found = new Run()
      .load(lib, 0x1_0000n)
      .unmap(0x1_0000n, 0x8000n)
      .load(lib, 0x1_0000n)
      .unmap(0n, 0x10_0000n)
      .load(other, 0x1_0000n)
      .collect();
    expect(shown(found)).toEqual([
      'lib 10000 10000 8000 1000-1003',
      'lib 10000 10000 8000 1004-1007',
      'other 10000 10000 8000 1008-',
    ]);
    expect(new Set(found.symbols.module)).toEqual(new Set([0, 2]));
  });
});

test('one file at two places at once is two modules; unmapping one leaves the other', () => {
  withElfs({ lib: {} }, ({ lib }) => {
    const found = new Run()
      .load(lib, 0x10_0000n)
      .load(lib, 0x20_0000n)
      .unmap(0x10_0000n, 0x8000n)
      .collect();
    expect(shown(found)).toEqual([
      'lib 100000 100000 8000 1000-1006',
      'lib 200000 200000 8000 1003-',
    ]);
    expect(new Set(found.symbols.module)).toEqual(new Set([0]));
  });
});

test('a module lives until its last piece is gone, however it is taken away', () => {
  withElfs({ lib: {}, over: {} }, ({ lib, over }) => {
    const run = new Run().load(lib, 0x1_0000n).unmap(0x1_2000n, 0x1000n).unmap(0x1_0000n, 0x2000n);
    expect(shown(run.collect())).toEqual(['lib 10000 10000 8000 1000-']);
    // The rest is overlaid by another file's span, which ld.so maps in one.
    run.load(over, 0x1_0000n);
    expect(shown(run.collect())).toEqual([
      'lib 10000 10000 8000 1000-1005',
      'over 10000 10000 8000 1005-',
    ]);
  });
});

test('an ELF file that is only read is no module', () => {
  withElfs({ lib: {}, object: { type: 1 } }, ({ lib, object }) => {
    const whole = 0x4000n;
    const found = new Run()
      .map(lib, 0x10_0000n, whole)
      .unmap(0x10_0000n, whole)
      .map(lib, 0x20_0000n, 0x1000n)
      .map(object, 0x30_0000n, whole)
      .load(lib, 0x7000_0000n)
      .map(lib, 0x40_0000n, whole)
      .collect();
    expect(shown(found)).toEqual(['lib 70000000 70000000 8000 1004-']);
    expect(symbolLines(found)[0]).toBe('0 2000+0 none entry');
  });
});

test('what the guest starts with is loaded, even if its segments are one mapping', () => {
  withElfs({ program: {} }, ({ program }) => {
    const found = new Run(0).map(program, 0x1_0000n, 0x4000n);
    expect(found.collect().modules.count).toBe(0);
    // Headers and code with one distance, as a linker lays out a program without data.
    const bytes = buildElf({ symtab: SYMBOLS });
    bytes.writeBigUInt64LE(0x1000n, 64 + 56 + 16);
    writeFileSync(program, bytes);
    expect(shown(found.collect())).toEqual(['program 10000 10000 8000 1000-']);
    expect(new Run(1).map(program, 0x1_0000n, 0x4000n).collect().modules.count).toBe(0);
  });
});

test('data, devices, anonymous memory and code in memory files are no modules', () => {
  withFolder((folder) => {
    const data = path.join(folder, 'locale-archive');
    writeFileSync(data, 'x'.repeat(9000));
    const run = new Run();
    const names = ['', '[heap]', '/memfd:jit (deleted)', '/dev/zero', '/SYSV0000 (deleted)'];
    for (const [i, name] of [data, folder, ...names].entries()) {
      run
        .map(name, BigInt(i) * 0x10_0000n, 0x1000n)
        .map(name, BigInt(i) * 0x10_0000n, 0x1000n, PAGE);
    }
    expect(run.collect()).toMatchObject({ modules: { count: 0 }, problems: [] });
  });
});

describe('files that are not what was mapped', () => {
  test('gone: kept with a guess if it was mapped as a library is, with one problem line', () => {
    withFolder((folder) => {
      const file = path.join(folder, 'gone.so.1');
      const run = new Run()
        .map(file, 0x1_0000n, 0x8000n)
        .map(file, 0x1_2000n, 0x1000n, 0x1000n)
        .map(file, 0x1_5000n, 0x1000n, 0x2000n)
        .map(file, 0x50_0000n, 0x8000n)
        .unmap(0x50_0000n, 0x8000n)
        .map(path.join(folder, 'temporary'), 0x90_0000n, 0x1000n);
      const found = run.collect();
      expect(shown(found)).toEqual([
        'gone.so.1 10000 10000 8000 1000-',
        'gone.so.1 500000 500000 8000 1003-1004',
      ]);
      expect(found.modules.buildId).toEqual([null, null]);
      expect(found.problems).toEqual([
        `${file}: found no such file, expected the file as it was mapped. Its build id and ` +
          'symbols are not in the trace, and its base is a guess (address minus file offset).',
      ]);
    });
  });

  test('deleted while mapped, even if another file has its name now', () => {
    withElfs({ program: {} }, ({ program }) => {
      const found = new Run()
        .map(`${program} (deleted)`, 0x1_0000n, 0x1000n)
        .map(`${program} (deleted)`, 0x1_2000n, 0x1000n, 0x1000n)
        .collect();
      expect(shown(found)).toEqual(['program 10000 10000 3000 1000-']);
      expect(found.problems).toEqual([expect.stringContaining('found it deleted or replaced')]);
      expect(found.symbols.count).toBe(0);
    });
  });

  test('changed after it was mapped, told by the clocks', () => {
    withElfs({ lib: {} }, ({ lib }) => {
      const clock = { monotonicNs: 0n, wallMs: 1_700_000_000_000 };
      utimesSync(lib, 1_700_000_000, 1_699_999_999);
      const run = new Run().load(lib, 0x1_0000n);
      expect(run.collect({ clock })).toMatchObject({ modules: { count: 1 }, problems: [] });
      utimesSync(lib, 1_700_000_000, 1_700_000_060);
      const found = run.collect({ clock });
      expect(found.problems).toEqual([expect.stringContaining(`${lib}: found it changed,`)]);
      expect([found.modules.count, found.symbols.count]).toEqual([1, 0]);
      expect(run.collect().problems).toEqual([]);
    });
  });

  test('truncated: program headers give the module, the symbols are a problem', () => {
    withElfs({ lib: {} }, ({ lib }) => {
      const run = new Run().load(lib, 0x1_0000n);
      writeFileSync(lib, buildElf({ buildId: BUILD_ID, symtab: SYMBOLS }).subarray(0, 0x2080));
      const found = run.collect();
      expect(shown(found)).toEqual(['lib 10000 10000 8000 1000-']);
      expect(found.modules.buildId).toEqual([BUILD_ID]);
      expect(found.symbols.count).toBe(0);
      expect(found.problems).toEqual([
        expect.stringMatching(/section headers: found bytes .*Its symbols are not in the trace\.$/),
      ]);
    });
  });

  test('not even a header is left', () => {
    withElfs({ lib: {} }, ({ lib }) => {
      const run = new Run().load(lib, 0x1_0000n);
      writeFileSync(lib, buildElf({}).subarray(0, 40));
      expect(run.collect().problems).toEqual([
        expect.stringMatching(/found it unreadable \(.*40 bytes/),
      ]);
      rmSync(lib);
      expect(run.collect().problems).toEqual([expect.stringContaining('found no such file')]);
    });
  });
});

test('past the limit, a file goes in without objects or not at all, with a line', () => {
  withElfs({ a: {}, b: {}, c: {} }, ({ a, b, c }) => {
    const run = new Run().load(a, 0x1_0000n).load(b, 0x2_0000n).load(c, 0x3_0000n);
    const found = run.collect({ symbolsMax: 6 });
    expect(symbolLines(found)).toHaveLength(6);
    expect(found.problems).toEqual([
      `${c}: found 3 symbols, expected at most 0 more. None is in the trace.`,
    ]);
    const fewer = run.collect({ symbolsMax: 5 });
    expect(symbolLines(fewer).map((line) => line.split(' ')[3])).toEqual([
      'entry',
      'main',
      'table',
      'entry',
      'main',
    ]);
    expect(fewer.problems[0]).toMatch(
      /: found 3 symbols, expected at most 2 more\. Only its funct/,
    );
    expect(() => found.symbols.name(6)).toThrow(RangeError);
  });
});

const REAL = [
  '/lib/x86_64-linux-gnu/libc.so.6',
  '/usr/riscv64-linux-gnu/lib/libc.so.6',
  '/usr/aarch64-linux-gnu/lib/libstdc++.so.6',
  '/bin/ls',
].filter((file) => existsSync(file));

test.each(REAL)('a real file, loaded twice and read once: %s', (file) => {
  const read = 0x6000_0000n;
  const found = new Run()
    .load(file, 0x7f00_0000_0000n)
    .map(file, read, 0x4000_0000n)
    .load(file, 0x7e00_0000_0000n)
    .collect();
  expect(found.problems).toEqual([]);
  expect([...found.modules.base]).toEqual([0x7f00_0000_0000n, 0x7e00_0000_0000n]);
  expect(new Set(found.symbols.module)).toEqual(new Set([0]));
});
