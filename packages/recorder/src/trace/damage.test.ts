import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { BacktrailError } from '../errors.ts';
import { openTrace, verifyTrace } from './reader.ts';
import { ALL_PARTS, PARTS, type Part, snapshot } from './snapshot.fixture.ts';
import { ROOT, traceFiles, writeComplete, writePartial } from './trace.fixture.ts';
import { NO_ROW, type Trace } from './trace.ts';

/** JSON that tells bigints from numbers. */
const text = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));

interface Whole {
  readonly parts: Record<Part, unknown[]>;
  readonly manifest: string;
  readonly segments: ReadonlySet<string>;
}

function whole(trace: Trace): Whole {
  const parts = snapshot(trace);
  return { parts, manifest: text(trace.manifest), segments: new Set(parts.segments.map(text)) };
}

/** Rows as they are served when those that some columns name are gone. */
const withoutRows = (rows: readonly unknown[], columns: readonly number[], count: number) =>
  rows.map((one): unknown => {
    if (!Array.isArray(one)) return one;
    const row: unknown[] = [...(one as unknown[])];
    for (const column of columns) {
      const named = row[column];
      if (typeof named === 'number' && named >= count) row[column] = NO_ROW;
    }
    return row;
  });

/** A segment that cannot be read is told, and is no wrong one. */
const isUnreadable = (segment: unknown): boolean => Array.isArray(segment) && segment[5] === null;

function judgePart(part: Part, served: readonly unknown[], { parts, segments }: Whole): boolean {
  if (part === 'segments') {
    return served.every((segment) => isUnreadable(segment) || segments.has(text(segment)));
  }
  return text(parts[part].slice(0, served.length)) === text(served);
}

/**
 * What a damaged trace serves must be a part of the whole one, and what is missing must be told.
 * @returns what is wrong, or null.
 */
function judge(directory: string, expected: Whole, parts: readonly Part[]): string | null {
  try {
    const trace = openTrace(directory);
    if (text(trace.manifest) !== expected.manifest) return 'another manifest';
    let isLess = false;
    const edges = withoutRows(expected.parts.edges, [4, 5], trace.blocks.count);
    const lines = withoutRows(expected.parts.lines, [3], trace.sources.count);
    const inlines = withoutRows(expected.parts.inlines, [3], trace.sources.count);
    const adapted = { ...expected, parts: { ...expected.parts, edges, lines, inlines } };
    for (const part of parts) {
      const served = PARTS[part](trace);
      if (!judgePart(part, served, adapted)) return `other ${part}`;
      isLess ||= text(served) !== text(expected.parts[part]);
    }
    const problems = parts === ALL_PARTS ? verifyTrace(trace) : trace.problems;
    const usual = trace.state === 'partial' ? 1 : 0;
    // A partial trace whose file ends after a whole batch looks like one that was killed then.
    const isUsualKill = trace.state === 'partial' && parts !== ALL_PARTS;
    if (isLess && problems.length <= usual && !isUsualKill) return 'less than all in silence';
    return problems.map(checkMessage).find((wrong) => wrong !== null) ?? null;
  } catch (error) {
    if (error instanceof BacktrailError) return checkMessage(error.message);
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

const checkMessage = (line: string): string | null =>
  /found/.test(line) && /[Rr]ecover|Restore|Name|Update/.test(line) && !line.includes('\n')
    ? null
    : `no helpful line: ${line}`;

/** The parts that a file holds or can spoil; the manifest spoils all at once. */
function partsOf(name: string): readonly Part[] {
  if (name.startsWith('manifest')) return [];
  if (name.startsWith('transfers') || name === 'segments.arrow') return ['segments'];
  if (name === 'blocks.arrow') return ['blocks', 'edges'];
  if (name === 'edges.arrow') return ['edges', 'taken', 'segments'];
  if (name === 'modules.arrow') return ['modules', 'symbols', 'lines', 'inlines'];
  if (name === 'sources.arrow') return ['sources', 'lines', 'inlines'];
  return ALL_PARTS.filter((part) => name === `${part}.arrow`);
}

/** A directory with a trace, kept for the tests of this file. */
function prepare(make: (directory: string) => void): { directory: string; expected: Whole } {
  const folder = fs.mkdtempSync(join(ROOT, 'backtrail-damage-'));
  const directory = join(folder, 'x.trace');
  make(directory);
  return { directory, expected: whole(openTrace(directory)) };
}

const STATES: readonly (readonly [state: string, make: (directory: string) => void])[] = [
  ['complete', (directory) => void writeComplete(directory, 4)],
  ['partial', (directory) => writePartial(directory, 4).writer.abandon()],
];

describe.each(STATES)('damage to a %s trace', (state, make) => {
  let directory = '';
  let expected: Whole;
  beforeAll(() => {
    ({ directory, expected } = prepare(make));
    return () => fs.rmSync(join(directory, '..'), { recursive: true });
  });

  test('is none to begin with', () => {
    expect(judge(directory, expected, ALL_PARTS)).toBeNull();
  });

  test('a file cut short at any byte', () => {
    for (const name of traceFiles(directory)) {
      const path = join(directory, name);
      const bytes = fs.readFileSync(path);
      // Tables look alike: every byte of one, of one with several batches, else every seventh.
      const isPartialSegments = state === 'partial' && name === 'segments.arrow';
      const isEvery = isPartialSegments || /^(transfers|manifest)/.test(name);
      const step = isEvery ? 1 : 7;
      for (let length = bytes.length - 1; length >= 0; length -= step) {
        fs.truncateSync(path, length);
        const wrong = judge(directory, expected, partsOf(name));
        if (wrong !== null) expect.fail(`${name} cut to ${length} of ${bytes.length}: ${wrong}`);
      }
      fs.writeFileSync(path, bytes);
    }
  });

  test('a file that is gone', () => {
    for (const name of traceFiles(directory)) {
      fs.renameSync(join(directory, name), join(directory, '..', 'away'));
      expect(judge(directory, expected, partsOf(name)), name).toBeNull();
      fs.renameSync(join(directory, '..', 'away'), join(directory, name));
    }
  });

  test('1,000 flipped bits', () => {
    const files = traceFiles(directory).map((name) => join(directory, name));
    const sizes = files.map((path) => fs.statSync(path).size);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    fc.assert(
      fc.property(fc.nat({ max: 8 * total - 1 }), (bit) => {
        let at = bit >>> 3;
        const file = sizes.findIndex((size) => {
          if (at < size) return true;
          at -= size;
          return false;
        });
        const path = files[file] ?? '';
        const bytes = fs.readFileSync(path);
        const flipped = Uint8Array.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
        fs.writeFileSync(path, flipped);
        const wrong = judge(directory, expected, ALL_PARTS);
        fs.writeFileSync(path, bytes);
        if (wrong !== null) throw new Error(`${path} byte ${at} bit ${bit & 7}: ${wrong}`);
      }),
      { numRuns: 1000 },
    );
  });
});
