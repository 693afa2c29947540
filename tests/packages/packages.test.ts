/**
 * What would be published, as its users meet it: an empty folder outside the checkout,
 * `npm install`, the commands, the libraries, and their types.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OURS, type Registry, startRegistry } from './registry.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = path.join(ROOT, 'node_modules/.bin/tsc');

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let registry: Registry;
let project = '';

/** Runs in the empty project; asynchronous, since this process is the registry. */
async function run(command: string, ...args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, npm_config_registry: registry.url, NO_COLOR: '1' };
  const child = spawn(command, args, { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, 'close');
  return { stdout, stderr, status: child.exitCode };
}

beforeAll(async () => {
  registry = await startRegistry();
  project = mkdtempSync(path.join(tmpdir(), 'backtrail-empty-'));
  const manifest = { name: 'empty', private: true, type: 'module' };
  writeFileSync(path.join(project, 'package.json'), JSON.stringify(manifest));
  const cache = ['--cache', path.join(project, '.cache'), '--no-audit', '--no-fund'];
  const names = [...Object.keys(OURS), '@types/node'];
  const installed = await run('npm', 'install', ...cache, ...names);
  expect(installed.stderr).not.toMatch(/ERR|error/);
  expect(installed.status).toBe(0);
});

afterAll(async () => {
  await registry.close();
  rmSync(project, { recursive: true, force: true });
});

describe('packages: installed into an empty project', () => {
  test('no other Node comes along, which npm scripts of the project would run on', () => {
    expect(existsSync(path.join(project, 'node_modules/.bin/node'))).toBe(false);
  });

  test.each(Object.keys(OURS))('%s: texts are with it, what is for the checkout is not', (name) => {
    const folder = path.join(project, 'node_modules', name);
    const [license, ours] = [folder, ROOT].map((at) => readFileSync(path.join(at, 'LICENSE')));
    expect(license).toEqual(ours);
    expect(readFileSync(path.join(folder, 'README.md'), 'utf8')).toContain(`# ${name}\n`);
    if (name === '@backtrail/recorder') {
      expect(existsSync(path.join(folder, 'LICENSES/GPL-2.0-or-later.txt'))).toBe(true);
    }
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const strange = files.filter((file) =>
      /\.(?:test|fixture|model)\.|\.map$|tsbuildinfo|\.trace\//.test(file),
    );
    expect(strange).toEqual([]);
  });

  test('npx backtrail: demo, and info and crash of what it recorded', async () => {
    const demo = await run('npx', '--no', 'backtrail', 'demo');
    expect(demo).toMatchObject({ status: 0, stderr: '' });
    expect(demo.stdout).toContain('A return that did not go back to its caller: read_station+0x54');
    const trace = /\S+\.trace/.exec(demo.stdout)?.[0] ?? '';
    try {
      const info = await run('npx', '--no', 'backtrail', 'info', trace, '--json');
      expect(JSON.parse(info.stdout)).toMatchObject({ totals: { transfers: 980 } });
      const crash = await run('npx', '--no', 'backtrail', 'crash', trace);
      expect(crash).toMatchObject({ status: 0, stderr: '' });
      expect(crash.stdout).toContain('killed by SIGSEGV');
      const sql = 'select count(*) as n from transfers';
      const query = await run('npx', 'backtrail', 'query', trace, sql, '--format', 'csv');
      expect(query).toEqual({ status: 0, stderr: '', stdout: 'n\n980\n' });
      const check = await run('npx', 'backtrail', 'check', trace);
      expect(check.status, check.stdout + check.stderr).toBe(0);
      await useLibraries(trace);
    } finally {
      rmSync(path.dirname(trace), { recursive: true, force: true });
    }
  });
});

test('npx backtrail demo --files: programs with sources, from the package alone', async () => {
  const written = await run('npx', '--no', 'backtrail', 'demo', '--files', 'first-hour');
  expect(written).toMatchObject({ status: 0, stderr: '' });
  const files = readdirSync(path.join(project, 'first-hour'));
  expect(files).toEqual(expect.arrayContaining(['jit.elf', 'kernel.c', 'smash.elf', 'tiny.h']));
  const again = await run('npx', '--no', 'backtrail', 'demo', '--files', 'first-hour');
  expect(again).toMatchObject({ status: 1, stdout: '' });
  expect(again.stderr).toContain('no file was written');
  const elf = 'first-hour/kernel.elf';
  const recorded = await run('npx', '--no', 'backtrail', 'record', '-q', '--', elf);
  expect(recorded.status).toBe(1);
  expect(recorded.stdout).toContain('panic while serving write block 9');
});

/** The examples of the packages' own READMEs, together. */
async function useLibraries(trace: string): Promise<void> {
  const script = `
    import { openTrace } from '@backtrail/recorder/trace';
    import { record } from '@backtrail/recorder';
    import { crashReport } from '@backtrail/analyzer';
    import { openDatabase } from '@backtrail/analyzer/database';
    import { walk } from '@backtrail/tui';
    const trace = openTrace(process.argv[2] ?? '');
    const database = await openDatabase(trace);
    const result = await database.query('from hot_symbols limit 1');
    const names: string[] = result.columns.map((column) => column.name);
    await database.close();
    const transfers: number = trace.manifest.totals.transfers;
    const kinds = [typeof walk, typeof record, typeof crashReport];
    console.log(JSON.stringify([transfers, names[0], ...kinds]));
    // @ts-expect-error a number is no text: types are there, and not any
    export const wrong: string = trace.manifest.totals.transfers;
  `;
  writeFileSync(path.join(project, 'use.ts'), script);
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024'];
  const types = await run(TSC, ...flags, '--types', 'node', '--skipLibCheck', 'false', 'use.ts');
  expect(types).toEqual({ status: 0, stdout: '', stderr: '' });
  const used = await run(process.execPath, 'use.ts', trace);
  expect(used.stderr).toBe('');
  const all = [980, 'symbol', 'function', 'function', 'function'];
  expect(JSON.parse(used.stdout)).toEqual(all);
}
