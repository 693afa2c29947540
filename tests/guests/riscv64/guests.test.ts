/** The committed guests are what their sources say, and do what QEMU says. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { needs, needsAll } from '../../require.ts';
import { temporaryFolder } from '../build.ts';
import {
  buildLine,
  type End,
  expectedFile,
  expectedOutput,
  FOLDER,
  GUESTS,
  type Guest,
  guestFile,
  KERNELS,
  nativeBuildLine,
  QEMU_ARGS,
  RUNS,
  runName,
} from './guests.ts';

const isUpdate = process.env['UPDATE'] === '1';
const KIB = 1024;
const TIMEOUT_MS = 60_000;
const folder = temporaryFolder('guests');

/** A guest that hangs fails; one that crashes leaves its core where it is thrown away. */
function run(line: readonly [string, ...string[]], cwd: string, stdin = ''): string {
  const [program, ...args] = line;
  const options = { cwd, encoding: 'utf8', input: stdin, timeout: TIMEOUT_MS } as const;
  const { stdout, stderr, status, error } = spawnSync(program, args, options);
  if (status === 0 && stderr === '') return stdout;
  throw new Error(`${line.join(' ')}: ${error?.message ?? `status ${status}`}\n${stderr}`);
}

/** Who makes the guests of a library: other versions write other bytes. */
function toolchain(library: Guest['library']): string {
  const archives = { tiny: [], c: ['libc.a'], 'c++': ['libstdc++.a', 'libc.a'] }[library];
  const lines = ['gcc', 'ld'].map((tool) => {
    const version = run([`riscv64-linux-gnu-${tool}`, '--version'], folder);
    return version.split('\n')[0] ?? '';
  });
  for (const name of archives) {
    const file = run(['riscv64-linux-gnu-gcc', `-print-file-name=${name}`], folder).trim();
    lines.push(`${name} ${createHash('sha256').update(readFileSync(file)).digest('hex')}`);
  }
  return `${library}: ${lines.join(', ')}\n`;
}

const TOOLCHAINS = path.join(FOLDER, 'toolchains.txt');

describe('the folder', () => {
  test('every file is in the table, and the other way round', () => {
    const names = GUESTS.map(({ name }) => `${name}.elf`);
    expect(readdirSync(path.join(FOLDER, 'bin')).sort()).toEqual(names.sort());
    const expected = RUNS.map((one) => path.basename(expectedFile(one)));
    expect(readdirSync(path.join(FOLDER, 'expected')).sort()).toEqual(expected.sort());
    const sources = new Set([...GUESTS.map(({ source }) => source), 'tiny.h']);
    const found = readdirSync(FOLDER).filter((name) => /\.(c|cc|h)$/.test(name));
    expect(found.sort()).toEqual([...sources].sort());
  });

  test('it stays small', () => {
    const sizes = GUESTS.map(({ name }) => statSync(guestFile(name)).size);
    expect(Math.max(...sizes)).toBeLessThan(1024 * KIB);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(4096 * KIB);
  });
});

const compilers = needsAll('riscv64-linux-gnu-gcc', 'riscv64-linux-gnu-g++');

describe.skipIf(compilers.missing)(`built anew${compilers.note}`, () => {
  const here = new Map<string, string>();
  beforeAll(() => {
    for (const library of ['tiny', 'c', 'c++'] as const) here.set(library, toolchain(library));
    if (isUpdate) writeFileSync(TOOLCHAINS, [...here.values()].join(''));
  });

  test.each(GUESTS)('$name', (guest) => {
    const file = path.join(folder, `${guest.name}.elf`);
    // In the folder of the sources, so that no path gets into the file.
    run(buildLine(guest, file), FOLDER);
    if (isUpdate) copyFileSync(file, guestFile(guest.name));
    // Another compiler may write other code; that it can be built is what is left to see then.
    const known = readFileSync(TOOLCHAINS, 'utf8');
    if (!known.includes(here.get(guest.library) ?? 'none')) return;
    expect(readFileSync(file).equals(readFileSync(guestFile(guest.name)))).toBe(true);
  });
});

const qemu = needs('qemu-riscv64');

describe.skipIf(qemu.missing)(`run by QEMU${qemu.note}`, () => {
  test.each(RUNS.map((one) => [runName(one), one] as const))('%s', (_, one) => {
    const args = [...QEMU_ARGS, guestFile(one.guest), ...one.args];
    const { stdout, status, signal } = spawnSync(qemu.path, args, {
      cwd: folder,
      encoding: 'utf8',
      input: one.stdin,
      timeout: TIMEOUT_MS,
      env: {},
    });
    const end: End =
      signal === null
        ? { how: 'exit', status: status ?? -1 }
        : { how: 'signal', number: os.constants.signals[signal] };
    expect(end).toEqual(one.end);
    if (isUpdate) writeFileSync(expectedFile(one), stdout);
    expect(stdout).toBe(expectedOutput(one));
  });
});

const cc = needs('cc');

describe.skipIf(cc.missing)(`kernels, built for this machine${cc.note}`, () => {
  test.each(KERNELS)('$name', (kernel) => {
    const file = path.join(folder, `${kernel.name}.native`);
    run(nativeBuildLine(kernel, file), FOLDER);
    const one = RUNS.find(({ guest }) => guest === kernel.name);
    expect(one).toBeDefined();
    if (one !== undefined) expect(run([file], folder)).toBe(expectedOutput(one));
  });

  test('do more if they are told to', () => {
    const file = path.join(folder, 'fib.native');
    expect(run([file, '3'], folder)).not.toBe(run([file, '2'], folder));
  });
});
