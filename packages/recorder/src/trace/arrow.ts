/**
 * Writes the Arrow IPC files of a trace, byte by byte: half of the time of a segment went into a
 * library's objects for its two batches. Polars and apache-arrow read in the tests what this
 * writes. The bytes of a file: docs/trace-format.md.
 */
import { BacktrailError } from '../errors.ts';
import { type ColumnData, codeMask, packMask, text } from './columns.ts';
import { FlatWriter } from './flat-writer.ts';
import type { BatchHeader, Block } from './ipc.ts';
import {
  batchMessage,
  dictionaryMessage,
  fileBegin,
  fileEnd,
  schemaMessage,
} from './ipc-writer.ts';
import type { OutputFile } from './output.ts';
import type { Column, TableSchema } from './schema.ts';
import { Compressor, frameBytesMax } from './zstd.ts';

/** A table's file that is being written. */
export interface ArrowWriter {
  readonly batches: number;
  /** Appends one record batch; it is in the file when this returns. */
  append(columns: readonly ColumnData[], rows: number): void;
  /** The same for a table of one column of numbers without null, whose frame is there already. */
  appendFrame(rows: number, contentBytes: number, frame: Uint8Array): void;
  /** Ends the stream, writes the footer. The file stays open for its owner to sync and close. */
  close(): void;
}

/** The uncompressed content of a batch: for each column a mask, offsets if it has any, values. */
interface Content {
  readonly rows: number;
  readonly nulls: readonly number[];
  readonly buffers: readonly Uint8Array[];
}

/** Each compressed buffer begins with the length of its content, i64. */
const LENGTH_BYTES = 8;

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

const asBytes = (view: ArrayBufferView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Arrow's offsets are 32 bits wide and start at 0. */
function offsets32(what: string, offsets: Float64Array, rows: number) {
  const base = offsets[0] ?? 0;
  const bytes = (offsets[rows] ?? 0) - base;
  if (bytes > 0x7fff_ffff) {
    throw new BacktrailError(
      'E_INTERNAL',
      `${what}: found a batch of ${bytes} bytes, expected below 2^31`,
    );
  }
  const out = new Int32Array(rows + 1);
  for (let i = 0; i <= rows; i++) out[i] = (offsets[i] ?? 0) - base;
  return { offsets: out, base, bytes };
}

/** Twin of decodeColumn() in decode.ts. */
function columnContent(what: string, column: Column, data: ColumnData, rows: number): Content {
  if (data.type !== column.type) {
    throw new TypeError(`${what}: found ${data.type}, expected ${column.type}`);
  }
  const mask = data.type === 'code' ? codeMask(data.values, rows) : data.valid;
  let nulls = 0;
  if (mask !== null) for (let i = 0; i < rows; i++) nulls += mask[i] === 0 ? 1 : 0;
  if (nulls > 0 && !column.nullable) {
    throw new BacktrailError('E_INTERNAL', `${what}: found ${nulls} nulls, expected none`);
  }
  const bits = mask !== null && nulls > 0 ? packMask(mask, rows) : new Uint8Array(0);
  const content = (...buffers: ArrayBufferView[]): Content => ({
    rows,
    nulls: [nulls],
    buffers: [bits, ...buffers.map(asBytes)],
  });
  if (data.type === 'utf8' || data.type === 'binary') {
    const { offsets, base, bytes } = offsets32(what, data.values.offsets, rows);
    return content(offsets, data.values.bytes.subarray(base, base + bytes));
  }
  if (data.values.length < rows) {
    throw new RangeError(`${what}: found ${data.values.length} rows, expected ${rows}`);
  }
  if (data.type !== 'code' || mask === null) return content(data.values.subarray(0, rows));
  const indices = data.values.slice(0, rows);
  for (let i = 0; i < rows; i++) if (mask[i] === 0) indices[i] = 0;
  return content(indices);
}

/** Twin of decodeBatch() in decode.ts. */
function batchContent(table: TableSchema, columns: readonly ColumnData[], rows: number): Content {
  if (columns.length !== table.columns.length) {
    throw new RangeError(
      `${table.name}: found ${columns.length} columns, expected ${table.columns.length}`,
    );
  }
  const nulls: number[] = [];
  const buffers: Uint8Array[] = [];
  for (const [i, column] of table.columns.entries()) {
    const data = columns[i];
    if (data === undefined) continue;
    const content = columnContent(`${table.name}.${column.name}`, column, data, rows);
    nulls.push(...content.nulls);
    buffers.push(...content.buffers);
  }
  return { rows, nulls, buffers };
}

/** A body larger than this is not kept in memory for the next one. */
const BODY_BYTES_KEPT = 4 << 20;

/** Compresses bodies; one for all files of a trace. */
export class ArrowKit {
  readonly flat = new FlatWriter();
  private readonly compressor = new Compressor();
  private body = new Uint8Array(0);

  /** Writes the magic and the schema at once. */
  open(table: TableSchema, file: OutputFile): ArrowWriter {
    return new FileWriter(this, table, file);
  }

  /**
   * Each buffer that is not empty as the length of its content and a frame, padded to 8 bytes.
   * @returns a body that holds until the next call.
   */
  compress({ rows, nulls, buffers }: Content): { header: BatchHeader; body: Uint8Array } {
    const room = buffers.reduce((sum, buffer) => sum + 16 + frameBytesMax(buffer.length), 0);
    if (this.body.length < room || this.body.length > Math.max(room, BODY_BYTES_KEPT)) {
      this.body = new Uint8Array(room);
    }
    const { body } = this;
    const view = new DataView(body.buffer);
    const starts: number[] = [];
    const lengths: number[] = [];
    let end = 0;
    for (const buffer of buffers) {
      starts.push(end);
      if (buffer.length === 0) {
        lengths.push(0);
        continue;
      }
      view.setUint32(end, buffer.length, true);
      view.setUint32(end + 4, 0, true);
      const length = LENGTH_BYTES + this.compressor.compress(buffer, body, end + LENGTH_BYTES);
      lengths.push(length);
      body.fill(0, end + length, end + padded(length));
      end += padded(length);
    }
    return {
      header: { rows, bodyBytes: end, nulls, starts, lengths },
      body: body.subarray(0, end),
    };
  }
}

class FileWriter implements ArrowWriter {
  private readonly kit: ArrowKit;
  private readonly table: TableSchema;
  private readonly file: OutputFile;
  private readonly dictionaries: Block[] = [];
  private readonly blocks: Block[] = [];

  constructor(kit: ArrowKit, table: TableSchema, file: OutputFile) {
    this.kit = kit;
    this.table = table;
    this.file = file;
    file.write([fileBegin(), schemaMessage(kit.flat, table)]);
  }

  get batches(): number {
    return this.blocks.length;
  }

  append(columns: readonly ColumnData[], rows: number): void {
    const content = batchContent(this.table, columns, rows);
    if (this.blocks.length === 0) this.writeDictionaries();
    const { flat } = this.kit;
    this.blocks.push(this.write(content, (batch) => batchMessage(flat, batch)));
  }

  appendFrame(rows: number, contentBytes: number, frame: Uint8Array): void {
    const length = LENGTH_BYTES + frame.length;
    const before = new Uint8Array(LENGTH_BYTES);
    new DataView(before.buffer).setUint32(0, contentBytes, true);
    const after = new Uint8Array(padded(length) - length);
    const header: BatchHeader = {
      rows,
      bodyBytes: padded(length),
      nulls: [0],
      starts: [0, 0],
      lengths: [0, length],
    };
    if (this.blocks.length === 0) this.writeDictionaries();
    const metadata = batchMessage(this.kit.flat, header);
    const offset = this.file.bytes;
    this.file.write([metadata, before, frame, after]);
    const { bodyBytes } = header;
    this.blocks.push({ offset, metadataBytes: metadata.length, bodyBytes });
  }

  close(): void {
    const { flat } = this.kit;
    this.file.write([fileEnd(flat, this.table, this.dictionaries, this.blocks)]);
  }

  private writeDictionaries(): void {
    const { flat } = this.kit;
    for (const [id, { type, words }] of this.table.columns.entries()) {
      if (type !== 'code') continue;
      const column: Column = { name: 'words', type: 'utf8', nullable: false, says: '' };
      const list = words ?? [];
      const content = columnContent('words', column, text(list, list.length), list.length);
      this.dictionaries.push(this.write(content, (batch) => dictionaryMessage(flat, id, batch)));
    }
  }

  private write(content: Content, message: (batch: BatchHeader) => Uint8Array): Block {
    const { header, body } = this.kit.compress(content);
    const metadata = message(header);
    const offset = this.file.bytes;
    this.file.write([metadata, body]);
    return { offset, metadataBytes: metadata.length, bodyBytes: body.length };
  }
}
