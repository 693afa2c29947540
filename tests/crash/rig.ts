/** What crash tests share: a recorder to kill, and what must be in the trace then. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type KeepMode, MARK_KINDS, type Trace, verifyTrace } from '@backtrail/recorder/trace';
import { expect } from 'vitest';
import {
  FRESH_EVERY,
  freshSource,
  patternEdge,
} from '../../packages/recorder/src/ring/driver.fixture.ts';
import type { RingShape } from '../../packages/recorder/src/ring/layout.ts';
import type { Ring } from '../../packages/recorder/src/ring/ring.ts';
import { SOURCE_ARGUMENTS } from '../source-process.ts';

export interface DrainOptions {
  readonly ring: string;
  readonly directory: string;
  readonly shape: RingShape;
  readonly keep: KeepMode;
  /** Number of the write to the trace in which it kills itself, from 1. */
  readonly killAtWrite?: number;
  /** The same, counted from when it was told to close. */
  readonly killAtClosingWrite?: number;
}

const DRAIN_PROCESS = fileURLToPath(new URL('./drain-process.ts', import.meta.url));

/** Numerical Recipes' generator: the same points of death from the same seed. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The recorder of drain-process.ts. */
export class Drainer {
  readonly process: ChildProcessWithoutNullStreams;
  readonly gone: Promise<unknown>;
  /** Transfers on disk, as last told. */
  transfers = 0;
  #stderr = '';
  #wake: () => void = () => {};
  #isReady = false;

  constructor(options: DrainOptions) {
    const args = [...SOURCE_ARGUMENTS, DRAIN_PROCESS, JSON.stringify(options)];
    this.process = spawn(process.execPath, args);
    this.gone = once(this.process, 'exit').then(() => this.#wake());
    this.process.stdin.on('error', () => {});
    this.process.stderr.on('data', (data) => {
      this.#stderr += String(data);
    });
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      if (line === 'ready') this.#isReady = true;
      else this.transfers = Number(line);
      this.#wake();
    });
  }

  get isGone(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Until it has a ring, or is gone. */
  async ready(): Promise<void> {
    await this.#until(() => this.#isReady);
  }

  /** Until so many transfers are on disk, or it is gone. */
  async reached(transfers: number): Promise<void> {
    await this.#until(() => this.transfers >= transfers);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.isGone) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Has it close the trace; true if it did, false if it was killed. */
  async close(): Promise<boolean> {
    this.process.stdin.write('close\n');
    await this.gone;
    const { exitCode, signalCode } = this.process;
    if (exitCode === 0) return true;
    if (signalCode === 'SIGKILL') return false;
    throw new Error(`drain-process: status ${exitCode} ${signalCode} ${this.#stderr}`);
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.gone;
  }
}

/** By vCPU: seq after its last transfer that is in the ring, published or open. */
export function ringEnds(ring: Ring): Map<number, number> {
  const ends = new Map<number, number>();
  const state = ring.writerState();
  const from = ring.keep === 'last' ? state.oldest : ring.progress().drained;
  const note = (vcpu: number, end: number): void => {
    ends.set(vcpu, Math.max(ends.get(vcpu) ?? 0, end));
  };
  for (let n = from; n < state.published; n++) {
    const { vcpu, firstSeq, rows } = ring.publishedSegment(n);
    note(vcpu, firstSeq + rows);
  }
  for (const { vcpu, open, firstSeq, rows } of ring.liveVcpus()) {
    if (open && rows > 0) note(vcpu, firstSeq + rows);
  }
  return ends;
}

/** Lost transfers of a vCPU, by its gap marks. */
function gapsOf(trace: Trace, vcpu: number): number {
  const { marks } = trace;
  let sum = 0;
  for (let mark = 0; mark < marks.count; mark++) {
    const isGap = MARK_KINDS[marks.kind[mark] ?? 0] === 'gap' && marks.vcpu[mark] === vcpu;
    if (isGap) sum += Number(marks.number[mark] ?? 0n);
  }
  return sum;
}

/**
 * That a trace of the driver's `flow` is whole: each transfer is the one that the driver stored
 * there, none is there twice, and where some are missing gap marks tell exactly how many.
 * @returns transfers in the trace, and those in gaps.
 */
export function expectFlow(trace: Trace): { readonly found: number; readonly lost: number } {
  expect(trace.state).toBe('complete');
  expect(verifyTrace(trace)).toEqual([]);
  const { segments, edges } = trace;
  let found = 0;
  let lost = 0;
  for (const vcpu of new Set([...trace.marks.vcpu, ...trace.vcpus])) {
    let next = 0;
    let missing = 0;
    for (const segment of trace.segmentsOf(vcpu)) {
      const first = segments.firstSeq[segment] ?? 0;
      expect(first).toBeGreaterThanOrEqual(next);
      missing += first - next;
      const taken = trace.readSegment(segment);
      const wrong = taken.findIndex((edge, i) => {
        const seq = first + i;
        const isFresh = seq % FRESH_EVERY === FRESH_EVERY - 1;
        const source = isFresh ? freshSource(vcpu, seq) : BigInt(patternEdge(vcpu, seq));
        return edges.source[edge] !== source;
      });
      expect(wrong, `vCPU ${vcpu}, segment at seq ${first}`).toBe(-1);
      next = first + taken.length;
      found += taken.length;
    }
    // Where nothing is left of a vCPU, only the mark tells what it was.
    const told = gapsOf(trace, vcpu);
    if (next > 0) expect(told).toBe(missing);
    lost += told;
  }
  const { totals, losses } = trace.manifest;
  expect(totals.transfers).toBe(found);
  expect(losses.overwritten).toBe(lost);
  expect(losses.damaged).toBe(0);
  return { found, lost };
}
