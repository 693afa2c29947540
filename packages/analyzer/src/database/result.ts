/** Results of queries: whole in memory, within bounds. */
import {
  type DuckDBMaterializedResult,
  type DuckDBPreparedStatement,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import { type SqlValue, toSqlValue } from './values.ts';

export interface ResultColumn {
  readonly name: string;
  /** As SQL writes it; just `ENUM` for an enum. */
  readonly type: string;
  /** Values are addresses: to be written 0x…. */
  readonly isAddress: boolean;
}

export interface ResultChunk {
  readonly rowCount: number;
  /** The values of each column. */
  readonly columns: readonly (readonly SqlValue[])[];
}

/** What the last statement of a query gave. Free of the database: it may be read after close(). */
export interface Result {
  readonly columns: readonly ResultColumn[];
  readonly rowCount: number;
  /** Whether there are more rows, which rowsMax left out. */
  readonly isCut: boolean;
  /** All rows, up to 2,048 at a time, made into values as they are taken. May be called again. */
  chunks(): Generator<ResultChunk>;
  /** All rows at once. */
  rows(): SqlValue[][];
}

/** Texts and bytes above 12 bytes lie elsewhere: a guess at both parts. */
const TEXT_BYTES = 32;
const NESTED_BYTES = 64;

/** About what a value of a result takes in DuckDB's memory, bytes. */
function valueBytes(type: DuckDBType): number {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.UTINYINT:
      return 1;
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.USMALLINT:
      return 2;
    case DuckDBTypeId.ENUM:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DATE:
      return 4;
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.BLOB:
      return TEXT_BYTES;
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
    case DuckDBTypeId.STRUCT:
    case DuckDBTypeId.MAP:
    case DuckDBTypeId.UNION:
      return NESTED_BYTES;
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.DOUBLE:
      return 8;
    default:
      return 16;
  }
}

/** About what a row of the statement's result takes, bytes; at least 1. */
export function rowBytes(statement: DuckDBPreparedStatement): number {
  let bytes = 0;
  for (let i = 0; i < statement.columnCount; i++) bytes += valueBytes(statement.columnType(i));
  return Math.max(1, bytes);
}

export class QueryResult implements Result {
  readonly columns: readonly ResultColumn[];
  readonly rowCount: number;
  readonly isCut: boolean;
  readonly #result: DuckDBMaterializedResult;

  /**
   * @param names of the columns, as the statement has them.
   * @param addresses names of columns that hold addresses.
   */
  constructor(
    result: DuckDBMaterializedResult,
    names: readonly string[],
    addresses: ReadonlySet<string>,
    rowsMax = Number.POSITIVE_INFINITY,
  ) {
    this.#result = result;
    this.isCut = result.rowCount > rowsMax;
    this.rowCount = Math.min(result.rowCount, rowsMax);
    this.columns = result.columnTypes().map((type, i) => {
      const name = names[i] ?? result.columnName(i);
      return {
        name,
        type: type.typeId === DuckDBTypeId.ENUM ? 'ENUM' : type.toString(),
        isAddress: type.typeId === DuckDBTypeId.UBIGINT && addresses.has(name),
      };
    });
  }

  *chunks(): Generator<ResultChunk> {
    let left = this.rowCount;
    for (let i = 0; i < this.#result.chunkCount && left > 0; i++) {
      const chunk = this.#result.getChunk(i);
      const rowCount = Math.min(chunk.rowCount, left);
      const columns = chunk.getColumns().map((values) => values.slice(0, rowCount).map(toSqlValue));
      left -= rowCount;
      yield { rowCount, columns };
    }
  }

  rows(): SqlValue[][] {
    const rows: SqlValue[][] = [];
    for (const { rowCount, columns } of this.chunks()) {
      for (let row = 0; row < rowCount; row++) {
        rows.push(columns.map((values) => values[row] ?? null));
      }
    }
    return rows;
  }
}
