import fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PackThread } from './pack-thread.ts';
import { SegmentPacker } from './packer.ts';
import { openTrace, verifyTrace } from './reader.ts';
import { NARROW_EDGES_MAX } from './schema.ts';
import {
  newManifest,
  ROOT,
  segmentInfo,
  someBlocks,
  someEdges,
  someModules,
  someSymbols,
} from './trace.fixture.ts';
import type { SegmentSource } from './transfers-writer.ts';
import { TraceWriter } from './writer.ts';

const folder = fs.mkdtempSync(join(ROOT, 'backtrail-transfers-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Numbers below the limit, some repeated and some not. */
function edgesOf(segment: number, transfers: number, limit: number): Uint32Array {
  return Uint32Array.from({ length: transfers }, (_, i) =>
    i % 100 < 80 ? i % 7 : (Math.imul(i + segment, 0x9e3779b1) >>> 0) % limit,
  );
}

async function ready(thread: PackThread): Promise<PackThread> {
  while (!thread.isReady) await new Promise(setImmediate);
  return thread;
}

describe('a thread that packs', () => {
  test.each([100, NARROW_EDGES_MAX, NARROW_EDGES_MAX + 1])(
    'makes of %i edges what this thread makes',
    async (limit) => {
      const here = new SegmentPacker();
      const there = await ready(new PackThread());
      for (const [segment, transfers] of [1, 70_000, 300, 100_001].entries()) {
        const edges = edgesOf(segment, transfers, limit);
        there.place(transfers).set(edges);
        there.start(transfers, limit);
        expect(there.room).toBe(1);
        while (segment % 2 === 0 && !there.isDone) await new Promise(setImmediate);
        const packed = there.take();
        expect(there.isDone).toBe(false);
        const expected = here.pack(edges, limit);
        expect({ ...packed, frame: Buffer.from(packed.frame) }).toEqual({
          ...expected,
          frame: Buffer.from(expected.frame),
        });
      }
      expect(there.counts(limit)).toEqual(here.histogram.counts(limit).slice());
      there.stop();
    },
  );

  test('has two at a time, and gives them back in order', async () => {
    const here = new SegmentPacker();
    const there = await ready(new PackThread());
    const give = (segment: number): void => {
      const edges = edgesOf(segment, 5000 + segment, 100);
      there.place(edges.length).set(edges);
      there.start(edges.length, 100);
    };
    give(0);
    for (let segment = 1; segment < 6; segment++) {
      give(segment);
      expect(there.room).toBe(0);
      const packed = Buffer.from(there.take().frame);
      const expected = here.pack(edgesOf(segment - 1, 4999 + segment, 100), 100);
      expect(packed).toEqual(Buffer.from(expected.frame));
    }
    there.stop();
  });

  test('tells an edge that is not on disk, as this thread does', async () => {
    const thread = await ready(new PackThread());
    thread.place(3).set([1, 5, 2]);
    thread.start(3, 5);
    expect(() => thread.take()).toThrow('transfer 1 of a segment: found edge 5, expected below 5');
    thread.stop();
  });
});

test('segments that many threads packed are in the trace, in order, and counted', async () => {
  const directory = join(folder, 'x.trace');
  const writer = TraceWriter.create(directory, newManifest());
  const edges = 70_000;
  const expected = new Float64Array(edges);
  const written: number[] = [];
  const segments: Uint32Array[] = [];
  const source = (segment: number, known: number): SegmentSource => {
    const numbers = edgesOf(segment, 20_000 + (segment % 3), known);
    segments.push(numbers);
    for (const edge of numbers) expected[edge] = (expected[edge] ?? 0) + 1;
    return {
      info: { ...segmentInfo(segment), vcpu: 0, firstSeq: 0 },
      transfers: numbers.length,
      read: (place) => place.set(numbers),
      written: () => {
        written.push(segment);
        expect(writer.counts.segments).toBeLessThanOrEqual(segment + 1);
      },
    };
  };
  writer.addBlocks(someBlocks(4));
  let known = 0;
  for (const more of [1000, edges - 1000]) {
    writer.addEdges(someEdges(more, 4));
    known += more;
    // The first time they are called they are still being loaded.
    for (let round = 0; round < 3; round++) {
      const first = segments.length;
      writer.addSegments(
        Array.from({ length: 12 }, (_, i) => source(first + i, known)),
        2,
      );
      await helpersReady(writer);
    }
    writer.addSegments([source(segments.length, known)], 0);
  }
  expect(written).toEqual(segments.map((_, i) => i));
  writer.finish(someModules, someSymbols);
  const trace = openTrace(directory);
  expect(verifyTrace(trace)).toEqual([]);
  expect(trace.edges.taken).toEqual(expected);
  for (const [i, numbers] of segments.entries()) {
    expect(Buffer.compare(asBytes(trace.readSegment(i)), asBytes(numbers)), `${i}`).toBe(0);
  }
});

const asBytes = ({ buffer, byteOffset, byteLength }: Uint32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Waits until all that were called are there. */
async function helpersReady(writer: TraceWriter): Promise<void> {
  const segments: unknown = Reflect.get(writer, 'segments');
  const threads: unknown =
    typeof segments === 'object' && segments !== null ? Reflect.get(segments, 'threads') : null;
  if (!Array.isArray(threads)) throw new Error('found no threads');
  for (const thread of threads) if (thread instanceof PackThread) await ready(thread);
}
