/** The file that a COPY made, to where the user wants it: whole, or not at all. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { BacktrailError } from '@backtrail/recorder/trace';

const COPY_BYTES = 1 << 20;

/** Through a symbolic link, or into a pipe or device, which must stay what it is. */
function writeInto(staged: string, target: string): void {
  const from = openSync(staged, 'r');
  const to = openSync(target, 'w');
  try {
    const buffer = new Uint8Array(COPY_BYTES);
    for (;;) {
      const bytes = readSync(from, buffer);
      if (bytes === 0) return;
      for (let at = 0; at < bytes; ) at += writeSync(to, buffer, at, bytes - at);
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** A rename is the last step even from another file system. */
function replaceFile(staged: string, target: string): void {
  try {
    renameSync(staged, target);
    return;
  } catch (error) {
    const isElsewhere = error instanceof Error && 'code' in error && error.code === 'EXDEV';
    if (!isElsewhere) throw error;
  }
  const beside = `${target}.${randomUUID()}.tmp`;
  try {
    copyFileSync(staged, beside);
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/** @throws BacktrailError E_SQL_FORBIDDEN if COPY made more than a file, E_WRITE if it cannot. */
export function deliver(staged: string, target: string): void {
  if (!lstatSync(staged).isFile()) {
    rmSync(staged, { recursive: true, force: true });
    throw new BacktrailError(
      'E_SQL_FORBIDDEN',
      `${target}: COPY made a folder, expected one file. Add --unsafe to allow folders.`,
    );
  }
  try {
    const found = lstatSync(target, { throwIfNoEntry: false });
    if (found === undefined || found.isFile()) replaceFile(staged, target);
    else writeInto(staged, target);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BacktrailError('E_WRITE', `${target}: cannot be written: ${why}.`, { cause: error });
  } finally {
    rmSync(staged, { force: true });
  }
}
