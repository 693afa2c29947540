/**
 * Names and states of a trace directory.
 *
 *   absent                     nothing was recorded, or not yet
 *   empty (no manifest)        the recorder was killed between making the folder and the manifest
 *   manifest.partial.json      being recorded, or left by a recorder that was killed; every whole
 *                              record batch is valid, counts in edges are 0 or not yet exact
 *   manifest.json              complete: all files closed and synced; nothing changes any more
 *
 * The step to complete is one rename, after everything else is on disk. A `.tmp` file is a file
 * that was being replaced; it is never read.
 */
import fs from 'node:fs';
import { basename, join } from 'node:path';
import { BacktrailError } from '../errors.ts';
import { readError, regularFileBytes } from './input.ts';
import type { Manifest } from './manifest.ts';
import { formatManifest, parseManifest } from './manifest-json.ts';
import { OutputFile, type OutputSystem, outputError } from './output.ts';
import type { TableName } from './schema.ts';

export const MANIFEST = 'manifest.json';
export const MANIFEST_PARTIAL = 'manifest.partial.json';
/** A command line takes 2 MiB at most on Linux, and all else is short. */
const MANIFEST_BYTES_MAX = 1 << 24;
export const TRANSFERS_FOLDER = 'transfers';
/** Added to the name of a file that will replace another. */
export const REPLACEMENT = '.tmp';

export type TraceState = 'absent' | 'empty' | 'partial' | 'complete';

/** @param file Its number, from 0. */
export function transfersPath(directory: string, file: number): string {
  return join(directory, TRANSFERS_FOLDER, `${String(file).padStart(6, '0')}.arrow`);
}

/** Path of every table but transfers, which has many files. */
export function tablePath(directory: string, table: Exclude<TableName, 'transfers'>): string {
  return join(directory, `${table}.arrow`);
}

/** Numbers of the files under transfers/, ascending. */
export function transfersFiles(directory: string): number[] {
  let names: string[];
  try {
    names = fs.readdirSync(join(directory, TRANSFERS_FOLDER));
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d{6,}\.arrow$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b);
}

export function traceState(directory: string): TraceState {
  if (fs.existsSync(join(directory, MANIFEST))) return 'complete';
  if (fs.existsSync(join(directory, MANIFEST_PARTIAL))) return 'partial';
  return fs.existsSync(directory) ? 'empty' : 'absent';
}

/**
 * Reads and checks the manifest.
 * @throws BacktrailError E_NO_TRACE, E_READ, E_TRACE_VERSION, E_TRACE_DAMAGED
 */
export function readManifest(directory: string): {
  readonly manifest: Manifest;
  readonly state: 'partial' | 'complete';
} {
  const state = traceState(directory);
  if (state === 'absent' || state === 'empty') throw noTrace(directory, state);
  refuseStrangeFolder(join(directory, TRANSFERS_FOLDER));
  const path = join(directory, state === 'complete' ? MANIFEST : MANIFEST_PARTIAL);
  const manifest = parseManifest(readText(path), basename(directory), path);
  // A kill between the last two steps leaves a partial manifest that says it is complete.
  manifest.complete = state === 'complete';
  return { manifest, state };
}

/** Files are read, and at recovery written and removed, in the trace's own folder only. */
function refuseStrangeFolder(path: string): void {
  const status = fs.lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined || status.isDirectory()) return;
  const found = status.isSymbolicLink() ? 'a link' : 'a file';
  throw new BacktrailError(
    'E_READ',
    `${path}: found ${found}, expected a folder: a trace is read from its own folder alone. ` +
      'Put a copy of the transfers in its place.',
  );
}

function readText(path: string): string {
  const bytes = regularFileBytes(path);
  if (bytes > MANIFEST_BYTES_MAX) {
    throw new BacktrailError(
      'E_TRACE_DAMAGED',
      `${path}: found ${bytes} bytes, expected at most ${MANIFEST_BYTES_MAX}. ` +
        'Restore the file from a copy, or record again.',
    );
  }
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw readError(path, error);
  }
}

function noTrace(directory: string, state: 'absent' | 'empty'): BacktrailError {
  if (state === 'absent') {
    return new BacktrailError(
      'E_NO_TRACE',
      `${directory}: found nothing there, expected a trace directory. ` +
        'Make one: backtrail record -o DIR -- PROGRAM',
    );
  }
  const found = fs.statSync(directory).isDirectory() ? 'a folder without a manifest' : 'a file';
  return new BacktrailError(
    'E_NO_TRACE',
    `${directory}: found ${found}, expected a trace directory with ${MANIFEST}. ` +
      'Name the directory that backtrail record made.',
  );
}

/** Makes the directory. @throws BacktrailError E_EXISTS, E_DISK_FULL, E_WRITE */
export function makeDirectory(directory: string): void {
  let isMade = false;
  try {
    fs.mkdirSync(directory);
    isMade = true;
    fs.mkdirSync(join(directory, TRANSFERS_FOLDER));
  } catch (error) {
    if (isMade) fs.rmSync(directory, { recursive: true, force: true });
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new BacktrailError(
        'E_EXISTS',
        `${directory}: found something of that name, expected none. ` +
          'Remove it, or choose another name with -o DIR.',
        { cause: error },
      );
    }
    throw outputError(directory, 'the trace directory', error);
  }
}

/**
 * Takes away what makeDirectory made, if nobody has put anything there: a folder without a manifest
 * is nothing that could be recovered.
 * @param error why; one that says that it was there before keeps it
 */
export function removeEmpty(directory: string, error: unknown): void {
  if (error instanceof BacktrailError && error.code === 'E_EXISTS') return;
  try {
    if (fs.readdirSync(directory).join() !== TRANSFERS_FOLDER) return;
    fs.rmdirSync(join(directory, TRANSFERS_FOLDER));
    fs.rmdirSync(directory);
  } catch {
    // It was never made, or is not ours.
  }
}

/** Writes the manifest of a trace that is not closed yet; replaces an older one whole. */
export function writePartialManifest(
  directory: string,
  manifest: Manifest,
  system?: OutputSystem,
): void {
  const path = join(directory, MANIFEST_PARTIAL);
  const file = new OutputFile(path + REPLACEMENT, 'the manifest', system);
  try {
    file.write([Buffer.from(formatManifest(manifest))]);
    file.sync();
    file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
  rename(path + REPLACEMENT, path);
}

/** The one rename that makes a trace complete. */
export function renameManifest(directory: string): void {
  rename(join(directory, MANIFEST_PARTIAL), join(directory, MANIFEST));
  syncDirectory(directory);
}

export function rename(from: string, to: string): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    throw outputError(to, 'a file in place of another', error);
  }
}

/** Makes names durable; a file system that cannot do that for a folder is left alone. */
export function syncDirectory(directory: string): void {
  let file: number;
  try {
    file = fs.openSync(directory, 'r');
  } catch {
    return;
  }
  try {
    fs.fsyncSync(file);
  } catch {
    // EINVAL on some network file systems; the files themselves have been synced.
  } finally {
    fs.closeSync(file);
  }
}

/** Makes the bytes of a closed file durable. */
export function syncFile(path: string): void {
  let file: number | null = null;
  try {
    file = fs.openSync(path, 'r');
    fs.fsyncSync(file);
  } catch (error) {
    throw outputError(path, 'the trace', error);
  } finally {
    if (file !== null) fs.closeSync(file);
  }
}
