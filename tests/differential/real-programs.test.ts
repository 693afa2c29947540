/** The real programs under QEMU: what every other engine is held against. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../guests/build.ts';
import { needsAll } from '../require.ts';
import { buildRealProgram, REAL_PROGRAMS, REAL_RUNS } from './real-programs.ts';

const need = needsAll('qemu-riscv64', 'riscv64-linux-gnu-gcc');
const folder = temporaryFolder('real-programs');
/** SQLite is one file of 240,000 lines: 15 s alone on a core, more where all tests run at once. */
const BUILD_TIMEOUT_MS = 300_000;

describe.skipIf(need.missing)(`real programs${need.note}`, () => {
  test.each(REAL_PROGRAMS)(
    '%s builds, and is kept',
    (name) => {
      const program = buildRealProgram(name);
      expect(readFileSync(program).subarray(0, 4).toString('latin1')).toBe('\x7fELF');
      expect(buildRealProgram(name)).toBe(program);
    },
    BUILD_TIMEOUT_MS,
  );

  test.each(REAL_RUNS)('$name', ({ program, args, stdin, holds }) => {
    const { status, stdout, stderr } = spawnSync(
      need.path,
      [buildRealProgram(program), ...args(folder)],
      { input: stdin, cwd: folder, timeout: 60_000 },
    );
    expect(stderr.toString()).toBe('');
    expect(status).toBe(0);
    for (const answer of holds) expect(stdout.includes(answer), String(answer)).toBe(true);
  });

  test('a database in a file is one, and its answers are those of one in memory', () => {
    const file = readFileSync(path.join(folder, 'tour.db'));
    expect(file.subarray(0, 15).toString('latin1')).toBe('SQLite format 3');
    const run = REAL_RUNS.find(({ name }) => name === 'sqlite');
    const answers = [[], [path.join(folder, 'other.db')]].map((args) =>
      spawnSync(need.path, [buildRealProgram('sqlite'), ...args], {
        input: run?.stdin,
        encoding: 'utf8',
      }),
    );
    expect(answers[0]?.stdout).toBe(answers[1]?.stdout);
  });
});
