/** The terminal UI on hostile traces: what steers a terminal is ours alone. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { Screen } from '../golden/tui/screen.ts';
import { poisonTrace, temporaryFolder } from './make.ts';

const folder = temporaryFolder();

/** Every pane, list and prompt; what is typed is answered on the screen. */
const KEYS = ['\t', '\t', '\t', 't', 'h', 'h', 'x', 'c', 'z', 'l', 's', 'G'];

/** Titles, links, C1 codes, bells, text turned around: backtrail sends none of them. */
const FOREIGN = ['\u001b]', '\u001bP', '\u001b_', '\u009b', '\u009d', '\u0007', '\u0000', '\u202e'];

test.each(['riscv64-smash', 'bare-traps'])('%s', async (sample) => {
  const name = path.join(folder, `${sample}\u001b]0;pwned\u0007.trace`);
  const trace = poisonTrace(sample, name);
  using screen = new Screen(['walk', trace], { columns: 160, rows: 50 });
  await screen.shows('pwned');
  for (const key of KEYS) screen.type(key);
  screen.type('/pwned\r');
  screen.type(':from marks\r');
  await screen.shows(/detail/);
  screen.type('\u001b');
  screen.type('q');
  expect(await screen.ended()).toBe(0);
  expect(FOREIGN.filter((one) => screen.raw.includes(one))).toEqual([]);
  expect(screen.raw.includes('\u001b[31mpwned')).toBe(false);
});
