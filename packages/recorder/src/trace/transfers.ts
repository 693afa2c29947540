/** Files under transfers/: edge numbers in 16 or 32 bits, always handed out as 32. */
import { type ColumnData, u16, u32 } from './columns.ts';
import { TableFile } from './input.ts';
import { NARROW_EDGES_MAX, type TableSchema, TRANSFERS, TRANSFERS_NARROW } from './schema.ts';

/** The table of a file that is begun when there are so many edges. */
export const transfersTable = (edges: number): TableSchema =>
  edges <= NARROW_EDGES_MAX ? TRANSFERS_NARROW : TRANSFERS;

/**
 * Opens a file under transfers/ as what its schema says it is.
 * @throws BacktrailError E_READ if it cannot be opened.
 */
export function openTransfers(path: string): { file: TableFile; table: TableSchema } {
  const table = TableFile.isOf(path, TRANSFERS_NARROW) ? TRANSFERS_NARROW : TRANSFERS;
  return { file: new TableFile(path, table, true), table };
}

/** A segment as the column of such a file. `scratch` is used for narrow ones, and kept by them. */
export function transfersColumn(
  table: TableSchema,
  edges: Uint32Array,
  scratch: Uint16Array,
): ColumnData {
  if (table !== TRANSFERS_NARROW) return u32(edges);
  const narrow = scratch.subarray(0, edges.length);
  narrow.set(edges);
  return u16(narrow);
}

/** The way back; null if the column is no such column. */
export function edgesOfColumn(column: ColumnData | undefined): Uint32Array | null {
  if (column?.type === 'u32') return column.values;
  return column?.type === 'u16' ? new Uint32Array(column.values) : null;
}
