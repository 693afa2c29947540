/** `backtrail record` as a whole: programs of this machine under QEMU. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RING_BYTES_DEFAULT } from '@backtrail/recorder';
import { openTrace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { needsAll } from '../../../tests/require.ts';
import { RECORD } from './commands/record.ts';
import { runMain, temporaryFolder } from './main.fixture.ts';

test("the ring is as large as the recorder's usual one", () => {
  const ring = RECORD.options.find((option) => option.flags.startsWith('--ring'));
  expect(ring?.default?.value).toBe(RING_BYTES_DEFAULT);
});

const need = needsAll(process.arch === 'arm64' ? 'qemu-aarch64' : 'qemu-x86_64', 'cc');

describe.skipIf(need.missing)(`record${need.note}`, () => {
  const folder = temporaryFolder();
  const record = (argv: readonly string[], stdin = '') =>
    runMain(['record', ...argv], { cwd: folder, stdin });

  test('the program has its streams and its status; nothing is said off a terminal', () => {
    const script = 'read x; echo "got $x"; echo oops >&2; exit 7';
    const { status, stdout, stderr } = record(['-o', 'a', '/bin/sh', '-c', script], 'word\n');
    expect({ status, stdout, stderr }).toEqual({
      status: 7,
      stdout: 'got word\n',
      stderr: 'oops\n',
    });
    const { manifest, state } = openTrace(join(folder, 'a'));
    expect(state).toBe('complete');
    expect(manifest.command).toEqual(['/bin/sh', '-c', script]);
    expect(manifest.end).toEqual({ how: 'exit', status: 7 });
  });

  test('a program killed by signal 11 gives 139', () => {
    const { status } = record(['-o', 'killed', '/bin/sh', '-c', 'kill -SEGV $$']);
    expect(status).toBe(139);
    const { manifest } = openTrace(join(folder, 'killed'));
    expect(manifest.end).toEqual({ how: 'signal', signal: 'SIGSEGV', number: 11 });
  });

  test.each([
    ['without --', []],
    ['after --', ['--']],
  ])('options after the program are its own, %s', (_how, separator) => {
    const words = ['--keep', 'last', '-o', 'x', '--', '--help', ''];
    const { status, stdout } = record([...separator, '/bin/echo', ...words]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${words.join(' ')}\n` });
  });

  test('the trace is named after the program, and no trace is replaced', () => {
    record(['/bin/true']);
    record(['/bin/true']);
    expect(existsSync(join(folder, 'true.trace'))).toBe(true);
    expect(existsSync(join(folder, 'true.2.trace'))).toBe(true);
    const { status, stdout, stderr } = record(['-o', 'true.trace', '/bin/echo', 'ran']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/true\.trace: found something of that name, expected none\. Remove it/);
  });

  test('what was asked for is not told, what is missing is', () => {
    const limited = record(['-o', 'few', '--max-transfers', '100', '/bin/true']);
    expect(limited.stderr).toBe('');
    expect(openTrace(join(folder, 'few')).manifest.stopped).toBe('max-transfers');
    const forked = record(['-o', 'forked', '/bin/sh', '-c', '/bin/true; exit 0']);
    expect(forked.stderr).toMatch(
      /^backtrail: forked: 1 forked process executed another program .* unrecorded\.\n$/,
    );
    const words = ['--follow', 'none', '/bin/sh', '-c', '/bin/true; exit 0'];
    const alone = record(['-o', 'alone', ...words]);
    expect(alone.stderr).toMatch(/^backtrail: alone: 1 child processes ran unrecorded.*\n$/);
  });

  test('a ring beyond all memory', () => {
    const { status, stderr } = record(['-o', 'huge', '--ring', '4000000G', '/bin/true']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^backtrail: .*\n$/);
    expect(existsSync(join(folder, 'huge'))).toBe(false);
  });

  test('--keep last says nothing off a terminal about what it was told to drop', () => {
    const { stderr } = record([
      '-o',
      'last',
      '--keep',
      'last',
      '--ring',
      '8K',
      '/bin/sh',
      '-c',
      ':',
    ]);
    expect(stderr).toBe('');
    expect(openTrace(join(folder, 'last')).manifest.losses.overwritten).toBeGreaterThan(0);
  });
});
