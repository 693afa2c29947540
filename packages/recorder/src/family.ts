/**
 * The processes of a run. What the guest forks has a ring of its own, made before the fork by the
 * one that forks, and becomes a trace of its own, in `children` of the first one's.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { closeTrace, type Followed, type SeenEnd } from './close.ts';
import { BacktrailError } from './errors.ts';
import { Flusher } from './flush.ts';
import { freezeRing } from './ring/freeze.ts';
import { Ring } from './ring/ring.ts';
import { type Manifest, NO_LOSSES, type Relative } from './trace/manifest.ts';
import { TraceWriter } from './trace/writer.ts';

export const CHILDREN_FOLDER = 'children';
/** Traces that are written at one time; more wait, unless their rings fill up: files are dear. */
const OPEN_MAX = 48;
/** When this share of a waiting ring is full, it waits no longer. */
const URGENT_SHARE = 0.5;
/** How long a child may take from its fork to its first step when its parent is gone, ms. */
const BEGIN_MS_MAX = 2000;

/** The trace of a process that was forked. */
export interface ChildResult {
  readonly pid: number;
  readonly directory: string;
  readonly manifest: Manifest;
  readonly problems: readonly string[];
}

/** A process and its ring, as far as it matters to its children. */
interface Parent {
  readonly ring: Ring;
  readonly directory: string;
  readonly children: Relative[];
  /** Rings of children that were looked at: the number of the next one. */
  seen: number;
  /** Of those, the ones that were made for a fork. */
  forkRings: number;
  /** Of those, the ones whose process has not begun yet. */
  waiting: number;
}

interface Waiting {
  readonly ring: Ring;
  readonly parent: Parent;
  /** When its parent was first seen gone, ms; null while it is there. */
  aloneSince: number | null;
}

interface Child extends Parent {
  readonly pid: number;
  readonly writer: TraceWriter;
  readonly flusher: Flusher;
}

export class Family {
  /** Of those that are closed. */
  readonly results: ChildResult[] = [];
  /** One line for each process that could not be recorded. */
  readonly problems: string[] = [];
  readonly #manifest: Manifest;
  readonly #stem: string;
  readonly #folder: string;
  readonly #root: Parent;
  #waiting: Waiting[] = [];
  #open: Child[] = [];

  /** @param ring of the process that was started */
  constructor(ring: Ring, manifest: Manifest) {
    this.#manifest = manifest;
    this.#stem = ring.path.replace(/\.ring$/, '');
    this.#folder = join(ring.traceDirectory, CHILDREN_FOLDER);
    this.#root = parentOf(ring, ring.traceDirectory, 0);
  }

  /** Transfers on disk, of all children together. */
  get transfers(): number {
    const closed = this.results.reduce((sum, { manifest }) => sum + manifest.totals.transfers, 0);
    return this.#open.reduce((sum, { writer }) => sum + writer.counts.transfers, closed);
  }

  /** Children of the first process that are recorded. */
  get children(): readonly Relative[] {
    return this.#root.children;
  }

  get followed(): Followed {
    return followedOf(this.#root);
  }

  /** Whether all that the first process has forked is known: its own trace can be closed. */
  get isRootSettled(): boolean {
    this.#discover(this.#root);
    this.#adopt(true);
    return this.#root.waiting === 0;
  }

  get isOver(): boolean {
    return this.#open.length === 0 && this.#waiting.length === 0;
  }

  /** Takes what is there, begins traces and closes them. True if there was anything. */
  poll(): boolean {
    let moved = false;
    for (const parent of [this.#root, ...this.#open]) this.#discover(parent);
    this.#adopt(false);
    for (const child of this.#open) {
      // Before its ring is read: what it wrote last is there then.
      const isGone = isOver(child);
      moved = this.#pollOne(child, isGone) || moved;
    }
    return moved;
  }

  /** Stops recording whoever still runs: they run on, and their traces are closed as they are. */
  leave(): void {
    for (const parent of [this.#root, ...this.#open]) this.#discover(parent);
    this.#adopt(true);
    for (const { ring, parent } of this.#waiting) {
      parent.waiting--;
      ring.leave();
      ring.remove();
    }
    this.#waiting = [];
    const left = this.#open.slice();
    for (const child of left) {
      // It runs on: what its ring holds now is what there will be of it.
      child.flusher.useFrozen(freezeRing(child.ring).ring);
      child.ring.leave();
      this.#close(child, { how: 'unknown', note: 'its recorder was asked to stop' });
    }
  }

  /** Rings that were made since. The name says which process made it, and which of its it is. */
  #discover(parent: Parent): void {
    const { pid, children } = parent.ring.writerState();
    for (; parent.seen < children; parent.seen++) {
      const path = `${this.#stem}-${pid}-${parent.seen}.ring`;
      // It is made before it is counted, and removed if what it was made for could not be executed.
      if (!existsSync(path)) continue;
      const ring = this.#attempt(() => Ring.open(path));
      if (ring === null) continue;
      if (!isExecuted(ring)) parent.forkRings++;
      this.#waiting.push({ ring, parent, aloneSince: null });
      parent.waiting++;
    }
  }

  #adopt(isAll: boolean): void {
    const still: Waiting[] = [];
    for (const one of this.#waiting) {
      const { pid } = one.ring.writerState();
      const isWanted = isAll || this.#open.length < OPEN_MAX || isUrgent(one.ring);
      if (pid !== 0 && isWanted) this.#attempt(() => this.#begin(one, pid));
      else if (pid === 0 && this.#neverBegins(one)) {
        one.parent.waiting--;
        one.ring.remove();
      } else still.push(one);
    }
    this.#waiting = still;
  }

  /** What goes wrong with one process is told, and stops no other. */
  #attempt<Answer>(work: () => Answer): Answer | null {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      this.problems.push(`a forked process is not in a trace: ${error.message}`);
      return null;
    }
  }

  /**
   * A fork or exec that failed, an exec of a program that QEMU does not run, or a child that was
   * killed before it did anything.
   */
  #neverBegins(one: Waiting): boolean {
    const { ring } = one.parent;
    const { pid } = ring.writerState();
    if (isExecuted(one.ring)) {
      return one.ring.writerState().ended || !ring.writerAlive() || isOtherProgram(ring, pid);
    }
    if (ring.writerAlive()) return false;
    one.aloneSince ??= performance.now();
    return performance.now() - one.aloneSince > BEGIN_MS_MAX;
  }

  #begin({ ring: made, parent }: Waiting, pid: number): void {
    parent.waiting--;
    const { path } = made;
    made.close();
    let ring = Ring.open(path);
    const directory = freeDirectory(this.#folder, pid);
    if (directory !== ring.traceDirectory) {
      ring.moveTrace(directory);
      ring.close();
      ring = Ring.open(path);
    }
    const name = basename(directory);
    const isRoot = parent === this.#root;
    const up = isRoot ? '../..' : `../${basename(parent.directory)}`;
    const { pid: parentPid } = parent.ring.writerState();
    const how = isExecuted(ring) ? ({ how: 'exec' } as const) : {};
    const above = { pid: parentPid, directory: up, ...how };
    const manifest = childManifest(this.#manifest, ring, pid, above);
    mkdirSync(this.#folder, { recursive: true });
    const writer = beginTrace(directory, manifest, ring);
    const flusher = new Flusher(ring, writer);
    const down = isRoot ? `${CHILDREN_FOLDER}/${name}` : `../${name}`;
    parent.children.push({ pid, directory: down, ...how });
    const first = 'how' in how ? ringNumber(path) + 1 : 0;
    this.#open.push({ ...parentOf(ring, directory, first), pid, writer, flusher });
  }

  /** A trace that cannot be written stops the recording of that process only. */
  #pollOne(child: Child, isGone: boolean): boolean {
    try {
      const moved = child.flusher.poll();
      if (!isGone || moved) return moved;
      this.#discover(child);
      if (child.waiting > 0) return false;
      this.#close(child, endOf(child));
      return true;
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      child.ring.leave();
      child.writer.abandon();
      child.ring.close();
      const problem = `${error.message} What was recorded is kept: backtrail recover`;
      this.#done(child, [problem]);
      return true;
    }
  }

  #close(child: Child, end: SeenEnd): void {
    const { writer, flusher, children, ring } = child;
    if (children.length > 0) writer.manifest.children = children;
    const problems = closeTrace(writer, flusher, end, followedOf(child));
    ring.remove();
    this.#done(child, problems);
  }

  #done(child: Child, problems: readonly string[]): void {
    this.#open = this.#open.filter((one) => one !== child);
    const { pid, directory, writer } = child;
    this.results.push({ pid, directory, manifest: writer.manifest, problems });
  }
}

/** @param first number of the first ring that it makes for a child */
const parentOf = (ring: Ring, directory: string, first: number): Parent => ({
  ring,
  directory,
  children: [],
  seen: first,
  forkRings: 0,
  waiting: 0,
});

function followedOf({ children, forkRings }: Parent): Followed {
  const execs = children.filter(({ how }) => how === 'exec').length;
  return { forks: children.length - execs, execs, rings: forkRings };
}

/**
 * Whether a ring was made for what takes the place of the process that made it, not for a child:
 * its own rings are numbered on from there.
 */
function isExecuted(ring: Ring): boolean {
  const { pid, children } = ring.writerState();
  return pid === 0 ? children > 0 : ring.parentPid === pid;
}

/** `…-PID-N.ring` */
const ringNumber = (path: string): number => Number(/-(\d+)\.ring$/.exec(path)?.[1] ?? 0);

/** Whether the process is no QEMU any more, whose plugin would take the ring that waits for it. */
function isOtherProgram(old: Ring, pid: number): boolean {
  if (isMapped(old, pid)) return false;
  try {
    return !basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('qemu-');
  } catch {
    return true;
  }
}

/** Without a trace nobody drains the ring: its process is told, and it is left for recovery. */
function beginTrace(directory: string, manifest: Manifest, ring: Ring): TraceWriter {
  try {
    return TraceWriter.create(directory, manifest);
  } catch (error) {
    ring.leave();
    ring.close();
    throw error;
  }
}

/** Whether a ring is so full that its guest may soon have to wait. */
function isUrgent(ring: Ring): boolean {
  const { published, logHead } = ring.writerState();
  const { logBytes, segmentBudget } = ring.shape;
  if (logHead > logBytes * URGENT_SHARE) return true;
  return ring.keep === 'all' && published > segmentBudget * URGENT_SHARE;
}

/** Whether a process is gone, or another program has taken its place. */
const isOver = ({ ring, pid, flusher }: Child): boolean =>
  !ring.writerAlive() || (flusher.execs > 0 && !isMapped(ring, pid));

/** Whether the image that writes to the ring is still there. */
function isMapped(ring: Ring, pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/maps`, 'latin1').includes(ring.path);
  } catch {
    return false;
  }
}

/** Its parent alone is told how it ended; what it asked for itself was noted. */
function endOf({ ring, flusher, children }: Child): SeenEnd {
  const { ended, exitStatus } = ring.writerState();
  if (flusher.execs > 0) {
    const path = flusher.execPath ?? 'another program';
    const isRecorded = children.some(({ how }) => how === 'exec');
    const and = isRecorded ? 'and is in a trace of its own' : 'and ran unrecorded';
    return { how: 'unknown', note: `${path} took its place (exec) ${and}` };
  }
  if (ended && exitStatus !== null) return { how: 'exit', status: exitStatus };
  return { how: 'unknown', note: 'it was killed: how, its parent alone was told' };
}

/** A number may be given to a second process while the run goes on. */
function freeDirectory(folder: string, pid: number): string {
  let directory = join(folder, `${pid}.trace`);
  for (let n = 2; existsSync(directory); n++) directory = join(folder, `${pid}.${n}.trace`);
  return directory;
}

/** What a child's trace says of itself before anything of it is known. */
export function childManifest(root: Manifest, ring: Ring, pid: number, parent: Relative): Manifest {
  const { children: _others, ...common } = root;
  // The file of its ring was made just before the fork.
  const ageMs = Math.max(0, Date.now() - statSync(ring.path).birthtimeMs);
  const totals = Object.fromEntries(Object.keys(root.totals).map((name) => [name, 0]));
  return {
    ...common,
    complete: false,
    recovered: false,
    started: new Date(Date.now() - ageMs).toISOString(),
    startedNs: (process.hrtime.bigint() - BigInt(Math.round(ageMs * 1e6))).toString(),
    durationNs: null,
    end: null,
    note: null,
    unknownCalls: [],
    stopped: null,
    totals: { ...root.totals, ...totals },
    losses: { ...NO_LOSSES },
    pid,
    parent,
  };
}
