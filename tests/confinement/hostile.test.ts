/**
 * Guests that mean the engine no good, through the command line: each ends as on Linux, its trace
 * is whole and holds, and the host lives on. Seeds of random ones are printed where they fail.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openTrace, type Trace } from '@backtrail/recorder/trace';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { lastVcpu } from '../../packages/analyzer/src/last-vcpu.ts';
import { runHere } from '../../packages/cli/src/io.fixture.ts';
import { NODE_ARGUMENTS, runMain } from '../../packages/cli/src/main.fixture.ts';
import { buildProgram } from '../../packages/recorder/src/engines/embedded/plain/elf.fixture.ts';
import { compile, temporaryFolder } from '../guests/build.ts';
import { needs } from '../require.ts';
import { SEED } from '../seed.ts';

const SOURCE = new URL('./hostile.c', import.meta.url).pathname;
const folder = temporaryFolder('hostile');

/** `li a7, 94`, `li a0, 0`, `ecall`: exit_group(0). */
const EXIT = [0x05e0_0893, 0x0000_0513, 0x0000_0073] as const;

describe('files that are no programs, or hardly', () => {
  const file = path.join(folder, 'file.elf');
  const good = buildProgram(0x1_0000, [
    { address: 0x1_0000, bytes: new Uint8Array(Uint32Array.from(EXIT).buffer), flags: 5 },
    { address: 0x1_2000, bytes: new Uint8Array(64), memoryBytes: 9000, flags: 6 },
  ]);

  async function expectSurvived(bytes: Uint8Array): Promise<void> {
    writeFileSync(file, bytes);
    const argv = [
      'record',
      '--engine',
      'embedded',
      '--keep',
      'none',
      '--memory',
      '64M',
      '--',
      file,
    ];
    const { status, stdout, stderr } = await runHere(argv);
    expect(stdout).toBe('');
    // It ran, or one line says what is wrong with it.
    const lines = stderr.split('\n').filter((line) => line !== '');
    for (const line of lines) expect(line).toMatch(/^backtrail: .*(found|killed|ended)/);
    expect(lines.length).toBeLessThanOrEqual(1);
    expect(status === 1).toBe(lines.length === 1);
  }

  test('the program that they are made from does run', async () => {
    await expectSurvived(good);
  });

  test('random bytes behind the right first ones', async () => {
    const bytes = fc.tuple(fc.nat(20), fc.uint8Array({ minLength: 200, maxLength: 400 }));
    const property = fc.asyncProperty(bytes, async ([kept, random]) => {
      await expectSurvived(Buffer.concat([good.subarray(0, kept), random]));
    });
    await fc.assert(property, { numRuns: 20 });
  });

  test('a few bytes of the headers changed', async () => {
    const change = fc.record({ at: fc.integer({ min: 4, max: 175 }), value: fc.nat(255) });
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(changes, async (all) => {
      const bytes = Buffer.from(good);
      for (const { at, value } of all) bytes[at] = value;
      await expectSurvived(bytes);
    });
    await fc.assert(property, { numRuns: 5 });
  });
});

const compiler = needs('riscv64-linux-gnu-gcc');

describe.skipIf(compiler.missing)(`programs that mean no good${compiler.note}`, () => {
  const program = path.join(folder, 'hostile');
  if (!compiler.missing) compile(compiler.path, ['-O1', '-w', '-static', '-o', program, SOURCE]);
  let traces = 0;
  const nextTrace = (): string => path.join(folder, `${traces++}.trace`);
  const argvFor = (output: string, words: readonly string[]): string[] => {
    return ['record', '--quiet', '--engine', 'embedded', '-o', output, '--', program, ...words];
  };

  function expectWhole(output: string): Trace {
    const trace = openTrace(output);
    expect(trace.state).toBe('complete');
    expect(checkTrace(trace).findings).toEqual([]);
    return trace;
  }

  function run(...words: readonly string[]) {
    const output = nextTrace();
    const { status, stdout, stderr } = runMain(argvFor(output, words), { cwd: folder });
    return { status, stdout, stderr, trace: expectWhole(output) };
  }

  test.each([
    ['recurse', 'SIGSEGV', 139],
    ['large-frame', 'SIGSEGV', 139],
    ['fall', 'SIGSEGV', 139],
    ['no-instruction', 'SIGILL', 132],
  ])('%s', (how, signal, status) => {
    const found = run(how);
    expect(found).toMatchObject({ status, stdout: 'ready\n', stderr: '' });
    expect(found.trace.manifest.end).toMatchObject({ how: 'signal', signal });
  });

  test('random code, for as long as a timer lets it', () => {
    const seed = SEED;
    const { trace } = run('random', String(seed));
    const { end } = trace.manifest;
    expect(['SIGSEGV', 'SIGILL', 'SIGBUS', 'SIGTRAP', 'SIGVTALRM'], `seed ${seed}`).toContain(
      end?.how === 'signal' ? end.signal : end,
    );
  });

  test('forks without end: none is made, and that is counted', () => {
    const { stdout, trace } = run('forks');
    expect(stdout).toBe('ready\n2000 forks failed: ENOSYS\n');
    expect(trace.manifest.unknownCalls).toEqual([{ name: 'clone', count: 2000 }]);
  });

  test('threads without end: as many as there may be, and those left out are counted', () => {
    const { stdout, stderr, trace } = run('threads');
    expect(stdout).toBe('ready\n1023 threads, then EAGAIN\n');
    expect(stderr).toMatch(/ 896 vCPUs found no free slot /);
    expect(trace.manifest.totals.vcpus).toBe(1024 - 896);
    // The first thread ended the run: it is the one to read first.
    expect(lastVcpu(trace)).toBe(0);
  });

  test('mappings larger than the world, and very many', () => {
    const none = ['4000000000000000', '400000000000', '200000000', 'c0000000', 'fffffffffffff000'];
    expect(run('maps').stdout.split('\n')).toEqual([
      'ready',
      ...none.map((size) => `${size}: ENOMEM`),
      'reserved much',
      'used much',
      'pieces 5000',
      '',
    ]);
  });

  test('code that is written anew before each call, and while it runs', () => {
    const sum = Array.from({ length: 3000 }, (_, i) => i + (i % 2000)).reduce((a, b) => a + b, 0);
    expect(run('code').stdout).toBe(`ready\nsum ${sum}, 7\n`);
  });

  test('all descriptors taken, then none left', () => {
    const { status, stderr } = run('descriptors');
    expect(status).toBe(5);
    expect(stderr).toMatch(/^\d+ descriptors, then EMFILE\n$/);
  });

  describe('that do not end', () => {
    let child: ChildProcess | null = null;
    afterEach(() => {
      const isAlive = child?.exitCode === null && child.signalCode === null;
      if (child?.pid !== undefined && isAlive) process.kill(-child.pid, 'SIGKILL');
    });

    /** Starts one in a process group of its own, as a shell would, and waits until it runs. */
    async function start(how: string) {
      const output = nextTrace();
      const argv = [...NODE_ARGUMENTS, ...argvFor(output, [how])];
      const stdio = ['ignore', 'pipe', 'pipe'] as const;
      const started = spawn(process.execPath, argv, {
        cwd: folder,
        detached: true,
        stdio: [...stdio],
      });
      child = started;
      const ended = once(started, 'exit');
      await once(started.stdout, 'data');
      const { pid = 0 } = started;
      const press = () => process.kill(-pid, 'SIGINT');
      return { output, ended, press, stdout: started.stdout };
    }

    test('spin, until Ctrl-C', async () => {
      const { output, ended, press } = await start('spin');
      press();
      expect(await ended).toEqual([130, null]);
      const { manifest } = expectWhole(output);
      expect(manifest.end).toEqual({ how: 'signal', signal: 'SIGINT', number: 2 });
      expect(manifest.note).toBeNull();
    });

    test('refuse Ctrl-C, until it comes three times in a second', async () => {
      const { output, ended, press, stdout } = await start('refuse');
      // It answers each; on a slow machine it may take more until three are within a second.
      for (let isOver = false; !isOver; ) {
        press();
        const answered = once(stdout, 'data').then(() => false);
        isOver = await Promise.race([answered, ended.then(() => true)]);
      }
      expect(await ended).toEqual([137, null]);
      expect(expectWhole(output).manifest.end).toMatchObject({ signal: 'SIGKILL' });
    });

    test('wait for nobody, until Ctrl-C', async () => {
      const { output, ended, press } = await start('deadlock');
      press();
      expect(await ended).toEqual([130, null]);
      // It may have come just before the guest began to wait.
      const { note } = expectWhole(output).manifest;
      const { stdout } = await runHere(['info', output]);
      expect(stdout).toContain(`killed by SIGINT (signal 2)${note === null ? '\n' : `; ${note}`}`);
    });
  });
});
