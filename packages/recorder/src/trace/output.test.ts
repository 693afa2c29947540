import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BacktrailError } from '../errors.ts';
import { OutputFile, type OutputSystem } from './output.ts';
import { openTrace, verifyTrace } from './reader.ts';
import {
  newManifest,
  segmentEdges,
  segmentInfo,
  someBlocks,
  someEdges,
  someModules,
  someSymbols,
  withFolder,
} from './trace.fixture.ts';
import { TraceWriter } from './writer.ts';

/** A disk with room for so many bytes; it writes at most `most` at a time. */
function smallDisk(room: number, most = Number.POSITIVE_INFINITY): OutputSystem {
  let left = room;
  return {
    openSync: fs.openSync,
    writevSync: (file, chunks) => {
      const all = Buffer.concat(chunks);
      if (left === 0) {
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      }
      const count = fs.writeSync(file, all.subarray(0, Math.min(left, most)));
      left -= count;
      return count;
    },
    fsyncSync: fs.fsyncSync,
    closeSync: fs.closeSync,
  };
}

describe('output', () => {
  test('short writes are gone on with', () => {
    withFolder((folder) => {
      const path = join(folder, 'x');
      const file = new OutputFile(path, 'x', smallDisk(1000, 3));
      file.write([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3, 4, 5, 6, 7)]);
      file.write([]);
      file.write([Uint8Array.of(8)]);
      expect(file.bytes).toBe(8);
      file.close();
      file.close();
      expect([...fs.readFileSync(path)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(() => file.write([Uint8Array.of(9)])).toThrow('is closed');
    });
  });

  test('more pieces than one call takes', () => {
    withFolder((folder) => {
      const path = join(folder, 'x');
      const file = new OutputFile(path, 'x');
      file.write(Array.from({ length: 3000 }, (_, i) => Uint8Array.of(i)));
      file.close();
      expect(fs.statSync(path).size).toBe(3000);
    });
  });

  test.each([
    ['ENOSPC', 'E_DISK_FULL', /x: the disk is full while writing edges\. Free some space/],
    ['EDQUOT', 'E_DISK_FULL', /x: the quota is used up while writing edges\. Free some space/],
    ['EROFS', 'E_WRITE', /x: may not write edges here \(EROFS\)\. Choose a folder/],
    ['EIO', 'E_WRITE', /x: cannot write edges: EIO: broken/],
  ])('%s says what was written and what to do', (cause, code, message) => {
    const system: OutputSystem = {
      ...smallDisk(0),
      openSync: () => {
        throw Object.assign(new Error(`${cause}: broken`), { code: cause });
      },
    };
    const action = (): OutputFile => new OutputFile('x', 'edges', system);
    expect(action).toThrow(message);
    expect(action).toThrow(expect.objectContaining({ code }));
  });
});

describe('output: a full disk', () => {
  /** @returns the error, and whether it came. */
  function record(directory: string, system: OutputSystem): BacktrailError | null {
    let writer: TraceWriter | null = null;
    try {
      writer = TraceWriter.create(directory, newManifest(), system);
      writer.addBlocks(someBlocks(4));
      writer.addEdges(someEdges(10, 4));
      for (let i = 0; i < 6; i++) writer.addSegment(segmentInfo(i), segmentEdges(i, 10));
      writer.finish(someModules, someSymbols);
      return null;
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      return error;
    } finally {
      writer?.abandon();
    }
  }

  test('at any moment leaves a trace that goes on when there is room', () => {
    for (let room = 0; ; room += 997) {
      const isDone = withFolder((folder) => {
        const directory = join(folder, 'x.trace');
        const error = record(directory, smallDisk(room, 100));
        if (error === null) return true;
        expect(error.code).toBe('E_DISK_FULL');
        expect(error.message).toMatch(/x\.trace\/.*: the disk is full while writing/);
        if (!fs.existsSync(join(directory, 'manifest.partial.json'))) return false;
        const kept = openTrace(directory).segments.count;
        const writer = TraceWriter.resume(directory);
        expect(writer.counts.segments).toBe(kept);
        writer.finish(someModules, someSymbols);
        const trace = openTrace(directory);
        expect(trace.segments.count).toBe(kept);
        expect(verifyTrace(trace)).toEqual([]);
        return false;
      });
      if (isDone) break;
      expect(room).toBeLessThan(1e6);
    }
  });
});
