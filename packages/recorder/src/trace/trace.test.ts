import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packBytes } from './columns.ts';
import { openTrace, verifyTrace } from './reader.ts';
import type { BlockRows, EdgeRows, MarkRows } from './rows.ts';
import {
  blockValues,
  edgeValues,
  markValues,
  segmentValues,
  servedBlocks,
  servedMarks,
  servedModules,
  servedSymbols,
} from './snapshot.fixture.ts';
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
import { NO_ROW } from './trace.ts';
import { FILE_SEGMENTS } from './transfers-writer.ts';
import { CAUSES, HOST_HOWS, KINDS, MARK_KINDS, NO_CODE } from './vocabulary.ts';
import { TraceWriter } from './writer.ts';

const long = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const signed = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const word = fc.nat({ max: 0xffff_fffe });
const seq = fc.maxSafeNat();
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null });
const codeOf = (list: readonly string[]): fc.Arbitrary<number> =>
  fc.oneof(fc.nat({ max: list.length - 1 }), fc.constant(NO_CODE));
const blob = fc.uint8Array({ maxLength: 40 });

const has = (values: readonly unknown[]): Uint8Array =>
  Uint8Array.from(values, (v) => (v === null ? 0 : 1));
const longs = (values: readonly (bigint | null)[]): BigUint64Array =>
  BigUint64Array.from(values, (v) => v ?? 0n);
const signeds = (values: readonly (bigint | null)[]): BigInt64Array =>
  BigInt64Array.from(values, (v) => v ?? 0n);

const BLOCK_COUNT = 5;
const edgeRow = fc.record({
  source: optional(long),
  target: long,
  cause: codeOf(CAUSES),
  kind: codeOf(KINDS),
  sourceBlock: fc.oneof(fc.nat({ max: BLOCK_COUNT - 1 }), fc.constant(NO_ROW)),
  targetBlock: fc.oneof(fc.nat({ max: BLOCK_COUNT - 1 }), fc.constant(NO_ROW)),
  hostSource: optional(long),
  hostTarget: optional(long),
  hostHow: codeOf(HOST_HOWS),
});
const edgeRows = fc.array(edgeRow, { maxLength: 30 }).map((rows): EdgeRows => {
  return {
    count: rows.length,
    source: longs(rows.map((r) => r.source)),
    hasSource: has(rows.map((r) => r.source)),
    target: longs(rows.map((r) => r.target)),
    cause: Uint8Array.from(rows, (r) => r.cause),
    kind: Uint8Array.from(rows, (r) => r.kind),
    sourceBlock: Uint32Array.from(rows, (r) => r.sourceBlock),
    targetBlock: Uint32Array.from(rows, (r) => r.targetBlock),
    hostSource: longs(rows.map((r) => r.hostSource)),
    hasHostSource: has(rows.map((r) => r.hostSource)),
    hostTarget: longs(rows.map((r) => r.hostTarget)),
    hasHostTarget: has(rows.map((r) => r.hostTarget)),
    hostHow: Uint8Array.from(rows, (r) => r.hostHow),
  };
});

const blockRow = fc.record({
  pc: long,
  size: word,
  instructions: word,
  sizes: blob,
  code: blob,
  host: optional(fc.tuple(long, word)),
  hostCode: optional(blob),
  bornVcpu: word,
  bornSeq: seq,
  privilege: optional(word),
  text: optional(fc.string({ unit: 'grapheme' })),
});
const blockRows = fc
  .array(blockRow, { minLength: BLOCK_COUNT, maxLength: 20 })
  .map((rows): BlockRows => {
    return {
      count: rows.length,
      pc: longs(rows.map((r) => r.pc)),
      size: Uint32Array.from(rows, (r) => r.size),
      instructions: Uint32Array.from(rows, (r) => r.instructions),
      instructionSizes: packBytes(rows.map((r) => r.sizes)),
      code: packBytes(rows.map((r) => r.code)),
      hostPc: longs(rows.map((r) => r.host?.[0] ?? 0n)),
      hasHostPc: has(rows.map((r) => r.host)),
      hostSize: Uint32Array.from(rows, (r) => r.host?.[1] ?? 0),
      hostCode: packBytes(rows.map((r) => r.hostCode ?? new Uint8Array(0))),
      hasHostCode: has(rows.map((r) => r.hostCode)),
      bornVcpu: Uint32Array.from(rows, (r) => r.bornVcpu),
      bornSeq: Float64Array.from(rows, (r) => r.bornSeq),
      privilege: Uint32Array.from(rows, (r) => r.privilege ?? 0),
      hasPrivilege: has(rows.map((r) => r.privilege)),
      text: rows.map((r) => r.text),
    };
  });

const markRow = fc.record({
  vcpu: word,
  seq,
  timeNs: long,
  kind: fc.nat({ max: MARK_KINDS.length - 1 }),
  pc: optional(long),
  number: optional(signed),
  code: optional(signed),
  address: optional(long),
  size: optional(long),
  detail: optional(fc.string({ unit: 'grapheme', maxLength: 12 })),
});
const markRows = fc.array(markRow, { maxLength: 20 }).map((rows): MarkRows => {
  return {
    count: rows.length,
    vcpu: Uint32Array.from(rows, (r) => r.vcpu),
    seq: Float64Array.from(rows, (r) => r.seq),
    timeNs: longs(rows.map((r) => r.timeNs)),
    kind: Uint8Array.from(rows, (r) => r.kind),
    pc: longs(rows.map((r) => r.pc)),
    hasPc: has(rows.map((r) => r.pc)),
    number: signeds(rows.map((r) => r.number)),
    hasNumber: has(rows.map((r) => r.number)),
    code: signeds(rows.map((r) => r.code)),
    hasCode: has(rows.map((r) => r.code)),
    address: longs(rows.map((r) => r.address)),
    hasAddress: has(rows.map((r) => r.address)),
    size: longs(rows.map((r) => r.size)),
    hasSize: has(rows.map((r) => r.size)),
    detail: rows.map((r) => r.detail),
  };
});

describe('trace: what is written is read', () => {
  test('rows of every table, in batches', () => {
    const run = fc.record({
      blocks: blockRows,
      edges: fc.array(edgeRows, { minLength: 1, maxLength: 4 }),
      marks: fc.array(markRows, { maxLength: 3 }),
      lengths: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 6 }),
    });
    // A failure prints the seed and the path that repeat it.
    fc.assert(
      fc.property(run, ({ blocks, edges, marks, lengths }) => {
        withFolder((folder) => {
          const directory = join(folder, 'x.trace');
          const writer = TraceWriter.create(directory, newManifest());
          writer.addBlocks(blocks);
          for (const rows of edges) writer.addEdges(rows);
          for (const rows of marks) writer.addMarks(rows);
          const count = writer.counts.edges;
          const taken = Array.from({ length: count }, () => 0);
          const segments = count === 0 ? [] : lengths;
          for (const [i, length] of segments.entries()) {
            const numbers = Uint32Array.from({ length }, (_, k) => (i + k * k) % count);
            for (const edge of numbers) taken[edge] = (taken[edge] ?? 0) + 1;
            writer.addSegment({ ...segmentInfo(i), firstSeq: i * 1000 }, numbers);
          }
          for (const isComplete of [false, true]) {
            if (isComplete) writer.finish(someModules, someSymbols);
            const trace = openTrace(directory);
            expect(trace.state).toBe(isComplete ? 'complete' : 'partial');
            expect(edgeValues(trace.edges)).toEqual(edges.flatMap(edgeValues));
            expect(servedBlocks(trace)).toEqual(blockValues(blocks));
            expect(servedMarks(trace)).toEqual(marks.flatMap(markValues));
            expect(trace.transfers).toBe(segments.reduce((sum, n) => sum + n, 0));
            expect([...trace.edges.taken]).toEqual(isComplete ? taken : taken.map(() => 0));
            expect(verifyTrace(trace)).toHaveLength(isComplete ? 0 : 1);
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  test('segments, modules and symbols', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      const { segments } = writeComplete(directory, 130);
      const trace = openTrace(directory);
      expect(segmentValues(trace)).toEqual(
        Array.from({ length: segments }, (_, i) => {
          const info = segmentInfo(i);
          const edges = [...segmentEdges(i, i < 3 ? 6 : 10)];
          return [
            info.vcpu,
            info.firstSeq,
            info.instructionsBefore,
            info.timeFirstNs,
            info.timeLastNs,
            edges,
          ];
        }),
      );
      expect([...trace.segments.file]).toEqual(
        Array.from({ length: segments }, (_, i) => Math.floor(i / FILE_SEGMENTS)),
      );
      expect([...trace.segments.batch]).toEqual(
        Array.from({ length: segments }, (_, i) => i % FILE_SEGMENTS),
      );
      expect(servedModules(trace)).toEqual([
        ['/bin/a.out', null, 0n, 0x1000n, 0x2000n, 0, 0, 1n, null],
        ['/lib/libc.so.6', 'deadbeef', 0x7000n, 0x7000n, 0x9000n, 1, 9, 2n, 99n],
      ]);
      expect(servedSymbols(trace)).toEqual([
        [0, 0x1000n, 4n, 0, 'main'],
        [0, 0x1004n, 0n, 2, ''],
        [1, 0x10n, 8n, 3, '_ZN3fooEv'],
      ]);
    });
  });

  test('rows in arrays that are longer than their count', () => {
    withFolder((folder) => {
      const directory = join(folder, 'x.trace');
      const writer = TraceWriter.create(directory, newManifest());
      writer.addBlocks({ ...someBlocks(9), count: 4 });
      writer.addEdges({ ...someEdges(8, 4), count: 3 });
      writer.addMarks({ ...someMarks(8), count: 2 });
      writer.finish(someModules, someSymbols);
      const trace = openTrace(directory);
      expect(servedBlocks(trace)).toEqual(blockValues({ ...someBlocks(9), count: 4 }));
      expect(edgeValues(trace.edges)).toEqual(edgeValues({ ...someEdges(8, 4), count: 3 }));
      expect(servedMarks(trace)).toEqual(markValues({ ...someMarks(8), count: 2 }));
    });
  });
});

test('trace: tables larger than what is kept in memory are closed all the same', () => {
  withFolder((folder) => {
    const directory = join(folder, 'x.trace');
    const writer = TraceWriter.create(directory, newManifest());
    const count = 400;
    const codeBytes = 22_000;
    // 8.8 MB of code in each: the second is more than a writer keeps.
    for (const first of [1, 2, 3]) {
      const code = Array.from({ length: count }, (_, i) =>
        new Uint8Array(codeBytes).fill(first + i),
      );
      writer.addBlocks({
        count,
        pc: new BigUint64Array(count).fill(0x1000n),
        size: new Uint32Array(count).fill(codeBytes),
        instructions: new Uint32Array(count).fill(1),
        instructionSizes: packBytes(Array.from({ length: count }, () => Uint8Array.of(4))),
        code: packBytes(code),
        hostPc: new BigUint64Array(count),
        hasHostPc: new Uint8Array(count),
        hostSize: new Uint32Array(count),
        hostCode: packBytes(Array.from({ length: count }, () => new Uint8Array(0))),
        hasHostCode: new Uint8Array(count),
        bornVcpu: new Uint32Array(count),
        bornSeq: new Float64Array(count),
        privilege: new Uint32Array(count),
        hasPrivilege: new Uint8Array(count),
        text: Array.from({ length: count }, () => null),
      });
    }
    writer.finish(someModules, someSymbols);
    const trace = openTrace(directory);
    expect(verifyTrace(trace)).toEqual([]);
    expect(trace.blocks.count).toBe(3 * count);
    const fills = Array.from({ length: 3 * count }, (_, block) => trace.blocks.code(block)[21_999]);
    expect(fills).toEqual(
      fills.map((_, block) => (Math.floor(block / count) + 1 + (block % count)) & 0xff),
    );
  });
});

test('trace: totals tell what is in the directory', () => {
  withFolder((folder) => {
    const directory = join(folder, 'x.trace');
    const { writer } = writeComplete(directory, 70);
    const { manifest } = openTrace(directory);
    expect(manifest).toEqual(writer.manifest);
    expect(manifest.complete).toBe(true);
    expect(manifest.totals).toEqual({
      transfers: 70 * SEGMENT_ROWS,
      instructions: 77,
      segments: 70,
      edges: 10,
      blocks: 4,
      marks: 17,
      modules: 2,
      symbols: 3,
      sources: 2,
      lines: 4,
      inlines: 3,
      vcpus: 2,
      bytes: manifest.totals.bytes,
      waitNs: 5,
    });
    expect(manifest.totals.bytes).toBe(bytesOf(directory));
  });
});

test('trace: counts tell what is on disk at every step', () => {
  withFolder((folder) => {
    const directory = join(folder, 'x.trace');
    const { writer } = writePartial(directory, 66);
    expect(writer.counts).toEqual({
      segments: 66,
      edges: 10,
      blocks: 4,
      marks: 17,
      transfers: 66 * SEGMENT_ROWS,
      bytes: bytesOf(directory),
    });
    writer.abandon();
  });
});

test('trace: a moment is found by its vCPU and seq', () => {
  withFolder((folder) => {
    const directory = join(folder, 'x.trace');
    writeComplete(directory, 7);
    const trace = openTrace(directory);
    expect(trace.vcpus).toEqual([0, 1]);
    expect([...trace.segmentsOf(1)]).toEqual([1, 3, 5]);
    expect([...trace.segmentsOf(2)]).toEqual([]);
    expect([trace.seqEnd(0), trace.seqEnd(1), trace.seqEnd(2)]).toEqual([20, 15, 0]);
    expect([0, 4, 5, 14, 15].map((seq) => trace.segmentAt(1, seq))).toEqual([1, 1, 3, 5, -1]);
    expect(trace.segmentAt(2, 0)).toBe(-1);
    expect(() => trace.readSegment(7)).toThrow('found no segment 7, expected 0 to 6');
  });
});

test('trace: an edge or block that is not there cannot be named', () => {
  withFolder((folder) => {
    const directory = join(folder, 'x.trace');
    const writer = TraceWriter.create(directory, newManifest());
    writer.addBlocks(someBlocks(2));
    expect(() => writer.addEdges(someEdges(4, 4))).toThrow(
      'edge 1: found blocks 1 and 2, expected below 2',
    );
    writer.addEdges(someEdges(4, 2));
    expect(() => writer.addSegment(segmentInfo(0), Uint32Array.of(0, 3, 4))).toThrow(
      'transfer 2 of a segment: found edge 4, expected below 4',
    );
    // What failed may be half written: nothing more is taken.
    expect(() => writer.addSegment(segmentInfo(0), Uint32Array.of(0))).toThrow(
      'nothing more can be written',
    );
    writer.abandon();
    expect(openTrace(directory).transfers).toBe(0);
  });
});

function bytesOf(directory: string): number {
  return traceFiles(directory)
    .filter((name) => name.endsWith('.arrow'))
    .reduce((sum, name) => sum + fs.statSync(join(directory, name)).size, 0);
}
