import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BacktrailError } from '../errors.ts';
import { MANIFEST, MANIFEST_PARTIAL, readManifest, traceState } from './directory.ts';
import type { Manifest } from './manifest.ts';
import { formatManifest, parseManifest } from './manifest-json.ts';
import { openTrace } from './reader.ts';
import {
  newManifest,
  someModules,
  someSymbols,
  traceFiles,
  withFolder,
  writeComplete,
  writePartial,
} from './trace.fixture.ts';
import { TraceWriter } from './writer.ts';

/** The error of a call, as a user sees it. */
function failure(action: () => unknown): { code: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof BacktrailError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('found no error');
}

describe('directory: states', () => {
  test('absent, empty, partial, complete', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      expect(traceState(directory)).toBe('absent');
      fs.mkdirSync(directory);
      expect(traceState(directory)).toBe('empty');
      fs.rmdirSync(directory);
      const { writer } = writePartial(directory);
      expect(traceState(directory)).toBe('partial');
      expect(traceFiles(directory)).toContain(MANIFEST_PARTIAL);
      expect(openTrace(directory).manifest.complete).toBe(false);
      writer.finish(someModules, someSymbols);
      expect(traceState(directory)).toBe('complete');
      expect(traceFiles(directory)).toEqual([
        'blocks.arrow',
        'edges.arrow',
        'manifest.json',
        'marks.arrow',
        'modules.arrow',
        'segments.arrow',
        'symbols.arrow',
        'transfers/000000.arrow',
      ]);
      expect(() => writer.finish(someModules, someSymbols)).toThrow('nothing more can be written');
    });
  });

  test('a partial manifest is never taken for a complete one', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      writeComplete(directory);
      fs.renameSync(join(directory, MANIFEST), join(directory, MANIFEST_PARTIAL));
      const { manifest, state } = readManifest(directory);
      expect([state, manifest.complete]).toEqual(['partial', false]);
    });
  });

  test('opening reads the manifest and nothing else', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      writeComplete(directory);
      for (const name of traceFiles(directory)) {
        if (name.endsWith('.arrow')) fs.rmSync(join(directory, name));
      }
      const trace = openTrace(directory);
      expect(trace.manifest.totals.segments).toBe(7);
      expect(trace.problems).toHaveLength(10);
    });
  });
});

describe('directory: what is no trace', () => {
  test('messages', () => {
    withFolder((folder) => {
      const absent = failure(() => openTrace(join(folder, 'no.trace')));
      expect(absent.code).toBe('E_NO_TRACE');
      expect(absent.message).toMatch(
        /no\.trace: found nothing there, expected a trace directory\./,
      );
      const empty = failure(() => openTrace(folder));
      expect(empty.message).toMatch(
        /found a folder without a manifest, expected a trace directory/,
      );
      fs.writeFileSync(join(folder, 'file'), 'x');
      const file = failure(() => openTrace(join(folder, 'file')));
      expect(file).toMatchObject({ code: 'E_NO_TRACE' });
      expect(file.message).toMatch(/found a file, expected a trace directory/);
      fs.mkdirSync(join(folder, MANIFEST));
      expect(failure(() => openTrace(folder))).toMatchObject({ code: 'E_READ' });
    });
  });

  test('an output that exists is left alone', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      fs.writeFileSync(directory, 'precious');
      const found = failure(() => TraceWriter.create(directory, newManifest()));
      expect(found.code).toBe('E_EXISTS');
      expect(found.message).toMatch(
        /x\.trace: found something of that name, expected none\. Remove it, or choose another name/,
      );
      expect(fs.readFileSync(directory, 'utf8')).toBe('precious');
    });
  });

  test('an output without a folder', () => {
    withFolder((folder) => {
      const found = failure(() => TraceWriter.create(join(folder, 'no', 'x'), newManifest()));
      expect(found.code).toBe('E_WRITE');
      expect(found.message).toMatch(/its folder does not exist\. Create it, or choose -o DIR/);
    });
  });
});

/** Totals that the first traces do not have. */
const LATER: readonly string[] = ['sources', 'lines', 'inlines'];

describe('manifest', () => {
  const parse = (text: string): Manifest => parseManifest(text, 'x.trace', 'x.trace/manifest.json');
  /** The manifest with one field replaced, without its checksum. */
  const changed = (change: (json: Record<string, unknown>) => void): string => {
    const json = { ...structuredClone(newManifest()) } as Record<string, unknown>;
    change(json);
    return JSON.stringify(json);
  };

  test('is read as it was written', () => {
    const manifest = newManifest();
    expect(parse(formatManifest(manifest))).toEqual(manifest);
    const others: Manifest = {
      ...manifest,
      durationNs: null,
      end: null,
      stopped: 'recorder gone',
      keep: 'last',
    };
    expect(parse(formatManifest(others))).toEqual(others);
    const unknown: Manifest = { ...manifest, end: { how: 'unknown' } };
    expect(parse(formatManifest(unknown))).toEqual(unknown);
    const exit: Manifest = { ...manifest, end: { how: 'exit', status: 3 } };
    expect(parse(formatManifest(exit))).toEqual(exit);
    const unknownCalls = [{ name: 'socket', count: 3 }];
    const told: Manifest = { ...manifest, note: 'nobody could wake it', unknownCalls };
    expect(parse(formatManifest(told))).toEqual(told);
  });

  test('of before there were notes and counts of calls', () => {
    const text = changed((json) => {
      delete json['note'];
      delete json['unknownCalls'];
    });
    expect(parse(text)).toEqual({ ...newManifest(), note: null, unknownCalls: [] });
    const bad = changed((json) => Object.assign(json, { unknownCalls: [{ name: 'x' }] }));
    expect(failure(() => parse(bad)).message).toMatch(/found unknownCalls\[0\]\.count: nothing/);
  });

  test('of a newer version', () => {
    const found = failure(() => parse(changed((json) => Object.assign(json, { version: 3 }))));
    expect(found).toEqual({
      code: 'E_TRACE_VERSION',
      message: 'x.trace: format version 3, this build reads 1. Update backtrail.',
    });
  });

  test('of a newer version with fields that changed meaning', () => {
    const found = failure(() => parse('{"format":"backtrail-trace","version":2,"totals":"many"}'));
    expect(found.code).toBe('E_TRACE_VERSION');
  });

  test('with fields this build does not know', () => {
    const text = changed((json) => Object.assign(json, { colour: 'blue' }));
    expect(parse(text)).toEqual(newManifest());
  });

  test('that was changed after it was written', () => {
    const text = formatManifest(newManifest()).replace('riscv64', 'riscv32');
    const found = failure(() => parse(text));
    expect(found.code).toBe('E_TRACE_DAMAGED');
    expect(found.message).toMatch(
      /^x\.trace\/manifest\.json: found crc32 "[0-9a-f]{8}", expected "[0-9a-f]{8}"\. Restore/,
    );
  });

  const bad: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['no JSON', '{', /found 1 characters that are no JSON, expected a manifest/],
    ['no object', '[]', /found no JSON object/],
    ['another format', '{"format":"perf"}', /found format "perf", expected "backtrail-trace"/],
    ['no format', '{}', /found format none, expected "backtrail-trace"/],
    ['version 0', changed((j) => Object.assign(j, { version: 0 })), /found version: 0, expected 1/],
    [
      'a total that is no number',
      changed((j) => Object.assign(j, { totals: { transfers: '5' } })),
      /found totals\.transfers: "5", expected a whole number/,
    ],
    [
      'a negative total',
      changed((j) => Object.assign(j, { totals: { transfers: -1 } })),
      /found totals\.transfers: -1, expected a whole number from 0/,
    ],
    [
      'no engine',
      changed((j) => Object.assign(j, { engine: null })),
      /found engine: null, expected an object/,
    ],
    [
      'a way to keep that does not exist',
      changed((j) => Object.assign(j, { keep: 'some' })),
      /found keep: "some", expected all or last/,
    ],
    [
      'a command that is no list',
      changed((j) => Object.assign(j, { command: ['a', 1] })),
      /found command: \["a",1\], expected a list of texts/,
    ],
    [
      'a time that is none',
      changed((j) => Object.assign(j, { started: 'today' })),
      /found started: "today", expected a time as in ISO 8601/,
    ],
    [
      'an end that is none',
      changed((j) => Object.assign(j, { end: { how: 'exit' } })),
      /found end\.status: nothing, expected a whole number/,
    ],
    [
      'a flag that is none',
      changed((j) => Object.assign(j, { recovered: 0 })),
      /found recovered: 0, expected true or false/,
    ],
  ];
  test.each(bad)('with %s', (_, text, message) => {
    const found = failure(() => parse(text));
    expect(found.message).toMatch(message);
    expect(found.message).toMatch(/\. (Restore|Name)/);
  });

  test('that lacks any field', () => {
    const walk = (value: unknown, path: readonly string[]): string[][] =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).flatMap(([key, item]) => [
            [...path, key],
            ...walk(item, [...path, key]),
          ])
        : [];
    const { note: _, unknownCalls: __, ...required } = newManifest();
    for (const path of walk(required, [])) {
      if (LATER.includes(path.at(-1) ?? '')) continue;
      const text = changed((json) => {
        let at: unknown = json;
        for (const key of path.slice(0, -1)) at = (at as Record<string, unknown>)[key];
        delete (at as Record<string, unknown>)[path.at(-1) ?? ''];
      });
      expect(failure(() => parse(text)).message, path.join('.')).toContain(path.at(-1));
    }
  });

  test('that is older than the tables of source lines', () => {
    const text = changed((json) => {
      for (const table of LATER) Reflect.deleteProperty(json['totals'] as object, table);
    });
    expect(parse(text).totals).toMatchObject({ sources: 0, lines: 0, inlines: 0, symbols: 0 });
  });
});
