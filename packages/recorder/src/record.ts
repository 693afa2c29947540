/** One run: make ring and trace, start the guest, drain until it is gone, close the trace. */
import { existsSync, rmSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { closeTrace, mapEvents } from './close.ts';
import { chooseEngine, type EngineChoice, machineImages } from './engines/choose.ts';
import type { GuestEnd, PreparedGuest, RunningGuest } from './engines/engine.ts';
import { BacktrailError } from './errors.ts';
import { type ChildResult, Family } from './family.ts';
import { filterOf } from './filter.ts';
import { Flusher } from './flush.ts';
import { addressesOf } from './modules.ts';
import { checkRingBytes, ringShape } from './ring/create.ts';
import { freezeRing } from './ring/freeze.ts';
import { isAskedToStop } from './ring/requests.ts';
import type { Ring } from './ring/ring.ts';
import { checkStart, startOf } from './start.ts';
import { machineFiles, symbolMaps } from './symbol-files.ts';
import { removeEmpty } from './trace/directory.ts';
import { type KeepMode, type Manifest, NO_LOSSES } from './trace/manifest.ts';
import { TRACE_FORMAT, TRACE_VERSION } from './trace/schema.ts';
import { TraceWriter } from './trace/writer.ts';
import { checkTrigger, parseTrigger, Trigger } from './trigger.ts';

export const RING_BYTES_DEFAULT = 64 * 1024 * 1024;
const POLL_MS = 2;
const PROGRESS_MS = 100;

export interface RecordOptions extends EngineChoice {
  /** Where the trace goes; null: NAME.trace, or NAME.2.trace and so on, in the current folder. */
  readonly output: string | null;
  readonly keep: KeepMode;
  /** Bytes of the ring's segments, at least 8,192. */
  readonly ringBytes: number;
  /** Stop recording, not the guest, after so many transfers; 0: never. */
  readonly maxTransfers: number;
  /** What ends the recording, not the program; null or left out: the end of the run. */
  readonly trigger?: string | null;
  /** Transfers of that vCPU that are recorded after the trigger came, at least. */
  readonly after?: number;
  /** `paused`, a function, an address: recording begins later; null or left out: at once. */
  readonly start?: string | null;
  /** What of the code is recorded, as filter.ts reads it; none or left out: all. */
  readonly filter?: readonly string[];
  /** Called about ten times a second while the guest runs. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly transfers: number;
  /** Bytes of the trace on disk. */
  readonly bytes: number;
  /** How long vCPUs waited for the recorder, all together, ns. */
  readonly waitNs: number;
  readonly elapsedMs: number;
}

export interface RecordResult {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly end: GuestEnd;
  /** One line for each thing the trace lacks, e.g. symbols of a file that is gone. */
  readonly problems: readonly string[];
  /** Processes that the guest forked, in the order in which they ended. */
  readonly children: readonly ChildResult[];
}

function outputDirectory(options: RecordOptions): string {
  if (options.output !== null) return resolve(options.output);
  const name = basename(options.program);
  let directory = resolve(`${name}.trace`);
  for (let n = 2; existsSync(directory); n++) directory = resolve(`${name}.${n}.trace`);
  return directory;
}

function newManifest(options: RecordOptions, prepared: PreparedGuest, ring: Ring): Manifest {
  const { segmentTransfers, segmentBudget } = ring.shape;
  return {
    format: TRACE_FORMAT,
    version: TRACE_VERSION,
    complete: false,
    recovered: false,
    engine: { ...prepared.engine },
    guest: { ...prepared.guest },
    command: [options.program, ...options.args],
    directory: process.cwd(),
    started: new Date().toISOString(),
    startedNs: process.hrtime.bigint().toString(),
    durationNs: null,
    end: null,
    note: null,
    unknownCalls: [],
    keep: options.keep,
    stopped: null,
    ring: {
      bytes: segmentBudget * segmentTransfers * 4,
      segments: segmentBudget,
      segmentTransfers,
    },
    totals: {
      transfers: 0,
      instructions: 0,
      segments: 0,
      edges: 0,
      blocks: 0,
      marks: 0,
      modules: 0,
      symbols: 0,
      sources: 0,
      lines: 0,
      inlines: 0,
      vcpus: 0,
      bytes: 0,
      waitNs: 0,
    },
    losses: { ...NO_LOSSES },
  };
}

/** What a terminal sends to all its processes, and what is meant for one. */
const TERMINAL_SIGNALS = ['SIGINT', 'SIGQUIT'] as const;
const DIRECT_SIGNALS = ['SIGTERM', 'SIGHUP'] as const;

/** So many requests within so long, and the guest is killed: it does not listen. */
const REQUESTS = 3;
const REQUESTS_MS = 1000;

/**
 * While a guest runs: Ctrl-C is the guest's alone, and a request to end is passed on to it. A guest
 * in this process that ignores them could only be killed together with what it recorded: three in
 * a row kill it alone.
 */
function holdSignals(guest: RunningGuest): () => void {
  const ignore = (): void => {};
  const requests: number[] = [];
  const pass = (signal: NodeJS.Signals): void => {
    guest.signal(signal);
    requests.push(performance.now());
    const first = requests.at(-REQUESTS);
    const isUrgent = first !== undefined && performance.now() - first < REQUESTS_MS;
    if (isUrgent && !guest.isProcess) guest.signal('SIGKILL');
  };
  const onTerminal = guest.isProcess ? ignore : pass;
  for (const signal of TERMINAL_SIGNALS) process.on(signal, onTerminal);
  for (const signal of DIRECT_SIGNALS) process.on(signal, pass);
  return () => {
    for (const signal of TERMINAL_SIGNALS) process.off(signal, onTerminal);
    for (const signal of DIRECT_SIGNALS) process.off(signal, pass);
  };
}

/**
 * Drains until the guest is gone, or a trigger came: then its end is null. A trace that cannot be
 * written stops the recording only.
 */
async function drain(
  guest: RunningGuest,
  ring: Ring,
  flusher: Flusher,
  family: Family | null,
  isTriggered: () => boolean,
  report: () => void,
): Promise<{ end: GuestEnd | null; failure: Error | null }> {
  let isGone = false;
  let failure: Error | null = null;
  // Not Promise.race with the end: that would hold something of each turn until it comes.
  let wake = (): void => {};
  const gone = (): void => {
    isGone = true;
    wake();
  };
  void guest.ended.then(gone, gone);
  let reported = performance.now();
  while (!isGone && failure === null && !isTriggered()) {
    let moved = false;
    try {
      moved = flusher.poll();
      moved = family?.poll() === true || moved;
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      ring.leave();
    }
    if (performance.now() - reported >= PROGRESS_MS) {
      reported = performance.now();
      report();
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (moved) globalThis.setImmediate(resolve);
      else globalThis.setTimeout(resolve, POLL_MS);
    });
  }
  if (!isGone && failure === null) return { end: null, failure };
  return { end: await guest.ended, failure };
}

/** The guest already runs, and its ring holds what it does meanwhile. */
async function beginTrace(guest: RunningGuest, ring: Ring, manifest: Manifest) {
  try {
    const writer = TraceWriter.begin(ring.traceDirectory, manifest);
    return { writer, flusher: new Flusher(ring, writer) };
  } catch (error) {
    ring.leave();
    await guest.ended;
    throw error;
  }
}

async function runGuest(
  options: RecordOptions,
  prepared: PreparedGuest,
  ring: Ring,
  manifest: Manifest,
): Promise<RecordResult> {
  const started = performance.now();
  const guest = prepared.start(ring);
  const release = holdSignals(guest);
  const family = options.follow === true ? new Family(ring, manifest) : null;
  let writer: TraceWriter | null = null;
  try {
    const begun = await beginTrace(guest, ring, manifest);
    const { flusher } = begun;
    writer = begun.writer;
    const isTriggered = watchFor(options, ring, flusher, manifest);
    const isOver = (): boolean => isTriggered() || isAskedToStop(ring);
    const { end, failure } = await drain(guest, ring, flusher, family, isOver, () => {
      options.onProgress?.({
        transfers: begun.writer.counts.transfers + (family?.transfers ?? 0),
        bytes: begun.writer.counts.bytes,
        waitNs: ring.writerState().waitNs,
        elapsedMs: performance.now() - started,
      });
    });
    if (failure !== null) throw failure;
    if (end === null) {
      const why = isTriggered() ? 'trigger' : 'asked';
      const problems = closeEarly(why, ring, begun.writer, flusher, family);
      writer = null;
      const guestEnd = await guest.ended;
      const children = family?.results ?? [];
      return { directory: ring.traceDirectory, manifest, end: guestEnd, problems, children };
    }
    if (ring.writerState().pid === 0) {
      throw new BacktrailError('E_QEMU_SILENT', prepared.explainSilence(end));
    }
    if (family !== null) await settleRoot(family, manifest);
    const problems = closeTrace(writer, flusher, end, family?.followed);
    writer = null;
    release();
    if (family !== null) await drainFamily(family);
    const children = family?.results ?? [];
    const all = [...problems, ...(family?.problems ?? [])];
    return { directory: ring.traceDirectory, manifest, end, problems: all, children };
  } catch (error) {
    writer?.abandon();
    family?.leave();
    throw error;
  } finally {
    release();
  }
}

function watchFor(
  options: RecordOptions,
  ring: Ring,
  flusher: Flusher,
  manifest: Manifest,
): () => boolean {
  const { trigger: text = null, after = 0 } = options;
  if (text === null) return () => false;
  const { symbolFiles = [], startedNs } = manifest;
  const images = symbolMaps(symbolFiles, BigInt(startedNs));
  const trigger = new Trigger(parseTrigger(text), (name, maps) =>
    addressesOf(name, [...images, ...mapEvents(maps)]),
  );
  flusher.onLog = (batch) => trigger.take(batch);
  flusher.trigger = () => (trigger.fired === null ? null : { ...trigger.fired, detail: text });
  return () => {
    const { fired } = trigger;
    if (fired === null) return false;
    const now = ring.liveVcpus().find(({ vcpu }) => vcpu === fired.vcpu);
    return now === undefined || now.firstSeq + now.rows >= fired.seq + after;
  };
}

/** The guest runs on: what its ring holds now is the trace. */
function closeEarly(
  stopped: 'trigger' | 'asked',
  ring: Ring,
  writer: TraceWriter,
  flusher: Flusher,
  family: Family | null,
): readonly string[] {
  family?.leave();
  if (family !== null && family.children.length > 0) writer.manifest.children = family.children;
  flusher.useFrozen(freezeRing(ring).ring);
  ring.requestStop();
  ring.leave();
  const when = stopped === 'trigger' ? 'at the trigger' : 'when that was asked for';
  const note = `recording ended ${when}, and the program ran on`;
  return closeTrace(writer, flusher, { how: 'unknown', note, stopped }, family?.followed);
}

/** Until all children of the first process are known: its trace names them. */
async function settleRoot(family: Family, manifest: Manifest): Promise<void> {
  while (!family.isRootSettled) {
    if (!family.poll()) await setTimeout(POLL_MS);
  }
  if (family.children.length > 0) manifest.children = family.children;
}

/** Until all children have ended, or somebody asks to end. */
async function drainFamily(family: Family): Promise<void> {
  let isAsked = false;
  const ask = (): void => {
    isAsked = true;
  };
  const signals = [...TERMINAL_SIGNALS, ...DIRECT_SIGNALS];
  for (const signal of signals) process.on(signal, ask);
  try {
    while (!family.isOver) {
      if (isAsked) family.leave();
      else await (family.poll() ? setImmediate() : setTimeout(POLL_MS));
    }
  } finally {
    for (const signal of signals) process.off(signal, ask);
  }
}

/**
 * Runs a program and records it. Resolves when the guest has ended and the trace is closed.
 * @throws BacktrailError if it cannot be recorded; what was recorded by then stays as a partial
 * trace, unless nothing was.
 */
export async function record(options: RecordOptions): Promise<RecordResult> {
  checkRingBytes(options.ringBytes);
  const images = machineImages(options);
  const symbolFiles = images && machineFiles(options.system?.symbols ?? [], images);
  const startAt = startOf(options, symbolFiles);
  const filterRules = filterOf(options, symbolFiles);
  const prepared = chooseEngine(options).prepare({ ...options, startAt, filterRules });
  checkTrigger(options.trigger ?? null, prepared.engine.name);
  checkStart(options.start ?? null, prepared.engine.name);
  const directory = outputDirectory(options);
  const ring = prepared.createRing({
    shape: ringShape(options.ringBytes),
    keep: options.keep,
    maxTransfers: options.maxTransfers,
    traceDirectory: directory,
  });
  let isReserved = false;
  try {
    const manifest = newManifest(options, prepared, ring);
    if (symbolFiles !== null && symbolFiles.length > 0) manifest.symbolFiles = symbolFiles;
    if (typeof options.start === 'string') manifest.start = options.start;
    if (options.filter !== undefined && options.filter.length > 0) manifest.filter = options.filter;
    TraceWriter.reserve(directory, manifest);
    isReserved = true;
    const result = await runGuest(options, prepared, ring, manifest);
    ring.remove();
    return result;
  } catch (error) {
    if (!isReserved) removeEmpty(directory, error);
    throw leaveBehind(error, ring, isReserved ? directory : null);
  }
}

/** After a failure: what was recorded stays, on disk and in the ring; what is empty goes. */
function leaveBehind(error: unknown, ring: Ring, directory: string | null): unknown {
  const ran = directory !== null && ring.writerState().pid !== 0;
  if (!ran) {
    ring.remove();
    if (directory !== null) rmSync(directory, { recursive: true });
    return error;
  }
  ring.close();
  if (!(error instanceof BacktrailError)) return error;
  // A ring without a file goes with this process: what it held is lost.
  const what = existsSync(ring.path) ? 'What was recorded' : 'What is on disk';
  const keeps = `${what} is kept; then: backtrail recover ${directory}`;
  return new BacktrailError(error.code, `${error.message} ${keeps}`, { cause: error });
}

/**
 * Runs a program as `record` would, and records nothing.
 * @throws BacktrailError if it cannot be run.
 */
export async function runUnrecorded(choice: EngineChoice): Promise<GuestEnd> {
  const guest = chooseEngine(choice).prepare(choice).start(null);
  const release = holdSignals(guest);
  try {
    return await guest.ended;
  } finally {
    release();
  }
}
