/**
 * Columns as plain typed arrays: the form in which rows reach arrow.ts and leave decode.ts.
 *
 * Arrays may be longer than the row count they are used with; only the first rows count. A mask
 * holds one byte a row, 1 where a value is. A code column needs no mask: a null is NO_CODE.
 * Arrow keeps numbers in little-endian order, and so does every host Node 24 runs on.
 */
import { BacktrailError } from '../errors.ts';
import { NO_ROW } from './trace.ts';
import { NO_CODE } from './vocabulary.ts';

/** Byte strings laid end to end: string i is bytes[offsets[i]] up to, not with, offsets[i + 1]. */
export interface ByteRows {
  /** One more than the rows; never falls. */
  readonly offsets: Float64Array;
  readonly bytes: Uint8Array;
}

type Mask = Uint8Array | null;

export type ColumnData =
  | { readonly type: 'u16'; readonly values: Uint16Array; readonly valid: Mask }
  | { readonly type: 'u32'; readonly values: Uint32Array; readonly valid: Mask }
  | { readonly type: 'u64'; readonly values: BigUint64Array; readonly valid: Mask }
  | { readonly type: 'i64'; readonly values: BigInt64Array; readonly valid: Mask }
  | { readonly type: 'code'; readonly values: Uint8Array; readonly valid: null }
  | { readonly type: 'utf8'; readonly values: ByteRows; readonly valid: Mask }
  | { readonly type: 'binary'; readonly values: ByteRows; readonly valid: Mask };

export const u16 = (values: Uint16Array, valid: Mask = null): ColumnData => ({
  type: 'u16',
  values,
  valid,
});
export const u32 = (values: Uint32Array, valid: Mask = null): ColumnData => ({
  type: 'u32',
  values,
  valid,
});
export const u64 = (values: BigUint64Array, valid: Mask = null): ColumnData => ({
  type: 'u64',
  values,
  valid,
});
export const i64 = (values: BigInt64Array, valid: Mask = null): ColumnData => ({
  type: 'i64',
  values,
  valid,
});
export const code = (values: Uint8Array): ColumnData => ({ type: 'code', values, valid: null });
export const utf8 = (values: ByteRows, valid: Mask = null): ColumnData => ({
  type: 'utf8',
  values,
  valid,
});
export const binary = (values: ByteRows, valid: Mask = null): ColumnData => ({
  type: 'binary',
  values,
  valid,
});

/** A column of row numbers in which NO_ROW says null. */
export function rowNumbers(values: Uint32Array, rows: number): ColumnData {
  const valid = new Uint8Array(rows);
  let nulls = 0;
  for (let i = 0; i < rows; i++) {
    const isRow = values[i] !== NO_ROW;
    valid[i] = isRow ? 1 : 0;
    nulls += isRow ? 0 : 1;
  }
  return u32(values, nulls === 0 ? null : valid);
}

/** The numbers first, first + 1, …: the column that repeats a table's row numbers. */
export function ordinals(first: number, rows: number): ColumnData {
  const values = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) values[i] = first + i;
  return u32(values);
}

/**
 * A u64 column from whole numbers, without a BigInt a row.
 * @throws BacktrailError if one is negative, no integer, or beyond 2^53 - 1.
 */
export function wholeNumbers(values: Float64Array, rows: number): ColumnData {
  const halves = new Uint32Array(2 * rows);
  for (let i = 0; i < rows; i++) {
    const value = values[i] ?? -1;
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new BacktrailError(
        'E_INTERNAL',
        `row ${i} of a u64 column: found ${value}, expected an integer from 0 to 2^53 - 1`,
      );
    }
    halves[2 * i] = value;
    halves[2 * i + 1] = Math.floor(value / 0x1_0000_0000);
  }
  return u64(new BigUint64Array(halves.buffer));
}

/**
 * The way back from wholeNumbers().
 * @returns null if a value is beyond 2^53 - 1.
 */
export function asWholeNumbers(values: BigUint64Array): Float64Array | null {
  const halves = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const high = halves[2 * i + 1] ?? 0;
    if (high >= 0x20_0000) return null;
    out[i] = high * 0x1_0000_0000 + (halves[2 * i] ?? 0);
  }
  return out;
}

/** A utf8 column; a null in the list is a null in the column. */
export function text(list: readonly (string | null)[], rows: number): ColumnData {
  const encoder = new TextEncoder();
  const offsets = new Float64Array(rows + 1);
  let bytes = new Uint8Array(Math.max(64, rows * 16));
  let valid: Uint8Array | null = null;
  let end = 0;
  for (let i = 0; i < rows; i++) {
    const value = list[i] ?? null;
    if (value === null) {
      valid ??= new Uint8Array(rows).fill(1);
      valid[i] = 0;
    } else {
      // A UTF-16 unit takes at most 3 bytes of UTF-8.
      if (bytes.length - end < 3 * value.length) {
        const larger = new Uint8Array(Math.max(2 * bytes.length, end + 3 * value.length));
        larger.set(bytes.subarray(0, end));
        bytes = larger;
      }
      end += encoder.encodeInto(value, bytes.subarray(end)).written;
    }
    offsets[i + 1] = end;
  }
  return utf8({ offsets, bytes: bytes.subarray(0, end) }, valid);
}

/** Lays byte strings end to end. */
export function packBytes(list: readonly Uint8Array[]): ByteRows {
  const offsets = new Float64Array(list.length + 1);
  let end = 0;
  for (const [i, item] of list.entries()) {
    end += item.length;
    offsets[i + 1] = end;
  }
  const bytes = new Uint8Array(end);
  for (const [i, item] of list.entries()) bytes.set(item, offsets[i] ?? 0);
  return { offsets, bytes };
}

/** A column without rows. */
export function emptyColumn(type: ColumnData['type']): ColumnData {
  switch (type) {
    case 'u16':
      return u16(new Uint16Array(0));
    case 'u32':
      return u32(new Uint32Array(0));
    case 'u64':
      return u64(new BigUint64Array(0));
    case 'i64':
      return i64(new BigInt64Array(0));
    case 'code':
      return code(new Uint8Array(0));
    case 'utf8':
      return utf8(packBytes([]));
    case 'binary':
      return binary(packBytes([]));
  }
}

/** One of the byte strings; a view, not a copy; empty outside the range. */
export function bytesAt(rows: ByteRows, row: number): Uint8Array {
  return rows.bytes.subarray(rows.offsets[row] ?? 0, rows.offsets[row + 1] ?? 0);
}

function sliceBytes(rows: ByteRows, from: number, to: number): ByteRows {
  const base = rows.offsets[from] ?? 0;
  const offsets = rows.offsets.slice(from, to + 1);
  for (let i = 0; i < offsets.length; i++) offsets[i] = (offsets[i] ?? 0) - base;
  return { offsets, bytes: rows.bytes.subarray(base, rows.offsets[to] ?? base) };
}

/** Rows from up to, not with, to. */
export function sliceColumn(data: ColumnData, from: number, to: number): ColumnData {
  const valid = data.valid?.subarray(from, to) ?? null;
  switch (data.type) {
    case 'u16':
      return u16(data.values.subarray(from, to), valid);
    case 'u32':
      return u32(data.values.subarray(from, to), valid);
    case 'u64':
      return u64(data.values.subarray(from, to), valid);
    case 'i64':
      return i64(data.values.subarray(from, to), valid);
    case 'code':
      return code(data.values.subarray(from, to));
    case 'utf8':
      return utf8(sliceBytes(data.values, from, to), valid);
    case 'binary':
      return binary(sliceBytes(data.values, from, to), valid);
  }
}

/** Bytes the values of the first rows take, without masks. */
export function columnBytes(data: ColumnData, rows: number): number {
  switch (data.type) {
    case 'u16':
      return 2 * rows;
    case 'u32':
      return 4 * rows;
    case 'u64':
    case 'i64':
      return 8 * rows;
    case 'code':
      return rows;
    case 'utf8':
    case 'binary':
      return 4 * (rows + 1) + (data.values.offsets[rows] ?? 0);
  }
}

/** One mask byte a row → one bit a row, lowest bit first, as Arrow has it; padded to 8 bytes. */
export function packMask(mask: Uint8Array, rows: number): Uint8Array {
  const bits = new Uint8Array(((rows + 63) >>> 6) << 3);
  for (let i = 0; i < rows; i++) {
    if (mask[i] !== 0) bits[i >>> 3] = (bits[i >>> 3] ?? 0) | (1 << (i & 7));
  }
  return bits;
}

export function unpackMask(bits: Uint8Array, rows: number): Uint8Array {
  const mask = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) mask[i] = ((bits[i >>> 3] ?? 0) >>> (i & 7)) & 1;
  return mask;
}

/** The mask of a code column, or null if it has no null. */
export function codeMask(values: Uint8Array, rows: number): Mask {
  let mask: Uint8Array | null = null;
  for (let i = 0; i < rows; i++) {
    if (values[i] !== NO_CODE) continue;
    mask ??= new Uint8Array(rows).fill(1);
    mask[i] = 0;
  }
  return mask;
}

/** A column in which every row is null. */
export function nullColumn(type: ColumnData['type'], rows: number): ColumnData {
  const valid = new Uint8Array(rows);
  const none: ByteRows = { offsets: new Float64Array(rows + 1), bytes: new Uint8Array(0) };
  switch (type) {
    case 'u16':
      return u16(new Uint16Array(rows), valid);
    case 'u32':
      return u32(new Uint32Array(rows), valid);
    case 'u64':
      return u64(new BigUint64Array(rows), valid);
    case 'i64':
      return i64(new BigInt64Array(rows), valid);
    case 'code':
      return code(new Uint8Array(rows).fill(NO_CODE));
    case 'utf8':
      return utf8(none, valid);
    case 'binary':
      return binary(none, valid);
  }
}
