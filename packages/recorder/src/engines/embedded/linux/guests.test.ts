/**
 * Programs in this personality and under qemu-riscv64: the same output, the same end. Their sources
 * print all that the calls answer, so each line is a comparison with the oracle.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../../../../tests/guests/build.ts';
import { needsAll } from '../../../../../../tests/require.ts';
import { buildLinuxGuest, COMPILER, runQemu, statusOf } from './guests.fixture.ts';
import { runProgram } from './run.fixture.ts';

const need = needsAll('qemu-riscv64', COMPILER);

/** Parts of guests/signals.c. */
const SIGNAL_PARTS = [
  'frames',
  'registers',
  'faults',
  'wild',
  'pending',
  'suspended',
  'nesting',
  'interrupted',
  'overflow',
] as const;
const DEATHS = [
  'abort',
  'kill',
  'term',
  'stopped',
  'blocked',
  'ignored',
  'illegal',
  'trap',
  'overflow',
  'pipe',
  'alarm',
  'stack',
] as const;

describe.skipIf(need.missing)(`Linux programs as under qemu-riscv64${need.note}`, () => {
  const folder = temporaryFolder('linux-guests');
  const signals = need.missing ? '' : buildLinuxGuest('signals', folder);

  test.each(SIGNAL_PARTS)('signals: %s', (part) => {
    const oracle = runQemu(need.path, signals, [part]);
    const run = runProgram(signals, { args: [part] });
    expect(run.stdout).toBe(oracle.stdout);
    expect(statusOf(run.end)).toBe(oracle.status);
    expect(run.stdout).toMatch(/^(?:.+\n)+$/);
  });

  test.each(DEATHS)('killed: %s', (how) => {
    const oracle = runQemu(need.path, signals, ['die', how]);
    const run = runProgram(signals, { args: ['die', how] });
    expect(statusOf(run.end)).toBe(oracle.status);
    expect(oracle.status).not.toBe(0);
  });

  test('killed by a real-time signal, which qemu-riscv64 gives another number', () => {
    const run = runProgram(signals, { args: ['die', 'real-time'] });
    expect(run.end).toEqual({ how: 'signal', number: 37 });
  });

  test.each(['memory', 'threads', 'times'])('%s', (name) => {
    const program = buildLinuxGuest(name, folder);
    const oracle = runQemu(need.path, program, []);
    const run = runProgram(program);
    expect(run.stdout).toBe(oracle.stdout);
    expect(statusOf(run.end)).toBe(oracle.status);
    expect(run.process.unknownCalls).toEqual(new Map());
  });

  test('input', () => {
    const program = buildLinuxGuest('input', folder);
    const lines = Array.from({ length: 20 }, (_, line) => `and line ${line}\n`);
    const input = ['first\n', '42\n', ...lines].join('');
    const oracle = runQemu(need.path, program, [], { input });
    const run = runProgram(program, { input });
    expect(run.stdout).toBe(oracle.stdout);
    expect(statusOf(run.end)).toBe(oracle.status);
    expect(run.stderr).toBe('to stderr\n');
  });

  test('the same run twice, to the last switch; other turns, the same output', () => {
    const program = buildLinuxGuest('threads', folder);
    const [first, second] = [runProgram(program), runProgram(program)];
    expect(second.witness.lines).toEqual(first.witness.lines);
    expect(second.instructions).toBe(first.instructions);
    const shorter = runProgram(program, { sliceInstructions: 777 });
    expect(shorter.stdout).toBe(first.stdout);
    expect(shorter.witness.lines.length).toBeGreaterThan(first.witness.lines.length);
  });

  test.each(['files', 'more'])('%s, in a folder to write to', (name) => {
    const program = buildLinuxGuest(name, folder);
    const [theirs, ours] = ['theirs', 'ours'].map((whose) => path.join(folder, `${name}-${whose}`));
    if (theirs === undefined || ours === undefined) throw new Error('two folders were named');
    mkdirSync(theirs);
    mkdirSync(ours);
    const oracle = runQemu(need.path, program, [], { folder: theirs });
    const run = runProgram(program, { folder: ours, writable: [ours] });
    expect(run.stdout).toBe(oracle.stdout);
    expect(statusOf(run.end)).toBe(oracle.status);
    expect(run.process.unknownCalls).toEqual(new Map());
  });
});
