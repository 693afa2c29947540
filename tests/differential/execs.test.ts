/** What is executed under QEMU again, recorded: chains, children, failures, other ISAs, kills. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { recover } from '@backtrail/recorder';
import { openTrace, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import { guestEnvironment, RECORD_PROCESS, recordGuest, recordOptions } from '../guests/record.ts';
import { needsAll } from '../require.ts';
import { SOURCE_ARGUMENTS } from '../source-process.ts';

const folder = temporaryFolder('execs');
const need = needsIsa('x86_64');

/** The first trace, then those of its `children` folder. */
function family(directory: string): Trace[] {
  const children = path.join(directory, 'children');
  const names = existsSync(children) ? readdirSync(children).sort() : [];
  return [directory, ...names.map((name) => path.join(children, name))].map(openTrace);
}

/** From a trace along what was executed in its place. */
function executed(trace: Trace): Trace[] {
  const next = trace.manifest.children?.find(({ how }) => how === 'exec');
  if (next === undefined) return [trace];
  return [trace, ...executed(openTrace(path.join(trace.directory, next.directory)))];
}

const ringsOf = (pid: number): string[] =>
  readdirSync('/dev/shm').filter((name) => name.startsWith(`backtrail-${pid}-`));

describe.skipIf(need.missing)(`--follow exec${need.note}`, () => {
  const program = (): string => buildGuest('x86_64', 'execs', folder);
  const record = (name: string, args: readonly string[]): Trace => {
    const output = path.join(folder, `${name}.trace`);
    const run = { program: program(), args, qemu: need.path, output };
    return recordGuest({ ...run, follow: true, followExec: true }).trace;
  };

  test('a chain: each a trace, linked both ways, the last with the status', () => {
    record('chain', ['chain', '3', need.path, program()]);
    const all = executed(openTrace(path.join(folder, 'chain.trace')));
    expect(all).toHaveLength(4);
    const [first] = all;
    for (const [i, { manifest, directory }] of all.entries()) {
      expect(manifest.pid).toBe(first?.manifest.pid);
      expect(manifest.losses.execsUnrecorded).toBe(0);
      if (i === 0) continue;
      expect(manifest.parent?.how).toBe('exec');
      const above = path.join(directory, manifest.parent?.directory ?? '');
      expect(above).toBe(all[i - 1]?.directory);
    }
    expect(all.at(-1)?.manifest.end).toEqual({ how: 'exit', status: 5 });
    for (const trace of all) expect(checkTrace(trace).findings).toEqual([]);
  });

  test.each(['fork', 'spawn'])('a child by %s, and what it executes', (how) => {
    record(how, [how, need.path, program()]);
    const [first, ...others] = family(path.join(folder, `${how}.trace`));
    expect(others).toHaveLength(2);
    expect(first?.manifest.children).toHaveLength(1);
    const child = openTrace(
      path.join(first?.directory ?? '', first?.manifest.children?.[0]?.directory ?? ''),
    );
    const chain = executed(child);
    expect(chain).toHaveLength(2);
    expect(chain[1]?.manifest.end).toEqual({ how: 'exit', status: 3 });
    for (const trace of [first, ...others]) {
      expect(trace?.manifest.losses).toMatchObject({ execsUnrecorded: 0, forksUnrecorded: 0 });
      expect(trace === undefined ? null : checkTrace(trace).findings).toEqual([]);
    }
  });

  test('programs that are not there change nothing', () => {
    record('missing', ['missing', need.path, program()]);
    const all = executed(openTrace(path.join(folder, 'missing.trace')));
    expect(all).toHaveLength(2);
    expect(all[1]?.manifest.end).toEqual({ how: 'exit', status: 3 });
    for (const trace of all) expect(checkTrace(trace).findings).toEqual([]);
  });

  test('a program that no QEMU runs is counted', () => {
    const trace = record('native', ['native']);
    expect(trace.manifest.losses.execsUnrecorded).toBe(1);
    expect(family(trace.directory)).toHaveLength(1);
  });

  test('many at one time', () => {
    record('storm', ['storm', '8', need.path, program()]);
    const all = family(path.join(folder, 'storm.trace'));
    expect(all).toHaveLength(1 + 2 * 8);
    for (const trace of all) {
      expect(trace.manifest.losses).toMatchObject({ execsUnrecorded: 0, forksUnrecorded: 0 });
      expect(checkTrace(trace).findings).toEqual([]);
    }
  });

  test('without it the program sees nothing of it, and its exec is counted', () => {
    const output = path.join(folder, 'not.trace');
    const args = ['missing', need.path, program()];
    const run = { program: program(), args, qemu: need.path, output, follow: true };
    recordGuest(run);
    expect(openTrace(output).manifest.losses.execsUnrecorded).toBe(1);
    expect(family(output)).toHaveLength(1);
  });

  test('recorder and program killed: both traces are recovered', async () => {
    const output = path.join(folder, 'killed.trace');
    const args = ['endless', need.path, program()];
    const run = { program: program(), args, qemu: need.path, output };
    const options = JSON.stringify(recordOptions({ ...run, follow: true, followExec: true }));
    const node = [...SOURCE_ARGUMENTS, RECORD_PROCESS, options, 'progress'];
    const child = spawn(process.execPath, node, {
      env: guestEnvironment(),
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const recorder = child.pid ?? 0;
    const children = path.join(output, 'children');
    // Told about ten times a second how much is on disk.
    await new Promise<void>((resolve) => {
      child.stdio[3]?.on('data', () => {
        if (existsSync(children) && readdirSync(children).length > 0) resolve();
      });
    });
    const guest = openTrace(output).manifest.pid ?? executedPid(children);
    const gone = new Promise((resolve) => child.on('exit', resolve));
    process.kill(recorder, 'SIGKILL');
    process.kill(guest, 'SIGKILL');
    await gone;
    const { directory } = recover(output);
    const [first, second] = family(directory);
    expect(first?.manifest.losses.execsUnrecorded).toBe(0);
    expect(second?.manifest.parent?.how).toBe('exec');
    for (const trace of [first, second]) {
      expect(trace === undefined ? null : checkTrace(trace).findings).toEqual([]);
    }
    expect(ringsOf(recorder)).toEqual([]);
  });
});

/** A trace that was begun has the number of its process in its name. */
const executedPid = (children: string): number =>
  Number.parseInt(readdirSync(children)[0] ?? '', 10);

const foreign = needsAll('qemu-x86_64', 'cc', 'qemu-riscv64', 'riscv64-linux-gnu-gcc');
describe.skipIf(foreign.missing)(`--follow exec, another ISA${foreign.note}`, () => {
  test('what is executed is told by what it is', () => {
    const { path: qemu } = needsIsa('x86_64');
    const other = buildGuest('riscv64', 'execs', folder);
    const output = path.join(folder, 'other.trace');
    const args = ['chain', '1', needsIsa('riscv64').path, other];
    const program = buildGuest('x86_64', 'execs', folder);
    const run = { program, args, qemu, output, follow: true, followExec: true };
    recordGuest(run);
    const all = executed(openTrace(output));
    expect(all.map(({ manifest }) => manifest.guest.isa)).toEqual(['x86_64', 'riscv64']);
    for (const trace of all) expect(checkTrace(trace).findings).toEqual([]);
  });
});
