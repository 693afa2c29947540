/**
 * Every sample trace of traces/ reads as it did when it was made, whatever has changed since. A new
 * format version gets samples of its own; the old ones stay.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTrace, TRACE_VERSION, verifyTrace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { sampleFacts } from '../scripts/sample-facts.ts';

const ROOT = fileURLToPath(new URL('../traces/', import.meta.url));
/** Committed for ever: keep them small. */
const SAMPLE_BYTES_MAX = 150 * 1024;

const versions = readdirSync(ROOT).filter((name) => /^v\d+$/.test(name));
const samples = versions.flatMap((version) =>
  readdirSync(path.join(ROOT, version)).map((name) => ({
    name: `${version}/${name}`,
    version: Number(version.slice(1)),
    folder: path.join(ROOT, version, name),
    trace: path.join(ROOT, version, name, `${name}.trace`),
  })),
);

function bytesOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(folder, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

test('there is a sample of every format version that this build reads', () => {
  expect(versions.sort()).toEqual(Array.from({ length: TRACE_VERSION }, (_, i) => `v${i + 1}`));
});

describe.each(samples)('sample $name', ({ folder, trace: directory, version }) => {
  test('holds a trace, expected.json and nothing else', () => {
    expect(readdirSync(folder).sort()).toEqual(
      ['expected.json', `${path.basename(folder)}.trace`].sort(),
    );
    expect(bytesOf(directory)).toBeLessThan(SAMPLE_BYTES_MAX);
  });

  test('reads as expected.json says', () => {
    const expected: unknown = JSON.parse(readFileSync(path.join(folder, 'expected.json'), 'utf8'));
    const trace = openTrace(directory);
    expect(trace.manifest.version).toBe(version);
    expect(sampleFacts(trace)).toEqual(expected);
  });

  test('is whole to the last byte', () => {
    const trace = openTrace(directory);
    expect(trace.state).toBe('complete');
    expect(verifyTrace(trace)).toEqual([]);
  });
});
