/**
 * What the command line prints, letter by letter: help of every command, the sample trace through
 * every command that reads one, and mistakes with what they cause. UPDATE=1 writes the files anew.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../packages/cli/src/cli.ts';
import { runHere } from '../../../packages/cli/src/io.fixture.ts';
import { COMMANDS_PATH, renderCommands } from '../../../scripts/gen-commands.ts';

const FOLDER = fileURLToPath(new URL('./', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BIN = path.join(ROOT, 'packages/cli/bin/backtrail.js');
const SAMPLE = 'traces/v1/smash/smash.trace';
/** A return address that was written over; tasks that are interrupted in turn. */
const BROKEN = 'traces/v1/riscv64-smash/riscv64-smash.trace';
const INTERRUPTED = 'traces/v1/bare-scheduler/bare-scheduler.trace';
const isUpdate = process.env['UPDATE'] === '1';

const compared: string[] = [];

function compare(name: string, text: string): void {
  const file = path.join(FOLDER, `${name}.txt`);
  compared.push(`${name}.txt`);
  if (isUpdate) writeFileSync(file, text);
  if (!existsSync(file))
    throw new Error(`${file}: not there. Write it with UPDATE=1, then read it`);
  expect(text).toBe(readFileSync(file, 'utf8'));
}

/** A command line and all it caused. */
async function session(lines: readonly (readonly string[])[]): Promise<string> {
  const parts: string[] = [];
  for (const argv of lines) {
    const { status, stdout, stderr } = await runHere(argv);
    const words = argv.map((word) => {
      if (/^[\w./=-]+$/.test(word)) return word;
      return word.includes("'") ? `"${word}"` : `'${word}'`;
    });
    parts.push(`$ ${['backtrail', ...words].join(' ')}\n${stdout}${stderr}[${status}]\n`);
  }
  // Where the checkout lies is nobody's business.
  return parts.join('\n').replaceAll(ROOT, '/checkout/');
}

// Paths in the output are relative to the root of the project.
const before = process.cwd();
process.chdir(ROOT);
afterAll(() => process.chdir(before));

describe('help', () => {
  test('of backtrail', async () => {
    const { status, stdout } = await runHere(['--help']);
    expect(status).toBe(0);
    compare('backtrail', stdout);
  });

  test.each([...COMMANDS.map((command) => command.name), 'complete'])('of %s', async (name) => {
    const { status, stdout, stderr } = await runHere([name, '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    compare(name, stdout);
  });

  test.each(COMMANDS)('$name has examples, and they are lines of that command', (command) => {
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { line } of command.examples) {
      expect(line).toMatch(new RegExp(`^backtrail ${command.name}\\b`));
    }
  });
});

describe('the sample trace', () => {
  test.each([
    ['info', ['info', SAMPLE]],
    ['info-json', ['info', SAMPLE, '--json']],
    ['back', ['back', SAMPLE, '-n', '20']],
    ['back-from', ['back', SAMPLE, '--from', '2', '-n', '5', '--no-disassembly']],
    ['back-json', ['back', SAMPLE, '-n', '3', '--json']],
    ['last', ['last', SAMPLE, 'worth', '-n', '3']],
    ['last-anywhere', ['last', SAMPLE, 'main', '--anywhere', '--from', '1100', '-n', '4']],
    ['last-json', ['last', SAMPLE, 'main', '--json']],
    ['stack', ['stack', SAMPLE]],
    ['stack-at', ['stack', SAMPLE, '--at', '1200']],
    ['stack-json', ['stack', SAMPLE, '-n', '2', '--json']],
    ['stack-broken', ['stack', BROKEN]],
    ['stack-interrupted', ['stack', INTERRUPTED, '--at', '120000']],
    ['check', ['check', SAMPLE]],
    [
      'query',
      ['query', SAMPLE, 'select kind, count(*) as n from transfers group by kind order by kind'],
    ],
  ])('%s', async (name, argv) => {
    compare(`sample.${name}`, await session([argv]));
  });
});

test('demo', () => {
  const { stdout, status } = spawnSync(process.execPath, [BIN, 'demo'], { encoding: 'utf8' });
  expect(status).toBe(0);
  // What another run has otherwise: where, when, how fast, and how well times compress.
  const text = stdout
    .replaceAll(/\S*backtrail-demo-\w+/g, '/tmp/demo')
    .replaceAll(ROOT.slice(0, -1), '/checkout')
    .replace(/^(started +).*$/m, '$1…')
    .replace(/^(transfers +[\d,]+).*$/m, '$1 …')
    .replace(/^(size +).*$/m, '$1…');
  compare('demo-run', text);
});

test('the sample shows what it is there to show: the ret into what was overwritten', async () => {
  const { stdout } = await runHere(['back', SAMPLE, '-n', '1']);
  expect(stdout).toMatch(/last in worth\+0x1d, as far as it ran:\n.* add rsp, 0x18\n.* ret\n/);
});

test('mistakes', async () => {
  const text = await session([
    [],
    ['reocrd', './a.out'],
    ['info'],
    ['info', 'a.trace', 'b.trace'],
    ['info', 'no-such.trace'],
    ['info', 'docs'],
    ['info', 'LICENSE'],
    ['info', SAMPLE, '--jason'],
    ['record'],
    ['record', '--ring', '12Q', './a.out'],
    ['record', '--ring', '4K', './a.out'],
    ['record', '--max-transfers', '0', './a.out'],
    ['record', '--max-transfers', '-5', './a.out'],
    ['record', '--max-transfers', 'many', './a.out'],
    ['record', '--keep', 'some', './a.out'],
    ['record', '--engine', 'embedded', './no-such-program'],
    ['record', '--engine', 'embedded', './LICENSE'],
    ['record', '--engine', 'wasm', './a.out'],
    ['record', 'no-such-program'],
    ['record', './no-such-program'],
    ['record', './docs'],
    ['record', './.ci/run'],
    ['record', './LICENSE'],
    ['back', SAMPLE, '--from', '999999'],
    ['back', SAMPLE, '--from', '-1'],
    ['back', SAMPLE, '--vcpu', '3'],
    ['back', SAMPLE, '-n', '0'],
    ['last', SAMPLE],
    ['last', SAMPLE, 'mian'],
    ['last', SAMPLE, 'mai'],
    ['last', SAMPLE, 'smash.c:12'],
    ['last', SAMPLE, '0x1'],
    ['last', SAMPLE, 'main', '--from', '999999'],
    ['last', SAMPLE, 'main', '--vcpu', '3'],
    ['index', 'no-such.trace'],
    ['stack', SAMPLE, '--at', '999999'],
    ['stack', SAMPLE, '--vcpu', '3'],
    ['recover', SAMPLE],
    ['recover', 'no-such.ring'],
    ['recover', 'LICENSES/GPL-2.0-or-later.txt'],
    ['query', SAMPLE, 'selct 1'],
    ['query', SAMPLE, 'from transferz'],
    ['query', SAMPLE, ''],
    ['query', SAMPLE, "from read_csv('/etc/passwd')"],
    ['query', SAMPLE, 'from edges', '-o', 'edges.xlsx'],
    ['query', SAMPLE, 'from edges', '-o', 'no-such-folder/edges.csv'],
    ['query', SAMPLE, 'from edges', '--format', 'xml'],
    ['complete', 'tcsh'],
  ]);
  compare('mistakes', text);
});

test('docs/commands.md is fresh', () => {
  const page = renderCommands();
  if (isUpdate) writeFileSync(path.join(ROOT, COMMANDS_PATH), page);
  expect(page).toBe(readFileSync(path.join(ROOT, COMMANDS_PATH), 'utf8'));
});

test('every golden file is read by a test', () => {
  const found = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  expect(found.sort()).toEqual(compared.sort());
});
