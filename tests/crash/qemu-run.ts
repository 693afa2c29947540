/** A recording of a real guest that goes on until something is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { BacktrailError, type Trace } from '@backtrail/recorder/trace';
import { expect } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { Ring } from '../../packages/recorder/src/ring/ring.ts';
import {
  guestEnvironment,
  RECORD_PROCESS,
  type Recording,
  recordOptions,
} from '../guests/record.ts';
import { SOURCE_ARGUMENTS } from '../source-process.ts';

const RING_FOLDER = '/dev/shm';

export class Run {
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
      [...SOURCE_ARGUMENTS, RECORD_PROCESS, options, 'progress'],
      { env: guestEnvironment(), stdio: ['ignore', 'inherit', 'inherit', 'pipe'] },
    );
    const gone = once(recorder, 'exit');
    let seen = -1;
    createInterface({ input: recorder.stdio[3] as Readable }).on('line', (line) => {
      seen = Number(line);
    });
    const wanted = recording.keep === 'last' ? 0 : transfers;
    const closed = path.join(recording.output, 'manifest.json');
    // A trigger may end the recording before anything was told.
    while (seen < wanted && !existsSync(closed)) {
      if (recorder.exitCode !== null) throw new Error(`recorder: status ${recorder.exitCode}`);
      await new Promise(setImmediate);
    }
    const [name] = ringsOf(recorder, 'first');
    if (name === undefined) throw new Error(`no ring of process ${recorder.pid}`);
    return new Run(recorder, gone, Ring.open(name));
  }

  /** The ring of a process that the guest has forked, once that has begun. */
  async childRing(): Promise<Ring> {
    let found: Ring | null = null;
    await this.until(() => {
      const [name] = ringsOf(this.recorder, 'child');
      if (name === undefined) return false;
      found?.close();
      found = Ring.open(name);
      return found.writerState().published > 0;
    });
    const [name] = ringsOf(this.recorder, 'child');
    if (name === undefined) throw new Error('its ring is gone');
    return Ring.open(name);
  }

  killGuest(): void {
    process.kill(this.guestPid, 'SIGKILL');
  }

  async killRecorder(): Promise<void> {
    this.recorder.kill('SIGKILL');
    await this.#gone;
  }

  /** Whatever a test has left running. */
  [Symbol.dispose](): void {
    if (this.recorder.exitCode === null && this.recorder.signalCode === null) {
      this.recorder.kill('SIGKILL');
      this.killGuest();
    }
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

/** Rings of a recorder: that of the process it started, or those of processes that forked. */
function ringsOf({ pid }: ChildProcess, which: 'first' | 'child'): string[] {
  const isWanted = which === 'first' ? /^[0-9a-f]+\.ring$/ : /^[0-9a-f]+-\d+-\d+\.ring$/;
  const prefix = `backtrail-${pid}-`;
  return readdirSync(RING_FOLDER)
    .filter((file) => file.startsWith(prefix) && isWanted.test(file.slice(prefix.length)))
    .map((file) => path.join(RING_FOLDER, file));
}

/** Finds nothing wrong, and says how much was looked at. */
export function expectSound(trace: Trace): void {
  expect(trace.state).toBe('complete');
  const { findings, checked } = checkTrace(trace);
  expect(findings).toEqual([]);
  expect(checked.transfers).toBe(trace.manifest.totals.transfers);
}
