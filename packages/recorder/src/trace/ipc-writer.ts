/**
 * The metadata of Arrow IPC files as we write them. Twin: ipc.ts, which reads and checks the same,
 * and says where the numbers of fields and enums come from.
 */
import {
  type FlatField,
  type FlatFields,
  type FlatWriter,
  i16,
  i32,
  i64,
  structs,
  table,
  tables,
  text,
  u8,
} from './flat-writer.ts';
import {
  type BatchHeader,
  type Block,
  CODEC_ZSTD,
  CONTINUATION,
  HEADER_BATCH,
  HEADER_DICTIONARY,
  HEADER_SCHEMA,
  MAGIC,
  METADATA_V5,
  PREFIX_BYTES,
  TYPE_BINARY,
  TYPE_INT,
  TYPE_UTF8,
} from './ipc.ts';
import type { Column, TableSchema } from './schema.ts';

/** The end mark of a stream: CONTINUATION and a length of 0. */
const END_BYTES = 8;

// Where null stands for a field below, its default is meant: little-endian, unsigned, one frame a
// buffer, a dictionary that is no delta.
const int = (bits: number, isSigned: boolean): FlatField =>
  table(i32(bits), isSigned ? u8(1) : null);

/** Type number and type; of a `code` column that of its words. */
function valueType(column: Column): [FlatField, FlatField] {
  switch (column.type) {
    case 'u16':
      return [u8(TYPE_INT), int(16, false)];
    case 'u32':
      return [u8(TYPE_INT), int(32, false)];
    case 'u64':
      return [u8(TYPE_INT), int(64, false)];
    case 'i64':
      return [u8(TYPE_INT), int(64, true)];
    case 'binary':
      return [u8(TYPE_BINARY), table()];
    case 'utf8':
    case 'code':
      return [u8(TYPE_UTF8), table()];
  }
}

/** A dictionary's id is the number of its column. */
function fieldOf(column: Column, id: number): FlatFields {
  const dictionary = table(i64(id), int(8, false));
  return [
    text(column.name),
    column.nullable ? u8(1) : null,
    ...valueType(column),
    column.type === 'code' ? dictionary : null,
    tables([]),
  ];
}

const schemaOf = ({ columns }: TableSchema): FlatField => table(null, tables(columns.map(fieldOf)));

function batchOf({ rows, nulls, starts, lengths }: BatchHeader): FlatField {
  const nodes = nulls.flatMap((count) => [rows, count]);
  const regions = starts.flatMap((start, i) => [start, lengths[i] ?? 0]);
  return table(i64(rows), structs(2, nodes), structs(2, regions), table(u8(CODEC_ZSTD)));
}

/** A whole message but for its body: prefix, metadata. Holds until the writer writes again. */
function message(flat: FlatWriter, type: number, header: FlatField, bodyBytes: number): Uint8Array {
  const root = [i16(METADATA_V5), u8(type), header, i64(bodyBytes)];
  const bytes = flat.write(root, PREFIX_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES);
  view.setInt32(0, CONTINUATION, true);
  view.setInt32(4, bytes.length - PREFIX_BYTES, true);
  return bytes;
}

export const schemaMessage = (flat: FlatWriter, schema: TableSchema): Uint8Array =>
  message(flat, HEADER_SCHEMA, schemaOf(schema), 0);

export const dictionaryMessage = (flat: FlatWriter, id: number, batch: BatchHeader): Uint8Array =>
  message(flat, HEADER_DICTIONARY, table(i64(id), batchOf(batch)), batch.bodyBytes);

export const batchMessage = (flat: FlatWriter, batch: BatchHeader): Uint8Array =>
  message(flat, HEADER_BATCH, batchOf(batch), batch.bodyBytes);

/** What ends a file: the stream's end mark, the footer, its length, the magic. */
export function fileEnd(
  flat: FlatWriter,
  schema: TableSchema,
  dictionaries: readonly Block[],
  batches: readonly Block[],
): Uint8Array {
  // Block: i64 offset, i32 metadata with four bytes of padding, i64 body.
  const blocks = (list: readonly Block[]): FlatField =>
    structs(
      3,
      list.flatMap((block) => [block.offset, block.metadataBytes, block.bodyBytes]),
    );
  const root = [i16(METADATA_V5), schemaOf(schema), blocks(dictionaries), blocks(batches)];
  const written = flat.write(root, END_BYTES);
  const bytes = new Uint8Array(written.length + 4 + MAGIC.length);
  bytes.set(written);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, CONTINUATION, true);
  view.setInt32(written.length, written.length - END_BYTES, true);
  bytes.set(Buffer.from(MAGIC, 'latin1'), written.length + 4);
  return bytes;
}

/** What a file begins with: the magic, padded. */
export const fileBegin = (): Uint8Array => Uint8Array.from(Buffer.from(`${MAGIC}\0\0`, 'latin1'));
