/**
 * Builds the bare-metal samples of this folder. Their ELF files are committed, small and stripped
 * of debug information, so that a machine without a cross compiler has them; built with gcc 12.2.0
 * and binutils 2.40 of Debian 12 they are the same byte for byte.
 *
 *   node --conditions=backtrail-source tests/guests/bare/build.ts
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../build.ts';

export const BARE_GUESTS = [
  'csrs',
  'devices',
  'echo',
  'levels',
  'panic',
  'scheduler',
  'traps',
  'vectors',
] as const;
export type BareGuest = (typeof BARE_GUESTS)[number];

const FOLDER = fileURLToPath(new URL('./', import.meta.url));
const FLAGS =
  '-march=rv64gc -mabi=lp64d -mcmodel=medany -O1 -ffreestanding -fno-builtin -nostdlib -static ' +
  '-Wall -Wextra -Werror -Wl,--build-id=none -Wl,--strip-debug';

/** The committed file. */
export const bareGuest = (name: BareGuest): string => path.join(FOLDER, `${name}.elf`);

/** Builds one into a folder; returns its path. */
export function buildBareGuest(name: BareGuest, folder: string): string {
  const into = path.join(folder, `${name}.elf`);
  const from = (file: string): string => path.join(FOLDER, file);
  const script = `-Wl,-T,${from('bare.ld')}`;
  const sources = [from('start.S'), from(`${name}.c`)];
  compile('riscv64-linux-gnu-gcc', [...FLAGS.split(' '), script, '-o', into, ...sources]);
  return into;
}

if (import.meta.main) {
  for (const name of BARE_GUESTS) buildBareGuest(name, FOLDER);
}
