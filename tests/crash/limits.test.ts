/**
 * No more room: the disk is full at any moment of a recording, /dev/shm is too small, files may not
 * grow, no more may be opened, addresses are few. The guest runs to its end and prints what it
 * prints; what was recorded is kept, and nothing else; one line says what to do; with room again
 * recovery makes a sound trace.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BacktrailError, openTrace } from '@backtrail/recorder/trace';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Ring } from '../../packages/recorder/src/ring/ring.ts';
import { compile, temporaryFolder } from '../guests/build.ts';
import { need, needsAll } from '../require.ts';

/** What ships, compiled by `npm test` before. */
const CLI = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../bench/guests/micro.c', import.meta.url));
const RINGS = '/dev/shm';
/** So many rounds of the program: some millions of transfers. */
const ROUNDS = '3';

const folder = temporaryFolder('limits');
const small = path.join(folder, 'small');
const trace = path.join(small, 'x.trace');
const tools = needsAll('qemu-x86_64', 'cc', 'riscv64-linux-gnu-gcc');

/** A file system of its own for one process, and who may not have that. */
const mounts = need(
  'unshare',
  'sysctl kernel.unprivileged_userns_clone=1 (and apt-get install util-linux mount)',
  false,
  () => {},
  () => {
    const { status } = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'x', RINGS]);
    return status === 0 ? 'unshare' : null;
  },
);

interface Engine {
  readonly name: 'qemu' | 'embedded';
  readonly compiler: string;
}
const ENGINES: readonly Engine[] = [
  { name: 'qemu', compiler: 'cc' },
  { name: 'embedded', compiler: 'riscv64-linux-gnu-gcc' },
];
const programOf = ({ name }: Engine): string => path.join(folder, name);

const backtrail = [process.execPath, CLI].map((word) => `'${word}'`).join(' ');
const record = (engine: Engine, more = ''): string =>
  `${backtrail} record --engine ${engine.name} ${more} -o '${trace}' -- ` +
  `'${programOf(engine)}' ${ROUNDS}`;

interface Shell {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param isMounted in a mount namespace of its own */
function shell(script: string, isMounted = false): Shell {
  const [command, ...args] = isMounted
    ? ['unshare', '-rm', 'bash', '-c', script]
    : ['bash', '-c', script];
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Rings whose trace this file makes; other tests have theirs. */
function ringsHere(): string[] {
  return readdirSync(RINGS).filter((name) => {
    if (!/^backtrail-\d+-.*\.ring$/.test(name)) return false;
    try {
      const ring = Ring.open(path.join(RINGS, name));
      ring.close();
      return ring.traceDirectory.startsWith(small);
    } catch (error) {
      // Another test's, gone by now.
      if (!(error instanceof BacktrailError)) throw error;
      return false;
    }
  });
}

const drafts = (): string[] =>
  existsSync(small)
    ? readdirSync(small, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('tmp'))
    : [];

beforeEach(() => {
  rmSync(small, { recursive: true, force: true });
  mkdirSync(small);
});

describe.skipIf(tools.missing)(`no more room${tools.note}`, () => {
  const printed = new Map<string, string>();
  const pages = new Map<string, number>();
  beforeAll(() => {
    mkdirSync(small);
    for (const engine of ENGINES) {
      compile(engine.compiler, ['-O2', '-static', '-o', programOf(engine), SOURCE]);
      const { stdout } = shell(record(engine, '--ring 1M'));
      printed.set(engine.name, stdout);
      pages.set(engine.name, Math.ceil(openTrace(trace).manifest.totals.bytes / 4096));
      rmSync(trace, { recursive: true });
    }
  });

  describe.each(ENGINES)('$name', (engine) => {
    /** Shares of what the whole trace takes; beyond 1 the tables are rewritten as it is closed. */
    const SHARES = [0.01, 0.1, 0.6, 1.02, 1.1];

    test.skipIf(mounts.missing).each(SHARES)(`the disk is full at %d${mounts.note}`, (share) => {
      const kib = Math.max(8, Math.ceil((pages.get(engine.name) ?? 0) * share) * 4);
      const ask = (what: string): string => `${what} 2>&1 >'${folder}/page'; echo "status $?"`;
      // The line of the recorder, what is left, and that again of a recovery without room.
      const { stdout } = shell(
        `exec 3>'${folder}/printed'; mount -t tmpfs -o size=${kib}k x '${small}'
        said=$(${record(engine, '--ring 1M')} 2>&1 >&3); echo "status $?"; echo "$said"
        [ -e '${trace}/manifest.json' ] && { cp -r '${trace}' '${folder}/kept'; exit; }
        find '${small}' -name '*.tmp'
        for i in $(seq 9); do cat /dev/zero >>'${small}/filler' 2>/dev/null; done
        ${ask(`${backtrail} recover '${trace}'`)}
        find '${small}' -name '*.tmp'
        rm '${small}/filler'; mount -o remount,size=1g '${small}'
        ${ask(`${backtrail} recover '${trace}'`)}
        cp -r '${trace}' '${folder}/kept'; cat '${folder}/printed'`,
        true,
      );
      const kept = path.join(folder, 'kept');
      try {
        expect(stdout).not.toContain('.tmp\n');
        expect(stdout).not.toContain('unexpected');
        const { state, manifest, transfers } = openTrace(kept);
        expect(state, stdout).toBe('complete');
        expect(manifest.totals.transfers).toBe(transfers);
        expect(shell(`${backtrail} check '${kept}'`).status, stdout).toBe(0);
        expect(shell(`cat '${folder}/printed'`).stdout).toBe(printed.get(engine.name));
        if (stdout.startsWith('status 0')) return;
        expect(stdout).toMatch(/^status 1\nbacktrail: .*: the disk is full while writing \w+/);
        expect(stdout).toMatch(/Free some space.* kept; then: backtrail recover/);
        if (engine.name === 'qemu') expect(transfers).toBeGreaterThan(1000);
      } finally {
        rmSync(kept, { recursive: true, force: true });
      }
      expect(ringsHere()).toEqual([]);
    });

    test.each([0, 1, 64])('files of at most %d KiB', (kib) => {
      const { status, stdout, stderr } = shell(`ulimit -f ${kib}; ${record(engine)}`);
      expect(status, stderr).toBe(1);
      expect(stderr).toMatch(
        /^backtrail: .*found a limit on the size of files.*ulimit -f unlimited/,
      );
      expect(drafts()).toEqual([]);
      expect(ringsHere()).toEqual([]);
      // Nothing begun: nothing is left. Begun: it can be recovered.
      if (!existsSync(trace)) return;
      expect(stdout).toBe(printed.get(engine.name));
      expect(shell(`${backtrail} recover '${trace}'`).status).toBe(0);
      expect(shell(`${backtrail} check '${trace}'`).status).toBe(0);
    });

    test('few files may be open', () => {
      for (const files of [30, 33, 36]) {
        const { stderr } = shell(`ulimit -n ${files}; ${record(engine)}`);
        expect(stderr).not.toMatch(/unexpected|no version in what/);
        expect(drafts()).toEqual([]);
        rmSync(trace, { recursive: true, force: true });
      }
    });

    test('few addresses: told, or the recorder dies of it as of a kill', () => {
      const { status, stdout, stderr } = shell(`ulimit -v 2500000; ${record(engine)}`);
      if (status === 0) expect(stdout).toBe(printed.get(engine.name));
      else if (engine.name === 'embedded') expect(stderr).toMatch(/^backtrail: .*ulimit -v\)?\./);
      // Node ends itself without a word to us.
      else if (existsSync(trace)) shell(`${backtrail} recover '${trace}'`);
      expect(drafts()).toEqual([]);
      expect(ringsHere()).toEqual([]);
      if (existsSync(trace)) expect(shell(`${backtrail} check '${trace}'`).status).toBe(0);
      else expect(status).not.toBe(0);
    });
  });

  test.skipIf(mounts.missing).each(['100k', '1m', '17m'])(
    `/dev/shm of %s${mounts.note}`,
    (size) => {
      const [engine] = ENGINES;
      if (engine === undefined) throw new Error('no engine');
      const { status, stdout } = shell(
        `mount -t tmpfs -o size=${size} x ${RINGS}; ${record(engine)} 2>&1; s=$?; ls ${RINGS}
        exit $s`,
        true,
      );
      expect(status).toBe(1);
      expect(stdout).toMatch(/^backtrail: \/dev\/shm: found .* MiB free, expected .*\n$/);
      expect(existsSync(trace)).toBe(false);
    },
  );
});
