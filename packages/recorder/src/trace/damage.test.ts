import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { BacktrailError } from '../errors.ts';
import { openTrace, verifyTrace } from './reader.ts';
import { type Snapshot, segmentValues, snapshot } from './snapshot.fixture.ts';
import { traceFiles, withFolder, writeComplete, writePartial } from './trace.fixture.ts';
import { NO_ROW, type Trace } from './trace.ts';

/** JSON that tells bigints from numbers. */
const text = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));

interface Whole {
  readonly snapshot: Snapshot;
  readonly manifest: string;
  readonly segments: ReadonlySet<string>;
}

function whole(trace: Trace): Whole {
  const all = snapshot(trace);
  return {
    snapshot: all,
    manifest: text(trace.manifest),
    segments: new Set(all.segments.map(text)),
  };
}

const startsWith = (all: readonly unknown[], part: readonly unknown[]): boolean =>
  text(all.slice(0, part.length)) === text(part);

/** Edges as they are served when their blocks are gone. */
const withoutBlocks = (edges: readonly unknown[], blocks: number): unknown[] =>
  edges.map((edge) => {
    if (!Array.isArray(edge)) return edge;
    const row: unknown[] = [...(edge as unknown[])];
    for (const column of [4, 5]) {
      const block = row[column];
      if (typeof block === 'number' && block >= blocks) row[column] = NO_ROW;
    }
    return row;
  });

/**
 * What a damaged trace serves must be a part of the whole one, and what is missing must be told.
 * @returns what is wrong, or null.
 */
function judge(directory: string, expected: Whole): string | null {
  let served: Snapshot;
  let problems: readonly string[];
  try {
    const trace = openTrace(directory);
    if (text(trace.manifest) !== expected.manifest) return 'another manifest';
    problems = verifyTrace(trace);
    // Segments whose edges cannot be read are told by verifyTrace(): look at the others one by one.
    const readable = [...Array(trace.segments.count).keys()].filter((i) => {
      try {
        return trace.readSegment(i).length >= 0;
      } catch (error) {
        if (!(error instanceof BacktrailError)) throw error;
        return false;
      }
    });
    const all = readable.length === trace.segments.count ? segmentValues(trace) : null;
    served = { ...snapshot(all === null ? withoutSegments(trace) : trace) };
    if (all?.some((segment) => !expected.segments.has(text(segment)))) return 'another segment';
    if (all === null && problems.length === 0) return 'a segment is gone in silence';
  } catch (error) {
    if (error instanceof BacktrailError) return checkMessage(error.message);
    return `${String(error)} ${error instanceof Error ? error.stack : ''}`;
  }
  const { edges, blocks } = expected.snapshot;
  if (!startsWith(withoutBlocks(edges, served.blocks.length), served.edges)) return 'other edges';
  if (!startsWith(blocks, served.blocks)) return 'other blocks';
  for (const key of ['taken', 'marks', 'modules', 'symbols'] as const) {
    if (!startsWith(expected.snapshot[key], served[key])) return `other ${key}`;
  }
  const isLess = text(served) !== text(expected.snapshot);
  if (isLess && problems.length === 0) return 'less than all in silence';
  return problems.map(checkMessage).find((wrong) => wrong !== null) ?? null;
}

const withoutSegments = (trace: Trace): Trace =>
  Object.create(trace, { segments: { value: { ...trace.segments, count: 0 } } }) as Trace;

const checkMessage = (line: string): string | null =>
  /found/.test(line) && /[Rr]ecover|Restore|Name|Update/.test(line) && !line.includes('\n')
    ? null
    : `no helpful line: ${line}`;

/** A directory with a trace, kept for the tests of this file. */
function prepare(make: (directory: string) => void): { directory: string; expected: Whole } {
  const folder = fs.mkdtempSync(join(fs.realpathSync('/tmp'), 'backtrail-damage-'));
  const directory = join(folder, 'x.trace');
  make(directory);
  return { directory, expected: whole(openTrace(directory)) };
}

describe.each([
  ['complete', (directory: string) => void writeComplete(directory, 4)],
  ['partial', (directory: string) => writePartial(directory, 4).writer.abandon()],
] as const)('damage to a %s trace', (_, make) => {
  let directory = '';
  let expected: Whole;
  beforeAll(() => {
    ({ directory, expected } = prepare(make));
    return () => fs.rmSync(join(directory, '..'), { recursive: true });
  });

  test('is none to begin with', () => {
    expect(judge(directory, expected)).toBeNull();
  });

  test('a file cut short at any byte', () => {
    for (const name of traceFiles(directory)) {
      const path = join(directory, name);
      const bytes = fs.readFileSync(path);
      for (let length = bytes.length - 1; length >= 0; length--) {
        fs.truncateSync(path, length);
        const wrong = judge(directory, expected);
        if (wrong !== null) expect.fail(`${name} cut to ${length} of ${bytes.length}: ${wrong}`);
      }
      fs.writeFileSync(path, bytes);
    }
  });

  test('a file that is gone', () => {
    for (const name of traceFiles(directory)) {
      fs.renameSync(join(directory, name), join(directory, '..', 'away'));
      expect(judge(directory, expected), name).toBeNull();
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
        const wrong = judge(directory, expected);
        fs.writeFileSync(path, bytes);
        if (wrong !== null) throw new Error(`${path} byte ${at} bit ${bit & 7}: ${wrong}`);
      }),
      { numRuns: 1000 },
    );
  });
});
