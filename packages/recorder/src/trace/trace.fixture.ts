/** A small trace with every kind of value in it, for tests. */
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { packBytes } from './columns.ts';
import { type Manifest, NO_LOSSES } from './manifest.ts';
import type { OutputSystem } from './output.ts';
import type {
  BlockRows,
  CodeSources,
  EdgeRows,
  MarkRows,
  ModuleRows,
  SegmentInfo,
  SymbolRows,
} from './rows.ts';
import { TRACE_FORMAT, TRACE_VERSION } from './schema.ts';
import { NO_ROW } from './trace.ts';
import { NO_CODE } from './vocabulary.ts';
import { TraceWriter } from './writer.ts';

/** In memory where there is such a folder: writers sync, and tests open thousands of traces. */
export const ROOT = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();

/** Runs with a fresh folder, which is removed afterwards. */
export function withFolder<T>(run: (folder: string) => T): T {
  const folder = fs.mkdtempSync(join(ROOT, 'backtrail-trace-'));
  try {
    return run(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

export function newManifest(): Manifest {
  return {
    format: TRACE_FORMAT,
    version: TRACE_VERSION,
    complete: false,
    recovered: false,
    engine: { name: 'fixture', version: '1.0', hostIsa: 'x86_64', mode: 'user' },
    guest: { isa: 'riscv64', endian: 'little', addressBits: 64 },
    command: ['./a.out', 'täglich'],
    directory: '/tmp',
    started: '2026-01-02T03:04:05.678Z',
    startedNs: '123456789',
    durationNs: 1000,
    end: { how: 'signal', signal: 'SIGSEGV', number: 11 },
    note: null,
    unknownCalls: [],
    keep: 'all',
    stopped: null,
    ring: { bytes: 4096, segments: 4, segmentTransfers: 8 },
    totals: {
      transfers: 0,
      instructions: 77,
      segments: 0,
      edges: 0,
      blocks: 0,
      marks: 0,
      modules: 0,
      symbols: 0,
      sources: 0,
      lines: 0,
      inlines: 0,
      vcpus: 0,
      bytes: 0,
      waitNs: 5,
    },
    losses: { ...NO_LOSSES },
  };
}

const bytes = (count: number, of: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => of(i));
const words = (count: number, of: (i: number) => number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => of(i));
const longs = (count: number, of: (i: number) => bigint): BigUint64Array =>
  BigUint64Array.from({ length: count }, (_, i) => of(i));

/** Every third has no host address; block 2 has host code. */
export function someBlocks(count: number): BlockRows {
  return {
    count,
    pc: longs(count, (i) => 0xffff_ffff_8000_0000n + BigInt(4 * i)),
    size: words(count, (i) => 4 * (i + 1)),
    instructions: words(count, (i) => i + 1),
    instructionSizes: packBytes(Array.from({ length: count }, (_, i) => bytes(i + 1, () => 4))),
    code: packBytes(Array.from({ length: count }, (_, i) => bytes(4 * (i + 1), (k) => i ^ k))),
    hostPc: longs(count, (i) => (i % 3 === 0 ? 0n : 0x7f00_0000_0000n + BigInt(i))),
    hasHostPc: bytes(count, (i) => (i % 3 === 0 ? 0 : 1)),
    hostSize: words(count, (i) => (i % 3 === 0 ? 0 : 30 + i)),
    hostCode: packBytes(
      Array.from({ length: count }, (_, i) => bytes(i === 2 ? 3 : 0, (k) => 0x90 + k)),
    ),
    hasHostCode: bytes(count, (i) => (i === 2 ? 1 : 0)),
    bornVcpu: words(count, (i) => i % 2),
    bornSeq: Float64Array.from({ length: count }, (_, i) => i * 2 ** 32),
    privilege: words(count, (i) => (i % 2 === 0 ? 0 : i)),
    hasPrivilege: bytes(count, (i) => i % 2),
    text: Array.from({ length: count }, (_, i) => (i === 1 ? 'nop\nret' : null)),
  };
}

/** Edge 0 is a start; the last one has no block to arrive at. */
export function someEdges(count: number, blocks: number): EdgeRows {
  return {
    count,
    source: longs(count, (i) => (i === 0 ? 0n : 0x1000n + BigInt(i))),
    hasSource: bytes(count, (i) => (i === 0 ? 0 : 1)),
    target: longs(count, (i) => 2n ** 64n - 1n - BigInt(i)),
    cause: bytes(count, (i) => (i === 0 ? 4 : i % 3)),
    kind: bytes(count, (i) => (i % 2 === 0 ? NO_CODE : i % 9)),
    sourceBlock: words(count, (i) => (i === 0 ? NO_ROW : i % blocks)),
    targetBlock: words(count, (i) => (i === count - 1 ? NO_ROW : (i + 1) % blocks)),
    hostSource: longs(count, (i) => (i === 0 ? 0n : BigInt(i) << 40n)),
    hasHostSource: bytes(count, (i) => (i === 0 ? 0 : 1)),
    hostTarget: longs(count, (i) => BigInt(i + 1) << 40n),
    hasHostTarget: bytes(count, () => 1),
    hostHow: bytes(count, (i) => (i === 0 ? NO_CODE : i % 3)),
  };
}

export function someMarks(count: number): MarkRows {
  const has = (modulus: number): Uint8Array => bytes(count, (i) => (i % modulus === 0 ? 1 : 0));
  return {
    count,
    vcpu: words(count, (i) => i % 2),
    seq: Float64Array.from({ length: count }, (_, i) => i),
    timeNs: longs(count, (i) => BigInt(i)),
    kind: bytes(count, (i) => i % 13),
    pc: longs(count, (i) => (i % 2 === 0 ? 7n : 0n)),
    hasPc: has(2),
    number: BigInt64Array.from({ length: count }, (_, i) => (i % 3 === 0 ? -5n : 0n)),
    hasNumber: has(3),
    code: BigInt64Array.from({ length: count }, (_, i) => (i % 4 === 0 ? -(2n ** 63n) : 0n)),
    hasCode: has(4),
    address: longs(count, (i) => (i % 5 === 0 ? 2n ** 63n : 0n)),
    hasAddress: has(5),
    size: longs(count, (i) => (i % 6 === 0 ? 4096n : 0n)),
    hasSize: has(6),
    detail: Array.from({ length: count }, (_, i) => (i % 2 === 0 ? null : `päth ${i}`)),
  };
}

export const someModules: ModuleRows = {
  count: 2,
  path: ['/bin/a.out', '/lib/libc.so.6'],
  buildId: [null, 'deadbeef'],
  base: BigUint64Array.of(0n, 0x7000n),
  start: BigUint64Array.of(0x1000n, 0x7000n),
  size: BigUint64Array.of(0x2000n, 0x9000n),
  mappedVcpu: Uint32Array.of(0, 1),
  mappedSeq: Float64Array.of(0, 9),
  mappedNs: BigUint64Array.of(1n, 2n),
  unmappedNs: BigUint64Array.of(0n, 99n),
  hasUnmappedNs: Uint8Array.of(0, 1),
};

export const someSymbols: SymbolRows = {
  count: 3,
  module: Uint32Array.of(0, 0, 1),
  address: BigUint64Array.of(0x1000n, 0x1004n, 0x10n),
  size: BigUint64Array.of(4n, 0n, 8n),
  type: Uint8Array.of(0, 2, 3),
  name: ['main', '', '_ZN3fooEv'],
};

/** One line without a file, and functions inlined two deep. */
export const someCode: CodeSources = {
  sources: { count: 2, path: ['/src/main.c', '/src/täglich.h'] },
  lines: {
    count: 4,
    module: Uint32Array.of(0, 0, 0, 1),
    address: BigUint64Array.of(0x1000n, 0x1004n, 0x1008n, 0x10n),
    size: BigUint64Array.of(4n, 4n, 2n, 8n),
    source: Uint32Array.of(0, 1, NO_ROW, 0),
    line: Uint32Array.of(12, 7, 0, 40),
    column: Uint32Array.of(3, 0, 0, 9),
    isStatement: Uint32Array.of(1, 0, 1, 1),
  },
  inlines: {
    count: 3,
    module: Uint32Array.of(0, 0, 1),
    address: BigUint64Array.of(0x1004n, 0x1004n, 0x10n),
    size: BigUint64Array.of(4n, 2n, 8n),
    depth: Uint32Array.of(1, 2, 1),
    name: ['_ZN3fooEv', 'bar', ''],
    callSource: Uint32Array.of(0, 1, NO_ROW),
    callLine: Uint32Array.of(13, 2, 0),
    callColumn: Uint32Array.of(5, 1, 0),
  },
};

export const SEGMENT_ROWS = 5;

/** Segment i of a trace of two vCPUs, SEGMENT_ROWS transfers each. */
export function segmentInfo(i: number): SegmentInfo {
  return {
    vcpu: i % 2,
    firstSeq: (i >> 1) * SEGMENT_ROWS,
    instructionsBefore: 3 * i,
    timeFirstNs: BigInt(10 * i),
    timeLastNs: BigInt(10 * i + 9),
  };
}

export const segmentEdges = (i: number, edges: number): Uint32Array =>
  words(SEGMENT_ROWS, (k) => (7 * i + k * k) % edges);

/** Written in several batches of every table, as a recorder does. */
export interface Written {
  readonly writer: TraceWriter;
  readonly edges: number;
  readonly segments: number;
}

/** A partial trace whose writer is still open. */
export function writePartial(directory: string, segments = 7, system?: OutputSystem): Written {
  const writer = TraceWriter.create(directory, newManifest(), system);
  writer.addBlocks(someBlocks(4));
  writer.addEdges(someEdges(6, 4));
  writer.addMarks(someMarks(3));
  for (let i = 0; i < segments; i++) {
    if (i === 3) writer.addEdges(someEdges(4, 4));
    writer.addSegment(segmentInfo(i), segmentEdges(i, i < 3 ? 6 : 10));
  }
  writer.addMarks(someMarks(14));
  return { writer, edges: segments > 3 ? 10 : 6, segments };
}

/** A complete trace. */
export function writeComplete(directory: string, segments = 7): Written {
  const written = writePartial(directory, segments);
  written.writer.finish(someModules, someSymbols, someCode);
  return written;
}

/** Every file of a trace, paths relative to it. */
export const traceFiles = (directory: string): string[] =>
  fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => fs.statSync(join(directory, name)).isFile())
    .sort();
