/** A trace of what a ring holds now, while the guest and its recorder go on. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { closeTrace } from './close.ts';
import { BacktrailError } from './errors.ts';
import { CHILDREN_FOLDER } from './family.ts';
import { Flusher } from './flush.ts';
import { marksOf, RING_FOLDER, seqEnds } from './recover.ts';
import { freezeRing } from './ring/freeze.ts';
import { Ring } from './ring/ring.ts';
import { tablePath } from './trace/directory.ts';
import type { Manifest } from './trace/manifest.ts';
import { openTrace } from './trace/reader.ts';
import { TraceWriter } from './trace/writer.ts';

export interface SnapshotResult {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly problems: readonly string[];
}

const COPIED_FIRST: readonly string[] = ['segments.arrow', 'transfers', 'edges.arrow'];

/** The ring of a process: of the guest's (QEMU's), or of its recorder's. */
function ringOfProcess(pid: number): string {
  const names = existsSync(RING_FOLDER) ? readdirSync(RING_FOLDER) : [];
  const paths = names
    .filter((name) => name.startsWith('backtrail-') && name.endsWith('.ring'))
    .map((name) => join(RING_FOLDER, name));
  for (const path of paths) {
    try {
      const ring = Ring.open(path);
      const isIt = ring.writerState().pid === pid || ring.recorderPid === pid;
      ring.close();
      if (isIt && ring.parentPid === 0) return path;
      if (isIt && ring.recorderPid !== pid) return path;
    } catch (error) {
      // It may be gone by now, or be of another build.
      if (!(error instanceof BacktrailError)) throw error;
    }
  }
  throw new BacktrailError(
    'E_NO_RING',
    `${pid}: found no ring of that process, expected a guest that backtrail records under QEMU, ` +
      'or its recorder. The embedded engine keeps its ring to itself. Running ones: ls ' +
      `${RING_FOLDER}/backtrail-*.ring`,
  );
}

/** @param of a process number, or the path of a ring file. @throws BacktrailError E_NO_RING */
export const ringPathOf = (of: string): string =>
  /^\d+$/.test(of) ? ringOfProcess(Number(of)) : resolve(of);

/**
 * @param of a process number, or the path of a ring file
 * @param output where the trace goes; null: a name made from the one that is being recorded
 * @throws BacktrailError E_NO_RING, E_RING_OPEN, E_EXISTS
 */
export function snapshot(of: string, output: string | null): SnapshotResult {
  const path = ringPathOf(of);
  const live = Ring.open(path);
  const source = live.traceDirectory;
  // Marks tell of moments: those that come after the copy of the ring are not to be in it.
  const { logTail } = live.progress();
  const marksBytes = statSync(tablePath(source, 'marks')).size;
  const { ring, hasHandles } = freezeRing(live, logTail);
  live.close();
  const directory = output === null ? freeName(source) : resolve(output);
  refuseExisting(directory);
  mkdirSync(directory);
  try {
    copyTrace(source, directory, marksBytes);
    return take(ring, hasHandles, directory);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** After the ring: what was taken from it meanwhile is there; what names before what is named. */
function copyTrace(source: string, directory: string, marksBytes: number): void {
  const rank = (name: string): number => COPIED_FIRST.indexOf(name) + 1 || Number.MAX_VALUE;
  const names = readdirSync(source).sort((a, b) => rank(a) - rank(b));
  for (const name of names) {
    if (name === CHILDREN_FOLDER || name.startsWith('index.cache')) continue;
    cpSync(join(source, name), join(directory, name), { recursive: true, verbatimSymlinks: true });
  }
  truncateSync(tablePath(directory, 'marks'), marksBytes);
}

function take(ring: Ring, hasHandles: boolean, directory: string): SnapshotResult {
  const before = openTrace(directory);
  const [marks, ends] = [marksOf(before), seqEnds(before)];
  const writer = TraceWriter.resume(directory);
  const { parent: _above, children: _below, ...manifest } = writer.manifest;
  Object.assign(writer.manifest, manifest);
  const flusher = new Flusher(ring, writer);
  flusher.useFrozen(ring);
  flusher.resume(ends, marks, hasHandles);
  const note = 'this is a snapshot: the program ran on';
  const problems = closeTrace(writer, flusher, { how: 'unknown', note });
  return { directory, manifest: writer.manifest, problems };
}

function freeName(source: string): string {
  const stem = source.replace(/\.trace$/, '');
  let directory = resolve(`${basename(stem)}.snapshot.trace`);
  for (let n = 2; existsSync(directory); n++) {
    directory = resolve(`${basename(stem)}.snapshot.${n}.trace`);
  }
  return directory;
}

function refuseExisting(directory: string): void {
  if (!existsSync(directory)) return;
  throw new BacktrailError(
    'E_EXISTS',
    `${directory}: found something of that name, expected none. Remove it, or use another -o DIR.`,
  );
}
