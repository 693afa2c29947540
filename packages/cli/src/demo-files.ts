/** `backtrail demo --files`: programs with bugs and their sources, in a folder. */
import fs from 'node:fs';
import path from 'node:path';
import { BacktrailError } from '@backtrail/recorder/trace';
import { packageFile } from './package-file.ts';

export interface DemoProgram {
  /** Name of the ELF file without `.elf`. */
  readonly name: string;
  readonly says: string;
  /** What it was built from. */
  readonly sources: readonly string[];
}

/** Where they are, from the package's folder; tests/guests/tutorial/build.ts puts them there. */
export const DEMO_FOLDER = 'demo';

export const DEMO_PROGRAMS: readonly DemoProgram[] = [
  { name: 'smash', says: 'smashes its stack', sources: ['smash.c', 'tiny.h'] },
  { name: 'jit', says: 'compiles code, and jumps wrong', sources: ['jit.c', 'tiny.h'] },
  {
    name: 'kernel',
    says: 'a kernel that faults in an interrupt',
    sources: ['kernel.c', 'bare.h', 'start.S', 'bare.ld'],
  },
];

/** Files of all programs, each once. */
export const demoFiles = (): string[] => [
  ...new Set(DEMO_PROGRAMS.flatMap(({ name, sources }) => [`${name}.elf`, ...sources])),
];

/**
 * Writes all files into a folder, which is made if only it is not there. Nothing is written if one
 * of them is there already.
 * @throws BacktrailError E_NO_SAMPLE, E_FILE_EXISTS, E_WRITE
 */
export function writeDemoFiles(folder: string): void {
  const files = demoFiles().map((name) => ({
    name,
    from: packageFile(path.join(DEMO_FOLDER, name)),
    to: path.join(folder, name),
  }));
  for (const { from, to } of files) {
    if (!fs.existsSync(from)) {
      throw new BacktrailError(
        'E_NO_SAMPLE',
        `${from}: found no file there, expected one that comes with backtrail. Install it again.`,
      );
    }
    if (fs.lstatSync(to, { throwIfNoEntry: false }) === undefined) continue;
    throw new BacktrailError(
      'E_FILE_EXISTS',
      `${to}: found something there, expected nothing of that name; no file was written. ` +
        'Name another folder, or remove it.',
    );
  }
  try {
    if (!fs.existsSync(folder)) fs.mkdirSync(folder);
    for (const { name, from, to } of files) {
      fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
      fs.chmodSync(to, name.endsWith('.elf') ? 0o755 : 0o644);
    }
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).replace(/, \w+ '.*$/, '');
    throw new BacktrailError(
      'E_WRITE',
      `${folder}: cannot be written to: ${why}. Name a folder that can be made or written.`,
      { cause: error },
    );
  }
}
