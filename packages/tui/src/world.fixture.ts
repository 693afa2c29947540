/** Worlds of the sample traces, for tests without a terminal. */
import { openTrace } from '@backtrail/analyzer';
import { draw } from './draw.ts';
import { textOf } from './line.ts';
import { press } from './reduce.ts';
import { sample } from './samples.fixture.ts';
import { firstState, type WalkState } from './walk-state.ts';
import { type WalkOptions, World } from './world.ts';

export async function openWorld(
  name: string,
  options: Partial<WalkOptions> = {},
  directory = sample(name),
): Promise<World> {
  return await World.open(openTrace(directory), {
    ended: 'It ended.',
    command: `backtrail walk ${name}.trace`,
    hasColor: false,
    ...options,
  });
}

export const start = (world: World): WalkState =>
  firstState(world.cursor.position, world.options.ended);

/** The state after some keys; one-letter keys may be written together. */
export function pressed(world: World, state: WalkState, ...keys: readonly string[]): WalkState {
  return keys.reduce((before, key) => press(world, before, key), state);
}

export const typed = (world: World, state: WalkState, text: string): WalkState =>
  pressed(world, state, ...Array.from(text));

export const screenText = (world: World, state: WalkState, columns = 80, rows = 24): string =>
  draw(world, state, columns, rows).map(textOf).join('\n');

/** A generator of whole numbers from 0 to below a bound, the same for the same seed (Lehmer's). */
export function randomFrom(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
