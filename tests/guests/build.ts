/** Builds the guests of this folder for tests; each source names its own build line. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { type Need, needsAll, wants } from '../require.ts';

export const ISAS = ['x86_64', 'aarch64', 'riscv64'] as const;
/** Of 32 bits. Their compilers are not everywhere: what needs them is skipped, never failed. */
export const NARROW_ISAS = ['i386', 'arm'] as const;
export type Isa = (typeof ISAS)[number] | (typeof NARROW_ISAS)[number];

const TOOLS = {
  x86_64: ['qemu-x86_64', 'cc'],
  aarch64: ['qemu-aarch64', 'aarch64-linux-gnu-gcc'],
  riscv64: ['qemu-riscv64', 'riscv64-linux-gnu-gcc'],
  i386: ['qemu-i386', 'i686-linux-gnu-gcc'],
  arm: ['qemu-arm', 'arm-linux-gnueabihf-gcc'],
} as const;

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

/** The emulator and the compiler of an ISA, and the compiler of the plugin; path: the emulator. */
export function needsIsa(isa: Isa): Need {
  const [emulator, compiler] = TOOLS[isa];
  if (NARROW_ISAS.every((narrow) => narrow !== isa)) return needsAll(emulator, compiler, 'cc');
  const tools = needsAll(emulator, 'cc');
  const cross = wants(compiler);
  return {
    ...tools,
    missing: tools.missing || cross.missing,
    note: `${tools.note}${cross.note}`,
  };
}

/** A folder that is there at once and is removed after the tests of the file that asks. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `backtrail-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder that is there while the tests run; none is made if all are skipped. */
export function folderWhileTesting(name: string, root: string): string {
  const folder = path.join(root, `backtrail-${name}-${randomBytes(6).toString('hex')}`);
  beforeAll(() => mkdirSync(folder));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a compiler. @throws Error with what it said. */
export function compile(compiler: string, args: readonly string[]): void {
  const run = spawnSync(compiler, args, { encoding: 'utf8' });
  if (run.status === 0) return;
  throw new Error(`${compiler} ${args.join(' ')}: ${run.error?.message ?? run.stderr}`);
}

/** Builds `name.c` as a static program of that ISA into `folder`, once; returns its path. */
export function buildGuest(isa: Isa, name: string, folder: string): string {
  const into = path.join(folder, `${name}.${isa}`);
  if (existsSync(into)) return into;
  const source = path.join(FOLDER, `${name}.c`);
  compile(TOOLS[isa][1], ['-O1', '-static', '-pthread', '-o', into, source, '-lm']);
  return into;
}
