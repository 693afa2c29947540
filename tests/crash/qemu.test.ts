/** A real guest, or its recorder, is killed while the guest runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { recover } from '@backtrail/recorder';
import { BacktrailError, type KeepMode, openTrace, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { Ring } from '../../packages/recorder/src/ring/ring.ts';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import {
  guestEnvironment,
  RECORD_PROCESS,
  type Recording,
  recordOptions,
} from '../guests/record.ts';

const folder = temporaryFolder('kill-qemu');
const ROUNDS = Number(process.env['ROUNDS'] ?? 6);
const RING_FOLDER = '/dev/shm';

/** A recording that goes on until something is killed. */
class Run {
  readonly recorder: ChildProcess;
  readonly ring: Ring;
  /** Process that records: QEMU with the guest. */
  readonly guestPid: number;
  readonly #gone: Promise<unknown[]>;

  private constructor(recorder: ChildProcess, gone: Promise<unknown[]>, ring: Ring) {
    this.recorder = recorder;
    this.ring = ring;
    this.guestPid = ring.writerState().pid;
    this.#gone = gone;
  }

  /** Starts one and waits until so many transfers were seen: on disk, or by `keep last` stored. */
  static async started(recording: Recording, transfers: number): Promise<Run> {
    const options = JSON.stringify(recordOptions(recording));
    const recorder = spawn(
      process.execPath,
      [
        '--conditions=backtrail-source',
        '--disable-warning=ExperimentalWarning',
        RECORD_PROCESS,
        options,
        'progress',
      ],
      { env: guestEnvironment(), stdio: ['ignore', 'inherit', 'inherit', 'pipe'] },
    );
    const gone = once(recorder, 'exit');
    const progress = createInterface({ input: recorder.stdio[3] as Readable });
    for await (const line of progress) {
      const isAll = recording.keep !== 'last';
      if (!isAll || Number(line) >= transfers) break;
    }
    const prefix = `backtrail-${recorder.pid}-`;
    const name = readdirSync(RING_FOLDER).find((file) => file.startsWith(prefix));
    if (name === undefined) throw new Error(`no ring of process ${recorder.pid}`);
    return new Run(recorder, gone, Ring.open(path.join(RING_FOLDER, name)));
  }

  killGuest(): void {
    process.kill(this.guestPid, 'SIGKILL');
  }

  async killRecorder(): Promise<void> {
    this.recorder.kill('SIGKILL');
    await this.#gone;
  }

  async recorderEnds(): Promise<number> {
    const [status] = await this.#gone;
    return Number(status);
  }

  /**
   * Transfers that each vCPU has made so far. A slot that is read while its vCPU takes another
   * segment can look damaged; then nothing is known at this moment.
   */
  #transfersNow(): number[] {
    try {
      return this.ring.liveVcpus().map(({ firstSeq, rows }) => firstSeq + rows);
    } catch (error) {
      if (error instanceof BacktrailError && error.code === 'E_RING_DAMAGED') return [];
      throw error;
    }
  }

  /** Until so many vCPUs have each made more than so many transfers: the first line says less. */
  async untilRunning(vcpus: number, transfers: number): Promise<void> {
    const isRunning = (count: number): boolean => count > transfers;
    await this.until(() => this.#transfersNow().filter(isRunning).length >= vcpus);
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise(setImmediate);
  }
}

/** Finds nothing wrong, and says how much was looked at. */
function expectSound(trace: Trace): void {
  expect(trace.state).toBe('complete');
  const { findings, checked } = checkTrace(trace);
  expect(findings).toEqual([]);
  expect(checked.transfers).toBe(trace.manifest.totals.transfers);
}

for (const isa of ISAS) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`kill -9, ${isa}${need.note}`, () => {
    const recording = (name: string, keep: KeepMode): Recording => ({
      program: buildGuest(isa, 'ends', folder),
      args: ['endless'],
      qemu: need.path,
      output: path.join(folder, `${name}.${isa}.trace`),
      ringBytes: 1 << 20,
      keep,
    });
    const rounds = isa === 'x86_64' ? ROUNDS : 2;

    test.for(['all', 'last'] as const)('the guest, --keep %s', async (keep) => {
      for (let round = 0; round < rounds; round++) {
        const options = recording(`guest-${keep}-${round}`, keep);
        const run = await Run.started(options, 400_000 * round + 1);
        await run.untilRunning(1, 1000);
        run.killGuest();
        expect(await run.recorderEnds()).toBe(0);
        run.ring.close();
        const trace = openTrace(options.output);
        expect(trace.manifest.end).toEqual({ how: 'signal', signal: 'SIGKILL', number: 9 });
        expect(trace.manifest.recovered).toBe(false);
        expect(trace.manifest.totals.transfers).toBeGreaterThan(1000);
        expectSound(trace);
      }
    });

    test('a guest of four threads', async () => {
      for (let round = 0; round < rounds; round++) {
        const keep = round % 2 === 0 ? 'all' : 'last';
        const options = { ...recording(`threads-${round}`, keep), args: ['endless-threads'] };
        const run = await Run.started(options, 1);
        await run.untilRunning(2, 1);
        run.killGuest();
        expect(await run.recorderEnds()).toBe(0);
        run.ring.close();
        const trace = openTrace(options.output);
        expect(trace.vcpus.length).toBeGreaterThan(1);
        expectSound(trace);
      }
    });

    test('the recorder: the guest runs on, and the trace is recovered', async () => {
      const options = recording('recorder', 'all');
      const run = await Run.started(options, 1_000_000);
      await run.killRecorder();
      await run.until(() => run.ring.writerState().stopped === 'recorder-gone');
      expect(run.ring.writerAlive()).toBe(true);
      expect(() => recover(options.output)).toThrow(/its guest still runs/);
      run.killGuest();
      await run.until(() => !run.ring.writerAlive());
      run.ring.close();

      const recovered = recover(options.output);
      expect(recovered.ring).toBe(run.ring.path);
      const trace = openTrace(options.output);
      const { manifest } = trace;
      expect(manifest.recovered).toBe(true);
      expect(manifest.end).toEqual({ how: 'unknown' });
      expect(manifest.stopped).toBe('recorder-gone');
      expect(manifest.losses.unrecorded).toBeGreaterThan(0);
      expect(manifest.totals.transfers).toBeGreaterThanOrEqual(1_000_000);
      expectSound(trace);
      expect(() => recover(options.output)).toThrow(/complete trace/);
    });

    test('both', async () => {
      const options = recording('both', 'last');
      const run = await Run.started(options, 1);
      await run.killRecorder();
      run.killGuest();
      await run.until(() => !run.ring.writerAlive());
      run.ring.close();
      recover(options.output);
      expectSound(openTrace(options.output));
    });
  });
}
