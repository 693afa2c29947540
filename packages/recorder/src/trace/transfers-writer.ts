/** The files under transfers/ of a trace that is being written, and the rows of its segments. */
import fs from 'node:fs';
import type { BackgroundSync } from './background-sync.ts';
import { transfersFiles, transfersPath } from './directory.ts';
import type { Histogram } from './histogram.ts';
import { LiveTable, type Target } from './live-table.ts';
import { JOBS_MAX, PackThread } from './pack-thread.ts';
import { type Packed, SegmentPacker } from './packer.ts';
import { type SegmentInfo, segmentColumns } from './rows.ts';
import { transfersTable } from './transfers.ts';

/** Segments in one file under transfers/. A kill leaves at most one file without a footer. */
export const FILE_SEGMENTS = 64;

/** More threads than this wait for the one that reads and writes for all. */
const THREADS_MAX = 3;

/** A segment that is to be written. */
export interface SegmentSource {
  readonly info: SegmentInfo;
  readonly transfers: number;
  /** Fills a place with its edge numbers. */
  read(place: Uint32Array<SharedArrayBuffer>): void;
  /** Called when it and its row are on disk. */
  written(): void;
}

/** A segment that is packed, or that a thread has. */
type Begun =
  | { readonly source: SegmentSource; readonly thread: null; readonly packed: Packed }
  | { readonly source: SegmentSource; readonly thread: PackThread; readonly packed: null };

/** One that is ready and may be given at least so many, the one with the least to do. */
function mostRoom(threads: readonly PackThread[], roomMin: number): PackThread | null {
  let best: PackThread | null = null;
  for (const thread of threads) {
    if (!thread.isReady || thread.room < roomMin) continue;
    if (best === null || thread.room > best.room) best = thread;
  }
  return best;
}

const isDone = ({ thread }: Begun): boolean => thread === null || thread.isDone;

export class TransfersWriter {
  transfers: number;
  readonly vcpus: Set<number>;
  private readonly directory: string;
  private readonly target: Target;
  private readonly segments: LiveTable;
  private readonly sync: BackgroundSync;
  private readonly packer: SegmentPacker;
  private readonly threads: PackThread[] = [];
  private file: LiveTable | null = null;
  private nextFile: number;
  private closedBytes: number;

  constructor(
    directory: string,
    target: Target,
    into: { readonly segments: LiveTable; readonly sync: BackgroundSync },
    resumed: {
      readonly histogram: Histogram;
      readonly transfers: number;
      readonly vcpus: ReadonlySet<number>;
      readonly nextFile: number;
    },
  ) {
    this.directory = directory;
    this.target = target;
    this.segments = into.segments;
    this.sync = into.sync;
    this.packer = new SegmentPacker(resumed.histogram);
    this.transfers = resumed.transfers;
    this.vcpus = new Set(resumed.vcpus);
    this.nextFile = resumed.nextFile;
    this.closedBytes = transfersFiles(directory).reduce(
      (sum, file) => sum + fs.statSync(transfersPath(directory, file)).size,
      0,
    );
  }

  /** Bytes of all files under transfers/. */
  get bytes(): number {
    return this.closedBytes + (this.file?.bytes ?? 0);
  }

  /** @param limit Edges that are on disk. */
  add(info: SegmentInfo, edges: Uint32Array, limit: number): void {
    this.write(info, edges.length, limit, this.packer.pack(edges, limit));
  }

  /**
   * Writes segments in order.
   * @param limit Edges that are on disk.
   * @param helpers Threads that may help, for as many processors that have nothing to do.
   */
  addAll(sources: readonly SegmentSource[], limit: number, helpers: number): void {
    const threads = this.helpers(helpers);
    const begun: Begun[] = [];
    const finish = ({ source, packed, thread }: Begun): void => {
      const done = thread === null ? packed : thread.take();
      this.write(source.info, source.transfers, limit, done);
      source.written();
    };
    for (const [i, source] of sources.entries()) {
      // In the end none gets a second one, for which this thread would wait.
      const isNearEnd = sources.length - i <= threads.length;
      const thread = mostRoom(threads, isNearEnd ? JOBS_MAX : 1);
      if (thread !== null) {
        source.read(thread.place(source.transfers));
        thread.start(source.transfers, limit);
        begun.push({ source, thread, packed: null });
      } else {
        const place = this.packer.place(source.transfers);
        source.read(place);
        const packed = this.packer.pack(place, limit);
        // Behind one that is not ready it waits, rather than this thread.
        const kept = begun.length === 0 ? packed : { ...packed, frame: packed.frame.slice() };
        begun.push({ source, thread: null, packed: kept });
      }
      for (let next = begun[0]; next !== undefined && isDone(next); next = begun[0]) {
        finish(next);
        begun.shift();
      }
    }
    for (const each of begun) finish(each);
  }

  private helpers(count: number): readonly PackThread[] {
    const { threads } = this;
    while (threads.length < Math.min(THREADS_MAX, count)) threads.push(new PackThread());
    return threads.slice(0, Math.max(0, count));
  }

  private write(info: SegmentInfo, transfers: number, limit: number, packed: Packed): void {
    let { file } = this;
    const table = transfersTable(limit);
    if (file === null || file.batches >= FILE_SEGMENTS || file.table !== table) {
      file = this.openNext(limit);
    }
    const batch = file.batches;
    file.appendFrame(transfers, packed.contentBytes, packed.frame);
    const { segments } = this;
    const row = segmentColumns(info, segments.rows, transfers, this.nextFile - 1, batch);
    segments.append(row, 1);
    this.transfers += transfers;
    this.vcpus.add(info.vcpu);
  }

  private openNext(limit: number): LiveTable {
    const whole = this.file;
    this.close();
    if (whole !== null) this.sync.begin(whole.path);
    const path = transfersPath(this.directory, this.nextFile);
    this.file = new LiveTable(path, transfersTable(limit), this.target);
    this.nextFile++;
    return this.file;
  }

  /** How often each edge was taken, exact up to 2^53. */
  counts(edges: number): Float64Array {
    const counts = this.packer.histogram.counts(edges);
    for (const thread of this.threads) {
      for (const [edge, count] of thread.counts(edges).entries()) {
        counts[edge] = (counts[edge] ?? 0) + count;
      }
    }
    return counts;
  }

  /** Closes the last file. */
  close(): void {
    this.file?.finish();
    this.closedBytes += this.file?.bytes ?? 0;
    this.file = null;
  }

  stopHelpers(): void {
    for (const thread of this.threads.splice(0)) thread.stop();
  }

  abandon(): void {
    this.stopHelpers();
    this.file?.abandon();
  }
}
