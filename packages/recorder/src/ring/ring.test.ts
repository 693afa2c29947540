/** Both writers, in C and in TypeScript, and the reader against arrays, from printed seeds. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../../../../tests/require.ts';
import { SEED } from '../../../../tests/seed.ts';
import { MARK_KINDS } from '../trace/vocabulary.ts';
import {
  buildDriver,
  Driver,
  FRESH_EVERY,
  freshSource,
  INSTRUCTIONS_PER_TRANSFER,
  PATTERN_EDGES,
  patternEdge,
} from './driver.fixture.ts';
import { MARK_RECORD_BYTES, type RingShape, ringOffsets } from './layout.ts';
import { decodeLog, type LogEdge, type LogMark } from './log.ts';
import { type ModelSegment, RingModel } from './ring.model.ts';
import { Ring } from './ring.ts';
import { newSharedRing } from './shared.ts';
import { ThreadDriver } from './writer-thread.fixture.ts';

const cc = needs('cc');
const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-ring-'));
const RUNS = Number(process.env['RUNS'] ?? 150);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Setup {
  readonly shape: RingShape;
  readonly keep: 'all' | 'last';
  readonly maxTransfers: number;
}

type Operation =
  | { readonly what: 'start' | 'end'; readonly index: number }
  | { readonly what: 'store'; readonly index: number; readonly count: number }
  | { readonly what: 'mark'; readonly index: number; readonly bytes: number }
  | { readonly what: 'drain'; readonly count: number }
  | { readonly what: 'take-log' };

/** One of the two writers: a process with the C of the plugin, or a thread with the TypeScript. */
type Writer = (setup: Setup) => { readonly ring: Ring; readonly driver: Driver | ThreadDriver };

const inC =
  (program: () => string): Writer =>
  (setup) => {
    const file = path.join(folder, `${randomBytes(6).toString('hex')}.ring`);
    const ring = Ring.create(file, { ...setup, traceDirectory: folder });
    return { ring, driver: new Driver(program(), file) };
  };

const inTypeScript: Writer = (setup) => {
  const buffer = new SharedArrayBuffer(BASE + ringOffsets(setup.shape).fileBytes);
  const ring = Ring.over(newSharedRing(buffer, BASE, { ...setup, traceDirectory: folder }));
  return { ring, driver: new ThreadDriver({ buffer, base: BASE }) };
};

/** The ring of an engine does not begin its memory. */
const BASE = 8192;

/** A model and the real thing, given the same operations. */
class Pair {
  readonly ring: Ring;
  readonly model: RingModel;
  readonly setup: Setup;
  readonly driver: Driver | ThreadDriver;
  readonly marks: LogMark[] = [];
  readonly drained: ModelSegment[] = [];
  #logTail = 0;

  constructor(writer: Writer, setup: Setup) {
    const { ring, driver } = writer(setup);
    this.setup = setup;
    this.ring = ring;
    this.driver = driver;
    this.model = new RingModel(setup.shape, setup.keep, setup.maxTransfers);
  }

  async apply(operation: Operation): Promise<void> {
    switch (operation.what) {
      case 'drain':
        return this.drain(operation.count);
      case 'take-log':
        return this.takeLog();
      case 'start':
        // A vCPU that runs is not started again.
        if (this.model.vcpuAt(operation.index) !== null) return;
        this.model.start(operation.index);
        return this.driver.run(`start ${operation.index}`);
      case 'end':
        if (this.model.vcpuAt(operation.index) === null) return;
        this.model.end(operation.index);
        return this.driver.run(`end ${operation.index}`);
      case 'store':
        return this.#store(operation.index, operation.count);
      case 'mark':
        return this.#mark(operation.index, operation.bytes);
    }
  }

  async #store(index: number, count: number): Promise<void> {
    const vcpu = this.model.vcpuAt(index);
    if (vcpu === null) return;
    const done = this.driver.run(`store ${index} ${count}`);
    for (let i = 0; i < count; i++) {
      while (!this.model.store(index, patternEdge(vcpu.vcpu, vcpu.seq))) {
        this.#awaitPublished();
        this.drain(1);
      }
    }
    await done;
  }

  async #mark(index: number, bytes: number): Promise<void> {
    if (this.model.vcpuAt(index) === null) return;
    const done = this.driver.run(`mark ${index} ${bytes}`);
    while (!this.model.mark(index, 'd'.repeat(bytes))) this.takeLog();
    await done;
  }

  /** Until the writer has come as far as the model, where both wait. */
  #awaitPublished(): void {
    for (let tries = 0; tries < 10_000_000; tries++) {
      if (this.ring.writerState().published === this.model.published.length) return;
    }
    throw new Error(`the writer does not publish segment ${this.model.published.length - 1}`);
  }

  segment(n: number): ModelSegment {
    const segment = this.ring.publishedSegment(n);
    const transfers = new Uint32Array(segment.rows);
    this.ring.readTransfers(segment.segmentSlot, transfers);
    expect(segment.instructionsBefore).toBe((segment.firstSeq + 1) * INSTRUCTIONS_PER_TRANSFER);
    expect(segment.timeFirstNs <= segment.timeLastNs).toBe(true);
    return { vcpu: segment.vcpu, firstSeq: segment.firstSeq, transfers: [...transfers] };
  }

  drain(count: number): void {
    if (this.setup.keep === 'last') return;
    const end = Math.min(this.model.drained + count, this.model.published.length);
    for (let n = this.model.drained; n < end; n++) this.drained.push(this.segment(n));
    this.model.drained = end;
    this.ring.setDrained(end);
  }

  takeLog(): void {
    const { logHead } = this.ring.writerState();
    this.marks.push(...decodeLog(this.ring.readLog(this.#logTail, logHead)).marks);
    this.#logTail = logHead;
    this.model.logTail = logHead;
    this.ring.setLogTail(logHead);
  }

  /** Everything that came out, and what the writer says, against the model. */
  compare(): void {
    const { ring, model } = this;
    this.takeLog();
    const state = ring.writerState();
    expect(state).toMatchObject({
      published: model.published.length,
      oldest: model.oldest,
      overwritten: model.overwritten,
      logHead: model.logHead,
      stopped: model.stopped,
      unrecorded: model.unrecorded,
      vcpus: model.vcpus,
      vcpusUnrecorded: model.vcpusUnrecorded,
    });
    for (let n = state.oldest + this.drained.length; n < state.published; n++) {
      this.drained.push(this.segment(n));
    }
    expect(this.drained).toEqual(model.published.slice(model.oldest));
    const marks = this.marks.map(({ mark, vcpu, seq, detail }) => ({ mark, vcpu, seq, detail }));
    expect(marks).toEqual(model.marks);
    for (const { kind } of this.marks) expect(MARK_KINDS[kind]).toBe('trigger');
    this.#compareOpen();
  }

  #compareOpen(): void {
    const found = this.ring.liveVcpus().map((vcpu) => {
      const transfers = new Uint32Array(vcpu.rows);
      if (vcpu.open) this.ring.readTransfers(vcpu.segmentSlot, transfers);
      const { unrecorded, open, firstSeq } = vcpu;
      return {
        vcpu: vcpu.vcpu,
        unrecorded,
        open: open ? { firstSeq, transfers: [...transfers] } : null,
      };
    });
    const expected = this.model.live.map(({ vcpu, unrecorded, open }) => ({
      vcpu,
      unrecorded,
      open: open === null ? null : { firstSeq: open.firstSeq, transfers: open.transfers },
    }));
    // In which slot a vCPU is, is the writer's business.
    const inOrder = (one: { vcpu: number }, other: { vcpu: number }): number =>
      one.vcpu - other.vcpu;
    expect(found.sort(inOrder)).toEqual(expected.sort(inOrder));
  }
}

const shapes = fc.record({
  segmentTransfers: fc.constantFrom(1, 2, 3, 16, 1024),
  segmentBudget: fc.constantFrom(2, 3, 5),
  vcpuSlots: fc.constantFrom(1, 3, 8),
  logBytes: fc.constantFrom(4096, 8192),
});

/** @param vcpus one more than there are slots: it is not recorded. */
function operationsOf({ shape }: Setup, vcpus: number): fc.Arbitrary<Operation[]> {
  const index = fc.nat(vcpus - 1);
  const count = fc.oneof(fc.nat(4), fc.nat(shape.segmentTransfers * 4));
  const start = index.map((at): Operation => ({ what: 'start', index: at }));
  const end = index.map((at): Operation => ({ what: 'end', index: at }));
  const store = fc
    .tuple(index, count)
    .map(([at, n]): Operation => ({ what: 'store', index: at, count: n }));
  const mark = fc
    .tuple(index, fc.oneof(fc.nat(1500), fc.nat(20)))
    .map(([at, bytes]): Operation => ({ what: 'mark', index: at, bytes }));
  const drain = fc.nat(4).map((n): Operation => ({ what: 'drain', count: n }));
  const takeLog = fc.constant<Operation>({ what: 'take-log' });
  return fc.array(
    fc.oneof(
      { arbitrary: start, weight: 3 },
      { arbitrary: end, weight: 1 },
      { arbitrary: store, weight: 8 },
      { arbitrary: mark, weight: 5 },
      { arbitrary: drain, weight: 4 },
      { arbitrary: takeLog, weight: 1 },
    ),
    { maxLength: 60, size: 'max' },
  );
}

const setups: fc.Arbitrary<Setup> = fc.record({
  shape: shapes,
  keep: fc.constantFrom('all' as const, 'last' as const),
  maxTransfers: fc.oneof(fc.constant(0), fc.constantFrom(1, 7, 100)),
});

describe.skipIf(cc.missing)(`ring, writer in C and reader${cc.note}`, () => {
  let program = '';
  beforeAll(() => {
    program = buildDriver(cc.path, folder);
  });
  behaves(
    inC(() => program),
    RUNS,
    1,
  );
});

describe('ring, writer in TypeScript and reader', () => {
  // Here a vCPU takes any free slot; that there is none is another test's.
  // Each run begins a thread.
  behaves(inTypeScript, Math.ceil(RUNS / 5), 0);

  test('a vCPU that finds no slot is counted, and one that ended makes room', async () => {
    const shape = { segmentTransfers: 4, segmentBudget: 2, vcpuSlots: 2, logBytes: 4096 };
    const { ring, driver } = inTypeScript({ shape, keep: 'all', maxTransfers: 0 });
    for (const command of ['start 0', 'start 1', 'start 2', 'end 0', 'start 3']) {
      await driver.run(command);
    }
    await driver.quit();
    expect(ring.writerState()).toMatchObject({ vcpus: 3, vcpusUnrecorded: 1 });
    expect(ring.liveVcpus().map(({ vcpu }) => vcpu)).toEqual([2, 1]);
  });
});

/** @param beyond vCPUs beyond the slots that are tried as well. */
function behaves(writer: Writer, runs: number, beyond: number): void {
  doesWhatArraysDo(writer, runs, beyond);
  fitsItsLog(writer);
  takesThreads(writer);
}

function doesWhatArraysDo(writer: Writer, runs: number, beyond: number): void {
  test(`does what arrays do (SEED=${SEED})`, async () => {
    const cases = setups.chain((setup) =>
      operationsOf(setup, setup.shape.vcpuSlots + beyond).map((operations) => ({
        setup,
        operations,
      })),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ setup, operations }) => {
        const pair = new Pair(writer, setup);
        try {
          await pair.apply({ what: 'start', index: 0 });
          for (const operation of operations) await pair.apply(operation);
          await pair.driver.quit();
          pair.compare();
        } finally {
          await pair.driver.kill();
          pair.ring.remove();
        }
      }),
      { seed: SEED, numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
    );
  });
}

function fitsItsLog(writer: Writer): void {
  test('records that end where the log ends leave no padding', async () => {
    const shape = { segmentTransfers: 16, segmentBudget: 2, vcpuSlots: 1, logBytes: 4096 };
    const pair = new Pair(writer, { shape, keep: 'last', maxTransfers: 0 });
    await pair.apply({ what: 'start', index: 0 });
    for (const bytes of [...Array<number>(9).fill(512), ...Array<number>(9).fill(1024)]) {
      await pair.apply({ what: 'mark', index: 0, bytes: bytes - MARK_RECORD_BYTES });
    }
    await pair.driver.quit();
    pair.compare();
    pair.ring.remove();
  });

  test('a record that no log of this size holds stops the recording, with its reason', async () => {
    const shape = { segmentTransfers: 16, segmentBudget: 2, vcpuSlots: 1, logBytes: 4096 };
    const pair = new Pair(writer, { shape, keep: 'all', maxTransfers: 0 });
    await pair.apply({ what: 'start', index: 0 });
    await pair.apply({ what: 'store', index: 0, count: 3 });
    await pair.apply({ what: 'mark', index: 0, bytes: 2000 });
    await pair.apply({ what: 'store', index: 0, count: 40 });
    await pair.driver.quit();
    expect(pair.ring.writerState().stopped).toBe('no-space');
    pair.compare();
    pair.ring.remove();
  });
}

function takesThreads(writer: Writer): void {
  test.for([
    { vcpus: 1, segmentBudget: 2 },
    { vcpus: 4, segmentBudget: 2 },
    { vcpus: 16, segmentBudget: 3 },
  ])(
    '$vcpus threads at once through $segmentBudget segments: once each, in order',
    async (size) => {
      const count = 60_000 / size.vcpus;
      const shape = { segmentTransfers: 1024, vcpuSlots: 16, logBytes: 8192, ...size };
      const pair = new Pair(writer, { shape, keep: 'all', maxTransfers: 0 });
      const edges: LogEdge[] = [];
      const streams = new Map<number, number[]>();
      let [logTail, drained] = [0, 0];
      // As flush.ts does: what is named before what names it.
      const drain = (): void => {
        const state = pair.ring.writerState();
        edges.push(...decodeLog(pair.ring.readLog(logTail, state.logHead)).edges);
        logTail = state.logHead;
        pair.ring.setLogTail(logTail);
        for (; drained < state.published; drained++) {
          const { vcpu, firstSeq, transfers } = pair.segment(drained);
          const stream = streams.get(vcpu) ?? [];
          expect(firstSeq).toBe(stream.length);
          for (const edge of transfers) expect(edge).toBeLessThan(edges.length);
          streams.set(vcpu, [...stream, ...transfers]);
          pair.ring.setDrained(drained + 1);
        }
      };
      let isDone = false;
      const done = (async () => {
        await pair.driver.run(`edges ${PATTERN_EDGES}`);
        await pair.driver.run(`flow ${size.vcpus} ${count}`);
        isDone = true;
      })();
      while (!isDone) {
        drain();
        await new Promise(setImmediate);
      }
      await done;
      await pair.driver.quit();
      drain();
      expect([...streams.keys()].sort((a, b) => a - b)).toEqual([...Array(size.vcpus).keys()]);
      for (const [vcpu, stream] of streams) {
        expect(stream.length).toBe(count);
        expect(stream.findIndex((edge, seq) => !isRight(edges[edge], vcpu, seq))).toBe(-1);
      }
      pair.ring.remove();
    },
  );
}

/** Whether the driver's flow stores this edge there. */
function isRight(edge: LogEdge | undefined, vcpu: number, seq: number): boolean {
  const isFresh = seq % FRESH_EVERY === FRESH_EVERY - 1;
  const expected = isFresh ? freshSource(vcpu, seq) : BigInt(patternEdge(vcpu, seq));
  return edge?.source === expected;
}
