/** Any columns as an Arrow IPC file in memory: what `query --format arrow` writes. */
import { createRequire } from 'node:module';
import type * as ArrowModule from 'apache-arrow';

export type ResultColumnType = 'bool' | 'i64' | 'u64' | 'f64' | 'utf8' | 'binary';

export interface ResultColumnSchema {
  readonly name: string;
  readonly type: ResultColumnType;
}

export type ResultCell = null | boolean | number | bigint | string | Uint8Array;

/** Rows of one batch, by column; every column has `rows` values of its type. */
export interface ResultBatch {
  readonly rows: number;
  readonly columns: readonly (readonly ResultCell[])[];
}

function arrowType(arrow: typeof ArrowModule, type: ResultColumnType): ArrowModule.DataType {
  switch (type) {
    case 'bool':
      return new arrow.Bool();
    case 'i64':
      return new arrow.Int64();
    case 'u64':
      return new arrow.Uint64();
    case 'f64':
      return new arrow.Float64();
    case 'utf8':
      return new arrow.Utf8();
    case 'binary':
      return new arrow.Binary();
  }
}

/** Integers reach 64-bit columns as bigint; what is no integer is a mistake of the caller. */
function cellFor(type: ResultColumnType, cell: ResultCell): ResultCell {
  const isInteger = type === 'i64' || type === 'u64';
  return isInteger && typeof cell === 'number' ? BigInt(cell) : cell;
}

/**
 * Uncompressed, so that every reader of Arrow files takes it. Names should differ.
 * @throws RangeError if a batch has another number of columns than the schema.
 */
export function writeResultArrow(
  schema: readonly ResultColumnSchema[],
  batches: Iterable<ResultBatch>,
): Uint8Array {
  const load = createRequire(import.meta.url);
  const arrow = load('apache-arrow') as typeof ArrowModule;
  const types = schema.map(({ type }) => arrowType(arrow, type));
  const fields = schema.map(
    ({ name }, i) => new arrow.Field(name, types[i] ?? new arrow.Null(), true),
  );
  const whole = new arrow.Schema(fields);
  const writer = new arrow.RecordBatchFileWriter();
  writer.reset(undefined, whole);
  for (const { rows, columns } of batches) {
    if (columns.length !== schema.length) {
      throw new RangeError(`found ${columns.length} columns, expected ${schema.length}`);
    }
    const children = schema.map(({ type }, i) => {
      const builder = arrow.makeBuilder({ type: types[i] ?? new arrow.Null(), nullValues: [null] });
      for (const cell of columns[i] ?? []) builder.append(cellFor(type, cell));
      return builder.finish().flush();
    });
    const struct = new arrow.Struct(fields);
    writer.write(new arrow.RecordBatch(whole, new arrow.Data(struct, 0, rows, 0, {}, children)));
  }
  return writer.finish().toUint8Array(true);
}
