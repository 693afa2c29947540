/**
 * A list of texts that lives in DuckDB's memory, so that a row of a column is four words copied
 * instead of a string made. A VARCHAR value is DuckDB's duckdb_string_t (duckdb.h), 16 bytes:
 *
 *   up to 12 bytes   u32 length | 12 bytes of text, zero-padded
 *   longer           u32 length | first 4 bytes of text | u64 address of the text
 *
 * The address stays good as long as the vector that holds the text: keep the pool until the
 * connection is closed. DuckDB copies a string whenever it keeps a row.
 */
import { VARCHAR } from '@duckdb/node-api';
import duckdb, { type Vector } from '@duckdb/node-bindings';

export const TEXT_WORDS = 4;

export interface TextPool {
  /** TEXT_WORDS words for each text, in order. */
  readonly words: Uint32Array;
  /** Texts in it. */
  readonly count: number;
  /** Owner of the text; nothing reads it, but it must stay reachable. */
  readonly owner: Vector;
}

export function createTextPool(texts: readonly string[]): TextPool {
  const count = Math.max(1, texts.length);
  const owner = duckdb.create_vector(VARCHAR.toLogicalType().logical_type, count);
  duckdb.vector_assign_string_element(owner, 0, '');
  texts.forEach((text, i) => {
    duckdb.vector_assign_string_element(owner, i, text);
  });
  const bytes = duckdb.vector_get_data(owner, count * 4 * TEXT_WORDS);
  return { words: new Uint32Array(bytes.slice().buffer), count: texts.length, owner };
}
