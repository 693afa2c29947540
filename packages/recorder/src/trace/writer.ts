/**
 * Writes a trace. At any moment the directory is a valid partial trace: batches are appended whole,
 * and in an order in which nothing on disk names what is not yet there: blocks before the edges
 * that name them, edges before the segments that name them, transfers before their segment's row.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { BacktrailError } from '../errors.ts';
import { ArrowKit } from './arrow.ts';
import { BackgroundSync } from './background-sync.ts';
import { type ColumnData, wholeNumbers } from './columns.ts';
import {
  makeDirectory,
  renameManifest,
  syncDirectory,
  TRANSFERS_FOLDER,
  tablePath,
  transfersFiles,
  transfersPath,
  writePartialManifest,
} from './directory.ts';
import { Histogram } from './histogram.ts';
import { LiveTable, type Target } from './live-table.ts';
import type { Manifest } from './manifest.ts';
import type { OutputSystem } from './output.ts';
import { type LostSegment, type Resumed, reopen } from './resume.ts';
import {
  type BlockRows,
  blockColumns,
  type CodeSources,
  type EdgeRows,
  edgeColumns,
  inlineColumns,
  lineColumns,
  type MarkRows,
  type ModuleRows,
  markColumns,
  moduleColumns,
  NO_SOURCES,
  type SegmentInfo,
  type SymbolRows,
  sourceColumns,
  symbolColumns,
} from './rows.ts';
import {
  BLOCKS,
  EDGES,
  INLINES,
  LINES,
  MARKS,
  MODULES,
  SEGMENTS,
  SOURCES,
  SYMBOLS,
  type TableName,
  type TableSchema,
} from './schema.ts';
import { divided, readBatches, replaceTable, type Wrong } from './table-file.ts';
import type { TableRows } from './tables.ts';
import { NO_ROW } from './trace.ts';
import { type SegmentSource, TransfersWriter } from './transfers-writer.ts';
import { MARK_KINDS } from './vocabulary.ts';

/** Rows that are on disk, and the bytes of all files but the manifest. */
export interface TraceCounts {
  readonly segments: number;
  readonly edges: number;
  readonly blocks: number;
  readonly marks: number;
  readonly transfers: number;
  readonly bytes: number;
}

export interface BlockExtents {
  readonly count: number;
  readonly pc: BigUint64Array;
  readonly size: Uint32Array;
}

/** Tables whose file is missing where they have no rows. */
const OPTIONAL = ['sources', 'lines', 'inlines'] as const satisfies readonly TableName[];
type Optional = (typeof OPTIONAL)[number];

interface Live {
  readonly segments: LiveTable;
  readonly edges: LiveTable;
  readonly blocks: LiveTable;
  readonly marks: LiveTable;
}

export class TraceWriter {
  /** The caller fills the mutable fields before finish(); finish() fills most of the totals. */
  readonly manifest: Manifest;
  private readonly directory: string;
  private readonly target: Target;
  private readonly live: Live;
  private readonly sync = new BackgroundSync();
  private readonly segments: TransfersWriter;
  /** After an error or the end nothing more is written. */
  private isOpen = true;

  private constructor(
    directory: string,
    target: Target,
    resumed: Omit<Resumed, 'tables' | 'lost'> & { readonly tables: Resumed['tables'] | null },
  ) {
    this.directory = directory;
    this.target = target;
    this.manifest = resumed.manifest;
    const open = (table: TableSchema<keyof Live>): LiveTable => {
      const path = tablePath(directory, table.name);
      return new LiveTable(path, table, target, resumed.tables?.[table.name] ?? null);
    };
    const [blocks, edges, marks] = [open(BLOCKS), open(EDGES), open(MARKS)];
    // Last: what segments name is then in its place.
    this.live = { blocks, edges, marks, segments: open(SEGMENTS) };
    const into = { segments: this.live.segments, sync: this.sync };
    this.segments = new TransfersWriter(directory, target, into, resumed);
  }

  /**
   * Makes the directory and a manifest that says it is not complete.
   * @param system Stands in for the file system in tests.
   * @throws BacktrailError E_EXISTS, E_WRITE, E_DISK_FULL
   */
  static create(directory: string, manifest: Manifest, system?: OutputSystem): TraceWriter {
    TraceWriter.reserve(directory, manifest, system);
    return TraceWriter.begin(directory, manifest, system);
  }

  /**
   * The first half of create(): all that can be refused. Quick, so that a guest need not wait for
   * the second.
   * @throws BacktrailError E_EXISTS, E_WRITE, E_DISK_FULL
   */
  static reserve(directory: string, manifest: Manifest, system?: OutputSystem): void {
    makeDirectory(directory);
    manifest.complete = false;
    writePartialManifest(directory, manifest, system);
  }

  /** The second half of create(). @throws BacktrailError E_WRITE, E_DISK_FULL */
  static begin(directory: string, manifest: Manifest, system?: OutputSystem): TraceWriter {
    return new TraceWriter(
      directory,
      { kit: new ArrowKit(), system },
      {
        manifest,
        histogram: new Histogram(),
        tables: null,
        transfers: 0,
        vcpus: new Set(),
        nextFile: 0,
      },
    );
  }

  /**
   * Goes on with the partial trace of a killed recorder, or with a complete trace that has been
   * damaged since, and is partial from then on. Every whole batch is kept. For a segment that was
   * written and cannot be read any more, `losses.damaged` counts its transfers and a `gap` mark
   * tells where they were.
   * @throws BacktrailError E_NO_TRACE, E_TRACE_VERSION, E_DISK_FULL; E_COMPLETE if nothing is wrong
   */
  static resume(directory: string, system?: OutputSystem): TraceWriter {
    const kit = new ArrowKit();
    const resumed = reopen(directory, kit, system);
    const writer = new TraceWriter(directory, { kit, system }, resumed);
    for (const segment of resumed.lost) writer.manifest.losses.damaged += segment.rows;
    if (resumed.lost.length > 0) writer.addMarks(gapMarks(resumed.lost));
    return writer;
  }

  /** Rows that are on disk, and the bytes of all files but the manifest. */
  get counts(): TraceCounts {
    const { segments, edges, blocks, marks } = this.live;
    return {
      segments: segments.rows,
      edges: edges.rows,
      blocks: blocks.rows,
      marks: marks.rows,
      transfers: this.segments.transfers,
      bytes: this.segments.bytes + segments.bytes + edges.bytes + blocks.bytes + marks.bytes,
    };
  }

  /** Appends edges; their blocks must have been added. They are on disk when this returns. */
  addEdges(rows: EdgeRows): void {
    const blocks = this.live.blocks.rows;
    for (let i = 0; i < rows.count; i++) {
      const source = rows.sourceBlock[i] ?? 0;
      const target = rows.targetBlock[i] ?? 0;
      if ((source < blocks || source === NO_ROW) && (target < blocks || target === NO_ROW))
        continue;
      throw new BacktrailError(
        'E_INTERNAL',
        `edge ${this.live.edges.rows + i}: found blocks ${source} and ${target}, ` +
          `expected below ${blocks}`,
      );
    }
    const taken = new Float64Array(rows.count);
    this.append(this.live.edges, rows.count, (first) => edgeColumns(rows, first, taken));
  }

  addBlocks(rows: BlockRows): void {
    this.append(this.live.blocks, rows.count, (first) => blockColumns(rows, first));
  }

  addMarks(rows: MarkRows): void {
    this.append(this.live.marks, rows.count, (first) => markColumns(rows, first));
  }

  /**
   * Appends one segment: its transfers, then its row.
   * @param edges Edge numbers, each of an edge that has been added; may be reused after the call.
   * @throws BacktrailError E_INTERNAL if an edge has not been added; E_DISK_FULL, E_WRITE
   */
  addSegment(info: SegmentInfo, edges: Uint32Array): void {
    if (edges.length === 0) return;
    this.guard(() => this.segments.add(info, edges, this.live.edges.rows));
  }

  /**
   * Appends segments in order, as addSegment() does; none is empty.
   * @param helpers Threads that may help, for as many processors that have nothing to do.
   */
  addSegments(sources: readonly SegmentSource[], helpers: number): void {
    if (sources.length === 0) return;
    this.guard(() => this.segments.addAll(sources, this.live.edges.rows, helpers));
  }

  /** Guest addresses and sizes of all blocks so far, in parts. Those on disk are read again. */
  *blockExtents(): Generator<BlockExtents, void, undefined> {
    const { path, table } = this.live.blocks;
    // A file that is being written lacks its end; that is no damage.
    const onDisk = (): Iterable<TableRows> => readBatches(path, table, () => undefined);
    for (const { count, columns } of this.live.blocks.keptRows ?? onDisk()) {
      const [, pc, size] = columns;
      if (pc?.type !== 'u64' || size?.type !== 'u32') throw new TypeError('no blocks');
      yield { count, pc: pc.values, size: size.values };
    }
  }

  /**
   * Makes the trace complete: edges get their counts, small batches are put together, everything is
   * synced, the manifest is renamed. Fills all totals but `instructions` and `waitNs`.
   * @throws BacktrailError E_DISK_FULL, E_WRITE; the trace then stays partial
   */
  finish(modules: ModuleRows, symbols: SymbolRows, code: CodeSources = NO_SOURCES): void {
    this.guard(() => {
      const { counts, directory } = this;
      this.segments.close();
      const { blocks, edges, marks, segments } = this.live;
      for (const table of [blocks, edges, marks, segments]) table.finish();
      const taken = this.segments.counts(edges.rows);
      this.segments.stopHelpers();
      this.compact(edges, (batch, first) => ({
        count: batch.count,
        columns: [
          ...batch.columns.slice(0, -1),
          wholeNumbers(taken.subarray(first, first + batch.count), batch.count),
        ],
      }));
      for (const table of [blocks, marks, segments]) this.compact(table);
      this.writeWhole(MODULES, { count: modules.count, columns: moduleColumns(modules) });
      this.writeWhole(SYMBOLS, { count: symbols.count, columns: symbolColumns(symbols) });
      const { sources, lines, inlines } = code;
      this.writeIfAny(SOURCES, sources.count, () => sourceColumns(sources));
      this.writeIfAny(LINES, lines.count, () => lineColumns(lines));
      this.writeIfAny(INLINES, inlines.count, () => inlineColumns(inlines));
      const bytes = syncAll(directory, this.sync);
      Object.assign(this.manifest.totals, {
        transfers: this.segments.transfers,
        segments: counts.segments,
        edges: counts.edges,
        blocks: counts.blocks,
        marks: counts.marks,
        modules: modules.count,
        symbols: symbols.count,
        sources: sources.count,
        lines: lines.count,
        inlines: inlines.count,
        vcpus: Math.max(this.segments.vcpus.size, this.manifest.totals.vcpus),
        bytes,
      });
      writePartialManifest(directory, { ...this.manifest, complete: true }, this.target.system);
      renameManifest(directory);
      this.manifest.complete = true;
    });
    this.isOpen = false;
  }

  /** Closes the files and leaves a partial trace. */
  abandon(): void {
    this.isOpen = false;
    this.sync.abandon();
    this.segments.abandon();
    const { blocks, edges, marks, segments } = this.live;
    for (const table of [blocks, edges, marks, segments]) table.abandon();
  }

  private append(table: LiveTable, rows: number, columns: (first: number) => ColumnData[]): void {
    if (rows === 0) return;
    this.guard(() => {
      for (const part of divided({ count: rows, columns: columns(table.rows) })) {
        table.append(part.columns, part.count);
      }
    });
  }

  /** A write that failed may have left half a batch: nothing may be appended to it. */
  private guard(action: () => void): void {
    if (!this.isOpen) {
      throw new BacktrailError('E_INTERNAL', `${this.directory}: nothing more can be written`);
    }
    this.isOpen = false;
    action();
    this.isOpen = true;
  }

  /** Replaces a closed table by one of few batches. */
  private compact(live: LiveTable, change?: (batch: TableRows, first: number) => TableRows): void {
    const { path, table } = live;
    const fail = ({ says }: Wrong): never => {
      throw new BacktrailError(
        'E_TRACE_DAMAGED',
        `${path}: ${says}. Check the disk, then: backtrail recover ${this.directory}`,
      );
    };
    const changed = function* (): Generator<TableRows, void, undefined> {
      let first = 0;
      for (const batch of live.batchesWritten(fail)) {
        yield change === undefined ? batch : change(batch, first);
        first += batch.count;
      }
    };
    replaceTable(path, table, this.target.kit, changed(), this.target.system);
    this.sync.begin(path);
  }

  private writeIfAny(table: TableSchema<Optional>, count: number, of: () => ColumnData[]): void {
    if (count > 0) this.writeWhole(table, { count, columns: of() });
    // Of a trace that was complete once, and is damaged.
    else fs.rmSync(tablePath(this.directory, table.name), { force: true });
  }

  private writeWhole(table: TableSchema<'modules' | 'symbols' | Optional>, rows: TableRows): void {
    const path = tablePath(this.directory, table.name);
    replaceTable(path, table, this.target.kit, [rows], this.target.system);
    this.sync.begin(path);
  }
}

/** Makes all files durable. @returns the bytes of all files but the manifest. */
function syncAll(directory: string, sync: BackgroundSync): number {
  const tables = ['segments', 'edges', 'blocks', 'marks', 'modules', 'symbols'] as const;
  const paths = [
    ...transfersFiles(directory).map((file) => transfersPath(directory, file)),
    ...tables.map((table) => tablePath(directory, table)),
    ...OPTIONAL.map((table) => tablePath(directory, table)).filter((path) => fs.existsSync(path)),
  ];
  let bytes = 0;
  for (const path of paths) {
    sync.finish(path);
    bytes += fs.statSync(path).size;
  }
  syncDirectory(join(directory, TRANSFERS_FOLDER));
  syncDirectory(directory);
  return bytes;
}

/** A `gap` mark for each segment that is gone. */
function gapMarks(lost: readonly LostSegment[]): MarkRows {
  const count = lost.length;
  const none = new Uint8Array(count);
  return {
    count,
    vcpu: Uint32Array.from(lost, (segment) => segment.vcpu),
    seq: Float64Array.from(lost, (segment) => segment.firstSeq),
    timeNs: BigUint64Array.from(lost, (segment) => segment.timeNs),
    kind: new Uint8Array(count).fill(MARK_KINDS.indexOf('gap')),
    pc: new BigUint64Array(count),
    hasPc: none,
    number: BigInt64Array.from(lost, (segment) => BigInt(segment.rows)),
    hasNumber: new Uint8Array(count).fill(1),
    code: new BigInt64Array(count),
    hasCode: none,
    address: new BigUint64Array(count),
    hasAddress: none,
    size: new BigUint64Array(count),
    hasSize: none,
    detail: lost.map(() => 'damaged'),
  };
}
