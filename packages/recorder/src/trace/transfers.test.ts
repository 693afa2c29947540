import fs from 'node:fs';
import pl from 'nodejs-polars';
import { describe, expect, test } from 'vitest';
import { transfersPath } from './directory.ts';
import { openTrace, verifyTrace } from './reader.ts';
import { NARROW_EDGES_MAX } from './schema.ts';
import { newManifest, someBlocks, someEdges, withFolder } from './trace.fixture.ts';
import { TraceWriter } from './writer.ts';

const info = (firstSeq: number) => ({
  vcpu: 0,
  firstSeq,
  instructionsBefore: 0,
  timeFirstNs: 1n,
  timeLastNs: 2n,
});

describe('transfers: width of edge numbers', () => {
  test('a file begun with more than 65,536 edges has 32 bits, those before it 16', () => {
    withFolder((folder) => {
      const directory = `${folder}/wide.trace`;
      const writer = TraceWriter.create(directory, newManifest());
      writer.addBlocks(someBlocks(2));
      writer.addEdges(someEdges(NARROW_EDGES_MAX, 2));
      const narrow = Uint32Array.of(0, NARROW_EDGES_MAX - 1, 7);
      writer.addSegment(info(0), narrow);
      writer.addEdges(someEdges(10, 2));
      const wide = Uint32Array.of(NARROW_EDGES_MAX + 9, 3, NARROW_EDGES_MAX);
      writer.addSegment(info(3), wide);
      writer.abandon();
      const resumed = TraceWriter.resume(directory);
      resumed.addSegment(info(6), wide);
      resumed.abandon();
      const trace = openTrace(directory);
      expect(trace.readSegment(0)).toEqual(narrow);
      expect(trace.readSegment(1)).toEqual(wide);
      expect(trace.readSegment(2)).toEqual(wide);
      expect(verifyTrace(trace).filter((problem) => !problem.includes('manifest'))).toEqual([]);
      const types = [0, 1].map((file) => {
        const frame = pl.readIPCStream(fs.readFileSync(transfersPath(directory, file)).subarray(8));
        const column = frame.getColumn('edge');
        return [String(column.dtype), [...column.toArray()].slice(0, 3)];
      });
      expect(types).toEqual([
        [String(pl.UInt16), [...narrow]],
        [String(pl.UInt32), [...wide]],
      ]);
    });
  });

  test.each([
    ['16 bits', 5],
    ['32 bits', NARROW_EDGES_MAX + 5],
  ])('parts of segments are those of the whole ones, %s', (_width, edges) => {
    withFolder((folder) => {
      const directory = `${folder}/parts.trace`;
      const writer = TraceWriter.create(directory, newManifest());
      writer.addBlocks(someBlocks(2));
      writer.addEdges(someEdges(edges, 2));
      const segments = Array.from({ length: 12 }, (_none, i) =>
        Uint32Array.from({ length: 20 + i }, (_one, row) => (row * (i + 3)) % edges),
      );
      let seq = 0;
      for (const segment of segments) {
        writer.addSegment(info(seq), segment);
        seq += segment.length;
      }
      writer.abandon();
      const trace = openTrace(directory);
      const taken: (readonly [Uint32Array | undefined, Uint32Array])[] = [];
      for (let i = 0; i < 200; i++) {
        // Now and then whole ones, so that some are known and most are not.
        const [at, from] = [(i * 7) % 12, i % 21];
        const whole = segments[at] ?? new Uint32Array();
        if (i % 13 === 0) expect(trace.readSegment(at)).toEqual(whole);
        taken.push([trace.readEdges?.(at, from, from + 6), whole.slice(from, from + 6)]);
      }
      // What was taken early is still what it was: memory is used again, copies are not.
      for (const [part, expected] of taken) expect(part).toEqual(expected);
      expect(() => trace.readEdges?.(12, 0, 1)).toThrow('found no segment 12, expected 0 to 11');
    });
  });
});
