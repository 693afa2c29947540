/**
 * A trace that was closed and then damaged: what is whole is kept, the rest is told. And one whose
 * directory was recorded into more than once.
 */
import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { recover } from '@backtrail/recorder';
import { openTrace, verifyTrace } from '@backtrail/recorder/trace';
import { afterAll, describe, expect, test } from 'vitest';
import { ringShape } from '../../packages/recorder/src/ring/create.ts';
import { HEADER } from '../../packages/recorder/src/ring/layout.ts';
import { Ring } from '../../packages/recorder/src/ring/ring.ts';
import { newManifest } from '../../packages/recorder/src/trace/trace.fixture.ts';
import { TraceWriter } from '../../packages/recorder/src/trace/writer.ts';

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

describe('recover: a trace that was recorded anew', () => {
  const rings: string[] = [];
  afterAll(() => {
    for (const ring of rings) rmSync(ring, { force: true });
  });

  /** A recorder that was started then, and killed. */
  function orphan(directory: string, startTicks: bigint): string {
    const file = `/dev/shm/backtrail-test-${randomUUID()}.ring`;
    rings.push(file);
    const options = { keep: 'all', maxTransfers: 0, traceDirectory: directory } as const;
    Ring.create(file, { ...options, shape: ringShape(1 << 16) }).close();
    const bytes = readFileSync(file);
    // No process has that number: it is above the kernel's limit.
    bytes.writeBigUInt64LE(1n << 40n, HEADER.recorderPid.at);
    bytes.writeBigUInt64LE(startTicks, HEADER.recorderStart.at);
    writeFileSync(file, bytes);
    return file;
  }

  function partial(name: string, engine: string): string {
    const directory = path.join(folder, name);
    const manifest = newManifest();
    manifest.engine.name = engine;
    TraceWriter.create(directory, manifest).abandon();
    return directory;
  }

  test('takes the ring of the newest run, and no older one', () => {
    const directory = partial('anew.trace', 'qemu');
    const [first, newest, second] = [100n, 300n, 200n].map((at) => orphan(directory, at));
    expect(() => recover(first ?? '')).toThrow(/found a later run in .*rm \/dev\/shm/);
    expect(recover(directory).ring).toBe(newest);
    expect([first, newest, second].map((ring) => existsSync(ring ?? ''))).toEqual([
      true,
      false,
      true,
    ]);
  });

  test('takes no ring where the engine keeps it in its memory', () => {
    const directory = partial('embedded.trace', 'embedded');
    const ring = orphan(directory, 100n);
    expect(recover(directory).ring).toBeNull();
    expect(existsSync(ring)).toBe(true);
  });

  test('says of a ring without its trace that it is of no use', () => {
    const ring = orphan(path.join(folder, 'gone.trace'), 100n);
    expect(() => recover(ring)).toThrow(/its trace \S+gone\.trace is gone, .*rm \/dev\/shm/);
  });
});
