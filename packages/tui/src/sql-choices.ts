/** The answer of the database as a list to choose from. */
import { formatCount, harmless, left, right, widthOf } from './line.ts';
import { type Choice, tell, type WalkState } from './walk-state.ts';
import type { SqlAnswer } from './world.ts';

const CELL_COLUMNS_MAX = 48;
const NUMBER = /^-?[\d,.]+$/;

export function answered(state: WalkState, sql: string, answer: SqlAnswer): WalkState {
  const { columns, rows, places } = answer;
  const idle: WalkState = { ...state, isBusy: false, prompt: null };
  if (rows.length === 0) return tell(idle, 'No rows.');
  const cells = rows.map((row) => row.map(harmless));
  const widths = columns.map((name, i) =>
    Math.min(
      CELL_COLUMNS_MAX,
      cells.reduce((max, row) => Math.max(max, widthOf(row[i] ?? '')), widthOf(name)),
    ),
  );
  const lineOf = (row: readonly string[]): string =>
    row
      .map((cell, i) =>
        NUMBER.test(cell) ? right(cell, widths[i] ?? 0) : left(cell, widths[i] ?? 0),
      )
      .join('  ');
  const items = cells.map((row, i): Choice => {
    const place = places[i] ?? null;
    return { text: lineOf(row), to: place === null ? null : { ...place, index: 0 } };
  });
  return {
    ...tell(idle, `${formatCount(rows.length)} rows`),
    screen: 'choices',
    choices: { title: sql, head: `  ${lineOf(columns)}`, items, selected: 0 },
  };
}
