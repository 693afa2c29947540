/**
 * The metadata of Arrow IPC, as far as a trace uses it (Apache Arrow's Message.fbs, Schema.fbs and
 * File.fbs; the numbers of fields and enums are theirs). Everything is checked: what passes is
 * exactly the layout arrow.ts writes, so that a flipped bit cannot move a buffer unseen.
 */
import { Damage, type FlatTable, parseRoot, readSize, shown } from './flatbuffer.ts';
import type { Column, TableSchema } from './schema.ts';

export const MAGIC = 'ARROW1';
/** The file starts with the magic, padded to 8 bytes; a stream follows. */
export const STREAM_START = 8;
/** Every message starts with this and the length of its metadata, i32 each. */
export const CONTINUATION = -1;
export const PREFIX_BYTES = 8;
/** More than any writer puts in one batch; keeps damage from asking for memory. */
export const BATCH_ROWS_MAX = 1 << 24;
/** A message's metadata is a few hundred bytes; a footer has 24 bytes for each of its batches. */
export const METADATA_BYTES_MAX = 1 << 24;

export const METADATA_V5 = 4;
export const CODEC_ZSTD = 1;
export const HEADER_SCHEMA = 1;
export const HEADER_DICTIONARY = 2;
export const HEADER_BATCH = 3;
export const TYPE_INT = 2;
export const TYPE_BINARY = 4;
export const TYPE_UTF8 = 5;
const NODE_BYTES = 16;
const REGION_BYTES = 16;
const BLOCK_BYTES = 24;

export interface BatchHeader {
  readonly rows: number;
  readonly bodyBytes: number;
  /** Nulls of each column. */
  readonly nulls: readonly number[];
  /** Start of each buffer, bytes from the start of the body. */
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
}

export type Message =
  | { readonly is: 'schema'; readonly dictionaryIds: readonly (number | null)[] }
  | { readonly is: 'dictionary'; readonly id: number; readonly batch: BatchHeader }
  | { readonly is: 'batch'; readonly batch: BatchHeader };

export interface Block {
  readonly offset: number;
  readonly metadataBytes: number;
  readonly bodyBytes: number;
}

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

function batchHeader(table: FlatTable | null, view: DataView, bodyBytes: number): BatchHeader {
  if (table === null) throw new Damage('found a batch message without a batch');
  const rows = table.size(0);
  if (rows > BATCH_ROWS_MAX) {
    throw new Damage(`found a batch of ${rows} rows, expected at most ${BATCH_ROWS_MAX}`);
  }
  const compression = table.table(3);
  if (compression?.u8(0) !== CODEC_ZSTD || compression.u8(1) !== 0) {
    throw new Damage('found a batch that is not compressed with zstd');
  }
  const nodes = table.vector(1, NODE_BYTES);
  const nulls: number[] = [];
  for (let i = 0; i < nodes.items; i++) {
    const length = readSize(view, nodes.at + i * NODE_BYTES);
    const nullCount = readSize(view, nodes.at + i * NODE_BYTES + 8);
    if (length !== rows || nullCount > rows) {
      throw new Damage(
        `found a column of ${length} rows, ${nullCount} null, expected ${rows} rows`,
      );
    }
    nulls.push(nullCount);
  }
  const regions = table.vector(2, REGION_BYTES);
  const starts: number[] = [];
  const lengths: number[] = [];
  let end = 0;
  for (let i = 0; i < regions.items; i++) {
    const start = readSize(view, regions.at + i * REGION_BYTES);
    const length = readSize(view, regions.at + i * REGION_BYTES + 8);
    if (start !== end) throw new Damage(`found a buffer at ${start}, expected ${end}`);
    starts.push(start);
    lengths.push(length);
    if (length > 0) end = start + padded(length);
    if (end > bodyBytes) throw new Damage(`found buffers of ${end} bytes in ${bodyBytes}`);
  }
  if (end !== bodyBytes) throw new Damage(`found buffers of ${end} bytes, expected ${bodyBytes}`);
  return { rows, bodyBytes, nulls, starts, lengths };
}

const typeName = (field: FlatTable): string => {
  const type = field.table(3);
  const dictionary = field.table(4);
  const name = (kind: number, table: FlatTable | null): string => {
    if (kind === TYPE_UTF8) return 'utf8';
    if (kind === TYPE_BINARY) return 'binary';
    if (kind === TYPE_INT) return `${table?.u8(1) === 1 ? 'i' : 'u'}${table?.i32(0) ?? 0}`;
    return `type ${kind}`;
  };
  const value = name(field.u8(2), type);
  if (dictionary === null) return value;
  const index = dictionary.table(1);
  // Without an index type the format means signed 32 bits.
  return `dictionary<${index === null ? 'i32' : name(TYPE_INT, index)}, ${value}>`;
};

const expectedType = (column: Column): string =>
  column.type === 'code' ? 'dictionary<u8, utf8>' : column.type;

/**
 * Checks the columns of a file against the table's; further columns behind them are
 * allowed, and those may be missing that came later.
 * @returns the dictionary id of each code column, null for others.
 */
function checkSchema(schema: FlatTable | null, expected: TableSchema): (number | null)[] {
  if (schema === null) throw new Damage('found a schema message without a schema');
  if (schema.i16(0) !== 0) throw new Damage('found big-endian columns, expected little-endian');
  const fields = schema.tables(1);
  return expected.columns.map((column, index) => {
    const field = fields[index];
    if (field === undefined && column.isLater === true) return null;
    if (field === undefined) {
      throw new Damage(`found ${fields.length} columns, expected ${expected.columns.length}`);
    }
    const found = `${field.text(0)} ${typeName(field)}${field.u8(1) === 1 ? ' or null' : ''}`;
    const wanted = `${column.name} ${expectedType(column)}${column.nullable ? ' or null' : ''}`;
    if (found !== wanted) {
      throw new Damage(`found column ${index} ${shown(found)}, expected ${shown(wanted)}`);
    }
    return column.type === 'code' ? (field.table(4)?.size(0) ?? 0) : null;
  });
}

/** Length of the body that follows a message's metadata. @throws Damage */
export function parseBodyBytes(metadata: Uint8Array): number {
  return parseRoot(metadata, (root) => root.size(3));
}

/** The metadata of one message of a table's file. @throws Damage */
export function parseMessage(metadata: Uint8Array, table: TableSchema): Message {
  return parseRoot(metadata, (root, view) => {
    if (root.i16(0) !== METADATA_V5) {
      throw new Damage(`found metadata version ${root.i16(0)}, expected ${METADATA_V5}`);
    }
    const bodyBytes = root.size(3);
    const header = root.table(2);
    switch (root.u8(1)) {
      case HEADER_SCHEMA:
        return { is: 'schema', dictionaryIds: checkSchema(header, table) };
      case HEADER_DICTIONARY:
        if (header === null || header.u8(2) !== 0) throw new Damage('found a delta dictionary');
        return {
          is: 'dictionary',
          id: header.size(0),
          batch: batchHeader(header.table(1), view, bodyBytes),
        };
      case HEADER_BATCH:
        return { is: 'batch', batch: batchHeader(header, view, bodyBytes) };
      default:
        throw new Damage(`found a message of type ${root.u8(1)}, expected 1 to 3`);
    }
  });
}

/** The record batches a footer lists. @throws Damage */
export function parseFooter(footer: Uint8Array): Block[] {
  return parseRoot(footer, (root, view) => {
    const { at, items } = root.vector(3, BLOCK_BYTES);
    const blocks: Block[] = [];
    for (let i = 0; i < items; i++) {
      const block = at + i * BLOCK_BYTES;
      blocks.push({
        offset: readSize(view, block),
        metadataBytes: view.getInt32(block + 8, true),
        bodyBytes: readSize(view, block + 16),
      });
    }
    return blocks;
  });
}
