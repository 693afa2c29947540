/** What is said after a recording: to people on a terminal, and to logs. */
import { join } from 'node:path';
import { type Manifest, NO_LOSSES, openTrace } from '@backtrail/recorder/trace';
import { expect, test } from 'vitest';
import type { Output } from './io.ts';
import { SAMPLE } from './main.fixture.ts';
import { lossLines, recordLines } from './record-text.ts';

const out: Output = {
  isTerminal: true,
  columns: 80,
  write: () => {},
  paint: (_paint, text) => text,
};

function finished(changes: Partial<Manifest>, problems: readonly string[] = []) {
  const { manifest } = openTrace(SAMPLE);
  const totals = { ...manifest.totals, transfers: 8_000_000, bytes: 1_000_000 };
  const directory = join(process.cwd(), 'a b.trace');
  return { directory, manifest: { ...manifest, totals, ...changes }, problems };
}

test('a whole run: two lines on a terminal, none in a log', () => {
  const run = finished({});
  expect(recordLines(run, out)).toEqual([
    "./smash was killed by SIGSEGV (signal 11); 8,000,000 transfers in 'a b.trace' " +
      '(977 KiB, 1 bits each)',
    "next: backtrail crash 'a b.trace'",
  ]);
  expect(lossLines(run)).toEqual([]);
});

test('what is missing is a line each, everywhere; what was asked for is told to people', () => {
  const losses = { ...NO_LOSSES, overwritten: 5, unrecorded: 7, forksUnrecorded: 2 };
  const run = finished({ losses, keep: 'last', stopped: 'no-space' }, ['/lib/x.so: is gone']);
  expect(lossLines(run)).toEqual([
    'a b.trace: recording stopped when the ring found no space to grow.',
    expect.stringMatching(/^a b\.trace: 7 transfers ran after recording had stopped\./),
    expect.stringMatching(/^a b\.trace: 2 child processes ran unrecorded/),
    'a b.trace: /lib/x.so: is gone',
  ]);
  const lines = recordLines(run, out);
  expect(lines).toContainEqual(expect.stringMatching(/^5 transfers were older than the ring/));
  for (const line of lossLines(run)) expect(lines).toContain(line);
});

test('a limit that was given is no loss', () => {
  const run = finished({ stopped: 'max-transfers' });
  expect(lossLines(run)).toEqual([]);
  expect(recordLines(run, out)[1]).toBe(
    'recording stopped at the number of transfers given by --max-transfers',
  );
});

test('system calls that the engine does not have are told to people, with how often', () => {
  const unknownCalls = [
    { name: 'socket', count: 3 },
    { name: 'splice', count: 1 },
  ];
  const run = finished({ unknownCalls });
  expect(lossLines(run)).toEqual([]);
  expect(recordLines(run, out)[1]).toBe(
    'socket (3 times), splice (once): the engine has no such call and answered ENOSYS',
  );
});
