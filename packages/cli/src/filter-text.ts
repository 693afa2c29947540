/** What a trace that was recorded with --filter says of that. */
import { CAUSES, NO_CODE, type Trace } from '@backtrail/recorder/trace';
import { plural, printable } from './text.ts';

/** Transfers that stand for what a filter left out; 0 in a trace that was not closed. */
export function filteredTransfers({ edges }: Trace): number {
  let sum = 0;
  for (let edge = 0; edge < edges.count; edge++) {
    if (CAUSES[edges.cause[edge] ?? NO_CODE] === 'filtered') sum += edges.taken[edge] ?? 0;
  }
  return sum;
}

/** @param filter as --filter has it; null: there was none. */
export function filterRows(
  filter: readonly string[] | null,
  filtered: number,
): (readonly [string, string])[] {
  if (filter === null) return [];
  const stands = filtered === 1 ? 'stands' : 'stand';
  const what = `${plural(filtered, 'transfer')} ${stands} for code outside that ran in between`;
  return [['filter', `${filter.map(printable).join(', ')}${filtered === 0 ? '' : `; ${what}`}`]];
}
