/** What a ring holds while its writer goes on: whole, in order, and nothing that was not. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { snapshot } from '@backtrail/recorder';
import { type KeepMode, openTrace, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import type { Recording } from '../guests/record.ts';
import { expectSound, Run } from './qemu-run.ts';

const folder = temporaryFolder('snapshots');
const need = needsIsa('x86_64');

/** Edges compared of one vCPU; a guest makes a hundred million in a second. */
const COMPARED_MAX = 1 << 22;

/** The first transfers of a vCPU, as edge numbers; they are the same in both traces. */
function edgesOf(trace: Trace, vcpu: number): Uint32Array {
  const all = new Uint32Array(Math.min(COMPARED_MAX, trace.seqEnd(vcpu)));
  for (const segment of trace.segmentsOf(vcpu)) {
    const first = trace.segments.firstSeq[segment] ?? 0;
    if (first >= all.length) break;
    all.set(trace.readSegment(segment).subarray(0, all.length - first), first);
  }
  return all;
}

describe.skipIf(need.missing)(`snapshots of a guest that runs${need.note}`, () => {
  const recording = (name: string, keep: KeepMode, args: readonly string[]): Recording => ({
    program: buildGuest('x86_64', 'ends', folder),
    args,
    qemu: need.path,
    output: path.join(folder, `${name}.trace`),
    // Full every few milliseconds.
    ringBytes: 8 << 20,
    // Else the trace of all grows as long as anybody looks at the first.
    ...(keep === 'all' ? { maxTransfers: 25_000_000 } : {}),
    keep,
  });

  test.for([
    ['all', 'endless'],
    ['last', 'endless'],
    ['all', 'endless-threads'],
    ['last', 'endless-threads'],
  ] as const)('--keep %s, %s', async ([keep, how]) => {
    const options = recording(`${keep}-${how}`, keep, [how]);
    using run = await Run.started(options, 1);
    await run.untilRunning(how === 'endless' ? 1 : 2, 50_000);
    const directories: string[] = [];
    for (const of of [run.guestPid, run.recorder.pid, run.ring.path]) {
      const directory = path.join(folder, `${keep}-${how}-${directories.length}.snapshot.trace`);
      expect(snapshot(String(of), directory).problems).toEqual([]);
      directories.push(directory);
    }
    expect(run.ring.writerAlive()).toBe(true);
    run.killGuest();
    expect(await run.recorderEnds()).toBe(0);
    run.ring.close();
    const whole = openTrace(options.output);
    expectSound(whole);
    for (const directory of directories) {
      const trace = openTrace(directory);
      expectSound(trace);
      expect(trace.manifest.end).toEqual({ how: 'unknown' });
      expect(trace.transfers).toBeGreaterThan(1000);
      if (keep === 'last') continue;
      for (const vcpu of trace.vcpus) {
        // From the beginning, without a gap, and the same.
        const rows = trace
          .segmentsOf(vcpu)
          .reduce((sum, one) => sum + (trace.segments.rows[one] ?? 0), 0);
        expect(rows).toBe(trace.seqEnd(vcpu));
        const part = edgesOf(trace, vcpu);
        const all = edgesOf(whole, vcpu).subarray(0, part.length);
        expect(
          Buffer.compare(
            new Uint8Array(all.buffer, 0, all.byteLength),
            new Uint8Array(part.buffer),
          ),
        ).toBe(0);
      }
    }
  });

  test('a trigger ends the recording, and the guest runs on', async () => {
    const options = {
      ...recording('trigger', 'last', ['endless']),
      trigger: 'mix',
      after: 100_000,
    };
    using run = await Run.started(options, 1);
    const manifest = path.join(options.output, 'manifest.json');
    await run.until(() => existsSync(manifest));
    expect(run.ring.writerAlive()).toBe(true);
    const trace = openTrace(options.output);
    expectSound(trace);
    expect(trace.manifest).toMatchObject({ stopped: 'trigger', end: { how: 'unknown' } });
    expect(trace.manifest.note).toMatch(/the program ran on/);
    expect(trace.seqEnd(0)).toBeGreaterThan(100_000);
    run.killGuest();
    expect(await run.recorderEnds()).toBe(0);
    run.ring.close();
  });

  test('of what is not there', () => {
    expect(() => snapshot('1', null)).toThrow(/found no ring of that process/);
    expect(() => snapshot('/nowhere/x.ring', null)).toThrow(/expected a ring file/);
  });
});
