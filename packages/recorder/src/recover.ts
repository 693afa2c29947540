/** Makes a valid trace of what a kill left behind: an orphaned ring, a partial trace, or both. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { closeTrace, type Followed, finishTrace } from './close.ts';
import { BacktrailError } from './errors.ts';
import { CHILDREN_FOLDER, childManifest } from './family.ts';
import { Flusher } from './flush.ts';
import type { MarkRow } from './flush-rows.ts';
import { Ring } from './ring/ring.ts';
import type { Manifest, Relative } from './trace/manifest.ts';
import { openTrace, verifyTrace } from './trace/reader.ts';
import type { CodeSources, ModuleRows, SymbolRows } from './trace/rows.ts';
import type { Trace } from './trace/trace.ts';
import { MARK_KINDS } from './trace/vocabulary.ts';
import { TraceWriter } from './trace/writer.ts';

export const RING_FOLDER = '/dev/shm';

export interface RecoverResult {
  readonly directory: string;
  readonly manifest: Manifest;
  /** The ring that was emptied and removed, or null if only a trace was left. */
  readonly ring: string | null;
  readonly problems: readonly string[];
  /** Traces of processes that were forked, which were recovered, too. */
  readonly children: readonly RecoverResult[];
}

export function marksOf(trace: Trace): MarkRow[] {
  const { marks } = trace;
  const value = <T>(has: number | undefined, given: T | undefined): T | null =>
    has === 1 && given !== undefined ? given : null;
  return Array.from({ length: marks.count }, (_, i) => ({
    vcpu: marks.vcpu[i] ?? 0,
    seq: marks.seq[i] ?? 0,
    timeNs: marks.timeNs[i] ?? 0n,
    kind: marks.kind[i] ?? 0,
    pc: value(marks.hasPc[i], marks.pc[i]),
    number: value(marks.hasNumber[i], marks.number[i]),
    code: value(marks.hasCode[i], marks.code[i]),
    address: value(marks.hasAddress[i], marks.address[i]),
    size: value(marks.hasSize[i], marks.size[i]),
    detail: marks.detail(i),
  }));
}

export function seqEnds(trace: Trace): Map<number, number> {
  return new Map(trace.vcpus.map((vcpu) => [vcpu, trace.seqEnd(vcpu)]));
}

/**
 * The ring in /dev/shm that belongs to a trace directory, or null. A run whose trace was deleted
 * leaves a ring of the same name behind: the one of the newest run counts.
 */
function ringOf(directory: string): string | null {
  let newest: OrphanRing | null = null;
  for (const ring of rings()) {
    if (ring.traceDirectory !== directory) continue;
    if (newest === null || ring.start > newest.start) newest = ring;
  }
  return newest?.path ?? null;
}

interface OrphanRing {
  readonly path: string;
  readonly traceDirectory: string;
  /** When its recorder was started. */
  readonly start: bigint;
}

function rings(): OrphanRing[] {
  if (!existsSync(RING_FOLDER)) return [];
  const found: OrphanRing[] = [];
  for (const name of readdirSync(RING_FOLDER)) {
    if (!name.startsWith('backtrail-') || !name.endsWith('.ring')) continue;
    const path = join(RING_FOLDER, name);
    const ring = openOrNull(path);
    if (ring === null) continue;
    const { traceDirectory, recorderStart: start } = ring;
    ring.close();
    found.push({ path, traceDirectory, start });
  }
  return found;
}

/**
 * The trace of a forked process that its recorder had not begun when it was killed: all that there
 * is of it is in its ring.
 */
function beginOrphan(ring: Ring): void {
  const directory = ring.traceDirectory;
  const { drained, logTail } = ring.progress();
  const root = dirname(dirname(directory));
  const isUntouched = ring.parentPid !== 0 && drained === 0 && logTail === 0;
  if (existsSync(directory) || !isUntouched || !existsSync(root)) return;
  const { manifest } = openTrace(root);
  const isRoot = manifest.pid === undefined || manifest.pid === ring.parentPid;
  const beside = existsSync(join(dirname(directory), `${ring.parentPid}.trace`));
  const up = isRoot || !beside ? '../..' : `../${ring.parentPid}.trace`;
  const { pid } = ring.writerState();
  const how = pid === ring.parentPid ? ({ how: 'exec' } as const) : {};
  const parent = { pid: ring.parentPid, directory: up, ...how };
  mkdirSync(dirname(directory), { recursive: true });
  TraceWriter.create(directory, childManifest(manifest, ring, pid, parent)).abandon();
}

/**
 * What was being recorded of processes that the first one of a run forked. One that still runs is
 * left alone, and told.
 * @param familyRing of the first process; null if it is gone
 */
function recoverChildren(
  directory: string,
  familyRing: string | null,
  kin: Kin,
): { readonly children: RecoverResult[]; readonly problems: string[] } {
  const folder = join(directory, CHILDREN_FOLDER);
  const children: RecoverResult[] = [];
  const problems: string[] = [];
  const attempt = (recovered: () => RecoverResult): void => {
    try {
      children.push(recovered());
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      problems.push(error.message);
    }
  };
  for (const { path, traceDirectory } of rings()) {
    if (dirname(traceDirectory) === folder) attempt(() => recoverWithRing(path, kin));
    const isOfFamily = familyRing !== null && path.startsWith(familyRing.replace(/\.ring$/, '-'));
    if (isOfFamily && traceDirectory === '') rmSync(path);
  }
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  for (const name of names) {
    const child = join(folder, name);
    const isOwned = existsSync(join(child, 'manifest.partial.json')) && ringOf(child) === null;
    if (isOwned) attempt(() => recoverTrace(child));
  }
  return { children, problems };
}

/** By trace: what is in traces of their own, of what its process forked and executed. */
type Kin = ReadonlyMap<string, Followed>;

/** Of the whole family: each trace is asked once who its parent is. */
function kinOf(directory: string): Kin {
  const beside = dirname(directory);
  const isChild = basename(beside) === CHILDREN_FOLDER;
  const folder = isChild ? beside : join(directory, CHILDREN_FOLDER);
  const kin = new Map<string, Followed>();
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const child = join(folder, name);
    const parent = parentOf(child);
    if (parent === null) continue;
    const above = join(child, parent.directory);
    const { forks, execs } = kin.get(above) ?? { forks: 0, execs: 0 };
    const isExec = parent.how === 'exec';
    kin.set(above, {
      forks: forks + (isExec ? 0 : 1),
      execs: execs + (isExec ? 1 : 0),
      rings: null,
    });
  }
  return kin;
}

/** Those that were never begun, so that whoever forked them knows them. */
function beginOrphans(directory: string): void {
  const folder = join(directory, CHILDREN_FOLDER);
  for (const { path, traceDirectory } of rings()) {
    const ring = dirname(traceDirectory) === folder ? openOrNull(path) : null;
    if (ring === null) continue;
    if (!ring.recorderAlive() && !ring.writerAlive()) beginOrphan(ring);
    ring.close();
  }
}

function parentOf(directory: string): Relative | null {
  try {
    return openTrace(directory).manifest.parent ?? null;
  } catch (error) {
    if (error instanceof BacktrailError) return null;
    throw error;
  }
}

/** A ring joined with the trace of another run would make one of runs that never was. */
function refuseStranger(ring: Ring): void {
  const { path, traceDirectory: directory } = ring;
  const remove = `It is of no more use: rm ${path}`;
  if (!existsSync(directory)) {
    ring.close();
    throw new BacktrailError(
      'E_NO_TRACE',
      `${path}: found that its trace ${directory} is gone, expected it: there is the code that ` +
        `the ring has only numbers of. ${remove}`,
    );
  }
  const newest = ringOf(directory);
  const isNewest = newest === null || newest === path || dirname(path) !== RING_FOLDER;
  if (isNewest && hasRing(openTrace(directory))) return;
  ring.close();
  throw new BacktrailError(
    'E_RING_OLD',
    `${path}: found a later run in ${directory}, expected that of the ring. ${remove}`,
  );
}

/** The ring of the embedded engine is in its own memory, and gone with it. */
const hasRing = (trace: Trace): boolean => trace.manifest.engine.name !== 'embedded';

function openOrNull(path: string): Ring | null {
  try {
    return Ring.open(path);
  } catch (error) {
    if (error instanceof BacktrailError) return null;
    throw error;
  }
}

function refuseLive(ring: Ring): void {
  const who = ring.recorderAlive() ? 'recorder' : ring.writerAlive() ? 'guest' : null;
  if (who === null) return;
  ring.close();
  throw new BacktrailError(
    'E_RING_LIVE',
    `${ring.path}: found that its ${who} still runs, expected both to be gone. ` +
      'Wait for the run to end, or end it, then recover.',
  );
}

/** A complete trace may be damaged: then what is whole in it can be kept. */
function refuseSound(directory: string): void {
  const trace = openTrace(directory);
  if (trace.state === 'partial' || verifyTrace(trace).length > 0) return;
  throw new BacktrailError(
    'E_COMPLETE',
    `${directory}: found a complete trace without damage, expected a partial or damaged one. ` +
      'There is nothing to recover: backtrail info shows it.',
  );
}

/** What a complete trace has of files: they may be gone. */
function modulesOf(trace: Trace): {
  modules: ModuleRows;
  symbols: SymbolRows;
  code: CodeSources;
} {
  const { modules, symbols, sources, lines, inlines } = trace;
  const list = <T>(count: number, of: (row: number) => T): T[] =>
    Array.from({ length: count }, (_, row) => of(row));
  return {
    modules: {
      ...modules,
      path: list(modules.count, (module) => modules.path(module)),
      buildId: list(modules.count, (module) => modules.buildId(module)),
    },
    symbols: { ...symbols, name: list(symbols.count, (symbol) => symbols.name(symbol)) },
    code: {
      sources: { ...sources, path: list(sources.count, (source) => sources.path(source)) },
      lines,
      inlines: { ...inlines, name: list(inlines.count, (inline) => inlines.name(inline)) },
    },
  };
}

/** @param known what is known of the family already; null: nothing is. */
function recoverWithRing(path: string, known: Kin | null): RecoverResult {
  const ring = Ring.open(path);
  refuseLive(ring);
  beginOrphan(ring);
  refuseStranger(ring);
  const directory = ring.traceDirectory;
  refuseSound(directory);
  const before = openTrace(directory);
  const [marks, ends] = [marksOf(before), seqEnds(before)];
  const writer = TraceWriter.resume(directory);
  try {
    const flusher = new Flusher(ring, writer);
    flusher.resume(ends, marks);
    writer.manifest.recovered = true;
    const followed = (known ?? kinOf(directory)).get(directory) ?? null;
    const problems = closeTrace(writer, flusher, null, followed);
    ring.remove();
    return { directory, manifest: writer.manifest, ring: path, problems, children: [] };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

function recoverTrace(directory: string): RecoverResult {
  const before = openTrace(directory);
  const marks = marksOf(before);
  const kept = before.state === 'complete' ? modulesOf(before) : null;
  const writer = TraceWriter.resume(directory);
  try {
    const { manifest } = writer;
    manifest.recovered = true;
    manifest.end ??= { how: 'unknown' };
    if (kept !== null) {
      writer.finish(kept.modules, kept.symbols, kept.code);
      return { directory, manifest, ring: null, problems: [], children: [] };
    }
    // What the ring held is gone with it: more had happened than the streams on disk tell.
    manifest.stopped ??= 'recorder-gone';
    const ends = marks.filter((mark) => MARK_KINDS[mark.kind] === 'end');
    manifest.totals.instructions = ends.reduce((sum, mark) => sum + Number(mark.number ?? 0n), 0);
    const maps = marks.filter((mark) => /^(un)?map$/.test(MARK_KINDS[mark.kind] ?? ''));
    const problems = finishTrace(writer, maps);
    return { directory, manifest, ring: null, problems, children: [] };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

/**
 * @param path a ring file, or a partial or damaged trace; its ring is found if it is still there.
 * @throws BacktrailError if it is neither, without damage, or still being written.
 */
export function recover(path: string): RecoverResult {
  const full = resolve(path);
  if (!existsSync(full)) {
    throw new BacktrailError(
      'E_NO_TRACE',
      `${path}: found nothing there, expected a ring file or a trace directory. Check the path.`,
    );
  }
  if (!statSync(full).isDirectory()) return recoverWithRing(full, null);
  refuseSound(full);
  const ring = hasRing(openTrace(full)) ? ringOf(full) : null;
  beginOrphans(full);
  const kin = kinOf(full);
  const result = ring === null ? recoverTrace(full) : recoverWithRing(ring, kin);
  const { children, problems } = recoverChildren(full, ring, kin);
  return { ...result, children, problems: [...result.problems, ...problems] };
}
