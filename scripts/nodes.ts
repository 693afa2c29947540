/**
 * `npm run test:nodes`: what does not need the pinned Node, tried on others: the oldest that
 * backtrail starts on, and the newest that npm has as a package. Each is put into a temporary
 * folder with npm. There
 *
 *  - the demo runs, as it was built;
 *  - guests of the embedded engine are recorded, each trace is checked and asked in SQL, and holds
 *    the very same transfers as one made with the Node that runs this;
 *  - the tests of the analyzer and of the embedded engine pass.
 *
 *   npm run test:nodes -- 22.15.0 26.12.1     these versions
 *   npm run test:nodes -- --quick             without the tests
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CLI = join(ROOT, 'packages/cli/bin/backtrail.js');
const GUESTS = join(ROOT, 'tests/guests/riscv64/bin');
const VERSIONS = ['22.15.0', '26.12.1'];
/** Integers, floating point, threads, exceptions of C++, code that changes itself. */
const PROGRAMS = ['core', 'rounding', 'threads', 'exceptions', 'smc'];
const TESTS = [
  'packages/analyzer',
  'packages/recorder/src/engines/embedded',
  'packages/recorder/src/trace',
  'packages/recorder/src/wasm',
];

interface Done {
  readonly status: number | null;
  readonly said: string;
}

/** Of one length for all: a guest has it on its stack. */
const ENVIRONMENT: NodeJS.ProcessEnv = { PATH: '/usr/bin:/bin' };

function run(
  node: string,
  args: readonly string[],
  cwd: string,
  env = ENVIRONMENT,
  flags = '',
): Done {
  const { status, stdout, stderr } = spawnSync(node, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...env, NO_COLOR: '1', NODE_OPTIONS: flags },
  });
  return { status, said: `${stdout}${stderr}` };
}

/** @returns path of that Node. @throws Error if npm does not have it. */
function fetchNode(version: string, folder: string): string {
  const name = `node-${process.platform}-${process.arch}`;
  mkdirSync(folder);
  const npm = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--silent'];
  const { status, stderr } = spawnSync('npm', [...npm, `${name}@${version}`], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm: found no ${name}@${version}: ${stderr}`);
  return join(folder, 'node_modules', name, 'bin/node');
}

/** Of all transfers of a trace: the same whichever Node made it. */
function fingerprint(trace: string): string {
  const hash = createHash('sha256');
  const folder = join(trace, 'transfers');
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, file)));
  return hash.update(readFileSync(join(trace, 'edges.arrow'))).digest('hex');
}

/** Records a guest, checks it and counts in it. @returns what is wrong; else its fingerprint. */
function record(node: string, program: string, folder: string): string {
  const trace = join(folder, `${program}.trace`);
  const guest = ['--', join(GUESTS, `${program}.elf`)];
  const options = ['record', '--engine', 'embedded', '-q', '-o', trace];
  for (const args of [
    [...options, ...guest],
    ['check', trace],
    ['query', trace, 'SELECT count(*) FROM transfers'],
    ['crash', trace],
  ]) {
    const { status, said } = run(node, [CLI, ...args], folder);
    // A guest's own status is passed on: the fingerprint tells whether it ran as it should.
    if (status !== 0 && args[0] !== 'record')
      return `backtrail ${args.join(' ')}: status ${status}: ${said.slice(-400)}`;
  }
  return fingerprint(trace);
}

let failures = 0;
function tell(node: string, what: string, problem: string | null): void {
  process.stdout.write(`${node}: ${what}: ${problem ?? 'passed'}\n`);
  if (problem !== null) failures++;
}

function tryNode(version: string, expected: ReadonlyMap<string, string>, folder: string): void {
  const node = fetchNode(version, folder);
  const demo = run(node, [CLI, 'demo'], folder);
  const isTold = demo.status === 0 && demo.said.includes('returned to an address that is text');
  tell(version, 'demo', isTold ? null : `status ${demo.status}: ${demo.said.slice(-400)}`);
  for (const [program, fingerprintHere] of expected) {
    const found = record(node, program, folder);
    tell(version, `records ${program}`, found === fingerprintHere ? null : `another: ${found}`);
  }
  if (process.argv.includes('--quick')) return;
  // Before 22.18 types in source files are stripped only if that is asked for, with a warning.
  const isAsked = version.startsWith('22.');
  const flags = isAsked ? '--experimental-strip-types' : '';
  const without = isAsked ? ['-t', '^(?!.*loading prints no warning of an experiment)'] : [];
  const searchPath = `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}`;
  const vitest = [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=dot',
    ...without,
    ...TESTS,
  ];
  const { status, said } = run(node, vitest, ROOT, { ...process.env, PATH: searchPath }, flags);
  const counts = said
    .split('\n')
    .filter((line) => /^ +Tests /.test(line) || /FAIL|Error/.test(line));
  const told = counts
    .slice(-20)
    .map((line) => line.trim())
    .join('\n  ');
  tell(version, 'tests', status === 0 ? null : `status ${status}\n  ${told}`);
}

const named = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const folder = mkdtempSync(join(tmpdir(), 'backtrail-nodes-'));
try {
  const own = join(folder, 'own');
  mkdirSync(own);
  const expected = new Map(PROGRAMS.map((name) => [name, record(process.execPath, name, own)]));
  for (const version of named.length > 0 ? named : VERSIONS) {
    tryNode(version, expected, join(folder, version));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failures > 0) process.stderr.write(`${failures} failed\n`);
process.exitCode = failures > 0 ? 1 : 0;
