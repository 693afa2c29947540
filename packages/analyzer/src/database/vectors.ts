/**
 * Typed arrays → DuckDB vectors, a chunk at a time and without an object a row. DuckDB hands out a
 * chunk with room for CHUNK_ROWS rows, every row valid; numbers are little-endian on both sides.
 */
import { NO_CODE, NO_ROW } from '@backtrail/recorder/trace';
import duckdb, { type Vector } from '@duckdb/node-bindings';
import { TEXT_WORDS } from './text-pool.ts';

/** Rows of a DuckDB vector; fixed when DuckDB is built (STANDARD_VECTOR_SIZE). */
export const CHUNK_ROWS = 2048;

/** The binding takes offsets as uint32. */
const OFFSET_MAX = 0xffff_ffff;

/** Writes `rows` rows of a column, CHUNK_ROWS at most, from row `from`, a multiple of 8. */
export type Fill = (vector: Vector, from: number, rows: number) => void;

export type NumberArray = Uint8Array | Uint32Array | Float64Array | BigUint64Array | BigInt64Array;

/** Copies elements of `values` to the start of the vector, byte for byte. */
export function copyRows(vector: Vector, values: NumberArray, from: number, rows: number): void {
  const bytes = rows * values.BYTES_PER_ELEMENT;
  const start = values.byteOffset + from * values.BYTES_PER_ELEMENT;
  const { buffer } = values;
  if (buffer instanceof ArrayBuffer && start + bytes <= OFFSET_MAX) {
    duckdb.copy_data_to_vector(vector, 0, buffer, start, bytes);
    return;
  }
  // Shared memory, or an array beyond 4 GiB.
  const copy = Uint8Array.from(new Uint8Array(buffer, start, bytes));
  duckdb.copy_data_to_vector(vector, 0, copy.buffer, 0, bytes);
}

/** Marks rows null by bits, lowest first, 1 where a value is. */
export function copyValidity(vector: Vector, bits: Uint8Array<ArrayBuffer>, from: number): void {
  duckdb.vector_ensure_validity_writable(vector);
  const length = Math.min(CHUNK_ROWS >>> 3, bits.length - from);
  duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer, bits.byteOffset + from, length);
}

/** One byte a row, 1 where a value is → one bit a row; null if every row has a value. */
export function packValidity(
  isValid: (row: number) => boolean,
  rows: number,
): Uint8Array<ArrayBuffer> | null {
  // Whole 64-bit words: DuckDB reads a mask word by word.
  const bits = new Uint8Array(((rows + 63) >>> 6) << 3).fill(0xff);
  let nulls = 0;
  for (let row = 0; row < rows; row++) {
    if (isValid(row)) continue;
    nulls++;
    bits[row >>> 3] = (bits[row >>> 3] ?? 0) & ~(1 << (row & 7));
  }
  return nulls === 0 ? null : bits;
}

function fillWith(values: NumberArray, bits: Uint8Array<ArrayBuffer> | null): Fill {
  if (bits === null) return (vector, from, rows) => copyRows(vector, values, from, rows);
  return (vector, from, rows) => {
    copyRows(vector, values, from, rows);
    copyValidity(vector, bits, from >>> 3);
  };
}

/** @param mask 1 where a value is; left out, every row has one. */
export function fillNumbers(
  values: Uint8Array | Uint32Array | BigUint64Array | BigInt64Array,
  mask?: Uint8Array,
): Fill {
  return fillWith(
    values,
    mask === undefined ? null : packValidity((row) => mask[row] === 1, mask.length),
  );
}

/** A column of row numbers in which NO_ROW says null. */
export function fillRowNumbers(values: Uint32Array): Fill {
  return fillWith(
    values,
    packValidity((row) => values[row] !== NO_ROW, values.length),
  );
}

/** Codes without NO_CODE, so that no enum is ever read beyond its words. */
export const cleanCodes = (codes: Uint8Array): Uint8Array =>
  codes.map((code) => (code === NO_CODE ? 0 : code));

/** A column of codes, an ENUM in SQL, in which NO_CODE says null. */
export function fillCodes(codes: Uint8Array): Fill {
  return fillWith(
    cleanCodes(codes),
    packValidity((row) => codes[row] !== NO_CODE, codes.length),
  );
}

/** The row numbers themselves. */
export function fillOrdinals(): Fill {
  const out = new Uint32Array(CHUNK_ROWS);
  return (vector, from, rows) => {
    for (let i = 0; i < rows; i++) out[i] = from + i;
    copyRows(vector, out, 0, rows);
  };
}

/** Numbers of names → VARCHAR, from a pool's words; NO_ROW says null. */
export function fillNames(names: Uint32Array, texts: Uint32Array): Fill {
  const words = new Uint32Array(TEXT_WORDS * CHUNK_ROWS);
  const bits = packValidity((row) => names[row] !== NO_ROW, names.length);
  return (vector, from, rows) => {
    for (let i = 0, out = 0; i < rows; i++) {
      const name = names[from + i] ?? NO_ROW;
      const at = name === NO_ROW ? 0 : TEXT_WORDS * name;
      words[out++] = texts[at] ?? 0;
      words[out++] = texts[at + 1] ?? 0;
      words[out++] = texts[at + 2] ?? 0;
      words[out++] = texts[at + 3] ?? 0;
    }
    copyRows(vector, words, 0, TEXT_WORDS * rows);
    if (bits !== null) copyValidity(vector, bits, from >>> 3);
  };
}

/**
 * Whole numbers from 0 to 2^53 - 1 as UBIGINT.
 * @param mask 1 where a value is; left out, every row has one.
 */
export function fillWholeNumbers(values: Float64Array, mask?: Uint8Array): Fill {
  const halves = new Uint32Array(2 * CHUNK_ROWS);
  const bits = mask === undefined ? null : packValidity((row) => mask[row] === 1, mask.length);
  return (vector, from, rows) => {
    for (let i = 0; i < rows; i++) {
      const value = values[from + i] ?? 0;
      halves[2 * i] = value;
      halves[2 * i + 1] = Math.floor(value / 0x1_0000_0000);
    }
    copyRows(vector, halves, 0, 2 * rows);
    if (bits !== null) copyValidity(vector, bits, from >>> 3);
  };
}

/** Null bits of the rows for which `isNull` holds, written only if there are some. */
function fillNulls(vector: Vector, from: number, rows: number, nulls: readonly number[]): void {
  if (nulls.length === 0) return;
  const isNull = new Set(nulls);
  const bits = packValidity((row) => !isNull.has(from + row), rows);
  if (bits !== null) copyValidity(vector, bits, 0);
}

/** Text made when it is asked for, row by row: for columns that few queries name. */
export function fillText(text: (row: number) => string | null): Fill {
  return (vector, from, rows) => {
    const nulls: number[] = [];
    for (let i = 0; i < rows; i++) {
      const value = text(from + i);
      if (value === null) nulls.push(from + i);
      else duckdb.vector_assign_string_element(vector, i, value);
    }
    fillNulls(vector, from, rows, nulls);
  };
}

/** Byte strings, BLOB in SQL. */
export function fillBytes(bytes: (row: number) => Uint8Array | null): Fill {
  return (vector, from, rows) => {
    const nulls: number[] = [];
    for (let i = 0; i < rows; i++) {
      const value = bytes(from + i);
      if (value === null) nulls.push(from + i);
      else duckdb.vector_assign_string_element_len(vector, i, value);
    }
    fillNulls(vector, from, rows, nulls);
  };
}
