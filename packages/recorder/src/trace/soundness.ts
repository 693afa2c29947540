/** Rows that name what is not there: found, counted, and not served. */
import type { TableFile } from './input.ts';
import { NO_ROW, type SegmentTable } from './trace.ts';

/** `1 segment`, `2 segments`. */
export const counted = (count: number, one: string): string =>
  `${count} ${one}${count === 1 ? '' : 's'}`;

/** Row numbers that are not below `count` become null. @returns how many did. */
export function clearMissing(column: Uint32Array, count: number): number {
  let cut = 0;
  for (let i = 0; i < column.length; i++) {
    const row = column[i] ?? 0;
    if (row < count || row === NO_ROW) continue;
    column[i] = NO_ROW;
    cut++;
  }
  return cut;
}

/** For each segment whether its batch is there; what is lost with those that are not, by file. */
export function keptSegments(
  all: SegmentTable,
  fileOf: (number: number) => TableFile | string,
): { kept: boolean[]; lost: Map<number, { segments: number; transfers: number }> } {
  const kept: boolean[] = [];
  const lost = new Map<number, { segments: number; transfers: number }>();
  for (let i = 0; i < all.count; i++) {
    const number = all.file[i] ?? 0;
    const file = fileOf(number);
    const isThere = typeof file !== 'string' && (all.batch[i] ?? 0) < file.batches;
    kept.push(isThere);
    if (isThere) continue;
    const sum = lost.get(number) ?? { segments: 0, transfers: 0 };
    sum.segments++;
    sum.transfers += all.rows[i] ?? 0;
    lost.set(number, sum);
  }
  return { kept, lost };
}
