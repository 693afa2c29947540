/**
 * The writer is stopped after every single instruction that changes the ring, and each of these
 * states is recovered as if a kill had come there.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { recover } from '@backtrail/recorder';
import { type KeepMode, MARK_KINDS, openTrace, type Trace } from '@backtrail/recorder/trace';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildDriver,
  INSTRUCTIONS_PER_TRANSFER,
  PATTERN_EDGES,
  patternEdge,
} from '../../packages/recorder/src/ring/driver.fixture.ts';
import { HEADER } from '../../packages/recorder/src/ring/layout.ts';
import { Ring } from '../../packages/recorder/src/ring/ring.ts';
import { newManifest, ROOT } from '../../packages/recorder/src/trace/trace.fixture.ts';
import { TraceWriter } from '../../packages/recorder/src/trace/writer.ts';
import { compile, folderWhileTesting } from '../guests/build.ts';
import { needs } from '../require.ts';

const cc = needs('cc');
const folder = folderWhileTesting('step', ROOT);

const SHAPE = { segmentTransfers: 4, segmentBudget: 2, vcpuSlots: 2, logBytes: 1 << 15 };
const EDGES = [`edges ${PATTERN_EDGES}`, 'start 0'];
const STEPPED = {
  all: ['start 1', 'store 0 5', 'store 1 4', 'mark 0 20', 'store 1 2', 'exit 1'],
  last: ['start 1', 'store 0 9', 'store 1 10', 'mark 0 9', 'exit 1', 'start 1', 'store 0 13'],
} as const;

/** What a recovered trace holds of one vCPU. */
interface Stream {
  /** seq after the last transfer that is there or known to be lost. */
  readonly end: number;
  readonly lost: number;
}

function streamsOf(trace: Trace): Stream[] {
  const { marks, segments, edges } = trace;
  const streams: Stream[] = [];
  for (const vcpu of [...new Set([...marks.vcpu, ...trace.vcpus])].sort((a, b) => a - b)) {
    let [lost, end] = [0, 0];
    for (let mark = 0; mark < marks.count; mark++) {
      if (marks.vcpu[mark] !== vcpu || MARK_KINDS[marks.kind[mark] ?? 0] !== 'gap') continue;
      expect(marks.seq[mark], 'a gap begins where the stream was').toBe(end);
      lost = Number(marks.number[mark]);
      end = lost;
    }
    for (const segment of trace.segmentsOf(vcpu)) {
      expect(segments.firstSeq[segment]).toBe(end);
      const before = segments.instructionsBefore[segment];
      expect(before).toBe((end + 1) * INSTRUCTIONS_PER_TRANSFER);
      for (const edge of trace.readSegment(segment)) {
        expect(edges.source[edge]).toBe(BigInt(patternEdge(vcpu, end)));
        end++;
      }
    }
    streams[vcpu] = { end, lost };
  }
  return streams;
}

describe.skipIf(cc.missing)(`a kill after each instruction${cc.note}`, () => {
  let driver = '';
  const stepper = path.join(folder, 'ring_stepper');
  beforeAll(() => {
    driver = buildDriver(cc.path, folder);
    const source = path.join(import.meta.dirname, '../guests/ring_stepper.c');
    compile(cc.path, ['-O2', '-o', stepper, source]);
  });

  /** The ring file in every state that it was in. */
  function states(keep: KeepMode): Uint8Array[] {
    const file = path.join(folder, `${keep}.ring`);
    const directory = path.join(folder, 'state.trace');
    const shape = keep === 'all' ? { ...SHAPE, segmentBudget: 8 } : SHAPE;
    const options = { shape, keep, maxTransfers: 0, traceDirectory: directory };
    const ring = Ring.create(file, options);
    const commands = [...EDGES, 'stop', ...STEPPED[keep], 'stop', 'quit'];
    const run = spawnSync(stepper, [driver, file], {
      input: `${commands.join('\n')}\n`,
      maxBuffer: 1 << 30,
    });
    expect(run.status, String(run.stderr)).toBe(0);
    ring.remove();
    const size = ringBytes(run.stdout);
    return Array.from({ length: run.stdout.byteLength / size }, (_, i) =>
      run.stdout.subarray(i * size, (i + 1) * size),
    );
  }

  /** Recovers one state; both processes of it are gone. */
  function recovered(keep: KeepMode, state: Uint8Array): Trace {
    const file = path.join(folder, 'state.ring');
    const directory = path.join(folder, 'state.trace');
    fs.rmSync(directory, { recursive: true, force: true });
    const dead = Uint8Array.from(state);
    dead.fill(0, HEADER.recorderPid.at, HEADER.recorderPid.at + 16);
    fs.writeFileSync(file, dead);
    TraceWriter.create(directory, { ...newManifest(), keep }).abandon();
    recover(file);
    return openTrace(directory);
  }

  test.for([
    { keep: 'all', ends: [5, 6], statesMin: 100 },
    { keep: 'last', ends: [22, 10, 0], statesMin: 250 },
  ] as const)('--keep $keep: all that was stored, nothing else', ({ keep, ends, statesMin }) => {
    let before: Stream[] = [];
    let last: Stream[] = [];
    const all = states(keep);
    expect(all.length).toBeGreaterThan(statesMin);
    for (const [i, state] of all.entries()) {
      const trace = recovered(keep, state);
      const streams = streamsOf(trace);
      // One instruction stores at most one transfer, and none goes away again.
      let grown = 0;
      for (const [vcpu, { end }] of streams.entries()) {
        const was = before[vcpu]?.end ?? 0;
        expect(end, `state ${i}, vCPU ${vcpu}`).toBeGreaterThanOrEqual(was);
        grown += end - was;
      }
      expect(grown, `state ${i}`).toBeLessThanOrEqual(1);
      const lost = streams.reduce((sum, stream) => sum + stream.lost, 0);
      expect(trace.manifest.losses.overwritten, `state ${i}`).toBe(lost);
      expect(trace.problems).toEqual([]);
      before = streams;
      last = streams;
    }
    expect(last.map(({ end }) => end)).toEqual(ends.slice(0, last.length));
    expect(last.map(({ end }) => end).slice(0, 2)).toEqual(ends.slice(0, 2));
  });
});

function ringBytes(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return Number(view.getBigUint64(HEADER.fileBytes.at, true));
}
