/** The files under transfers/ of a trace that is being written, and the rows of its segments. */
import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import type { BackgroundSync } from './background-sync.ts';
import { transfersFiles, transfersPath } from './directory.ts';
import type { Histogram } from './histogram.ts';
import { LiveTable, type Target } from './live-table.ts';
import { PackThread } from './pack-thread.ts';
import { type Packed, SegmentPacker } from './packer.ts';
import { type SegmentInfo, segmentColumns } from './rows.ts';
import { transfersTable } from './transfers.ts';

/** Segments in one file under transfers/. A kill leaves at most one file without a footer. */
export const FILE_SEGMENTS = 64;

/**
 * Threads that help when the guest is faster than one can pack. One processor is the guest's; more
 * than so many and this thread, which reads and writes for all, is what they wait for.
 */
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

export class TransfersWriter {
  transfers: number;
  readonly vcpus: Set<number>;
  private readonly directory: string;
  private readonly target: Target;
  private readonly segments: LiveTable;
  private readonly sync: BackgroundSync;
  private readonly packer: SegmentPacker;
  private threads: PackThread[] | null = null;
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
   * @param isHelped Whether to use further processors.
   */
  addAll(sources: readonly SegmentSource[], limit: number, isHelped: boolean): void {
    const helpers = isHelped ? this.helpers() : [];
    const given: { readonly thread: PackThread; readonly source: SegmentSource }[] = [];
    const finish = (source: SegmentSource, packed: Packed): void => {
      this.write(source.info, source.transfers, limit, packed);
      source.written();
    };
    for (const source of sources) {
      for (let first = given[0]; first !== undefined; first = given[0]) {
        const packed = first.thread.poll();
        if (packed === null) break;
        given.shift();
        finish(first.source, packed);
      }
      const thread = helpers.find(({ isIdle }) => isIdle);
      if (thread !== undefined) {
        source.read(thread.place(source.transfers));
        thread.start(source.transfers, limit);
        given.push({ thread, source });
        continue;
      }
      const place = this.packer.place(source.transfers);
      source.read(place);
      const packed = this.packer.pack(place, limit);
      for (const { thread: before, source: earlier } of given.splice(0)) {
        finish(earlier, before.take());
      }
      finish(source, packed);
    }
    for (const { thread, source } of given) finish(source, thread.take());
  }

  private helpers(): readonly PackThread[] {
    const count = Math.min(THREADS_MAX, availableParallelism() - 1);
    this.threads ??= Array.from({ length: count }, () => new PackThread());
    return this.threads;
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
    for (const thread of this.threads ?? []) {
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
    for (const thread of this.threads ?? []) thread.stop();
    this.threads = null;
  }

  abandon(): void {
    this.stopHelpers();
    this.file?.abandon();
  }
}
