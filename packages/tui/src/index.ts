/** The terminal UI: `walk` shows a trace and returns when its user quits. */
export { type Terminal, walk } from './app.ts';
export type { SqlAnswer, WalkOptions } from './world.ts';
