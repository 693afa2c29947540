import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTrace } from '../trace.fixture.ts';
import { createSourceLocator, type SourceLocator } from './source-locator.ts';
import { createSourceReader } from './source-text.ts';
import { createSymbolizer } from './symbolizer.ts';

const NOTHING = { blocks: [], edges: [], vcpus: [] } as const;

/** One file at two places, another one beside it: lines belong to the row of its first load. */
function locatorOf(demangle?: (name: string) => string): SourceLocator {
  const trace = makeTrace({
    ...NOTHING,
    modules: [
      { path: '/bin/app', base: 0x10000n, size: 0x2000n, buildId: 'aa', unmappedNs: 50n },
      { path: '/lib/other.so', base: 0x20000n, size: 0x1000n },
      {
        path: '/bin/app',
        base: 0x40000n,
        size: 0x2000n,
        buildId: 'aa',
        mappedSeq: 5,
        mappedNs: 60n,
      },
    ],
    symbols: [{ module: 0, address: 0x1000n, size: 0x100n, name: '_Z4mainv' }],
    sources: ['/src/main.c', '/src/inline.h'],
    lines: [
      { address: 0x1000n, size: 8n, source: 0, line: 3, column: 5 },
      { address: 0x1008n, size: 8n, source: 1, line: 70 },
      { address: 0x1010n, size: 8n, source: 1, line: 80, column: 2 },
      { address: 0x1020n, size: 8n, source: null, line: 0 },
      { module: 1, address: 0x10n, size: 4n, source: 1, line: 9 },
    ],
    inlines: [
      { address: 0x1008n, size: 16n, depth: 1, name: 'outer', callSource: 0, callLine: 4 },
      {
        address: 0x1010n,
        size: 8n,
        depth: 2,
        name: '',
        callSource: 1,
        callLine: 71,
        callColumn: 6,
      },
    ],
  });
  return createSourceLocator(
    trace,
    createSymbolizer(trace),
    demangle === undefined ? {} : { demangle },
  );
}

describe('source locator', () => {
  test('the line of an instruction, at both ends of a row', () => {
    const locator = locatorOf();
    expect(locator.hasLines).toBe(true);
    const first = { file: '/src/main.c', line: 3, column: 5 };
    expect(locator.lineAt(0x11000n)).toEqual(first);
    expect(locator.lineAt(0x11007n)).toEqual(first);
    expect(locator.lineAt(0x11008n)).toEqual({ file: '/src/inline.h', line: 70, column: null });
    expect(locator.lineAt(0x10fffn)).toBeNull();
    expect(locator.lineAt(0x11018n)).toBeNull();
    expect(locator.lineAt(0x11020n)).toEqual({ file: null, line: null, column: null });
    expect(locator.lineAt(0x20013n)?.line).toBe(9);
    expect(locator.lineAt(0x20014n)).toBeNull();
    expect(locator.lineAt(0x99999n)).toBeNull();
  });

  test('frames from the innermost inlined function outward', () => {
    expect(locatorOf((name) => name.replace(/^_Z4main.*/, 'main()')).at(0x11012n)).toEqual([
      { function: null, file: '/src/inline.h', line: 80, column: 2, isInlined: true },
      { function: 'outer', file: '/src/inline.h', line: 71, column: 6, isInlined: true },
      { function: 'main()', file: '/src/main.c', line: 4, column: null, isInlined: false },
    ]);
    expect(locatorOf().at(0x11004n)).toEqual([
      { function: '_Z4mainv', file: '/src/main.c', line: 3, column: 5, isInlined: false },
    ]);
  });

  test('one frame where only the module is known, none outside of modules', () => {
    const frame = { function: null, file: null, line: null, column: null, isInlined: false };
    expect(locatorOf().at(0x20f00n)).toEqual([frame]);
    expect(locatorOf().at(0x99999n)).toEqual([]);
  });

  test('a file that is loaded again has the lines of its first load', () => {
    const locator = locatorOf();
    expect(locator.at(0x41012n, 70n).map((frame) => frame.line)).toEqual([80, 71, 4]);
    expect(locator.lineAt(0x41000n, 40n)).toBeNull();
  });

  test('a trace without lines says so', () => {
    const trace = makeTrace({
      ...NOTHING,
      modules: [{ path: '/bin/app', base: 0n, size: 0x1000n }],
      symbols: [{ module: 0, address: 0x10n, size: 4n, name: 'f' }],
    });
    const locator = createSourceLocator(trace, createSymbolizer(trace));
    expect(locator.hasLines).toBe(false);
    expect(locator.lineAt(0x10n)).toBeNull();
    expect(locator.at(0x10n).map((frame) => frame.function)).toEqual(['f']);
  });
});

describe('source text', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'backtrail-source-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };

  test('lines by number, with and without a last line break', () => {
    const file = write('a.c', 'one\r\n\ttwo  \n\nfour');
    const reader = createSourceReader();
    const lines = [0, 1, 2, 3, 4, 5].map((line) => reader.line(file, line));
    expect(lines).toEqual([null, 'one', '    two', '', 'four', null]);
    expect(createSourceReader().line(write('b.c', 'x\n'), 2)).toBeNull();
    expect(createSourceReader().line(write('c.c', ''), 1)).toBeNull();
  });

  test('what a terminal would act on is shown', () => {
    const file = write('evil.c', 'a\u001b[2Jb\u009b\u202ec\u0000\n');
    expect(createSourceReader().line(file, 1)).toBe('a\\x1b[2Jb\\x9b\\u{202e}c\\x00');
  });

  test('a long line is cut', () => {
    const file = write('long.c', `${'x'.repeat(100_000)}\nnext`);
    expect(createSourceReader().line(file, 1)).toHaveLength(400);
    expect(createSourceReader().line(file, 2)).toBe('next');
  });

  test('only regular files of absolute paths are opened, and never waited for', () => {
    const reader = createSourceReader();
    const fifo = path.join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    mkdirSync(path.join(folder, 'd'));
    expect(reader.line(fifo, 1)).toBeNull();
    expect(reader.line(path.join(folder, 'd'), 1)).toBeNull();
    expect(reader.line('/dev/zero', 1)).toBeNull();
    expect(reader.line(path.join(folder, 'none'), 1)).toBeNull();
    expect(reader.line('package.json', 1)).toBeNull();
    expect(reader.line('/tmp/\0', 1)).toBeNull();
    const file = write('real.c', 'here');
    symlinkSync(file, path.join(folder, 'link.c'));
    expect(reader.line(path.join(folder, 'link.c'), 1)).toBe('here');
  });
});
