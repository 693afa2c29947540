/** What a table that is being written keeps in memory. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ArrowKit } from './arrow.ts';
import { concatenate } from './concat.ts';
import { LiveTable } from './live-table.ts';
import { blockColumns } from './rows.ts';
import { BLOCKS } from './schema.ts';
import { readTable } from './table-file.ts';
import { blockTable } from './tables.ts';
import { someBlocks, withFolder } from './trace.fixture.ts';

test('rows that come one at a time are kept in few batches, in order', () => {
  withFolder((folder) => {
    const path = join(folder, 'blocks.arrow');
    const table = new LiveTable(path, BLOCKS, { kit: new ArrowKit(), system: undefined });
    const count = 3000;
    for (let i = 0; i < count; i++) table.append(blockColumns(someBlocks(1), i), 1);
    const kept = table.keptRows ?? [];
    // A batch of one row each would take a hundred times the bytes of its row.
    expect(kept.length).toBeLessThan(300);
    table.finish();
    const whole = concatenate(kept);
    const onDisk = readTable(path, BLOCKS).rows;
    expect(whole.count).toBe(count);
    expect(whole.columns[0]).toEqual(onDisk.columns[0]);
    expect(blockTable(whole).pc).toEqual(blockTable(onDisk).pc);
  });
});
