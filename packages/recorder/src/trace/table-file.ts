/** All rows of a table's file, and the rewriting of one: what reader and writer share. */
import fs from 'node:fs';
import type { ArrowKit } from './arrow.ts';
import { columnBytes, emptyColumn, ordinals, sliceColumn } from './columns.ts';
import { concatenate } from './concat.ts';
import { REPLACEMENT, rename } from './directory.ts';
import { Damage } from './flatbuffer.ts';
import { TableFile } from './input.ts';
import { OutputFile, type OutputSystem } from './output.ts';
import type { TableSchema } from './schema.ts';
import type { TableRows } from './tables.ts';

/** Rows of a batch in a closed table, but for transfers. */
const BATCH_ROWS = 65_536;
/** A batch with long byte strings has fewer rows: Arrow's offsets are 32 bits wide. */
const BATCH_BYTES = 1 << 26;

export interface TableContents {
  readonly rows: TableRows;
  /** What is wrong with the file, or null; the rows are those before it. */
  readonly damage: Wrong | null;
}

export interface Wrong {
  readonly says: string;
  /** The file only lacks its end, as it does while it is written. */
  readonly isOpenEnded: boolean;
}

export const noRows = (table: TableSchema): TableRows => ({
  count: 0,
  columns: table.columns.map((column) => emptyColumn(column.type)),
});

const UNNUMBERED: readonly string[] = ['transfers', 'symbols', 'lines', 'inlines'];

/** The first column of these repeats the row number: a batch out of place is found by it. */
const isNumbered = (table: TableSchema): boolean => !UNNUMBERED.includes(table.name);

function checkNumbers(table: TableSchema, batch: TableRows, first: number): string | null {
  const numbers = batch.columns[0];
  if (!isNumbered(table) || numbers?.type !== 'u32') return null;
  for (let i = 0; i < batch.count; i++) {
    if (numbers.values[i] !== first + i) {
      return `found row number ${numbers.values[i]}, expected ${first + i}`;
    }
  }
  return null;
}

/**
 * The whole batches before the first damage, one at a time.
 * @param onDamage Called at most once, with what is wrong with the file.
 */
export function* readBatches(
  path: string,
  table: TableSchema,
  onDamage: (wrong: Wrong) => void,
): Generator<TableRows, void, undefined> {
  if (!fs.existsSync(path)) {
    onDamage({ says: 'found no such file', isOpenEnded: false });
    return;
  }
  const file = new TableFile(path, table);
  let damage: Wrong | null =
    file.damage === null ? null : { says: file.damage, isOpenEnded: file.isOpenEnded };
  try {
    let count = 0;
    for (let i = 0; i < file.batches; i++) {
      const batch = wholeBatch(file, i);
      const says = typeof batch === 'string' ? batch : checkNumbers(table, batch, count);
      if (typeof batch === 'string' || says !== null) {
        damage = { says: says ?? '', isOpenEnded: false };
        break;
      }
      yield batch;
      count += batch.count;
    }
    if (damage !== null) onDamage(damage);
  } finally {
    file.release();
  }
}

/** @returns a batch, or what is wrong with it. */
function wholeBatch(file: TableFile, index: number): TableRows | string {
  try {
    const { rows, columns } = file.readBatch(index);
    return { count: rows, columns };
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    return error.message;
  }
}

/** Reads the whole batches before the first damage. */
export function readTable(path: string, table: TableSchema): TableContents {
  let damage: Wrong | null = null;
  const batches = [
    ...readBatches(path, table, (wrong) => {
      damage = wrong;
    }),
  ];
  return { rows: batches.length === 0 ? noRows(table) : concatenate(batches), damage };
}

/**
 * Writes a closed table beside the file, then puts it in its place.
 * @param batches Of any size; small ones are put together, large ones divided.
 * @returns its size, bytes.
 */
export function replaceTable(
  path: string,
  table: TableSchema,
  kit: ArrowKit,
  batches: Iterable<TableRows>,
  system?: OutputSystem,
): number {
  const file = new OutputFile(path + REPLACEMENT, table.name, system);
  try {
    const writer = kit.open(table, file);
    const write = (rows: TableRows): void => writer.append(rows.columns, rows.count);
    let small: TableRows[] = [];
    let rows = 0;
    let bytes = 0;
    for (const batch of batches) {
      for (const part of divided(batch)) {
        const partBytes = rowsBytes(part);
        if (rows + part.count > BATCH_ROWS || bytes + partBytes > BATCH_BYTES) {
          if (rows > 0) write(concatenate(small));
          small = [];
          rows = 0;
          bytes = 0;
        }
        small.push(part);
        rows += part.count;
        bytes += partBytes;
      }
    }
    // A table without rows gets an empty batch: some readers want the dictionaries.
    if (rows > 0 || writer.batches === 0) write(rows > 0 ? concatenate(small) : noRows(table));
    writer.close();
    file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
  rename(path + REPLACEMENT, path);
  return file.bytes;
}

export const rowsBytes = (rows: TableRows): number =>
  rows.columns.reduce((sum, column) => sum + columnBytes(column, rows.count), 0);

/** Parts of bounded size, of at least one row; columns become exactly as long as their rows. */
export function* divided(
  rows: TableRows,
  rowsMax = BATCH_ROWS,
  bytesMax = BATCH_BYTES,
): Generator<TableRows, void, undefined> {
  const part = (from: number, count: number): TableRows => ({
    count,
    columns: rows.columns.map((column) => sliceColumn(column, from, from + count)),
  });
  for (let from = 0; from < rows.count; ) {
    let next = part(from, Math.min(rowsMax, rows.count - from));
    while (next.count > 1 && rowsBytes(next) > bytesMax) next = part(from, next.count >>> 1);
    yield next;
    from += next.count;
  }
}

/** The first rows of a table. */
export const firstRows = (rows: TableRows, count: number): TableRows => ({
  count,
  columns: rows.columns.map((column) => sliceColumn(column, 0, count)),
});

/** The rows of a numbered table that are kept, numbered anew. */
export function keptRows(table: TableSchema, rows: TableRows, kept: readonly boolean[]): TableRows {
  const runs: TableRows[] = [];
  for (let from = 0; from < rows.count; ) {
    let to = from;
    while (to < rows.count && kept[to] === kept[from]) to++;
    if (kept[from] === true) {
      runs.push({
        count: to - from,
        columns: rows.columns.map((column) => sliceColumn(column, from, to)),
      });
    }
    from = to;
  }
  if (runs.length === 0) return noRows(table);
  const all = concatenate(runs);
  return { count: all.count, columns: [ordinals(0, all.count), ...all.columns.slice(1)] };
}
