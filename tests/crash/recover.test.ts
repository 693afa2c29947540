/** A trace that was closed and then damaged: what is whole is kept, the rest is told. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { recover } from '@backtrail/recorder';
import { openTrace, verifyTrace } from '@backtrail/recorder/trace';
import { afterAll, describe, expect, test } from 'vitest';

const SAMPLE = new URL('../../traces/v1/smash/smash.trace/', import.meta.url).pathname;
const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-recover-'));
afterAll(() => rmSync(folder, { recursive: true }));

function copyOfSample(name: string): string {
  const directory = path.join(folder, name);
  cpSync(SAMPLE, directory, { recursive: true });
  return directory;
}

describe('recover: a closed trace', () => {
  test('without damage is refused', () => {
    const directory = copyOfSample('sound.trace');
    expect(() => recover(directory)).toThrow(/found a complete trace without damage/);
    expect(verifyTrace(openTrace(directory))).toEqual([]);
  });

  test('with a flipped bit in its transfers loses that segment, and says so', () => {
    const directory = copyOfSample('flipped.trace');
    const before = openTrace(directory);
    const symbols = before.symbols.count;
    const file = path.join(directory, 'transfers', '000000.arrow');
    const bytes = readFileSync(file);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(verifyTrace(openTrace(directory))).not.toEqual([]);
    const { manifest } = recover(directory);
    expect(manifest).toMatchObject({ complete: true, recovered: true });
    const after = openTrace(directory);
    expect(verifyTrace(after)).toEqual([]);
    expect(after.transfers + manifest.losses.damaged).toBe(before.manifest.totals.transfers);
    expect(after.symbols.count).toBe(symbols);
    expect(manifest.end).toEqual(before.manifest.end);
  });
});
