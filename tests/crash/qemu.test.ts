/** A real guest, or its recorder, is killed while the guest runs. */
import path from 'node:path';
import { recover } from '@backtrail/recorder';
import { type KeepMode, openTrace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import type { Recording } from '../guests/record.ts';
import { expectSound, Run } from './qemu-run.ts';

const folder = temporaryFolder('kill-qemu');
const ROUNDS = Number(process.env['ROUNDS'] ?? 6);

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
