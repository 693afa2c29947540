/**
 * Writer and reader of a ring as processes of their own, either of which is killed, at points told
 * by counts. Nothing that was published may be lost, nothing may be invented, every loss is told.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { recover } from '@backtrail/recorder';
import { type KeepMode, openTrace } from '@backtrail/recorder/trace';
import { beforeAll, describe, expect, test } from 'vitest';
import { closeTrace } from '../../packages/recorder/src/close.ts';
import { Flusher } from '../../packages/recorder/src/flush.ts';
import {
  buildDriver,
  Driver,
  PATTERN_EDGES,
} from '../../packages/recorder/src/ring/driver.fixture.ts';
import { Ring } from '../../packages/recorder/src/ring/ring.ts';
import { newManifest, ROOT } from '../../packages/recorder/src/trace/trace.fixture.ts';
import { TraceWriter } from '../../packages/recorder/src/trace/writer.ts';
import { folderWhileTesting } from '../guests/build.ts';
import { needs } from '../require.ts';
import { SEED } from '../seed.ts';
import { Drainer, type DrainOptions, expectFlow, randomFrom, ringEnds } from './rig.ts';

const cc = needs('cc');
const ROUNDS = Number(process.env['ROUNDS'] ?? 40);

const folder = folderWhileTesting('crash', ROOT);

const shapeOf = (segmentBudget: number): DrainOptions['shape'] => ({
  segmentTransfers: 1024,
  segmentBudget,
  vcpuSlots: 8,
  logBytes: 1 << 16,
});

function places(keep: KeepMode, segmentBudget: number): DrainOptions {
  const name = path.join(folder, randomBytes(6).toString('hex'));
  return { ring: `${name}.ring`, directory: `${name}.trace`, shape: shapeOf(segmentBudget), keep };
}

describe.skipIf(cc.missing)(`killed${cc.note}`, () => {
  let program = '';
  beforeAll(() => {
    program = buildDriver(cc.path, folder);
  });

  async function killWriter(keep: KeepMode, vcpus: number, budget: number, when: number) {
    const { ring: file, directory, shape } = places(keep, budget);
    const ring = Ring.create(file, { shape, keep, maxTransfers: 0, traceDirectory: directory });
    const writer = TraceWriter.create(directory, { ...newManifest(), keep });
    const flusher = new Flusher(ring, writer);
    const driver = new Driver(program, file);
    driver.start(`edges ${PATTERN_EDGES}`);
    driver.start(`flow ${vcpus} 0`);
    while (ring.writerState().published * shape.segmentTransfers < when) {
      flusher.poll();
      await new Promise(setImmediate);
    }
    await driver.kill();
    const ends = ringEnds(ring);
    for (const [vcpu, seq] of flusher.seqEnd) ends.set(vcpu, Math.max(ends.get(vcpu) ?? 0, seq));
    closeTrace(writer, flusher, { how: 'signal', signal: 'SIGKILL', number: 9 });
    ring.remove();
    const trace = openTrace(directory);
    const { found } = expectFlow(trace);
    expect(found).toBeGreaterThan(0);
    expect(new Map(trace.vcpus.map((vcpu) => [vcpu, trace.seqEnd(vcpu)]))).toEqual(ends);
    rmSync(directory, { recursive: true });
  }

  test.for(['all', 'last'] as const)(
    `the writer, --keep %s: all that was stored is there (SEED=${SEED})`,
    async (keep) => {
      const random = randomFrom(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        await killWriter(keep, 1 + random(6), 2 + random(4), 1 + random(60_000));
      }
    },
  );

  /** The driver must end by itself although nobody drains; then the trace is recovered. */
  async function endWithout(options: DrainOptions, drainer: Drainer, vcpus: number, count: number) {
    const driver = new Driver(program, options.ring);
    await driver.run(`edges ${PATTERN_EDGES}`);
    await driver.run(`flow ${vcpus} ${count}`);
    await driver.quit();
    const isClosed = await drainer.close();
    expect(existsSync(options.ring)).toBe(!isClosed);
    const isComplete = openTrace(options.directory).state === 'complete';
    if (!isClosed && !isComplete) recover(options.ring);
    const trace = openTrace(options.directory);
    const { found, lost } = expectFlow(trace);
    const { losses, stopped } = trace.manifest;
    expect(found + lost + losses.unrecorded).toBe(vcpus * count);
    expect(losses.unrecorded > 0).toBe(stopped === 'recorder-gone');
    rmSync(options.ring, { force: true });
    rmSync(options.directory, { recursive: true });
    return { isClosed, stopped };
  }

  test('the recorder, in the middle of a write: the guest ends, recovery finds all', async () => {
    // Five writes are before the guest can start.
    for (let killAtWrite = 6; killAtWrite < 60; killAtWrite += 1 + Math.floor(killAtWrite / 4)) {
      const options = { ...places('all', 3), killAtWrite };
      const drainer = new Drainer(options);
      await drainer.ready();
      const { isClosed } = await endWithout(options, drainer, 2, 50_000);
      expect(isClosed).toBe(false);
    }
  });

  test.for(['all', 'last'] as const)(
    `the recorder, --keep %s, at every third write while it closes (SEED=${SEED})`,
    async (keep) => {
      let rounds = 0;
      for (let write = 1 + (SEED % 3); ; write += 3) {
        const options = { ...places(keep, 4), killAtClosingWrite: write };
        const drainer = new Drainer(options);
        await drainer.ready();
        const { isClosed, stopped } = await endWithout(options, drainer, 3, 5_000);
        if (isClosed) break;
        expect(stopped).toBeNull();
        rounds++;
      }
      expect(rounds).toBeGreaterThan(10);
    },
  );

  test(`the recorder, from outside at any moment (SEED=${SEED})`, async () => {
    const random = randomFrom(SEED);
    for (let round = 0; round < 8; round++) {
      const options = places('all', 2 + random(3));
      const drainer = new Drainer(options);
      await drainer.ready();
      const killed = drainer.reached(1 + random(300_000)).then(() => drainer.kill());
      const { isClosed } = await endWithout(options, drainer, 1 + random(3), 400_000);
      await killed;
      expect(isClosed).toBe(false);
    }
  });
});
