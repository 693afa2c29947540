/** The body of one record batch → columns. Twin of encodeBatch() in arrow.ts. */
import {
  type ByteRows,
  binary,
  bytesAt,
  type ColumnData,
  code,
  i64,
  nullColumn,
  u16,
  u32,
  u64,
  unpackMask,
  utf8,
} from './columns.ts';
import { Damage } from './flatbuffer.ts';
import type { BatchHeader } from './ipc.ts';
import type { Column, TableSchema } from './schema.ts';
import { NO_CODE } from './vocabulary.ts';
import { decompress } from './zstd.ts';

/** Each compressed buffer starts with the length of its content, i64. */
const LENGTH_BYTES = 8;
/** No buffer of a trace is larger; keeps damage from asking for memory. */
const BUFFER_BYTES_MAX = 2 ** 31;

/** Unpacks a frame of so many bytes; null if it is damaged. */
export type Unpack = (frame: Uint8Array, length: number) => Uint8Array | null;

/** Hands out the buffers of a body in order. */
class Buffers {
  private readonly header: BatchHeader;
  private readonly body: Uint8Array;
  private readonly unpack: Unpack;
  private next = 0;

  constructor(header: BatchHeader, body: Uint8Array, unpack: Unpack = decompress) {
    this.header = header;
    this.body = body;
    this.unpack = unpack;
  }

  /**
   * The content of the next buffer.
   * @param bytes What it must be, but for padding to 8 bytes.
   */
  take(bytes: number): Uint8Array {
    const start = this.header.starts[this.next];
    const length = this.header.lengths[this.next] ?? 0;
    this.next++;
    if (start === undefined) throw new Damage(`found ${this.next - 1} buffers, expected more`);
    if (length === 0) {
      if (bytes > 0) throw new Damage(`found an empty buffer, expected ${bytes} bytes`);
      return new Uint8Array(0);
    }
    if (length < LENGTH_BYTES) throw new Damage(`found a buffer of ${length} bytes`);
    const view = new DataView(this.body.buffer, this.body.byteOffset + start, length);
    const stated = view.getUint32(0, true) + view.getInt32(4, true) * 0x1_0000_0000;
    if (stated < bytes || stated > Math.ceil(bytes / 8) * 8 || stated > BUFFER_BYTES_MAX) {
      throw new Damage(`found a buffer of ${stated} bytes, expected ${bytes}`);
    }
    const frame = this.body.subarray(start + LENGTH_BYTES, start + length);
    const content = this.unpack(frame, stated);
    if (content === null) {
      throw new Damage(`found a zstd frame that does not yield its ${stated} bytes`);
    }
    return content;
  }

  get isNextEmpty(): boolean {
    return (this.header.lengths[this.next] ?? 0) === 0;
  }

  /** The validity of a column: null if every row has a value. */
  mask(rows: number, nulls: number, nullable: boolean): Uint8Array | null {
    if (nulls === 0) {
      if (!this.isNextEmpty) throw new Damage('found a needless mask');
      this.next++;
      return null;
    }
    if (!nullable) throw new Damage(`found ${nulls} nulls in a column that has none`);
    const mask = unpackMask(this.take(Math.ceil(rows / 8)), rows);
    let valid = 0;
    for (let i = 0; i < rows; i++) valid += mask[i] ?? 0;
    if (valid !== rows - nulls) {
      throw new Damage(`found ${rows - valid} nulls in a mask, expected ${nulls}`);
    }
    return mask;
  }
}

/** The same bytes where a view of wider items may lie on them. */
const aligned = (bytes: Uint8Array, itemBytes: number): Uint8Array =>
  bytes.byteOffset % itemBytes === 0 ? bytes : bytes.slice();

function byteRows(buffers: Buffers, rows: number): ByteRows {
  // Without rows the format allows one offset, 0, or none at all.
  const raw = aligned(buffers.take(rows === 0 ? (buffers.isNextEmpty ? 0 : 4) : 4 * (rows + 1)), 4);
  const offsets = new Float64Array(rows + 1);
  if (rows > 0) {
    offsets.set(new Int32Array(raw.buffer, raw.byteOffset, rows + 1));
    for (let i = 0; i <= rows; i++) {
      if ((offsets[i] ?? 0) < (i === 0 ? 0 : (offsets[i - 1] ?? 0)) || offsets[0] !== 0) {
        throw new Damage(`found offset ${offsets[i]} in row ${i}, expected none to fall`);
      }
    }
  }
  const end = offsets[rows] ?? 0;
  return { offsets, bytes: buffers.take(end).subarray(0, end) };
}

function decodeColumn(column: Column, buffers: Buffers, rows: number, nulls: number): ColumnData {
  const valid = buffers.mask(rows, nulls, column.nullable);
  const fixed = (itemBytes: number): Uint8Array =>
    aligned(buffers.take(rows * itemBytes), itemBytes);
  switch (column.type) {
    case 'u16': {
      const raw = fixed(2);
      return u16(new Uint16Array(raw.buffer, raw.byteOffset, rows), valid);
    }
    case 'u32': {
      const raw = fixed(4);
      return u32(new Uint32Array(raw.buffer, raw.byteOffset, rows), valid);
    }
    case 'u64': {
      const raw = fixed(8);
      return u64(new BigUint64Array(raw.buffer, raw.byteOffset, rows), valid);
    }
    case 'i64': {
      const raw = fixed(8);
      return i64(new BigInt64Array(raw.buffer, raw.byteOffset, rows), valid);
    }
    case 'code': {
      const values = fixed(1).subarray(0, rows);
      const words = column.words?.length ?? 0;
      for (let i = 0; i < rows; i++) {
        if (valid !== null && valid[i] === 0) values[i] = NO_CODE;
        else if ((values[i] ?? NO_CODE) >= words) {
          throw new Damage(`found word ${values[i]} in ${column.name}, expected below ${words}`);
        }
      }
      return code(values);
    }
    case 'utf8':
      return utf8(byteRows(buffers, rows), valid);
    case 'binary':
      return binary(byteRows(buffers, rows), valid);
  }
}

/**
 * The columns of one record batch, in the order of the table.
 * @param unpack where the caller has memory for it; columns may lie in that
 * @throws Damage
 */
export function decodeBatch(
  table: TableSchema,
  header: BatchHeader,
  body: Uint8Array,
  unpack?: Unpack,
): ColumnData[] {
  const buffers = new Buffers(header, body, unpack);
  return table.columns.map((column, index) => {
    const nulls = header.nulls[index];
    if (nulls === undefined && column.isLater === true) return nullColumn(column.type, header.rows);
    if (nulls === undefined) throw new Damage(`found ${header.nulls.length} columns`);
    return decodeColumn(column, buffers, header.rows, nulls);
  });
}

/** The words of a dictionary batch. @throws Damage */
export function decodeWords(header: BatchHeader, body: Uint8Array): string[] {
  const buffers = new Buffers(header, body);
  buffers.mask(header.rows, header.nulls[0] ?? 0, false);
  const words = byteRows(buffers, header.rows);
  const decoder = new TextDecoder();
  return Array.from({ length: header.rows }, (_, i) => decoder.decode(bytesAt(words, i)));
}
