/** `backtrail demo --files`: programs with bugs and their sources, in a folder. */
import fs from 'node:fs';
import path from 'node:path';
import { BacktrailError } from '@backtrail/recorder/trace';
import { DEMO_FOLDER, DEMO_PROGRAMS, DEMO_SOURCES } from './demo-programs.ts';
import { packageFile } from './package-file.ts';

/** A source is beside the programs in the package, in a clone where the tests have it. */
function sourceFile(source: string): string {
  const packed = packageFile(path.join(DEMO_FOLDER, path.basename(source)));
  const kept = packageFile(path.join('../..', source));
  return !fs.existsSync(packed) && fs.existsSync(kept) ? kept : packed;
}

/** Where each file is, and what it is called. */
function demoFiles(): { readonly name: string; readonly from: string }[] {
  const programs = DEMO_PROGRAMS.map(({ name }) => `${name}.elf`);
  return [
    ...programs.map((name) => ({ name, from: packageFile(path.join(DEMO_FOLDER, name)) })),
    ...DEMO_SOURCES.map((from) => ({ name: path.basename(from), from: sourceFile(from) })),
  ];
}

/**
 * Writes all files into a folder, which is made if only it is not there. Nothing is written if one
 * of them is there already.
 * @throws BacktrailError E_NO_SAMPLE, E_FILE_EXISTS, E_WRITE
 */
export function writeDemoFiles(folder: string): void {
  const files = demoFiles().map((file) => ({ ...file, to: path.join(folder, file.name) }));
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
