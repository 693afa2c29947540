import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BacktrailError } from '../errors.ts';
import { traceState } from './directory.ts';
import type { OutputSystem } from './output.ts';
import { openTrace, verifyTrace } from './reader.ts';
import { blockValues, edgeValues, markValues, snapshot } from './snapshot.fixture.ts';
import {
  newManifest,
  SEGMENT_ROWS,
  segmentEdges,
  segmentInfo,
  someBlocks,
  someEdges,
  someMarks,
  someModules,
  someSymbols,
  traceFiles,
  withFolder,
  writeComplete,
  writePartial,
} from './trace.fixture.ts';
import { MARK_KINDS } from './vocabulary.ts';
import { TraceWriter } from './writer.ts';

class Killed extends Error {}

/** Writes as node:fs does, until so many bytes have been written; then the process "dies". */
function killedAfter(bytes: number): OutputSystem {
  let left = bytes;
  return {
    openSync: (path, flags) => {
      if (left < 0) throw new Killed();
      return fs.openSync(path, flags);
    },
    writevSync: (file, chunks) => {
      if (left < 0) throw new Killed();
      const all = Buffer.concat(chunks);
      const part = all.subarray(0, left);
      fs.writeSync(file, part);
      left -= all.length;
      if (left < 0) throw new Killed();
      return all.length;
    },
    fsyncSync: fs.fsyncSync,
    closeSync: fs.closeSync,
  };
}

const SEGMENTS = 6;
const EDGES = 10;

/** Adds all that a trace does not have yet, as its recorder would have gone on. */
function goOn(writer: TraceWriter): void {
  const { counts } = writer;
  if (counts.blocks === 0) writer.addBlocks(someBlocks(4));
  if (counts.edges === 0) writer.addEdges(someEdges(EDGES, 4));
  if (counts.marks === 0) writer.addMarks(someMarks(5));
  for (let i = counts.segments; i < SEGMENTS; i++) {
    writer.addSegment(segmentInfo(i), segmentEdges(i, EDGES));
  }
}

/** What that trace holds when nobody kills its recorder. */
function undisturbed(): ReturnType<typeof snapshot> {
  return withFolder((folder) => {
    const directory = join(folder, 'x.trace');
    const writer = TraceWriter.create(directory, newManifest());
    goOn(writer);
    writer.finish(someModules, someSymbols);
    return snapshot(openTrace(directory));
  });
}

/** Bytes that a whole run writes. */
function bytesWritten(): number {
  return withFolder((folder) => {
    let bytes = 0;
    const system: OutputSystem = {
      ...fs,
      openSync: fs.openSync,
      writevSync: (file, chunks) => {
        const count = fs.writevSync(file, chunks);
        bytes += count;
        return count;
      },
    };
    const writer = TraceWriter.create(join(folder, 'x.trace'), newManifest(), system);
    goOn(writer);
    writer.finish(someModules, someSymbols);
    return bytes;
  });
}

/** Runs until the kill. @returns whether it came before the end. */
function runUntilKilled(directory: string, bytes: number, resume: boolean): boolean {
  const system = killedAfter(bytes);
  let writer: TraceWriter | null = null;
  try {
    writer = resume
      ? TraceWriter.resume(directory, system)
      : TraceWriter.create(directory, newManifest(), system);
    goOn(writer);
    writer.finish(someModules, someSymbols);
    return false;
  } catch (error) {
    if (!(error instanceof BacktrailError && error.cause instanceof Killed)) throw error;
    return true;
  } finally {
    writer?.abandon();
  }
}

describe('resume: a recorder that is killed at any byte', () => {
  const expected = undisturbed();
  const total = bytesWritten();

  test('goes on to the trace it would have made', () => {
    fc.assert(
      fc.property(fc.nat({ max: total - 1 }), fc.nat({ max: total }), (first, second) => {
        withFolder((folder) => {
          const directory = join(folder, 'x.trace');
          expect(runUntilKilled(directory, first, false)).toBe(true);
          if (traceState(directory) === 'empty') {
            expect(() => TraceWriter.resume(directory)).toThrow(
              'found a folder without a manifest',
            );
            return;
          }
          // The second kill comes while it is being resumed, or after.
          runUntilKilled(directory, second, true);
          if (traceState(directory) === 'partial') {
            const before = openTrace(directory);
            expect(verifyTrace(before).slice(1).join('\n')).not.toMatch(/transfers cannot be read/);
            const kept = before.segments.count;
            const writer = TraceWriter.resume(directory);
            expect(writer.counts.segments).toBe(kept);
            expect(writer.counts.transfers).toBe(kept * SEGMENT_ROWS);
            goOn(writer);
            writer.finish(someModules, someSymbols);
          }
          const trace = openTrace(directory);
          expect(verifyTrace(trace)).toEqual([]);
          expect(snapshot(trace)).toEqual(expected);
          expect(trace.manifest.losses.damaged).toBe(0);
          expect(traceFiles(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
        });
      }),
      { numRuns: 120 },
    );
  });
});

describe('resume: after a cut', () => {
  test('keeps what is whole in every file', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (fileSeed, lengthSeed) => {
        withFolder((folder) => {
          const directory = join(folder, 'x.trace');
          writePartial(directory, SEGMENTS).writer.abandon();
          const names = traceFiles(directory).filter((name) => name.endsWith('.arrow'));
          const path = join(directory, names[fileSeed % names.length] ?? '');
          fs.truncateSync(path, lengthSeed % fs.statSync(path).size);
          const before = openTrace(directory);
          const served = snapshot(before);
          const writer = TraceWriter.resume(directory);
          writer.finish(someModules, someSymbols);
          const trace = openTrace(directory);
          expect(verifyTrace(trace)).toEqual([]);
          const after = snapshot(trace);
          // An edge whose block is gone is served without it, and dropped for good here.
          expect(after.edges).toEqual(served.edges.slice(0, after.edges.length));
          expect(after.blocks).toEqual(served.blocks);
          expect(after.marks.slice(0, served.marks.length)).toEqual(served.marks);
          const readable = served.segments.filter((s) => Array.isArray(s) && s[5] !== null);
          if (after.edges.length === served.edges.length) {
            expect(after.segments).toEqual(readable);
          }
          const taken = after.edges.map(() => 0);
          for (let i = 0; i < trace.segments.count; i++) {
            for (const edge of trace.readSegment(i)) taken[edge] = (taken[edge] ?? 0) + 1;
          }
          expect(after.taken).toEqual(taken);
        });
      }),
      { numRuns: 80 },
    );
  });

  test('a segment that is lost leaves a gap mark and is counted', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      writePartial(directory, SEGMENTS).writer.abandon();
      const path = join(directory, 'transfers', '000000.arrow');
      fs.truncateSync(path, fs.statSync(path).size - 1);
      const writer = TraceWriter.resume(directory);
      expect(writer.counts.segments).toBe(SEGMENTS - 1);
      expect(writer.manifest.losses.damaged).toBe(SEGMENT_ROWS);
      // Goes on where it was cut.
      writer.addSegment(segmentInfo(SEGMENTS - 1), segmentEdges(SEGMENTS - 1, EDGES));
      writer.finish(someModules, someSymbols);
      const trace = openTrace(directory);
      const last = trace.marks.count - 1;
      expect(MARK_KINDS[trace.marks.kind[last] ?? 0]).toBe('gap');
      expect(trace.marks.vcpu[last]).toBe(segmentInfo(SEGMENTS - 1).vcpu);
      expect(trace.marks.seq[last]).toBe(segmentInfo(SEGMENTS - 1).firstSeq);
      expect(trace.marks.number[last]).toBe(BigInt(SEGMENT_ROWS));
      expect(trace.marks.detail(last)).toBe('damaged');
      expect([...trace.segments.file]).toEqual([0, 0, 0, 0, 0, 1]);
      expect(verifyTrace(trace)).toEqual([]);
    });
  });
});

describe('resume: a complete trace', () => {
  test('without damage is left alone', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      writeComplete(directory);
      expect(() => TraceWriter.resume(directory)).toThrow(
        /found a complete trace without damage, expected a partial one/,
      );
      expect(verifyTrace(openTrace(directory))).toEqual([]);
    });
  });

  test('with damage loses what is damaged, and no more', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      writeComplete(directory, SEGMENTS);
      const path = join(directory, 'transfers', '000000.arrow');
      const bytes = fs.readFileSync(path);
      const zstd = bytes.indexOf(Buffer.from('28b52ffd', 'hex'), 0, 'latin1');
      const second = bytes.indexOf(Buffer.from('28b52ffd', 'hex'), zstd + 4);
      bytes[second + 8] = (bytes[second + 8] ?? 0) ^ 1;
      fs.writeFileSync(path, bytes);
      const before = openTrace(directory);
      expect(before.problems).toEqual([]);
      expect(verifyTrace(before)).toHaveLength(1);
      const says = /000000.arrow: segment 1: found a zstd frame/;
      expect(() => before.readSegment(1)).toThrow(says);
      expect(() => before.readEdges?.(1, 0, 1)).toThrow(says);
      expect([...before.readSegment(0)]).toEqual([...segmentEdges(0, 6)]);
      const writer = TraceWriter.resume(directory);
      writer.finish(someModules, someSymbols);
      const trace = openTrace(directory);
      expect(verifyTrace(trace)).toEqual([]);
      expect(trace.segments.count).toBe(SEGMENTS - 1);
      expect([...trace.segments.batch]).toEqual([0, 2, 3, 4, 5]);
      expect([...trace.readSegment(1)]).toEqual([...segmentEdges(2, 6)]);
      expect(trace.manifest.losses.damaged).toBe(SEGMENT_ROWS);
      expect(trace.segmentAt(1, 0)).toBe(-1);
      expect(trace.segmentAt(1, SEGMENT_ROWS)).toBe(2);
    });
  });
});

test('resume: rows are what they were', () => {
  withFolder((folder) => {
    const directory = join(folder, 'x.trace');
    const { writer } = writePartial(directory, SEGMENTS);
    const { counts } = writer;
    writer.abandon();
    const again = TraceWriter.resume(directory);
    expect({ ...again.counts, bytes: 0 }).toEqual({ ...counts, bytes: 0 });
    again.abandon();
    const trace = openTrace(directory);
    const parts = snapshot(trace);
    expect(parts.blocks).toEqual(blockValues(someBlocks(4)));
    expect(parts.edges).toEqual([...edgeValues(someEdges(6, 4)), ...edgeValues(someEdges(4, 4))]);
    expect(parts.marks).toEqual([...markValues(someMarks(3)), ...markValues(someMarks(14))]);
    expect(parts.segments).toHaveLength(SEGMENTS);
  });
});
