/** The file of an index on disk. What stands there may have been made by anybody. */
import fs from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Trace } from '@backtrail/recorder/trace';
import { SUMMARY_PASSES } from './passes.ts';

const NAME = 'index.cache';
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
/** A file as large as this is none of ours: 10 % of a trace of terabytes. */
const FILE_BYTES_MAX = 2 ** 31 - 1;

export function indexPath(trace: Trace): string {
  return join(trace.directory, NAME);
}

/**
 * What an index was made of, as text: another trace in the same place, or a pass that changed, has
 * another text. Not of times, which a copy changes.
 */
export function madeOf(trace: Trace): string {
  const { manifest, segments } = trace;
  const { totals, started, startedNs, engine } = manifest;
  const { firstSeq, rows, file, batch, instructionsBefore } = segments;
  const { source, target, cause, kind } = trace.edges;
  const columns = [firstSeq, rows, file, batch, instructionsBefore, source, target, cause, kind];
  return JSON.stringify({
    passes: SUMMARY_PASSES.map(({ name, version }) => [name, version]),
    started,
    startedNs,
    engine,
    totals,
    columns: columns.map((column) => crcOf(column)),
    files: fileSizes(trace.directory),
  });
}

function crcOf(column: NodeJS.TypedArray): number {
  return crc32(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
}

/** Names and sizes of the files of a trace, in order. */
function fileSizes(directory: string): string[] {
  const sizes: string[] = [];
  for (const folder of [directory, join(directory, 'transfers')]) {
    for (const entry of listed(folder)) {
      if (!entry.name.endsWith('.arrow')) continue;
      const size = fs.lstatSync(join(folder, entry.name), { throwIfNoEntry: false })?.size ?? 0;
      sizes.push(`${entry.name} ${size}`);
    }
  }
  return sizes;
}

function listed(folder: string): fs.Dirent[] {
  try {
    const entries = fs.readdirSync(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

/** Null if there is no regular file that can be read: a link is not followed. */
export function readIndexFile(path: string): Buffer | null {
  let file: number;
  try {
    // Not blocking: opening a pipe would wait for somebody to write into it.
    file = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const stat = fs.fstatSync(file);
    return stat.isFile() && stat.size <= FILE_BYTES_MAX ? fs.readFileSync(file) : null;
  } catch {
    return null;
  } finally {
    fs.closeSync(file);
  }
}

/** @returns false if the folder does not take it: read-only, full, gone. */
export function writeIndexFile(path: string, content: Buffer): boolean {
  const draft = `${path}.tmp`;
  try {
    // A draft that was left by a kill; one being written now is of the same content.
    fs.rmSync(draft, { force: true });
    const file = fs.openSync(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666);
    try {
      fs.writeFileSync(file, content);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(draft, path);
    return true;
  } catch {
    fs.rmSync(draft, { force: true });
    return false;
  }
}
