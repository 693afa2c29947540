/** The real programs under QEMU: what every other engine is held against. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { temporaryFolder } from '../guests/build.ts';
import { needsAll } from '../require.ts';
import { buildRealProgram, REAL_PROGRAMS, REAL_RUNS } from './real-programs.ts';
import { functionAt, recordOn } from './record-on.ts';
import { divergences } from './same-transfers.ts';

const need = needsAll('qemu-riscv64', 'riscv64-linux-gnu-gcc');
const folder = temporaryFolder('real-programs');
/** SQLite is one file of 240,000 lines: 6 s alone on a core, more where all tests run at once. */
const BUILD_TIMEOUT_MS = 300_000;

/**
 * Lua seeds its hashes with an address and the time, SQLite a journal with time and random bytes:
 * their transfers are those of no other run.
 */
const SEEDED = new Set(['lua', 'lua-more', 'sqlite-file']);

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

  test.each(REAL_RUNS.filter(({ name }) => !SEEDED.has(name)))(
    '$name makes the same transfers on both engines',
    ({ name, program, args, stdin }) => {
      const file = buildRealProgram(program);
      const [embedded, qemu] = (['embedded', 'qemu'] as const).map((engine) => {
        const own = path.join(folder, `${name}.${engine}`);
        mkdirSync(own);
        const output = path.join(folder, `${name}.${engine}.trace`);
        return recordOn(engine, { program: file, args: args('.'), stdin, output, folder: own });
      });
      if (embedded === undefined || qemu === undefined) throw new Error('two were recorded');
      expect(embedded.stdout.equals(qemu.stdout)).toBe(true);
      expect(checkTrace(embedded.trace).findings).toEqual([]);
      const places = divergences(embedded.trace, qemu.trace).map(({ after, first, second }) => {
        return `${functionAt(file, after ?? 0n)} ${first.count} ${second.count}`;
      });
      // QEMU has no set_robust_list, and glibc branches on its answer.
      expect(places).toEqual(['__libc_setup_tls 0 1']);
    },
    BUILD_TIMEOUT_MS,
  );

  test.each(REAL_RUNS.filter(({ name }) => SEEDED.has(name)))(
    '$name gives its answers on the embedded engine, and its trace holds',
    ({ name, program, args, stdin, holds }) => {
      const output = path.join(folder, `${name}.embedded.trace`);
      const file = buildRealProgram(program);
      const own = path.join(folder, `${name}.seeded`);
      mkdirSync(own);
      const run = { program: file, args: args('.'), stdin, output, folder: own };
      const { trace, stdout } = recordOn('embedded', run);
      for (const answer of holds) expect(stdout.includes(answer), String(answer)).toBe(true);
      expect(checkTrace(trace).findings).toEqual([]);
    },
    BUILD_TIMEOUT_MS,
  );

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
