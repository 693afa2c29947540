/** A query's result as it goes to people. */
import { formatTable } from '@backtrail/analyzer';
import type { Result } from '@backtrail/analyzer/database';
import type { Output } from './io.ts';
import { cut, plural } from './text.ts';

/** On a screen nobody reads more; the rest of the query is not even run. */
const SCREEN_ROWS_MAX = 1000;

export const screenRows = (out: Output): { rowsMax?: number } =>
  out.isTerminal ? { rowsMax: SCREEN_ROWS_MAX } : {};

/** The line under a table. */
export function rowsText(result: Result): string {
  const rows = plural(result.rowCount, 'row');
  return result.isCut ? `the first ${rows}; all of them with -o FILE, or a LIMIT` : rows;
}

/** A table as it goes to people: cut to the screen on a terminal, whole anywhere else. */
export function* tableText(result: Result, out: Output): Generator<string> {
  if (!out.isTerminal) {
    yield* formatTable(result, { rowsMax: Number.MAX_SAFE_INTEGER, cellWidthMax: 1 << 20 });
    return;
  }
  for (const piece of formatTable(result, { lineWidthMax: out.columns })) {
    const lines = piece.split('\n');
    yield lines.map((line) => cut(line, out.columns)).join('\n');
  }
}
