/** All keys, from the table; as lines for the screen, as text for the docs. */

import { KEY_GROUPS, KEYS, shownKeys } from '../keys.ts';
import { fitted, type Line, left, span } from '../line.ts';
import { STRIP_LEGEND } from '../panes/strip.ts';

const KEY_COLUMNS = 13;

const NOTES: readonly string[] = [
  'Digits before a movement repeat it: 20 ↑ goes back by 20 transfers.',
  'The mouse wheel walks by transfers, in terminals that make arrow keys of it.',
  'A folded loop shows one round in brackets and how often it came: ×4,096.',
  'Code: ▸ here, ● ran before since the last transfer, ○ runs until the next one,',
  '◂ where control came from, if nothing ran at its target.',
  `Strip: ${STRIP_LEGEND}.`,
  'Lists: ↑ ↓ PgUp PgDn choose, Enter goes there, Esc leaves. Space on one row and',
  'then on another tells the path between these places, in calls.',
];

function helpLines(): Line[] {
  const lines: Line[] = [];
  for (const group of KEY_GROUPS) {
    lines.push([span(` ${group}`, 'bold')]);
    for (const spec of KEYS) {
      if (spec.group !== group) continue;
      lines.push([span(`   ${left(shownKeys(spec), KEY_COLUMNS)}`, 'cyan'), span(spec.says)]);
    }
  }
  return [...lines, [], ...NOTES.map((note): Line => [span(` ${note}`)])];
}

export function helpScreen(from: number, columns: number, rows: number): Line[] {
  const lines = helpLines();
  const height = rows - 2;
  const first = Math.max(0, Math.min(from, lines.length - height));
  const shown = lines.slice(first, first + height);
  const blanks = Array.from({ length: height - shown.length }, (): Line => []);
  const left = lines.length - first - height;
  const foot = left > 0 ? ` ↓ ${left} more lines, any other key goes back` : ' any key goes back';
  return [[span(' backtrail walk: keys', 'bold')], ...shown, ...blanks, [span(foot, 'dim')]].map(
    (line) => fitted(line, columns),
  );
}
