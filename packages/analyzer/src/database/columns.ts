/** Columns of SQL tables: named, typed and explained by the schema of the trace, or added here. */
import type { Column, TableSchema } from '@backtrail/recorder/trace';
import {
  BIGINT,
  BLOB,
  type DuckDBType,
  ENUM,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  VARCHAR,
} from '@duckdb/node-api';
import type { Scan, ScanColumn } from './scan.ts';
import { CHUNK_ROWS, type Fill } from './vectors.ts';

/** Columns that hold addresses, wherever they stand; programs print them as 0x…. */
export const ADDRESS_COLUMNS: readonly string[] = [
  'source',
  'target',
  'host_source',
  'host_target',
  'pc',
  'host_pc',
  'address',
  'file_address',
  'base',
  'start',
];

function sqlType(column: Column): DuckDBType {
  switch (column.type) {
    case 'u16':
      return USMALLINT;
    case 'u32':
      return UINTEGER;
    case 'u64':
      return UBIGINT;
    case 'i64':
      return BIGINT;
    case 'utf8':
      return VARCHAR;
    case 'binary':
      return BLOB;
    case 'code':
      return ENUM(column.words ?? []);
  }
}

/** A column as the schema has it. @throws RangeError if the schema has none of that name. */
export function schemaColumn(schema: TableSchema, name: string): ScanColumn {
  const column = schema.columns.find((one) => one.name === name);
  if (column === undefined) throw new RangeError(`${schema.name} has no column ${name}`);
  return newColumn(name, sqlType(column), column.says);
}

export const newColumn = (name: string, type: DuckDBType, says: string): ScanColumn => ({
  name,
  type,
  says,
  isAddress: ADDRESS_COLUMNS.includes(name),
});

/** A column of a table whose rows are known when the query starts. */
export interface StoredColumn extends ScanColumn {
  /** Called once, when a query first names the column. */
  readonly make: () => Fill;
}

/** A column that SQL makes from others of its row. */
export interface DerivedColumn extends ScanColumn {
  readonly sql: string;
}

export type TableColumn = StoredColumn | DerivedColumn;

const isStored = (column: TableColumn): column is StoredColumn => 'make' in column;

/** Names that begin with an underscore are not for users. */
export const isPrivate = (name: string): boolean => name.startsWith('_');

/** Every column of a schema, in its order, each with what fills it. */
export function schemaColumns(
  schema: TableSchema,
  makes: Readonly<Record<string, () => Fill>>,
): StoredColumn[] {
  return schema.columns.map(({ name }) => {
    const make = makes[name];
    if (make === undefined) throw new RangeError(`${schema.name}.${name}: nothing fills it`);
    return { ...schemaColumn(schema, name), make };
  });
}

export interface Table {
  /** As users see it. */
  readonly name: string;
  /** One sentence. */
  readonly says: string;
  readonly rows: () => number;
  /** What the manifest says: known without reading the table. */
  readonly rowsAbout: () => number;
  readonly columns: readonly TableColumn[];
}

/** Name of the table function behind a table. */
export const scanName = (table: string): string => `_${table}`;

/** The view that users read: the columns that are for them, in order. */
export function tableView({ name, columns }: Table): string {
  const list = columns
    .filter((column) => !isPrivate(column.name))
    .map((column) => (isStored(column) ? column.name : `${column.sql} AS ${column.name}`));
  return `CREATE VIEW ${name} AS SELECT ${list.join(', ')} FROM ${scanName(name)}();`;
}

/** The table as a table function: columns are copied as they lie in memory. */
export function tableScan(table: Table): Scan {
  const columns = table.columns.filter(isStored);
  const fills = new Map<number, Fill>();
  const fillOf = (index: number): Fill => {
    const known = fills.get(index);
    if (known !== undefined) return known;
    const column = columns[index];
    if (column === undefined) throw new RangeError(`${table.name} has no column ${index}`);
    const made = column.make();
    fills.set(index, made);
    return made;
  };
  return {
    name: scanName(table.name),
    columns,
    parameters: [],
    rowsAbout: table.rowsAbout,
    start: () => {
      const total = table.rows();
      let from = 0;
      return (outputs) => {
        const first = from;
        const rows = Math.min(CHUNK_ROWS, total - first);
        if (rows === 0) return 0;
        for (const { column, vector } of outputs) fillOf(column)(vector, first, rows);
        from += rows;
        return rows;
      };
    },
  };
}
