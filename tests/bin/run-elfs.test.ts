/** scripts/run-elfs.ts with a stand-in for the engine: what it runs, what it tells, how it ends. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../guests/build.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder('run-elfs');

/** Ends as the name of its program says. The output folder of the one before must be gone. */
const STAND_IN = `
mkdir "$2" || exit 99
case "$1" in
  *fails) printf 'first\\nthe reason\\n\\n' >&2; exit 7;;
  *killed) kill -TERM $$;;
  *endless) while :; do :; done;;
esac
`;

/** As much of an ELF header as tells a program. */
function header(type: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32BE(0x7f454c46, 0);
  bytes.writeUInt16LE(type, 16);
  return bytes;
}

function runElfs(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const script = path.join(ROOT, 'scripts/run-elfs.ts');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=backtrail-source', script, ...args],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

test('programs that fail are told, and counted', () => {
  const programs = path.join(folder, 'programs');
  mkdirSync(path.join(programs, 'folder'), { recursive: true });
  for (const name of ['a-passes', 'b-fails', 'c-killed', 'd-endless', 'e-passes']) {
    writeFileSync(path.join(programs, name), header(2));
  }
  writeFileSync(path.join(programs, 'f-relocatable'), header(1));
  writeFileSync(path.join(programs, 'g-text'), 'no program');
  const standIn = path.join(folder, 'stand-in.sh');
  writeFileSync(standIn, STAND_IN);
  const command = `/bin/sh ${standIn} {program} {output}`;
  const run = runElfs(programs, '--seconds', '2', '--command', command);
  expect(run.stdout.replace(/; the slowest.*/, '')).toBe(
    'failed  b-fails: status 7: the reason\n' +
      'failed  c-killed: killed by SIGTERM\n' +
      'failed  d-endless: ran longer than 2 s\n' +
      '5 programs, 2 passed, 3 failed\n',
  );
  expect(run.status).toBe(1);
  expect(runElfs(programs, '--match', 'passes', '--command', command)).toMatchObject({ status: 0 });
  const none = runElfs(programs, '--match', 'nothing', '--command', command);
  expect(none).toMatchObject({ status: 1, stdout: '0 programs, 0 passed, 0 failed\n' });
});

test('without a folder it says how it is used', () => {
  expect(runElfs()).toMatchObject({ status: 2 });
  expect(runElfs('a', 'b').stderr).toContain('expected: run-elfs.ts FOLDER');
});
