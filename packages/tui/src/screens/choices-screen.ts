/** A list to choose a place from. */
import { fitted, harmless, type Line, restyled, span } from '../line.ts';
import type { WalkState } from '../walk-state.ts';
import { statusLine } from './walk-screen.ts';

export function choicesScreen(state: WalkState, columns: number, rows: number): Line[] {
  const { choices } = state;
  if (choices === null) return [];
  const { title, head, items, selected, marked = null } = choices;
  const height = rows - 4;
  const from = Math.max(0, Math.min(selected - Math.floor(height / 2), items.length - height));
  const shown = items.slice(from, from + height).map(({ text }, i): Line => {
    const isSelected = from + i === selected;
    const sign = from + i === marked ? '*' : ' ';
    const line: Line = [span(isSelected ? `${sign}▸ ` : `${sign}  `), span(harmless(text))];
    return isSelected ? restyled(fitted(line, columns), 'inverse') : line;
  });
  const blanks = Array.from({ length: height - shown.length }, (): Line => []);
  const lines: Line[] = [
    [span(` ${title}`, 'bold')],
    [span(` ${harmless(head)}`, 'dim')],
    ...shown,
    ...blanks,
    statusLine(state, columns),
    [span(' ↑↓ choose  Enter goes there  Space on two tells the path between  Esc leaves', 'dim')],
  ];
  return lines.map((line) => fitted(line, columns));
}
