/**
 * Builds the three programs of docs/tutorial.md into packages/cli/demo/, where `backtrail demo
 * --files` takes them from: a copy of each source, so that a user has them all in one folder, and
 * ELF files with source lines. Built with gcc 12.2.0 and binutils 2.40 of Debian 12 they are the
 * same byte for byte.
 *
 *   node --conditions=backtrail-source tests/guests/tutorial/build.ts
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Where the committed files are. */
export const DEMO_FOLDER = path.join(ROOT, 'packages/cli/demo');

/** Each source, from the root of the project. */
export const SOURCES: readonly string[] = [
  'tests/guests/riscv64/smash.c',
  'tests/guests/riscv64/tiny.h',
  'tests/guests/tutorial/jit.c',
  'tests/guests/tutorial/kernel.c',
  'tests/guests/bare/bare.h',
  'tests/guests/bare/bare.ld',
  'tests/guests/bare/start.S',
];

export const PROGRAMS = ['smash', 'jit', 'kernel'] as const;
export type Program = (typeof PROGRAMS)[number];

const COMMON =
  '-g -Wall -Wextra -Werror -std=gnu17 -static -nostdlib -nostartfiles -ffreestanding -fno-pic ' +
  '-fno-stack-protector -fno-asynchronous-unwind-tables -Wl,--build-id=none -Wl,-z,noexecstack';

const FLAGS: Readonly<Record<Program, string>> = {
  // The function whose return address is overwritten is to return by itself.
  smash: '-O2 -fno-optimize-sibling-calls -Wl,-z,separate-code',
  jit: '-O2 -Wl,-z,separate-code -Wl,--no-warn-rwx-segments',
  kernel: '-O1 -march=rv64gc -mabi=lp64d -mcmodel=medany -fno-builtin -Wl,-T,bare.ld start.S',
};

/** Copies the sources into a folder. */
export function copySources(folder: string): void {
  for (const source of SOURCES) {
    copyFileSync(path.join(ROOT, source), path.join(folder, path.basename(source)));
  }
}

/**
 * Builds one in a folder that has the sources; returns its path. The folder's own name gets into no
 * file: sources are found where the program is looked at.
 * @throws Error with what the compiler said.
 */
export function buildProgram(name: Program, folder: string): string {
  const file = `${name}.elf`;
  const words = [...`${COMMON} ${FLAGS[name]}`.split(' '), `-ffile-prefix-map=${folder}=.`];
  const args = [...words, '-o', file, `${name}.c`];
  const run = spawnSync('riscv64-linux-gnu-gcc', args, { cwd: folder, encoding: 'utf8' });
  if (run.status === 0) return path.join(folder, file);
  throw new Error(`riscv64-linux-gnu-gcc ${args.join(' ')}: ${run.error?.message ?? run.stderr}`);
}

if (import.meta.main) {
  copySources(DEMO_FOLDER);
  for (const name of PROGRAMS) buildProgram(name, DEMO_FOLDER);
}
