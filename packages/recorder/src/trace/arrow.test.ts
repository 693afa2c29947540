import fs from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { CompressionType, compressionRegistry, tableFromIPC } from 'apache-arrow';
import pl from 'nodejs-polars';
import { describe, expect, test } from 'vitest';
import { ArrowKit } from './arrow.ts';
import { binary, type ColumnData, code, packBytes, text, u32, u64 } from './columns.ts';
import { TableFile } from './input.ts';
import { OutputFile } from './output.ts';
import { type TableSchema, TRANSFERS } from './schema.ts';
import { traceFiles, withFolder, writeComplete, writePartial } from './trace.fixture.ts';
import { CAUSES, KINDS } from './vocabulary.ts';

/** The bytes of a table's file with these batches; `close` writes the footer. */
function fileBytes(
  table: TableSchema,
  batches: readonly { columns: ColumnData[]; rows: number }[],
  close = true,
): Buffer {
  return withFolder((folder) => {
    const file = new OutputFile(join(folder, 'x.arrow'), 'x');
    const writer = new ArrowKit().open(table, file);
    for (const { columns, rows } of batches) writer.append(columns, rows);
    if (close) writer.close();
    file.close();
    return fs.readFileSync(file.path);
  });
}

const edges = Uint32Array.from({ length: 1000 }, (_, i) => i % 7);
const transfers = { columns: [u32(edges)], rows: 1000 };

/** Start and length of the body of each message, with the start of its metadata. */
function messages(bytes: Buffer): { metadataAt: number; bodyAt: number; bodyBytes: number }[] {
  const out: { metadataAt: number; bodyAt: number; bodyBytes: number }[] = [];
  for (let at = 8; bytes.readInt32LE(at) === -1 && bytes.readInt32LE(at + 4) !== 0; ) {
    const metadataAt = at + 8;
    const bodyAt = metadataAt + bytes.readInt32LE(at + 4);
    // Message.fbs: the fourth field is bodyLength.
    const table = metadataAt + bytes.readUInt32LE(metadataAt);
    const vtable = table - bytes.readInt32LE(table);
    const slot = vtable + 4 + 2 * 3;
    const has = slot - vtable < bytes.readUInt16LE(vtable) && bytes.readUInt16LE(slot) > 0;
    const bodyBytes = has ? Number(bytes.readBigInt64LE(table + bytes.readUInt16LE(slot))) : 0;
    out.push({ metadataAt, bodyAt, bodyBytes });
    at = bodyAt + bodyBytes;
  }
  return out;
}

describe('arrow: the two faults of apache-arrow are mended', () => {
  test('a compressed buffer starts with its uncompressed length', () => {
    const bytes = fileBytes(TRANSFERS, [transfers]);
    const batch = messages(bytes)[1];
    expect(batch).toBeDefined();
    const bodyAt = batch?.bodyAt ?? 0;
    // The only buffer: transfers have no mask.
    expect(bytes.readBigInt64LE(bodyAt)).toBe(4000n);
    expect(bytes.readUInt32LE(bodyAt + 8)).toBe(0xfd2fb528); // zstd's magic
    // Frame header descriptor, bit 2: a checksum follows (RFC 8878, 3.1.1.1.1).
    expect((bytes[bodyAt + 12] ?? 0) & 4).toBe(4);
  });

  test('the schema message follows the magic: a file is a stream from byte 8', () => {
    const bytes = fileBytes(TRANSFERS, [transfers]);
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('ARROW1\0\0');
    expect(bytes.readInt32LE(8)).toBe(-1);
    const table = 16 + bytes.readUInt32LE(16);
    const vtable = table - bytes.readInt32LE(table);
    // Message.fbs: the second field is the type of the header; 1 is Schema.
    expect(bytes[table + bytes.readUInt16LE(vtable + 4 + 2)]).toBe(1);
    const stream = pl.readIPCStream(bytes.subarray(8));
    expect(stream.getColumn('edge').toArray()).toEqual([...edges]);
  });

  test('a batch of another schema is refused, not dropped', () => {
    expect(() => fileBytes(TRANSFERS, [{ columns: [u32(edges), u32(edges)], rows: 3 }])).toThrow(
      'transfers: found 2 columns, expected 1',
    );
    expect(() =>
      fileBytes(TRANSFERS, [{ columns: [u64(new BigUint64Array(3))], rows: 3 }]),
    ).toThrow('transfers.edge: found u64, expected u32');
    expect(() => fileBytes(TRANSFERS, [{ columns: [u32(edges)], rows: 1001 }])).toThrow(
      'transfers.edge: found 1000 rows, expected 1001',
    );
    expect(() =>
      fileBytes(TRANSFERS, [{ columns: [u32(edges, new Uint8Array(1000))], rows: 1000 }]),
    ).toThrow('transfers.edge: found 1000 nulls, expected none');
  });
});

test('arrow: even a buffer that grows is compressed, so that it has a checksum', () => {
  const bytes = fileBytes(TRANSFERS, [{ columns: [u32(Uint32Array.of(9))], rows: 1 }]);
  const bodyAt = messages(bytes)[1]?.bodyAt ?? 0;
  expect(bytes.readBigInt64LE(bodyAt)).toBe(4n);
  expect(bytes.readUInt32LE(bodyAt + 8)).toBe(0xfd2fb528);
});

test('arrow: a file without its end yields its whole batches', () => {
  const bytes = fileBytes(TRANSFERS, [transfers, transfers, transfers], false);
  withFolder((folder) => {
    const path = join(folder, 'x.arrow');
    fs.writeFileSync(path, bytes.subarray(0, -1));
    const file = new TableFile(path, TRANSFERS);
    expect(file.batches).toBe(2);
    expect(file.damage).toMatch(/^found the end of the file at byte \d+ within a batch/);
    expect(file.readBatch(1).rows).toBe(1000);
    file.release();
  });
});

/** A column as Polars reads it, as text: JavaScript has no array of its 64 bits and bytes. */
function polarsColumn(bytes: Buffer, name: string, isStream: boolean): unknown[] {
  const frame = isStream ? pl.readIPCStream(bytes.subarray(8)) : pl.readIPC(bytes);
  return frame.getColumn(name).cast(pl.Utf8).toArray();
}

describe('arrow: Polars reads what we write', () => {
  const mask = Uint8Array.of(1, 0, 1);
  const big = BigUint64Array.of(1n, 0n, 2n ** 64n - 1n);
  const TABLE: TableSchema = {
    name: 'blocks',
    says: '',
    columns: [
      { name: 'number', type: 'u32', nullable: false, says: '' },
      { name: 'source', type: 'u64', nullable: true, says: '' },
      { name: 'cause', type: 'code', nullable: true, words: CAUSES, says: '' },
      { name: 'kind', type: 'code', nullable: false, words: KINDS, says: '' },
      { name: 'path', type: 'utf8', nullable: true, says: '' },
      { name: 'code', type: 'binary', nullable: true, says: '' },
    ],
  };
  const batch = (from: number) => ({
    rows: 3,
    columns: [
      u32(Uint32Array.of(from, from + 1, from + 2)),
      u64(big, mask),
      code(Uint8Array.of(4, 255, 0)),
      code(Uint8Array.of(8, 0, 1)),
      text(['ä', null, ''], 3),
      binary(packBytes([Uint8Array.of(1, 2), new Uint8Array(0), new Uint8Array(0)]), mask),
    ],
  });
  const closed = fileBytes(TABLE, [batch(0), batch(3)]);
  const open = fileBytes(TABLE, [batch(0), batch(3)], false);

  test.each([
    ['a closed file', closed, false],
    ['a closed file as a stream', closed, true],
    ['a file without its end as a stream', open, true],
  ])('%s', (_, bytes, isStream) => {
    const of = (name: string): unknown[] => polarsColumn(bytes, name, isStream);
    expect(of('number')).toEqual(['0', '1', '2', '3', '4', '5']);
    const sources = ['1', null, '18446744073709551615'];
    expect(of('source')).toEqual([...sources, ...sources]);
    expect(of('cause')).toEqual(['start', null, 'jump', 'start', null, 'jump']);
    expect(of('kind')).toEqual([8, 0, 1, 8, 0, 1].map((i) => KINDS[i]));
    expect(of('path')).toEqual(['ä', null, '', 'ä', null, '']);
    expect(of('code')).toEqual(['\x01\x02', null, '', '\x01\x02', null, '']);
  });

  test('apache-arrow reads it too', () => {
    compressionRegistry.set(CompressionType.ZSTD, { decode: (data) => zstdDecompressSync(data) });
    const table = tableFromIPC(closed);
    expect(table.numRows).toBe(6);
    expect([...(table.getChild('cause') ?? [])]).toEqual([
      'start',
      null,
      'jump',
      'start',
      null,
      'jump',
    ]);
    expect(table.getChild('source')?.get(2)).toBe(2n ** 64n - 1n);
  });
});

test('arrow: Polars reads every file of a trace, complete and partial', () => {
  withFolder((folder) => {
    const complete = join(folder, 'complete.trace');
    writeComplete(complete);
    for (const name of traceFiles(complete).filter((file) => file.endsWith('.arrow'))) {
      const bytes = fs.readFileSync(join(complete, name));
      expect(pl.readIPC(bytes).height, name).toBe(pl.readIPCStream(bytes.subarray(8)).height);
    }
    const partial = join(folder, 'partial.trace');
    const { writer } = writePartial(partial);
    const rows = Object.fromEntries(
      traceFiles(partial)
        .filter((file) => file.endsWith('.arrow'))
        .map((name) => {
          const bytes = fs.readFileSync(join(partial, name));
          return [name, pl.readIPCStream(bytes.subarray(8)).height];
        }),
    );
    writer.abandon();
    expect(rows).toEqual({
      'blocks.arrow': 4,
      'edges.arrow': 10,
      'marks.arrow': 17,
      'segments.arrow': 7,
      'transfers/000000.arrow': 35,
    });
  });
});
