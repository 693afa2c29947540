/** One file of a trace that is being written: batches are appended, each whole when it returns. */
import type { ArrowKit, ArrowWriter } from './arrow.ts';
import type { ColumnData } from './columns.ts';
import { concatenate } from './concat.ts';
import { REPLACEMENT, rename } from './directory.ts';
import { OutputFile, type OutputSystem } from './output.ts';
import type { TableSchema } from './schema.ts';
import { divided, readBatches, rowsBytes, type Wrong } from './table-file.ts';
import type { TableRows } from './tables.ts';

/**
 * Rows of a table that are also kept in memory, at most; beyond that all are read again in the end.
 * Segments come one a batch, and reading thousands of tiny batches takes longer than their run.
 */
const KEPT_BYTES_MAX = 16 << 20;

/**
 * So many kept batches become one. A batch of one row takes a hundred times the bytes of the row: a
 * recorder of many segments grew by half a megabyte a second.
 */
const KEPT_TOGETHER = 256;

/** A file that batches are appended to. */
export class LiveTable {
  readonly path: string;
  readonly table: TableSchema;
  rows = 0;
  private readonly file: OutputFile;
  private readonly writer: ArrowWriter;
  private kept: TableRows[] | null;
  private keptBytes = 0;
  /** Batches at the front of those kept that were put together. */
  private keptLarge = 0;

  /** @param kept Rows to begin with; the new file then takes the place of an old one. */
  constructor(path: string, table: TableSchema, into: Target, kept: TableRows | null = null) {
    this.path = path;
    this.table = table;
    this.kept = table.name === 'transfers' ? null : [];
    this.file = new OutputFile(kept === null ? path : path + REPLACEMENT, table.name, into.system);
    try {
      this.writer = into.kit.open(table, this.file);
      if (kept === null) return;
      for (const part of divided(kept)) this.append(part.columns, part.count);
      rename(path + REPLACEMENT, path);
    } catch (error) {
      if (kept === null) this.file.close();
      else this.file.discard();
      throw error;
    }
  }

  get bytes(): number {
    return this.file.bytes;
  }

  get batches(): number {
    return this.writer.batches;
  }

  /** The columns are kept: they must not change. */
  append(columns: readonly ColumnData[], rows: number): void {
    this.writer.append(columns, rows);
    this.rows += rows;
    this.keep({ columns, count: rows });
  }

  /** A batch of one column of numbers, compressed already; not kept. */
  appendFrame(rows: number, contentBytes: number, frame: Uint8Array): void {
    this.writer.appendFrame(rows, contentBytes, frame);
    this.rows += rows;
  }

  private keep(batch: TableRows): void {
    this.keptBytes += rowsBytes(batch);
    if (this.keptBytes > KEPT_BYTES_MAX) this.kept = null;
    const { kept } = this;
    if (kept === null) return;
    kept.push(batch);
    if (kept.length - this.keptLarge < KEPT_TOGETHER) return;
    kept.push(concatenate(kept.splice(this.keptLarge)));
    this.keptLarge++;
  }

  /** All rows as far as they are still in memory; null if there were too many. */
  get keptRows(): readonly TableRows[] | null {
    return this.kept;
  }

  /** All rows, once the file is finished. */
  batchesWritten(onDamage: (wrong: Wrong) => never): Iterable<TableRows> {
    return this.kept ?? readBatches(this.path, this.table, onDamage);
  }

  finish(): void {
    this.writer.close();
    this.file.close();
  }

  abandon(): void {
    this.file.close();
  }
}

/** What every file of one trace is written with. */
export interface Target {
  readonly kit: ArrowKit;
  readonly system: OutputSystem | undefined;
}
