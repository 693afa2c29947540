/** A forked process, the one that forked it, or their recorder is killed. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { recover } from '@backtrail/recorder';
import { type KeepMode, openTrace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import type { Recording } from '../guests/record.ts';
import { expectSound, Run } from './qemu-run.ts';

const folder = temporaryFolder('kill-forks');
const need = needsIsa('x86_64');

describe.skipIf(need.missing)(`kill -9 of a family of processes${need.note}`, () => {
  const recording = (name: string, keep: KeepMode): Recording => ({
    program: buildGuest('x86_64', 'forks', folder),
    args: ['endless'],
    qemu: need.path,
    output: path.join(folder, `${name}.trace`),
    ringBytes: 1 << 20,
    keep,
    follow: true,
  });
  const childTrace = (options: Recording, pid: number): string =>
    path.join(options.output, 'children', `${pid}.trace`);

  test.for(['all', 'last'] as const)('a child, --keep %s', async (keep) => {
    const options = recording(`child-${keep}`, keep);
    const run = await Run.started(options, 1);
    const ring = await run.childRing();
    const { pid } = ring.writerState();
    process.kill(pid, 'SIGKILL');
    expect(await run.recorderEnds()).toBe(0);
    ring.close();
    run.ring.close();
    const [parent, child] = [openTrace(options.output), openTrace(childTrace(options, pid))];
    expect(parent.manifest.end).toEqual({ how: 'exit', status: 128 + 9 });
    expect(child.manifest.end).toEqual({ how: 'unknown' });
    expect(child.manifest.note).toMatch(/killed/);
    expect(child.manifest.totals.transfers).toBeGreaterThan(1000);
    expectSound(parent);
    expectSound(child);
  });

  test('the one that forked: its child is recorded on', async () => {
    const options = recording('parent', 'all');
    const run = await Run.started(options, 1);
    const ring = await run.childRing();
    const { pid, published } = ring.writerState();
    run.killGuest();
    // More than the ring holds.
    await run.until(() => ring.writerState().published > published + 100);
    process.kill(pid, 'SIGKILL');
    expect(await run.recorderEnds()).toBe(0);
    ring.close();
    run.ring.close();
    const parent = openTrace(options.output);
    expect(parent.manifest.end).toEqual({ how: 'signal', signal: 'SIGKILL', number: 9 });
    expect(parent.manifest.children).toEqual([{ pid, directory: `children/${pid}.trace` }]);
    expectSound(parent);
    expectSound(openTrace(childTrace(options, pid)));
  });

  test('their recorder: both run on, and both traces are recovered', async () => {
    const options = recording('recorder', 'all');
    const run = await Run.started(options, 1);
    const ring = await run.childRing();
    const { pid } = ring.writerState();
    await run.killRecorder();
    await run.until(() => ring.writerState().stopped === 'recorder-gone');
    expect(ring.writerAlive()).toBe(true);
    process.kill(pid, 'SIGKILL');
    await run.until(() => !ring.writerAlive() && !run.ring.writerAlive());
    ring.close();
    run.ring.close();

    const recovered = recover(options.output);
    const child = childTrace(options, pid);
    expect(recovered.problems).toEqual([]);
    expect(recovered.children.map(({ directory }) => directory)).toEqual([child]);
    expectSound(openTrace(options.output));
    expectSound(openTrace(child));
    expect(openTrace(child).manifest).toMatchObject({ pid, recovered: true });
  });

  test('their recorder, before it had seen the child: that is recovered, too', async () => {
    const options = { ...recording('unseen', 'all'), args: ['told'] };
    // By then the signal does not end it any more: to start takes it a few thousand. What it still
    // has to do fits into the ring.
    const run = await Run.started(options, 20_000);
    run.recorder.kill('SIGSTOP');
    process.kill(run.guestPid, 'SIGUSR1');
    const ring = await run.childRing();
    const { pid } = ring.writerState();
    await run.killRecorder();
    for (const one of [pid, run.guestPid]) process.kill(one, 'SIGKILL');
    await run.until(() => !ring.writerAlive() && !run.ring.writerAlive());
    ring.close();
    run.ring.close();

    const recovered = recover(options.output);
    expect(recovered.problems).toEqual([]);
    expect(recovered.manifest.losses.forksUnrecorded).toBe(0);
    const child = openTrace(childTrace(options, pid));
    expect(recovered.children.map(({ directory }) => directory)).toEqual([child.directory]);
    expect(child.manifest.totals.transfers).toBeGreaterThan(1000);
    expectSound(openTrace(options.output));
    expectSound(child);
    expect(existsSync(ring.path)).toBe(false);
  });

  test('the one that forked, and then Ctrl-C: its child runs on, unrecorded', async () => {
    const options = recording('left', 'all');
    const run = await Run.started(options, 1);
    const ring = await run.childRing();
    const { pid, published } = ring.writerState();
    run.killGuest();
    await run.until(() => ring.writerState().published > published + 100);
    // The first may come before it knows that the guest is gone, whose it is alone till then.
    await run.until(() => !run.recorder.kill('SIGINT') || run.recorder.exitCode !== null);
    expect(await run.recorderEnds()).toBe(0);
    expect(ring.writerAlive()).toBe(true);
    process.kill(pid, 'SIGKILL');
    ring.close();
    run.ring.close();
    const child = openTrace(childTrace(options, pid));
    expectSound(child);
    expect(child.manifest).toMatchObject({
      end: { how: 'unknown' },
      note: 'its recorder was asked to stop',
    });
  });
});
