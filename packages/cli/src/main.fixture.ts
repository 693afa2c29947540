/** Runs command lines in a process of their own, as a shell does. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** What goes before the words of a command line. */
export const NODE_ARGUMENTS: readonly string[] = ['--conditions=backtrail-source', MAIN];

export const SAMPLE = fileURLToPath(
  new URL('../../../traces/v1/smash/smash.trace', import.meta.url),
);

/** A folder that is removed after the tests of the file that asks. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'backtrail-cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Surroundings {
  readonly stdin?: string;
  readonly cwd?: string;
  /** Changes to the environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** @param argv the words after `backtrail` */
export function runMain(
  argv: readonly string[],
  { stdin = '', cwd, env = {} }: Surroundings = {},
): SpawnSyncReturns<string> {
  const { FORCE_COLOR: _colour, ...inherited } = process.env;
  return spawnSync(process.execPath, [...NODE_ARGUMENTS, ...argv], {
    encoding: 'utf8',
    input: stdin,
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...inherited, NODE_OPTIONS: '', ...env },
  });
}
