import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { need } from '../../../tests/require.ts';
import { completePath } from './completion.ts';
import { NODE_ARGUMENTS, runMain, temporaryFolder } from './main.fixture.ts';

const folder = temporaryFolder();
for (const name of ['a.trace', 'b.trace', 'sub', '.hidden', '$(touch pwned)', 'with space']) {
  mkdirSync(join(folder, name));
}
writeFileSync(join(folder, 'a.out'), '');
chmodSync(join(folder, 'a.out'), 0o755);

test('paths: traces as they are, other folders with a slash, files where they are wanted', () => {
  expect(completePath(`${folder}/`, false)).toEqual([
    `${folder}/a.trace`,
    `${folder}/b.trace`,
    `${folder}/sub/`,
  ]);
  expect(completePath(`${folder}/a`, true)).toEqual([`${folder}/a.out`, `${folder}/a.trace`]);
  expect(completePath(`${folder}/no/such`, true)).toEqual([]);
});

const complete = (...words: string[]): string[] => {
  const { status, stdout, stderr } = runMain(['complete', '--', ...words], { cwd: folder });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout
    .split('\n')
    .flatMap((line) => (line.includes('\t') ? [line.split('\t')[0] ?? ''] : []));
};

test('commands, options, choices and traces are offered, one line each', () => {
  expect(complete('re')).toEqual(['record', 'recover']);
  expect(complete('record', '--engine', '')).toEqual(['auto', 'qemu', 'embedded']);
  expect(complete('query', '--form')).toEqual(['--format']);
  expect(complete('info', '')).toEqual(['a.trace', 'b.trace', 'sub/']);
});

test.each(['bash', 'zsh', 'fish', 'powershell'])('a script for %s', (shell) => {
  const { status, stdout } = runMain(['complete', shell]);
  expect(status).toBe(0);
  expect(stdout).toContain('backtrail');
  expect(stdout.split('\n').length).toBeGreaterThan(20);
});

const isRequired = process.env['BACKTRAIL_REQUIRE_ALL'] === '1';
const bash = need('bash', 'apt-get install bash', isRequired);

test.skipIf(bash.missing)(`bash completes with it, with no package of its own${bash.note}`, () => {
  const script = `
    backtrail() { "$NODE" ${NODE_ARGUMENTS.map((word) => `'${word}'`).join(' ')} "$@"; }
    source <(backtrail complete bash)
    compopt() { :; }
    ask() {
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      __backtrail_complete
      echo "\${COMPREPLY[*]}"
    }
    ask backtrail rec
    ask backtrail record --engine ''
    ask backtrail info ''
  `;
  const run = spawnSync(bash.path, ['--norc', '-c', script], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], NODE: process.execPath },
  });
  expect(run.stderr).toBe('');
  expect(run.stdout.split('\n')).toEqual([
    'record recover',
    'auto qemu embedded',
    'a.trace b.trace sub/',
    '',
  ]);
});
