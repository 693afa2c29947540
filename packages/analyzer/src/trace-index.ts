/**
 * The index of a trace: for each segment, which hops it holds (pairs of edges taken one after the
 * other) and what passes left of it. With it a search reads only segments that hold what it looks
 * for. It is built once, in threads, and kept in `index.cache` in the folder of the trace, of which
 * it is no part: whoever deletes it loses nothing but time.
 */
import { availableParallelism } from 'node:os';
import type { Trace } from '@backtrail/recorder/trace';
import { SegmentCollector, type Summaries } from './index/collect.ts';
import { decodeIndex, encodeIndex, Unusable } from './index/file.ts';
import { coarsened, type IndexTables, mergeCollected } from './index/merge.ts';
import { SUMMARY_PASSES } from './index/passes.ts';
import { placesOf } from './index/places.ts';
import { indexPath, madeOf, readIndexFile, writeIndexFile } from './index/storage.ts';
import { collectInThreads, jobsOf } from './index/threads.ts';
import { TraceIndex } from './index/trace-index.ts';

export type { Summarize, SummaryPass } from './index/passes.ts';
export { TraceIndex } from './index/trace-index.ts';

export interface IndexProgress {
  /** Transfers that were gone through, of all that can be read. */
  readonly transfers: number;
  readonly totalTransfers: number;
}

export interface IndexOptions {
  readonly progress?: (done: IndexProgress) => void;
  /** 0: in this one alone. As many as there are processors if left out. */
  readonly threads?: number;
  /** Build it even if there is one. */
  readonly isRenewed?: boolean;
}

export interface OpenedIndex {
  readonly index: TraceIndex;
  /** Whether it was built now, not read. */
  readonly isBuilt: boolean;
  /** Where it is kept; null if only in memory: a folder that cannot be written, a small trace. */
  readonly path: string | null;
  /** Of the file, or of what the file would be. */
  readonly bytes: number;
}

/** Below this, starting threads takes longer than the work. */
const THREADS_FROM_TRANSFERS = 1 << 22;
/** Below this, building it takes less time than a person notices: no file is left behind. */
const KEPT_FROM_TRANSFERS = 1 << 22;
/** Of the bytes of the trace: hops are told of larger groups of segments until they fit. */
const SHARE_MAX = 0.1;
/** Whatever the size of the trace. */
const BYTES_ALWAYS = 1 << 16;
/** 1024 segments: then a coarser index says next to nothing. */
const GROUP_BITS_MAX = 10;

/** The index that is kept beside a trace; null if there is none, or none of use. */
export function storedIndex(trace: Trace): OpenedIndex | null {
  const path = indexPath(trace);
  const file = readIndexFile(path);
  if (file === null) return null;
  try {
    const tables = decodeIndex(file, madeOf(trace), {
      edgeCount: trace.edges.count,
      placeCount: placesOf(trace).segment.length,
      transfers: trace.transfers,
    });
    const index = new TraceIndex(trace, tables);
    return { index, isBuilt: false, path, bytes: file.length };
  } catch (error) {
    if (error instanceof Unusable) return null;
    throw error;
  }
}

/**
 * The index of a trace: the one that is kept, or else a new one, which is kept if it took a while.
 * @throws BacktrailError E_INDEX if there are too many hops for one.
 */
export async function openIndex(trace: Trace, options: IndexOptions = {}): Promise<OpenedIndex> {
  const stored = options.isRenewed === true ? null : storedIndex(trace);
  if (stored !== null) return stored;
  const tables = await build(trace, options);
  return keep(trace, tables, options.isRenewed === true);
}

/** Builds it in this thread and keeps it in memory only. @throws BacktrailError E_INDEX */
export function makeIndex(trace: Trace): TraceIndex {
  const collector = new SegmentCollector(trace);
  const placeCount = collector.places.segment.length;
  const parts = jobsOf(placeCount, 1).map((job) =>
    collector.collect(job.firstPlace, job.endPlace, () => undefined),
  );
  const tables = mergeCollected(parts, placeCount, trace.edges.count);
  return new TraceIndex(trace, finished(trace, tables));
}

/** Lets passes that want it see all segments at once. */
function finished(trace: Trace, tables: IndexTables): IndexTables {
  const left = new TraceIndex(trace, tables);
  const { segment } = placesOf(trace);
  const summaries = tables.summaries.map((kept, i): Summaries => {
    const pass = SUMMARY_PASSES[i];
    if (pass?.finish === undefined) return kept;
    const keep = pass.finish(trace, (name, number) => left.summary(name, number));
    const parts = Array.from(segment, keep);
    const words = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      words.set(part, at);
      at += part.length;
    }
    return { lengths: Uint32Array.from(parts, (part) => part.length), words };
  });
  return { ...tables, summaries };
}

async function build(trace: Trace, options: IndexOptions): Promise<IndexTables> {
  const totalTransfers = trace.transfers;
  const isLong = totalTransfers >= THREADS_FROM_TRANSFERS;
  const threads = options.threads ?? (isLong ? availableParallelism() : 0);
  const { progress } = options;
  let transfers = 0;
  const seen = (more: number): void => {
    transfers += more;
    progress?.({ transfers, totalTransfers });
  };
  const placeCount = placesOf(trace).segment.length;
  const jobs = jobsOf(placeCount, threads);
  let parts =
    threads === 0 ? null : await collectInThreads(trace.directory, placeCount, jobs, threads, seen);
  if (parts === null) {
    transfers = 0;
    const collector = new SegmentCollector(trace);
    parts = jobs.map((job) => collector.collect(job.firstPlace, job.endPlace, seen));
  }
  return finished(trace, mergeCollected(parts, placeCount, trace.edges.count));
}

function keep(trace: Trace, whole: IndexTables, isAsked: boolean): OpenedIndex {
  const key = madeOf(trace);
  const bytesMax = Math.max(BYTES_ALWAYS, trace.manifest.totals.bytes * SHARE_MAX);
  let tables = whole;
  let file = encodeIndex(tables, key);
  while (file.length > bytesMax && tables.groupBits < GROUP_BITS_MAX) {
    tables = coarsened(tables);
    file = encodeIndex(tables, key);
  }
  const index = new TraceIndex(trace, tables);
  const isLasting = trace.state === 'complete' && index.unreadable.length === 0;
  const isWorthIt = isAsked || trace.transfers >= KEPT_FROM_TRANSFERS;
  const isKept = isLasting && isWorthIt && writeIndexFile(indexPath(trace), file);
  return { index, isBuilt: true, path: isKept ? indexPath(trace) : null, bytes: file.length };
}
