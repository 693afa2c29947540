/**
 * Writes Arrow IPC files with apache-arrow. The only file that loads it, and only when a trace is
 * written: it takes 40 ms, which a reader need not pay (ipc.ts and decode.ts read without it).
 *
 * Two faults of apache-arrow 21.2.0 are mended here, each pinned by a test on the bytes:
 *   1. The 8 bytes before a compressed buffer are its UNCOMPRESSED length (Arrow columnar format,
 *      "Compression"); apache-arrow writes the compressed one, and other readers refuse the file.
 *   2. A file is magic, padding, then a whole stream, schema message first; apache-arrow omits that
 *      message, so that a file cut short could not be read as a stream from byte 8.
 */
import { createRequire } from 'node:module';
import type * as ArrowModule from 'apache-arrow';
import type * as ArrowMessages from 'apache-arrow/ipc/metadata/message';
import { BacktrailError } from '../errors.ts';
import { type ColumnData, codeMask, packMask } from './columns.ts';
import type { OutputFile } from './output.ts';
import type { Column, TableSchema } from './schema.ts';
import { compress } from './zstd.ts';

/** A table's file that is being written. */
export interface ArrowWriter {
  readonly batches: number;
  /** Appends one record batch; it is in the file when this returns. */
  append(columns: readonly ColumnData[], rows: number): void;
  /** Ends the stream, writes the footer. The file stays open for its owner to sync and close. */
  close(): void;
}

export interface ArrowKit {
  /** Writes the magic and the schema at once. */
  open(table: TableSchema, file: OutputFile): ArrowWriter;
}

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Arrow's offsets are 32 bits wide and start at 0. */
function offsets32(table: TableSchema, column: Column, offsets: Float64Array, rows: number) {
  const base = offsets[0] ?? 0;
  const bytes = (offsets[rows] ?? 0) - base;
  if (bytes > 0x7fff_ffff) {
    throw new BacktrailError(
      'E_INTERNAL',
      `${table.name}.${column.name}: found a batch of ${bytes} bytes, expected below 2^31`,
    );
  }
  const out = new Int32Array(rows + 1);
  for (let i = 0; i <= rows; i++) out[i] = (offsets[i] ?? 0) - base;
  return { offsets: out, base, bytes };
}

/** apache-arrow's schema and dictionaries of one table, made once. */
class TableTypes {
  readonly schema: ArrowModule.Schema;
  private readonly arrow: typeof ArrowModule;
  private readonly table: TableSchema;
  private readonly types: readonly ArrowModule.DataType[];
  /** One vector a column for every batch: the file writer refuses to replace a dictionary. */
  private readonly dictionaries: readonly (ArrowModule.Vector | null)[];

  constructor(arrow: typeof ArrowModule, table: TableSchema) {
    this.arrow = arrow;
    this.table = table;
    this.types = table.columns.map((column, index) => this.typeOf(column, index));
    this.dictionaries = table.columns.map((column) =>
      column.type === 'code'
        ? arrow.vectorFromArray([...(column.words ?? [])], new arrow.Utf8())
        : null,
    );
    this.schema = new arrow.Schema(
      table.columns.map((column, index) => {
        return new arrow.Field(column.name, this.type(index), column.nullable);
      }),
    );
  }

  private typeOf(column: Column, id: number): ArrowModule.DataType {
    const { arrow } = this;
    switch (column.type) {
      case 'u16':
        return new arrow.Uint16();
      case 'u32':
        return new arrow.Uint32();
      case 'u64':
        return new arrow.Uint64();
      case 'i64':
        return new arrow.Int64();
      case 'utf8':
        return new arrow.Utf8();
      case 'binary':
        return new arrow.Binary();
      case 'code':
        return new arrow.Dictionary(new arrow.Utf8(), new arrow.Uint8(), id);
    }
  }

  private type(index: number): ArrowModule.DataType {
    const type = this.types[index];
    if (type === undefined) throw new RangeError(`${this.table.name} has no column ${index}`);
    return type;
  }

  /** Twin of decodeBatch() in decode.ts. */
  encodeBatch(columns: readonly ColumnData[], rows: number): ArrowModule.RecordBatch {
    const { arrow, table } = this;
    if (columns.length !== table.columns.length) {
      throw new RangeError(
        `${table.name}: found ${columns.length} columns, expected ${table.columns.length}`,
      );
    }
    const children = table.columns.map((column, index) =>
      this.encodeColumn(column, index, columns[index], rows),
    );
    const struct = new arrow.Struct(this.schema.fields);
    return new arrow.RecordBatch(this.schema, new arrow.Data(struct, 0, rows, 0, {}, children));
  }

  private encodeColumn(
    column: Column,
    index: number,
    data: ColumnData | undefined,
    rows: number,
  ): ArrowModule.Data {
    const type = this.type(index);
    if (data?.type !== column.type) {
      throw new TypeError(
        `${this.table.name}.${column.name}: found ${data?.type}, expected ${column.type}`,
      );
    }
    const mask = data.type === 'code' ? codeMask(data.values, rows) : data.valid;
    let nulls = 0;
    if (mask !== null) for (let i = 0; i < rows; i++) nulls += mask[i] === 0 ? 1 : 0;
    if (nulls > 0 && !column.nullable) {
      throw new BacktrailError(
        'E_INTERNAL',
        `${this.table.name}.${column.name}: found ${nulls} nulls, expected none`,
      );
    }
    const bits = mask !== null && nulls > 0 ? packMask(mask, rows) : new Uint8Array(0);
    const make = (offsets: Int32Array | undefined, values: ArrayBufferView): ArrowModule.Data =>
      new this.arrow.Data(type, 0, rows, nulls, [offsets, values, bits], [], this.words(index));
    if (data.type === 'utf8' || data.type === 'binary') {
      const { offsets, base, bytes } = offsets32(this.table, column, data.values.offsets, rows);
      return make(offsets, data.values.bytes.subarray(base, base + bytes));
    }
    if (data.values.length < rows) {
      throw new RangeError(
        `${this.table.name}.${column.name}: found ${data.values.length} rows, expected ${rows}`,
      );
    }
    if (data.type !== 'code') return make(undefined, data.values.subarray(0, rows));
    const indices = data.values.slice(0, rows);
    if (mask !== null) for (let i = 0; i < rows; i++) if (mask[i] === 0) indices[i] = 0;
    return make(undefined, indices);
  }

  private words(index: number): ArrowModule.Vector | undefined {
    return this.dictionaries[index] ?? undefined;
  }
}

interface CompressedBody {
  byteLength: number;
  bufferRegions: ArrowMessages.BufferRegion[];
  /** A prefix and a frame for each buffer, both empty for an empty one. */
  buffers: Uint8Array[];
}

function compressBody(
  buffers: readonly ArrayBufferView[],
  Region: typeof ArrowMessages.BufferRegion,
): CompressedBody {
  const out: Uint8Array[] = [];
  const regions: ArrowMessages.BufferRegion[] = [];
  let end = 0;
  for (const buffer of buffers) {
    const raw = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    const prefix = new Uint8Array(raw.length === 0 ? 0 : 8);
    const frame = raw.length === 0 ? raw : compress(raw);
    if (raw.length > 0) new DataView(prefix.buffer).setBigInt64(0, BigInt(raw.length), true);
    const length = prefix.length + frame.length;
    out.push(prefix, frame);
    regions.push(new Region(end, length));
    end += padded(length);
  }
  return { byteLength: end, bufferRegions: regions, buffers: out };
}

/**
 * Loads apache-arrow. The kit is its caller's to keep; nothing is kept here.
 * @throws Error if apache-arrow is not installed.
 */
export function loadArrow(): ArrowKit {
  const load = createRequire(import.meta.url);
  const arrow = load('apache-arrow') as typeof ArrowModule;
  const { BufferRegion } = load('apache-arrow/ipc/metadata/message') as typeof ArrowMessages;

  class FileWriter extends arrow.RecordBatchFileWriter implements ArrowWriter {
    private readonly types: TableTypes;
    private readonly file: OutputFile;
    private pending: Uint8Array[] = [];

    constructor(types: TableTypes, file: OutputFile) {
      super({ compressionType: arrow.CompressionType.ZSTD });
      this.types = types;
      this.file = file;
      this.reset(undefined, types.schema);
      this.flush();
    }

    get batches(): number {
      return this._recordBatchBlocks.length;
    }

    append(columns: readonly ColumnData[], rows: number): void {
      this.write(this.types.encodeBatch(columns, rows));
    }

    /** write() of the library closes the file without a word if the schema is another one. */
    override write(batch: ArrowModule.RecordBatch): void {
      if (!arrow.util.compareSchemas(batch.schema, this._schema)) {
        throw new TypeError(`${this.file.path}: found a batch with another schema`);
      }
      this._writeRecordBatch(batch);
      this.flush();
    }

    override close(): void {
      this._writeFooter(this.types.schema);
      this.flush();
    }

    private flush(): void {
      const chunks = this.pending;
      this.pending = [];
      this.file.write(chunks);
    }

    protected override _write(chunk: unknown): this {
      if (!ArrayBuffer.isView(chunk)) throw new TypeError('found no bytes to write');
      if (chunk.byteLength === 0) return this;
      this.pending.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      this._position += chunk.byteLength;
      return this;
    }

    /** Mends fault 2. */
    protected override _writeSchema(schema: ArrowModule.Schema): this {
      super._writeSchema(schema);
      arrow.RecordBatchWriter.prototype['_writeSchema'].call(this, schema);
      return this;
    }

    /** Mends fault 1. */
    protected override _compressBodyBuffers(buffers: ArrayBufferView[]): CompressedBody {
      return compressBody(buffers, BufferRegion);
    }
  }

  return { open: (table, file) => new FileWriter(new TableTypes(arrow, table), file) };
}
