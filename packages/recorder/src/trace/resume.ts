/**
 * A partial trace of a killed recorder, made fit to be written on: every whole batch is kept, torn
 * tails are dropped, and what names something that is gone is dropped too. Each file is replaced
 * whole, the segments last, so that a second kill here loses nothing.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { BacktrailError } from '../errors.ts';
import type { ArrowKit } from './arrow.ts';

import {
  MANIFEST,
  MANIFEST_PARTIAL,
  REPLACEMENT,
  readManifest,
  rename,
  tablePath,
  transfersFiles,
  transfersPath,
} from './directory.ts';
import { Damage } from './flatbuffer.ts';
import { Histogram } from './histogram.ts';
import type { TableFile } from './input.ts';
import type { Manifest } from './manifest.ts';
import { OutputFile, type OutputSystem } from './output.ts';
import { openTrace, verifyTrace } from './reader.ts';
import { BLOCKS, EDGES, MARKS, SEGMENTS, type TableSchema } from './schema.ts';
import { firstRows, keptRows, readTable } from './table-file.ts';
import { edgeTable, segmentTable, type TableRows } from './tables.ts';
import { NO_ROW, type SegmentTable } from './trace.ts';
import { edgesOfColumn, openTransfers, transfersColumn } from './transfers.ts';

/** A segment that was written and can no longer be read. */
export interface LostSegment {
  readonly vcpu: number;
  readonly firstSeq: number;
  readonly rows: number;
  readonly timeNs: bigint;
}

/** What a partial trace still holds; the files of the tables are closed. */
export interface Resumed {
  readonly manifest: Manifest;
  readonly histogram: Histogram;
  readonly tables: {
    readonly segments: TableRows;
    readonly edges: TableRows;
    readonly blocks: TableRows;
    readonly marks: TableRows;
  };
  readonly transfers: number;
  readonly vcpus: ReadonlySet<number>;
  readonly lost: readonly LostSegment[];
  /** The number of the next file under transfers/. */
  readonly nextFile: number;
}

/** Edges up to the first that names a block which is gone; only damage makes one. */
function soundEdges(rows: TableRows, blocks: number): TableRows {
  const { sourceBlock, targetBlock, count } = edgeTable(rows);
  const isGone = (block: number | undefined): boolean =>
    block !== undefined && block !== NO_ROW && block >= blocks;
  for (let i = 0; i < count; i++) {
    if (isGone(sourceBlock[i]) || isGone(targetBlock[i])) return firstRows(rows, i);
  }
  return rows;
}

/** The edge numbers of one batch, or null if they cannot be used. */
function readEdges(file: TableFile, batch: number, rows: number): Uint32Array | null {
  try {
    const edges = edgesOfColumn(file.readBatch(batch).columns[0]);
    return edges?.length === rows ? edges : null;
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    return null;
  }
}

const isBelow = (edges: Uint32Array, limit: number): boolean => {
  let max = 0;
  for (let i = 0; i < edges.length; i++) max = Math.max(max, edges[i] ?? 0);
  return max < limit;
};

/** Goes through the segments of one file, counting those that are whole. */
class Transfers {
  readonly histogram = new Histogram();
  private readonly directory: string;
  private readonly kit: ArrowKit;
  private readonly edges: number;
  private readonly system: OutputSystem | undefined;

  constructor(directory: string, kit: ArrowKit, edges: number, system?: OutputSystem) {
    this.directory = directory;
    this.kit = kit;
    this.edges = edges;
    this.system = system;
  }

  /** @returns for each of the segments, whether it is kept. */
  checkFile(number: number, segments: SegmentTable, members: readonly number[]): boolean[] {
    const path = transfersPath(this.directory, number);
    if (!fs.existsSync(path)) return members.map(() => false);
    const { file, table } = openTransfers(path);
    try {
      const kept = members.map((segment) => {
        const edges = readEdges(file, segments.batch[segment] ?? 0, segments.rows[segment] ?? 0);
        if (edges === null || !isBelow(edges, this.edges)) return false;
        this.histogram.add(edges, this.edges);
        return true;
      });
      if (file.damage !== null || kept.includes(false))
        this.rewrite({ path, file, table }, segments, members, kept);
      return kept;
    } finally {
      file.release();
    }
  }

  /** The file gets a footer; batches keep their numbers, those that are lost become empty. */
  private rewrite(
    { path, file, table }: { path: string; file: TableFile; table: TableSchema },
    segments: SegmentTable,
    members: readonly number[],
    kept: readonly boolean[],
  ): void {
    const rowsOf = new Map<number, number>();
    for (const [index, segment] of members.entries()) {
      if (kept[index] === true) {
        rowsOf.set(segments.batch[segment] ?? 0, segments.rows[segment] ?? 0);
      }
    }
    const output = new OutputFile(path + REPLACEMENT, 'transfers', this.system);
    try {
      const writer = this.kit.open(table, output);
      const scratch = new Uint16Array(Math.max(0, ...rowsOf.values()));
      const end = Math.max(-1, ...rowsOf.keys()) + 1;
      for (let batch = 0; batch < end; batch++) {
        const edges = readEdges(file, batch, rowsOf.get(batch) ?? 0) ?? new Uint32Array(0);
        writer.append([transfersColumn(table, edges, scratch)], edges.length);
      }
      writer.close();
      output.close();
    } catch (error) {
      output.discard();
      throw error;
    }
    rename(path + REPLACEMENT, path);
  }
}

function removeReplacements(directory: string): void {
  for (const folder of [directory, join(directory, 'transfers')]) {
    if (!fs.existsSync(folder)) continue;
    for (const name of fs.readdirSync(folder)) {
      if (name.endsWith(`.arrow${REPLACEMENT}`)) fs.rmSync(join(folder, name));
    }
  }
}

/** @throws BacktrailError E_NO_TRACE, E_TRACE_VERSION, E_COMPLETE, E_DISK_FULL */
export function reopen(directory: string, kit: ArrowKit, system?: OutputSystem): Resumed {
  const { manifest, state } = readManifest(directory);
  const segmentRows = readTable(tablePath(directory, 'segments'), SEGMENTS).rows;
  const segments = soundSegments(directory, segmentRows);
  if (state === 'complete') {
    if (verifyTrace(openTrace(directory)).length === 0) {
      throw new BacktrailError(
        'E_COMPLETE',
        `${directory}: found a complete trace without damage, expected a partial one. ` +
          'There is nothing to recover: backtrail info shows it.',
      );
    }
    rename(join(directory, MANIFEST), join(directory, MANIFEST_PARTIAL));
    manifest.complete = false;
  }
  removeReplacements(directory);
  const blocks = readTable(tablePath(directory, 'blocks'), BLOCKS).rows;
  const edges = soundEdges(readTable(tablePath(directory, 'edges'), EDGES).rows, blocks.count);
  const marks = readTable(tablePath(directory, 'marks'), MARKS).rows;

  const members = new Map<number, number[]>();
  for (let segment = 0; segment < segments.count; segment++) {
    const file = segments.file[segment] ?? 0;
    const list = members.get(file) ?? [];
    list.push(segment);
    members.set(file, list);
  }
  const transfers = new Transfers(directory, kit, edges.count, system);
  const kept = Array.from({ length: segments.count }, () => false);
  for (const [file, list] of members) {
    const isKept = transfers.checkFile(file, segments, list);
    for (const [index, segment] of list.entries()) kept[segment] = isKept[index] ?? false;
  }
  const files = transfersFiles(directory);
  for (const file of files) if (!members.has(file)) fs.rmSync(transfersPath(directory, file));

  return {
    manifest,
    histogram: transfers.histogram,
    tables: { segments: keptRows(SEGMENTS, segmentRows, kept), edges, blocks, marks },
    nextFile: Math.max(-1, ...members.keys()) + 1,
    ...tally(segments, kept),
  };
}

/** @throws BacktrailError E_TRACE_DAMAGED: without its segments a trace has no order. */
function soundSegments(directory: string, rows: TableRows): SegmentTable {
  try {
    return segmentTable(rows);
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    throw new BacktrailError(
      'E_TRACE_DAMAGED',
      `${tablePath(directory, 'segments')}: ${error.message}. Restore the file from a copy, or ` +
        'record again.',
      { cause: error },
    );
  }
}

function tally(
  segments: SegmentTable,
  kept: readonly boolean[],
): Pick<Resumed, 'transfers' | 'vcpus' | 'lost'> {
  const vcpus = new Set<number>();
  const lost: LostSegment[] = [];
  let transfers = 0;
  for (let i = 0; i < segments.count; i++) {
    const vcpu = segments.vcpu[i] ?? 0;
    const rows = segments.rows[i] ?? 0;
    if (kept[i] === true) {
      vcpus.add(vcpu);
      transfers += rows;
    } else {
      const firstSeq = segments.firstSeq[i] ?? 0;
      lost.push({ vcpu, firstSeq, rows, timeNs: segments.timeFirstNs[i] ?? 0n });
    }
  }
  return { transfers, vcpus, lost };
}
