/** The screen as a function of what is known: as many lines as the terminal has rows. */
import { fitted, type Line, span } from './line.ts';
import { choicesScreen } from './screens/choices-screen.ts';
import { helpScreen } from './screens/help-screen.ts';
import { walkScreen } from './screens/walk-screen.ts';
import type { WalkState } from './walk-state.ts';
import type { World } from './world.ts';

const COLUMNS_MIN = 60;
const ROWS_MIN = 16;

export function draw(world: World, state: WalkState, columns: number, rows: number): Line[] {
  if (columns < COLUMNS_MIN || rows < ROWS_MIN) return tooSmall(columns, rows);
  switch (state.screen) {
    case 'help':
      return helpScreen(state.helpFrom, columns, rows);
    case 'choices':
      return choicesScreen(state, columns, rows);
    case 'walk':
      return walkScreen(world, state, columns, rows);
  }
}

function tooSmall(columns: number, rows: number): Line[] {
  // Ten columns are enough to read it.
  const says = [
    `${columns}×${rows}:`,
    'too small.',
    'Wanted:',
    `${COLUMNS_MIN}×${ROWS_MIN}`,
    'q quits.',
  ];
  return Array.from({ length: Math.max(1, rows) }, (_none, i) =>
    fitted([span(says[i] ?? '')], Math.max(1, columns)),
  );
}
