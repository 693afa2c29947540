/** Recordings that begin later than the program, or end before it, while it runs on. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { startRecording, stopRecording } from '@backtrail/recorder';
import { openTrace, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { findPlace } from '../../packages/analyzer/src/place.ts';
import { edgeText } from '../differential/same-transfers.ts';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import { type Recording, recordGuest } from '../guests/record.ts';
import { expectSound, Run } from './qemu-run.ts';

const folder = temporaryFolder('starts');
const need = needsIsa('x86_64');

const texts = (trace: Trace): string[] =>
  Array.from(trace.segmentsOf(0), (segment) => [...trace.readSegment(segment)])
    .flat()
    .map((edge) => edgeText(trace, edge));

describe.skipIf(need.missing)(
  `a recording that does not begin with the program${need.note}`,
  () => {
    const recording = (guest: string, name: string, ...args: string[]): Recording => ({
      program: buildGuest('x86_64', guest, folder),
      args,
      qemu: need.path,
      output: path.join(folder, `${name}.trace`),
      keep: 'all',
    });

    test.for(['name', 'address'])('begins with a function, by its %s', (by) => {
      const { trace: whole } = recordGuest(recording('forks', `whole-${by}`, 'work'));
      const [pc = 0n] = findPlace(whole, 'work', (name) => name).starts;
      const start = by === 'name' ? 'work' : `0x${pc.toString(16)}`;
      const { trace } = recordGuest({ ...recording('forks', `late-${by}`, 'work'), start });
      expectSound(trace);
      const [first = '', ...late] = texts(trace);
      expect(first).toBe(`start/null none → 0x${pc.toString(16)}`);
      // All that follows the arrival there in the recording of all.
      const all = texts(whole);
      const arrival = all.findIndex((text) => text.endsWith(` → 0x${pc.toString(16)}`));
      expect(late).toEqual(all.slice(arrival + 1));
      expect(late.length).toBeGreaterThan(500);
      expect(trace.manifest).toMatchObject({ start, end: { how: 'exit', status: 4 } });
      expect(trace.symbols.count).toBe(whole.symbols.count);
    });

    test('that never begins is empty, and says so', () => {
      const { trace } = recordGuest({
        ...recording('forks', 'never', 'work'),
        start: '0xdead0000',
      });
      expect(trace.transfers).toBe(0);
      expect(trace.manifest).toMatchObject({ start: '0xdead0000', complete: true });
    });

    test.for(['endless', 'endless-threads'])('%s: begins and ends when asked', async (how) => {
      const options = { ...recording('ends', how, how), start: 'paused', ringBytes: 8 << 20 };
      using run = await Run.started(options, 0);
      expect(run.ring.liveVcpus().every(({ firstSeq, rows }) => firstSeq + rows === 0)).toBe(true);
      expect(startRecording(String(run.guestPid))).toBe(options.output);
      await run.untilRunning(how === 'endless' ? 1 : 4, 10_000);
      expect(() => startRecording(run.ring.path)).toThrow(
        /found a recording that has begun already, expected one that waits .*backtrail stop/,
      );
      expect(stopRecording(run.ring.path)).toBe(options.output);
      await run.until(() => existsSync(path.join(options.output, 'manifest.json')));
      expect(run.ring.writerAlive()).toBe(true);
      const trace = openTrace(options.output);
      expectSound(trace);
      expect(trace.vcpus.length).toBe(how === 'endless' ? 1 : 4);
      expect(trace.manifest).toMatchObject({ stopped: 'asked', end: { how: 'unknown' } });
      expect(trace.manifest.note).toMatch(/the program ran on/);
      run.killGuest();
      expect(await run.recorderEnds()).toBe(0);
      run.ring.close();
    });

    test('what cannot be', () => {
      const none = recording('forks', 'none', 'work');
      expect(() => recordGuest({ ...none, start: 'no_such_function' })).toThrow(
        /--start: found 0 functions "no_such_function".*expected 1 to 64/,
      );
      expect(() => recordGuest({ ...none, start: '12' })).toThrow(/--start: found "12", expected/);
      expect(() => startRecording('1')).toThrow(/found no ring of that process/);
    });
  },
);
