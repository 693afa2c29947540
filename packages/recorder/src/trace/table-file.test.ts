import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ArrowKit } from './arrow.ts';
import { columnBytes, u32, u64 } from './columns.ts';
import { concatenate } from './concat.ts';
import { TableFile } from './input.ts';
import { blockColumns, symbolColumns } from './rows.ts';
import { BLOCKS, SYMBOLS } from './schema.ts';
import { divided, readTable, replaceTable } from './table-file.ts';
import { blockTable, symbolTable, type TableRows } from './tables.ts';
import { someBlocks, withFolder } from './trace.fixture.ts';

const blocks = (count: number): TableRows => ({
  count,
  columns: blockColumns(someBlocks(count), 0),
});

const bytesOf = (rows: TableRows): number =>
  rows.columns.reduce((sum, column) => sum + columnBytes(column, rows.count), 0);

test('table file: parts are within the limits, and together the whole', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 25 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 2000 }),
      (count, rowsMax, bytesMax) => {
        const whole = blocks(count);
        const parts = [...divided(whole, rowsMax, bytesMax)];
        for (const part of parts) {
          expect(part.count).toBeLessThanOrEqual(rowsMax);
          if (part.count > 1) expect(bytesOf(part)).toBeLessThanOrEqual(bytesMax);
        }
        const again = blockTable(concatenate(parts));
        const expected = blockTable(whole);
        expect(again.pc).toEqual(expected.pc);
        expect(again.hasHostPc).toEqual(expected.hasHostPc);
        for (let block = 0; block < count; block++) {
          expect([...again.code(block)]).toEqual([...expected.code(block)]);
          expect(again.hostCode(block)).toEqual(expected.hostCode(block));
        }
      },
    ),
  );
});

test('table file: small batches are put together, a large one is divided', () => {
  withFolder((folder) => {
    const path = join(folder, 'symbols.arrow');
    const count = 150_000;
    const large = symbolColumns({
      count,
      module: new Uint32Array(count),
      address: BigUint64Array.from({ length: count }, (_, i) => BigInt(i)),
      size: new BigUint64Array(count),
      type: new Uint8Array(count),
      name: Array.from({ length: count }, (_, i) => `symbol ${i}`),
    });
    const small = [...divided({ count, columns: large }, 1000)];
    for (const batches of [[{ count, columns: large }], small]) {
      replaceTable(path, SYMBOLS, new ArrowKit(), batches);
      const file = new TableFile(path, SYMBOLS);
      expect(file.batches).toBe(3);
      file.release();
      const { rows, damage } = readTable(path, SYMBOLS);
      expect(damage).toBeNull();
      const table = symbolTable(rows);
      expect(table.count).toBe(count);
      for (const i of [0, 65_535, 65_536, 131_072, count - 1]) {
        expect([table.address[i], table.name(i)]).toEqual([BigInt(i), `symbol ${i}`]);
      }
    }
  });
});

test('table file: a batch whose rows are numbered wrong is refused', () => {
  withFolder((folder) => {
    const path = join(folder, 'blocks.arrow');
    const wrong = { count: 3, columns: blockColumns(someBlocks(3), 5) };
    replaceTable(path, BLOCKS, new ArrowKit(), [blocks(4), wrong]);
    const { rows, damage } = readTable(path, BLOCKS);
    // Both were put together into one batch, so none of it can be trusted.
    expect(rows.count).toBe(0);
    expect(damage?.says).toBe('found row number 5, expected 4');
  });
});

test('table file: columns of another type do not join', () => {
  const parts = [
    { count: 1, columns: [u32(Uint32Array.of(1))] },
    { count: 1, columns: [u64(BigUint64Array.of(1n))] },
  ];
  expect(() => concatenate(parts)).toThrow('found u64 after another type in a column');
});
