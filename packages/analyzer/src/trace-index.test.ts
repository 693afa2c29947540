/** The index against what a slow count finds, its file against every kind of damage. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTrace, verifyTrace } from '@backtrail/recorder/trace';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkTrace } from './check.ts';
import { levelSteps } from './cursor/levels.ts';
import { withHoles } from './cursor.model.ts';
import { SegmentCollector } from './index/collect.ts';
import { decodeIndex, encodeIndex, Unusable } from './index/file.ts';
import { mergeCollected } from './index/merge.ts';
import { SUMMARY_PASSES } from './index/passes.ts';
import { collectInThreads, jobsOf } from './index/threads.ts';
import { randomRun } from './path/random-run.fixture.ts';
import type { FixtureTrace } from './trace.fixture.ts';
import { makeIndex, openIndex, storedIndex } from './trace-index.ts';

const SAMPLE = fileURLToPath(new URL('../../../traces/v1/smash/smash.trace', import.meta.url));

const run = fc.record({
  vcpus: fc.integer({ min: 1, max: 3 }),
  transfers: fc.integer({ min: 1, max: 150 }),
  segmentTransfers: fc.integer({ min: 1, max: 40 }),
  changesCode: fc.constant(false),
});

/** Hops of each listed segment, as text; by the letter of what a hop is. */
function hopsOf(trace: FixtureTrace): Map<number, Set<string>> {
  const all = new Map<number, Set<string>>();
  const { firstSeq } = trace.segments;
  for (const vcpu of trace.vcpus) {
    for (const segment of trace.segmentsOf(vcpu)) {
      const edges = trace.segmentEdges[segment] ?? new Uint32Array();
      const after = trace.segmentAt(vcpu, (firstSeq[segment] ?? 0) + edges.length);
      const next = after < 0 ? trace.edges.count : trace.segmentEdges[after]?.[0];
      const hops = Array.from(edges, (edge, i) => `${edge} ${edges[i + 1] ?? next}`);
      all.set(segment, new Set(hops));
    }
  }
  return all;
}

/** One bit each. */
function only(count: number, which: number): Uint32Array {
  const bits = new Uint32Array(count);
  bits[which] = 1;
  return bits;
}

test('index: says of every hop in which segments it is, and in which it is not', () => {
  const seed = fc.integer({ min: 0, max: 0x7fff_ffff });
  fc.assert(
    fc.property(seed, run, fc.boolean(), (number, given, hasHoles) => {
      const whole = randomRun(number, given).trace;
      const trace = withHoles(whole, (segment) => hasHoles && (segment + number) % 3 === 0);
      const index = makeIndex(trace);
      const hops = hopsOf(trace);
      const segments = [...hops.keys()];
      const order = segments.map((segment) => index.placeOf(segment));
      expect(order).toEqual([...order.keys()]);
      for (const hop of new Set([...hops.values()].flatMap((set) => [...set]))) {
        const [from = 0, to = 0] = hop.split(' ').map(Number);
        const { count } = trace.edges;
        const found = index.hopsOf(only(count, from), only(count + 1, to));
        expect(found.length).toBe(1);
        const holds = segments.map((segment) => hops.get(segment)?.has(hop) === true);
        segments.forEach((segment, i) => {
          expect(index.nearest(found, segment, 'forward')).toBe(holds.indexOf(true, i));
          expect(index.nearest(found, segment, 'backward')).toBe(holds.lastIndexOf(true, i));
        });
      }
    }),
    { numRuns: 15 },
  );
});

test('index: the level steps of each segment', () => {
  const { trace } = randomRun(5, {
    vcpus: 2,
    transfers: 300,
    segmentTransfers: 17,
    changesCode: false,
  });
  const index = makeIndex(trace);
  const steps = levelSteps(trace);
  for (let segment = 0; segment < trace.segments.count; segment++) {
    const sums: number[] = [];
    for (const edge of trace.readSegment(segment))
      sums.push((sums.at(-1) ?? 0) + (steps[edge] ?? 0));
    expect(index.levelsOf(segment)).toEqual({ net: sums.at(-1), lowest: Math.min(...sums) });
  }
  expect(index.summary('none of that name', 0)).toBeNull();
});

describe('index: its file', () => {
  let folder = '';
  let directory = '';

  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'backtrail-index-'));
    directory = join(folder, 'smash.trace');
    fs.cpSync(SAMPLE, directory, { recursive: true });
  });

  afterAll(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const file = (): string => join(directory, 'index.cache');

  test('of a small trace there is none, unless it is asked for', async () => {
    const built = await openIndex(openTrace(directory));
    expect(built).toMatchObject({ isBuilt: true, path: null });
    expect(fs.existsSync(file())).toBe(false);
    expect(await openIndex(openTrace(directory), { isRenewed: true })).toMatchObject({
      isBuilt: true,
      path: file(),
      bytes: fs.statSync(file()).size,
    });
    expect(fs.readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(storedIndex(openTrace(directory))?.isBuilt).toBe(false);
    expect(await openIndex(openTrace(directory))).toMatchObject({ isBuilt: false, path: file() });
  });

  test('threads find what this one does, and tell how far they are', async () => {
    const trace = openTrace(directory);
    const bytesOf = async (threads: number): Promise<Buffer> => {
      const told: number[] = [];
      const progress = ({ transfers }: { transfers: number }) => told.push(transfers);
      await openIndex(trace, { isRenewed: true, threads, progress });
      expect(told.at(-1)).toBe(trace.transfers);
      return fs.readFileSync(file());
    };
    const [alone, together] = [await bytesOf(0), await bytesOf(2)];
    expect(together.equals(alone)).toBe(true);
  });

  test('a thread that cannot do its part is told, and done without', async () => {
    const count = openTrace(directory).segments.count;
    const jobs = jobsOf(count, 2);
    const collect = async (from: string, places: number) =>
      collectInThreads(from, places, jobs, 2, () => undefined);
    expect((await collect(directory, count))?.length).toBe(jobs.length);
    expect(await collect(directory, count + 1)).toBeNull();
    expect(await collect(join(folder, 'nowhere'), count)).toBeNull();
  });

  test('it is no part of the trace', async () => {
    const before = openTrace(SAMPLE);
    await openIndex(openTrace(directory), { isRenewed: true });
    const trace = openTrace(directory);
    expect(verifyTrace(trace)).toEqual([]);
    expect(checkTrace(trace).findings).toEqual(checkTrace(before).findings);
    expect(trace.manifest).toEqual(before.manifest);
  });

  test('of another trace, or of this one before it changed, it is not used', async () => {
    await openIndex(openTrace(directory), { isRenewed: true });
    const other = fileURLToPath(
      new URL('../../../traces/v1/riscv64-nested/riscv64-nested.trace', import.meta.url),
    );
    const moved = join(folder, 'other.trace');
    fs.cpSync(other, moved, { recursive: true });
    fs.copyFileSync(file(), join(moved, 'index.cache'));
    expect(storedIndex(openTrace(moved))).toBeNull();
    const longer = join(directory, 'transfers', '000000.arrow');
    const whole = fs.readFileSync(longer);
    fs.appendFileSync(longer, 'x');
    expect(storedIndex(openTrace(directory))).toBeNull();
    fs.writeFileSync(longer, whole);
    expect(storedIndex(openTrace(directory))).not.toBeNull();
  });

  test('a link, a folder, a pipe, nothing: it is made anew', async () => {
    const target = join(folder, 'elsewhere');
    await openIndex(openTrace(directory), { isRenewed: true });
    fs.renameSync(file(), target);
    expect(storedIndex(openTrace(directory))).toBeNull();
    fs.symlinkSync(target, file());
    expect(storedIndex(openTrace(directory))).toBeNull();
    const untouched = fs.readFileSync(target);
    fs.writeFileSync(target, 'mine');
    expect(await openIndex(openTrace(directory), { isRenewed: true })).toMatchObject({
      path: file(),
    });
    expect(fs.readFileSync(target, 'utf8')).toBe('mine');
    expect(fs.readFileSync(file()).equals(untouched)).toBe(true);
    fs.rmSync(file());
    fs.mkdirSync(file());
    expect(storedIndex(openTrace(directory))).toBeNull();
    expect(await openIndex(openTrace(directory), { isRenewed: true })).toMatchObject({
      path: null,
    });
    expect(fs.readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    fs.rmSync(file(), { recursive: true });
  });

  test('cut anywhere, or with any byte flipped, it is not used', async () => {
    await openIndex(openTrace(directory), { isRenewed: true });
    const whole = fs.readFileSync(file());
    const trace = openTrace(directory);
    for (let at = 0; at < whole.length; at += 7) {
      fs.writeFileSync(file(), whole.subarray(0, at));
      expect(storedIndex(trace)).toBeNull();
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      fs.writeFileSync(file(), flipped);
      expect(storedIndex(trace)).toBeNull();
    }
  });
});

test('index: a file whose checksum is right, but what it says is not, is refused', () => {
  const { trace } = randomRun(3, {
    vcpus: 2,
    transfers: 200,
    segmentTransfers: 9,
    changesCode: false,
  });
  const collector = new SegmentCollector(trace);
  const placeCount = collector.places.segment.length;
  const parts = [collector.collect(0, placeCount, () => undefined)];
  const tables = mergeCollected(parts, placeCount, trace.edges.count);
  const bounds = { edgeCount: trace.edges.count, placeCount, transfers: trace.transfers };
  const spoil = (change: Partial<typeof tables>): (() => unknown) => {
    const spoilt = encodeIndex({ ...tables, ...change }, 'x');
    return () => decodeIndex(spoilt, 'x', bounds);
  };
  const high = Uint32Array.from(tables.stretches, (bound) => bound + placeCount);
  expect(spoil({})).not.toThrow();
  const few = { ...bounds, transfers: 3 };
  expect(() => decodeIndex(encodeIndex(tables, 'x'), 'x', few)).toThrow('a column too long');
  expect(() => decodeIndex(encodeIndex(tables, 'y'), 'x', bounds)).toThrow(Unusable);
  for (const change of [
    { from: tables.from.map((edge) => edge + trace.edges.count) },
    { to: tables.to.map((edge) => edge + trace.edges.count + 1) },
    { to: tables.to.slice(1) },
    { from: tables.from.toReversed() },
    { stretches: high },
    { stretches: tables.stretches.map(() => 0) },
    { stretches: tables.stretches.slice(2) },
    { firstStretch: tables.firstStretch.slice(1) },
    { unreadable: Uint32Array.of(placeCount) },
    { placeCount: placeCount + 1 },
    { groupBits: 33 },
    { summaries: [] },
    { summaries: [{ lengths: new Uint32Array(placeCount), words: Uint32Array.of(1) }] },
  ]) {
    expect(spoil(change)).toThrow(Unusable);
  }
});

test.each([3, 0xffff, 0x1_0000, 70_000])('index: %i segments are numbered in as many bits', (n) => {
  const bounds = { edgeCount: 1, placeCount: n, transfers: n };
  const noSummary = { lengths: new Uint32Array(n), words: new Uint32Array() };
  const tables = {
    groupBits: 0,
    placeCount: n,
    from: Uint32Array.of(0),
    to: Uint32Array.of(0),
    firstStretch: Uint32Array.of(0, 2),
    stretches: Uint32Array.of(0, 1, n - 1, n),
    unreadable: new Uint32Array(),
    summaries: SUMMARY_PASSES.map(() => noSummary),
  };
  const decoded = decodeIndex(encodeIndex(tables, 'x'), 'x', bounds);
  expect([...decoded.stretches]).toEqual([...tables.stretches]);
  expect(decoded.stretches.BYTES_PER_ELEMENT).toBe(n <= 0xffff ? 2 : 4);
  // One more would be 0 in 16 bits.
  const spoilt = { ...tables, stretches: Uint32Array.of(0, 1, n - 1, n + 0x1_0000) };
  expect(() => decodeIndex(encodeIndex(spoilt, 'x'), 'x', bounds)).toThrow(Unusable);
});
