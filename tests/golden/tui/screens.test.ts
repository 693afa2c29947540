/**
 * What a user sees: the program in a pseudo-terminal, keys typed, and the screen read. UPDATE=1
 * writes the screens anew.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { sample } from '../../../packages/tui/src/samples.fixture.ts';
import { renderWalk, WALK_PATH } from '../../../scripts/gen-walk-keys.ts';
import { Screen } from './screen.ts';

const FOLDER = fileURLToPath(new URL('./', import.meta.url));
const CRASH = fileURLToPath(new URL('../../../packages/tui/src/crash.fixture.ts', import.meta.url));
const isUpdate = process.env['UPDATE'] === '1';
const compared: string[] = [];

function compare(name: string, screen: Screen): void {
  const file = path.join(FOLDER, `${name}.txt`);
  compared.push(`${name}.txt`);
  const text = `${screen.text}\n`;
  if (isUpdate) writeFileSync(file, text);
  if (!existsSync(file)) throw new Error(`${file}: not there. Write it with UPDATE=1, read it`);
  expect(text).toBe(readFileSync(file, 'utf8'));
}

/** The terminal is as it was: main screen, cursor shown. */
function expectRestored(screen: Screen): void {
  expect(screen.isAlternate).toBe(false);
  expect(screen.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThan(
    screen.raw.lastIndexOf('\u001b[?25l'),
  );
  expect(screen.raw.lastIndexOf('\u001b[?1007l')).toBeGreaterThan(
    screen.raw.lastIndexOf('\u001b[?1007h'),
  );
}

describe('on 80×24', () => {
  test('from the crash back, pane after pane, and out again', async () => {
    using screen = new Screen(['walk', sample('riscv64-smash')], { after: 'stty -a' });
    await screen.shows('killed by SIGSEGV');
    expect(screen.isAlternate).toBe(true);
    compare('smash-end', screen);
    screen.type('k\u001b[D');
    await screen.shows('transfer 977 of 979  instruction 3 of 3');
    compare('smash-step', screen);
    screen.type('5c');
    await screen.shows(/transfer 1 of 979/);
    screen.type('g948\r');
    await screen.shows('transfer 948 of 979');
    compare('smash-loop', screen);
    screen.type('\t');
    await screen.shows('── calls');
    compare('smash-calls', screen);
    screen.type('\t\tt');
    await screen.shows('host code');
    compare('smash-host', screen);
    screen.type('yh');
    await screen.shows('keys');
    compare('help', screen);
    screen.type('\u001b');
    await screen.shows('transfer 948 of 979');
    screen.type('q');
    expect(await screen.ended()).toBe(0);
    expectRestored(screen);
    expect(screen.text.replaceAll('\n', '')).toMatch(/backtrail walk \S+ --at 0:948/);
    // Lines are edited and echoed again.
    expect(screen.raw).toMatch(/[ ;]icanon/);
    expect(screen.raw).toMatch(/[ ;]echo /);
  });

  test('go to a function, find, ask in SQL', async () => {
    using screen = new Screen(['walk', sample('bare-scheduler'), '--at', '0:1000']);
    await screen.shows('transfer 1,000 of');
    compare('scheduler', screen);
    screen.type('gtask');
    await screen.shows('functions ran');
    compare('goto', screen);
    screen.type('\u001b');
    await screen.shows('transfer 1,000 of');
    screen.type('?interrupt\r');
    await screen.shows(/▸ .*interrupt/);
    screen.type(":select vcpu, seq, kind from transfers where kind = 'trap-return' limit 3\r");
    await screen.shows('3 rows');
    screen.type('\u001b[B\r');
    await screen.shows(/▸ .*trap-return/);
    screen.type(':nonsense\r');
    await screen.shows('syntax error');
    screen.type('\u0003');
    expect(await screen.ended()).toBe(0);
    expectRestored(screen);
  });
});

test('the path between two bookmarks; a trace without a transfer that can be read', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-screens-'));
  try {
    const trace = path.join(folder, 'copy.trace');
    cpSync(sample('riscv64-smash'), trace, { recursive: true });
    using screen = new Screen(['walk', trace, '--at', '0:2']);
    await screen.shows('transfer 2 of 979');
    screen.type('mbegin\rGmend\r');
    await screen.shows('"end" is kept in');
    screen.type("' \u001b[B ");
    await screen.shows('Path from begin to end');
    compare('smash-path', screen);
    screen.type('\u001b[B\u001b[B\r');
    await screen.shows(/help q quit/);
    screen.type('q');
    expect(await screen.ended()).toBe(0);
    expectRestored(screen);

    writeFileSync(path.join(trace, 'transfers/000000.arrow'), 'ARROW1');
    using empty = new Screen(['walk', trace]);
    await empty.shows('Of 980 transfers that were recorded none can be read.');
    expect(empty.text).toContain('killed by SIGSEGV');
    empty.resize(50, 10);
    await empty.shows(/none can be\n read\.[\s\S]*q quit$/);
    empty.type('q');
    expect(await empty.ended()).toBe(0);
    expectRestored(empty);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('wide: code and calls beside the transfers; it is resized, and too small', async () => {
  using screen = new Screen(['walk', sample('smash')], { columns: 160, rows: 40 });
  await screen.shows('── calls');
  compare('smash-wide', screen);
  expect(screen.hasColor).toBe(true);
  screen.resize(80, 24);
  await screen.shows(/^(?![\s\S]*── calls)[\s\S]*help q quit/);
  screen.resize(40, 10);
  await screen.shows('40×10:');
  screen.resize(100, 30);
  await screen.shows('q quit');
  expect(screen.lines).toHaveLength(30);
  screen.type('q');
  expect(await screen.ended()).toBe(0);
  expectRestored(screen);
});

test('without colours', async () => {
  const env = { NO_COLOR: '1' };
  using screen = new Screen(['walk', sample('smash')], { env });
  await screen.shows('q quit');
  expect(screen.hasColor).toBe(false);
  screen.type('q');
  expect(await screen.ended()).toBe(0);
});

test('Ctrl-Z gives the shell its turn, and fg comes back to the same place', async () => {
  const after = 'echo it stopped; read line; fg > /dev/null';
  using screen = new Screen(['walk', sample('smash'), '--at', '700'], { after });
  await screen.shows('transfer 700 of');
  screen.type('\u001a');
  await screen.shows('it stopped');
  expectRestored(screen);
  screen.type('\r');
  await screen.shows('transfer 700 of');
  expect(screen.isAlternate).toBe(true);
  screen.type('k');
  await screen.shows('transfer 699 of');
  screen.type('q');
  await screen.ended();
  expectRestored(screen);
});

test.each(['a key', 'a frame'])('a fault in %s leaves the terminal as it was', async (where) => {
  using screen = new Screen([sample('smash'), where], { program: CRASH, after: 'stty -a' });
  await screen.shows('q quit');
  screen.type('y');
  await screen.ended();
  expectRestored(screen);
  expect(screen.text).toContain(`a fault in ${where}`);
  expect(screen.raw).toMatch(/[ ;]icanon/);
});

test('docs/walk.md has the keys as they are; else run: npm run gen', () => {
  const page = readFileSync(path.join(FOLDER, '../../..', WALK_PATH), 'utf8');
  expect(renderWalk(page)).toBe(page);
});

test('the screens in the docs are those of the goldens', () => {
  const text = (name: string): string => readFileSync(path.join(FOLDER, '../../..', name), 'utf8');
  const lines = text('tests/golden/tui/smash-step.txt').split('\n');
  const screen = lines.map((line) => line.trimEnd()).slice(0, 21);
  expect(text(WALK_PATH)).toContain(screen.join('\n'));
  // README leaves some lines out.
  const shown = /```\n( riscv64-smash[^`]*)\n```/.exec(text('README.md'))?.[1]?.split('\n') ?? [];
  expect(shown.length).toBeGreaterThan(10);
  expect(shown.filter((line) => !screen.includes(line))).toEqual([]);
});

test('no golden screen without a test', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  expect(files.sort()).toEqual([...new Set(compared)].sort());
});
