/** Source around the line of the cursor, where the trace and this machine have it. */
import { fitted, harmless, type Line, restyled, right, span } from '../line.ts';
import type { WalkState } from '../walk-state.ts';
import type { World } from '../world.ts';
import { focusOf, notePane, window } from './code-pane.ts';

/** Whether the line at the cursor can be shown. */
export function hasSource(world: World, state: WalkState): boolean {
  const place = world.sourceAt(focusOf(world, state).pc);
  return place !== null && world.reader.line(place.file, place.line) !== null;
}

export function sourceTitle(world: World, state: WalkState): string {
  const place = world.sourceAt(focusOf(world, state).pc);
  return place === null ? 'source' : `source: ${harmless(place.file)}:${place.line}`;
}

export function sourcePane(
  world: World,
  state: WalkState,
  columns: number,
  height: number,
): Line[] {
  const { locator, reader } = world;
  if (!locator.hasLines) {
    return notePane('no source lines in this trace: its programs had none', columns, height);
  }
  const place = world.sourceAt(focusOf(world, state).pc);
  if (place === null) return notePane('no source line is known of this address', columns, height);
  const { file, line } = place;
  const from = Math.max(1, line - height);
  const texts: (string | null)[] = [];
  for (let at = from; at <= line + height; at++) texts.push(reader.line(file, at));
  if (texts.every((text) => text === null)) {
    return notePane(`${harmless(file)} is not on this machine; line ${line}`, columns, height);
  }
  const numberColumns = String(line + height).length;
  const lines = texts.flatMap((text, i): Line[] => {
    if (text === null) return [];
    const isCurrent = from + i === line;
    const shown: Line = [
      span(isCurrent ? ' ▸ ' : '   '),
      span(`${right(String(from + i), numberColumns)}  `, 'dim'),
      span(text),
    ];
    return [isCurrent ? restyled(fitted(shown, columns), 'inverse') : shown];
  });
  return window(lines, line - from, columns, height);
}
