/** The process as a shell sees it: status, streams, colours, a reader that goes away. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { needsFile } from '../../../tests/require.ts';
import { runHere } from './io.fixture.ts';
import { NODE_ARGUMENTS, runMain, SAMPLE } from './main.fixture.ts';

test('status 0, 1 and 2', () => {
  expect(runMain(['info', SAMPLE]).status).toBe(0);
  expect(runMain(['info', '/no/such.trace']).status).toBe(1);
  expect(runMain(['info']).status).toBe(2);
});

test('--version is that of the package', () => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  expect(manifest).toMatchObject({ version: runMain(['--version']).stdout.trim() });
});

test('a reader that goes away ends it quietly', async () => {
  const child = spawn(process.execPath, [...NODE_ARGUMENTS, 'back', SAMPLE, '-n', '1e6'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  child.stdout.once('data', () => child.stdout.destroy());
  await once(child, 'close');
  expect({ status: child.exitCode, signal: child.signalCode, stderr }).toEqual({
    status: 0,
    signal: null,
    stderr: '',
  });
});

const full = needsFile('/dev/full', 'run it on Linux');

test.skipIf(full.missing)(`a full disk behind stdout is told in one line${full.note}`, () => {
  const stdout = openSync(full.path, 'w');
  const { status, stderr } = spawnSync(process.execPath, [...NODE_ARGUMENTS, 'info', SAMPLE], {
    encoding: 'utf8',
    stdio: ['ignore', stdout, 'pipe'],
  });
  closeSync(stdout);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^backtrail: stdout: cannot be written: ENOSPC.*\n$/);
});

test('colours only where they are wanted', () => {
  // A pipe has none; FORCE_COLOR is what Node calls for without a terminal.
  expect(runMain(['back', SAMPLE, '-n', '1']).stdout).not.toContain('\u001b[');
  const forced = runMain(['back', SAMPLE, '-n', '1'], { env: { FORCE_COLOR: '1' } });
  expect(forced.stdout).toContain('\u001b[');
  const plain = runMain(['doctor'], { env: { NO_COLOR: '1' } });
  expect(plain.stdout).not.toContain('\u001b[');
});

/** A hook that tells every module that is loaded, ours and others'. */
const TELL_MODULES =
  'data:text/javascript,' +
  encodeURIComponent(`
    import { registerHooks } from 'node:module';
    import { writeSync } from 'node:fs';
    registerHooks({ resolve(specifier, context, next) {
      writeSync(2, specifier + '\\n');
      return next(specifier, context);
    } });
  `);

test.each([
  ['--help', /duckdb|apache-arrow|capstone|@backtrail/],
  ['info', /duckdb|apache-arrow|capstone|@backtrail\/analyzer/],
  ['back', /apache-arrow|duckdb/],
])('%s loads no more than it needs', (name, dear) => {
  const env = { NODE_OPTIONS: `--import=${TELL_MODULES}` };
  const { status, stderr } = runMain(name === '--help' ? [name] : [name, SAMPLE], { env });
  expect(status).toBe(0);
  expect(stderr).toContain('commander');
  expect(stderr.split('\n').filter((specifier) => dear.test(specifier))).toEqual([]);
});

test('a fault of ours is one line; its stack is there for those who ask', async () => {
  const broken = {
    get isTerminal(): boolean {
      throw new TypeError('a fault');
    },
  };
  const quiet = await runHere(['query', SAMPLE], { input: broken });
  expect(quiet.status).toBe(1);
  expect(quiet.stderr).toMatch(/^backtrail: unexpected: a fault\. This is a fault of .*\n$/);
  const asked = await runHere(['query', SAMPLE], {
    input: broken,
    env: { BACKTRAIL_DEBUG: '1' },
  });
  expect(asked.stderr).toMatch(/\nTypeError: a fault\n +at /);
});
