/** Columns that say in words where an address lies, of every table that has one. */
import { UBIGINT, UINTEGER, VARCHAR } from '@duckdb/node-api';
import { newColumn, type TableColumn } from './columns.ts';
import type { PlaceColumn } from './names.ts';
import { fillNames, fillNumbers, fillRowNumbers } from './vectors.ts';

/** What a symbol column holds. */
export const SYMBOL_SAYS =
  'demangled name of the symbol that covers it; null where no symbol is known. Looked up as the ' +
  'program was mapped then';

/** What placeColumns() calls; made before the views. */
export const LOCATION_MACRO = `
CREATE MACRO _location(address, label, is_start, distance) AS CASE
  WHEN address IS NULL THEN NULL
  WHEN label IS NULL THEN format('0x{:x}', address)
  WHEN is_start THEN label
  ELSE format('{}+0x{:x}', label, distance)
END;`;

/**
 * Columns that say where the addresses of column `of` lie. A location is put together in SQL from
 * its private parts: DuckDB does that a hundred times faster than JavaScript.
 */
export function placeColumns(
  of: string,
  prefix: string,
  find: () => { readonly place: PlaceColumn; readonly texts: Uint32Array },
): TableColumn[] {
  const label = `_${prefix}label`;
  const offset = `_${prefix}offset`;
  const symbol = `${prefix}symbol`;
  return [
    {
      ...newColumn(symbol, VARCHAR, `For ${of}: the ${SYMBOL_SAYS}.`),
      make: () => fillNames(find().place.symbol, find().texts),
    },
    {
      ...newColumn(`${prefix}module`, UINTEGER, `Module that ${of} lies in: a row of modules.`),
      make: () => fillRowNumbers(find().place.module),
    },
    {
      ...newColumn(label, VARCHAR, 'Demangled name of the symbol, or else file of the module.'),
      make: () => fillNames(find().place.label, find().texts),
    },
    {
      ...newColumn(offset, UBIGINT, 'Bytes from what the label names.'),
      make: () => fillNumbers(find().place.offset),
    },
    {
      ...newColumn(
        `${prefix}location`,
        VARCHAR,
        `For ${of}, in words: symbol+0x12, or file+0x1234, or 0x…; null where ${of} is.`,
      ),
      sql: `_location(${of}, ${label}, ${symbol} IS NOT NULL AND ${offset} = 0, ${offset})`,
    },
  ];
}
