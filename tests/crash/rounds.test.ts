/**
 * Real recordings of a program that always does the same, of which guest, recorder or both are
 * killed at random moments, or the recorder stands still: what is in the trace afterwards is a
 * part of what an undisturbed recording has, from its beginning (--keep all) or from where it says
 * (--keep last), and holds all that was published. More of it: ROUNDS=100 vitest run.
 */
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { recover } from '@backtrail/recorder';
import { type KeepMode, openTrace, type Trace } from '@backtrail/recorder/trace';
import { beforeAll, describe, expect, test } from 'vitest';
import { edgeText } from '../differential/same-transfers.ts';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import type { Recording } from '../guests/record.ts';
import { SEED } from '../seed.ts';
import { expectSound, Run } from './qemu-run.ts';
import { randomFrom } from './rig.ts';

const folder = temporaryFolder('rounds');
const need = needsIsa('x86_64');
const ROUNDS = Number(process.env['ROUNDS'] ?? 4);
const RING_BYTES = 1 << 20;
/** The program repeats itself long before. */
const REFERENCE_TRANSFERS = 1 << 20;
const SOONEST = 20_000;
const LATEST = 4_000_000;

/** The transfers that `endless` makes: a beginning, and a round that comes again for ever. */
interface Reference {
  readonly transfers: readonly string[];
  readonly from: number;
  readonly period: number;
}

/** Edges as texts, each text once: comparing millions of strings is comparing addresses. */
function streamOf(trace: Trace): { readonly first: number; readonly texts: string[] } {
  const names = Array.from({ length: trace.edges.count }, (_none, edge) => edgeText(trace, edge));
  const texts: string[] = [];
  let first = -1;
  for (const segment of trace.segmentsOf(0)) {
    if (first < 0) first = trace.segments.firstSeq[segment] ?? 0;
    // One vCPU, and losses only before the first.
    expect(trace.segments.firstSeq[segment]).toBe(first + texts.length);
    for (const edge of trace.readSegment(segment)) texts.push(names[edge] ?? '');
  }
  return { first: Math.max(first, 0), texts };
}

function referenceOf(trace: Trace): Reference {
  const { texts } = streamOf(trace);
  const half = texts.length >>> 1;
  for (let period = 1; period < half; period++) {
    let k = half;
    while (k + period < texts.length && texts[k] === texts[k + period]) k++;
    if (k + period < texts.length) continue;
    let from = half;
    while (from > 0 && texts[from - 1] === texts[from - 1 + period]) from--;
    return { transfers: texts, from, period };
  }
  throw new Error('found no period in half of the reference');
}

const expected = ({ transfers, from, period }: Reference, seq: number): string | undefined =>
  transfers[seq < from + period ? seq : from + ((seq - from) % period)];

function expectPartOf(reference: Reference, trace: Trace, says: string): number {
  const { first, texts } = streamOf(trace);
  const wrong = texts.findIndex((text, i) => text !== expected(reference, first + i));
  expect(wrong, says).toBe(-1);
  return first + texts.length;
}

describe.skipIf(need.missing)(`real recordings that are disturbed${need.note}`, () => {
  const recording = (name: string, keep: KeepMode): Recording => ({
    program: buildGuest('x86_64', 'ends', folder),
    args: ['endless'],
    qemu: need.path,
    output: path.join(folder, `${name}.trace`),
    ringBytes: RING_BYTES,
    keep,
  });
  let reference: Reference;
  beforeAll(async () => {
    const maxTransfers = REFERENCE_TRANSFERS;
    const options = { ...recording('reference', 'all'), maxTransfers };
    using run = await Run.started(options, maxTransfers);
    run.killGuest();
    expect(await run.recorderEnds()).toBe(0);
    run.ring.close();
    reference = referenceOf(openTrace(options.output));
  });

  const transfersOf = (run: Run): number =>
    run.ring.liveVcpus().reduce((sum, { firstSeq, rows }) => sum + firstSeq + rows, 0);

  async function disturb(run: Run, victim: 'guest' | 'recorder' | 'both'): Promise<boolean> {
    if (victim === 'guest') {
      run.killGuest();
      expect(await run.recorderEnds()).toBe(0);
      return true;
    }
    if (victim === 'both') run.killGuest();
    await run.killRecorder();
    if (victim === 'recorder') run.killGuest();
    await run.until(() => !run.ring.writerAlive());
    return false;
  }

  test.for(['all', 'last'] as const)(`--keep %s: killed (SEED=${SEED})`, async (keep) => {
    const random = randomFrom(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      const victim = (['guest', 'recorder', 'both'] as const)[random(3)] ?? 'both';
      const options = recording(`${keep}-${round}`, keep);
      const says = `round ${round}: ${victim}`;
      using run = await Run.started(options, 1);
      await run.untilRunning(1, SOONEST + random(LATEST));
      const seen = transfersOf(run);
      const isClosed = await disturb(run, victim);
      run.ring.close();
      // A recorder that saw the guest die first may have closed the trace before it was killed.
      if (!isClosed && openTrace(options.output).state === 'partial') recover(options.output);
      expect(existsSync(run.ring.path), says).toBe(false);
      const trace = openTrace(options.output);
      expectSound(trace);
      expect(expectPartOf(reference, trace, says), says).toBeGreaterThanOrEqual(seen);
      rmSync(options.output, { recursive: true });
    }
  });

  test('a recorder that stands still stalls the guest, and nothing is lost', async () => {
    const options = recording('still', 'all');
    using run = await Run.started(options, 1);
    await run.untilRunning(1, SOONEST);
    run.recorder.kill('SIGSTOP');
    const { ring } = run;
    const isFull = (): boolean =>
      ring.writerState().published - ring.progress().drained >= ring.shape.segmentBudget;
    await run.until(isFull);
    const stalled = transfersOf(run);
    for (let look = 0; look < 1000; look++) await new Promise(setImmediate);
    expect(transfersOf(run)).toBe(stalled);
    expect(ring.writerAlive()).toBe(true);
    run.recorder.kill('SIGCONT');
    await run.untilRunning(1, stalled + LATEST);
    run.killGuest();
    expect(await run.recorderEnds()).toBe(0);
    ring.close();
    const trace = openTrace(options.output);
    expectSound(trace);
    expect(trace.manifest.stopped).toBeNull();
    expect(trace.manifest.totals.waitNs).toBeGreaterThan(0);
    expect(expectPartOf(reference, trace, 'still')).toBeGreaterThan(stalled);
  });
});
