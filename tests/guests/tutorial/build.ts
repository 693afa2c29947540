/**
 * Builds the programs of `backtrail demo` into packages/cli/demo/, as ELF files with source lines.
 * Built with gcc 12.2.0 and binutils 2.40 of Debian 12 they are the same byte for byte.
 *
 *   node --conditions=backtrail-source tests/guests/tutorial/build.ts
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEMO_FOLDER, DEMO_SOURCES } from '../../../packages/cli/src/demo-programs.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Where the committed files are. */
export const BUILT_FOLDER = path.join(ROOT, 'packages/cli', DEMO_FOLDER);

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

/** Copies the sources into one folder, as a user has them. */
export function copySources(folder: string): void {
  for (const source of DEMO_SOURCES) {
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
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-demo-build-'));
  copySources(folder);
  for (const name of PROGRAMS) {
    copyFileSync(buildProgram(name, folder), path.join(BUILT_FOLDER, `${name}.elf`));
  }
  rmSync(folder, { recursive: true });
}
