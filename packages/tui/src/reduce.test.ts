import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
import { bookmarksPath, readBookmarks } from './bookmarks.ts';
import { draw } from './draw.ts';
import { KEYS } from './keys.ts';
import { textOf, widthOf } from './line.ts';
import { looksFar } from './reduce.ts';
import { SAMPLES, sample } from './samples.fixture.ts';
import { answered } from './sql-choices.ts';
import { openWorld, pressed, randomFrom, screenText, start, typed } from './world.fixture.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-walk-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of a sample that may be written beside, and damaged. */
function copied(name: string): string {
  const directory = path.join(mkdtempSync(path.join(folder, 'copy-')), `${name}.trace`);
  cpSync(sample(name), directory, { recursive: true });
  return directory;
}

test('movement, there and back, undone and again', async () => {
  using world = await openWorld('riscv64-smash');
  const end = start(world);
  expect(end.position).toMatchObject({ vcpu: 0, seq: 979, index: 0, instructions: 0 });
  const back = pressed(world, end, 'up', 'k');
  expect(back.position.seq).toBe(977);
  expect(pressed(world, back, 'u', 'u', 'U').position.seq).toBe(978);
  const far = typed(world, back, '100k');
  expect(far.position.seq).toBe(878);
  expect(far.count).toBe('');
  const undone = pressed(world, far, 'u');
  expect(undone.position.seq).toBe(978);
  expect(pressed(world, undone, 'U').position).toEqual(far.position);
  const first = pressed(world, far, '<', 'k');
  expect(first.position).toMatchObject({ seq: 0, index: 0 });
  expect(first.message).toEqual({ text: 'Here the record begins.', tone: 'bad' });
  expect(pressed(world, first, 'end').position).toEqual(end.position);
});

test('go to: seq, vCPU and seq, instruction, address, function, nothing', async () => {
  using world = await openWorld('riscv64-smash');
  const end = start(world);
  const go = (text: string) =>
    pressed(world, typed(world, pressed(world, end, 'g'), text), 'enter');
  expect(go('500').position).toMatchObject({ vcpu: 0, seq: 500, index: 0 });
  expect(go('0:978:3').position).toMatchObject({ seq: 978, index: 3 });
  expect(go('978:5').message).toMatchObject({ tone: 'bad' });
  expect(go('7:1').message.text).toMatch(/^There is no vCPU 7/);
  expect(go('5000').message.text).toMatch(/transfers go from 0 to 979/);
  expect(go('0x1141a').position).toMatchObject({ pc: 0x1141an, seq: 978 });
  const main = go('main');
  expect(main.screen).toBe('walk');
  expect(world.names.place(main.position.pc)).toBe('main');
  // Letters in order are enough.
  expect(world.names.place(go('rdsttn').position.pc)).toBe('read_station');
  expect(go('zzz').message.text).toMatch(/^"zzz": no function/);
  expect(pressed(world, end, 'g', 'escape')).toEqual(end);
});

test('search: back, again, the other way, in vain', async () => {
  using world = await openWorld('riscv64-smash');
  const end = start(world);
  const find = (text: string) => {
    return pressed(world, typed(world, pressed(world, end, 'G'), text), 'enter');
  };
  const call = find('/indirect-call');
  const { kind } = world.trace.edges;
  expect(kind[call.position.edge]).toBe(4);
  const before = pressed(world, call, 'n');
  expect(before.position.seq).toBeLessThan(call.position.seq);
  expect(pressed(world, before, 'N').position).toEqual(call.position);
  expect(world.names.place(find('/read_st').position.pc)).toBe('read_station+0x4c');
  expect(find('/0x1141a').position).toMatchObject({ seq: 978 });
  expect(find('?call').message.text).toMatch(/nothing forward from here. N looks backward/);
  expect(pressed(world, end, 'n').message.text).toMatch(/^Nothing was searched for/);
});

test('a filter: the list and the movement keep to it', async () => {
  using world = await openWorld('riscv64-smash');
  const end = start(world);
  const only = pressed(world, typed(world, end, 'fsay_char'), 'enter');
  expect(only.message.text).toMatch(/^\d+ of \d+ distinct transfers/);
  const isWanted = (seq: number): boolean =>
    only.filter?.wanted?.[world.stretches.edgeAt(0, seq) ?? 0] === 1;
  const back = [1, 2, 3, 4, 5].reduce(
    (states) => [pressed(world, states[0] ?? only, 'k'), ...states],
    [only],
  );
  const seqs = back.map(({ position }) => position.seq).toReversed();
  const naive = Array.from({ length: 979 }, (_none, i) => 978 - i).filter(isWanted);
  expect(seqs.slice(1)).toEqual(naive.slice(0, 5));
  expect(screenText(world, back[0] ?? only)).toMatch(/only say_char/);
  expect(looksFar(only, 'k')).toBe(true);
  const all = pressed(world, only, 'f', 'enter');
  expect(all.filter).toBeNull();
  expect(pressed(world, typed(world, all, 'fzzz'), 'enter').message.tone).toBe('bad');
});

test('what may look through the whole run waits for an index', async () => {
  using world = await openWorld('riscv64-smash');
  const end = start(world);
  expect(['p', 'c', 'n', 'E'].map((key) => looksFar(end, key))).toEqual([true, true, true, true]);
  expect(['k', 'left', 'g', '/', 'x', 'q'].some((key) => looksFar(end, key))).toBe(false);
  const enters = (text: string): boolean => looksFar(typed(world, end, text), 'enter');
  expect(['g500', 'g0:3', 'gmain', '/call', ':from edges'].map(enters)).toEqual([
    false,
    false,
    true,
    true,
    false,
  ]);
  expect(looksFar(pressed(world, end, 'h'), 'p')).toBe(false);
});

test('bookmarks are kept beside the trace, which stays as it was', async () => {
  const directory = copied('riscv64-smash');
  const before = readdirSync(directory, { recursive: true });
  using world = await openWorld('', {}, directory);
  const there = pressed(world, start(world), 'k', 'm');
  const kept = pressed(world, typed(world, there, 'the return\u001b[2J'), 'enter');
  expect(kept.message).toMatchObject({ tone: 'good' });
  expect(readdirSync(directory, { recursive: true })).toEqual(before);
  expect(readBookmarks(directory)).toMatchObject([{ vcpu: 0, seq: 978, index: 0 }]);
  const list = pressed(world, kept, '<', "'");
  expect(screenText(world, list)).toContain('the return\\x1b[2J ');
  expect(screenText(world, list)).toContain('(here) ');
  const path = pressed(world, list, ' ', 'down', ' ').pathWanted;
  expect(path).toMatchObject({ from: '(here)', to: 'the return\\x1b[2J' });
  expect(path?.path).toMatchObject({ vcpu: 0, fromSeq: 0, toSeq: 978 });
  expect(pressed(world, list, 'enter').position.seq).toBe(978);
  writeFileSync(bookmarksPath(directory), '[1]');
  expect(pressed(world, kept, "'").message.text).toMatch(/expected bookmarks of version 1/);
});

test('copied places come back: the line that y tells is one that opens there', async () => {
  using world = await openWorld('riscv64-smash');
  const there = pressed(world, start(world), 'k', 'I', 'y', 'y');
  expect(there.copied).toEqual(['backtrail walk riscv64-smash.trace --at 0:978:1']);
  using again = await openWorld('riscv64-smash', { at: { vcpu: 0, seq: 978, index: 1 } });
  expect(start(again).position).toEqual(there.position);
  await expect(openWorld('smash', { at: { seq: 1e9 } })).rejects.toThrow(/found no instruction 0/);
  await expect(openWorld('smash', { at: { vcpu: 9, seq: 0 } })).rejects.toThrow(/no vCPU 9/);
});

test('rows of an SQL answer are places to go to', async () => {
  using world = await openWorld('riscv64-smash', { query: () => Promise.reject(new Error('no')) });
  const asked = pressed(world, typed(world, start(world), ':from transfers'), 'enter');
  expect(asked).toMatchObject({ isBusy: true, prompt: { text: 'from transfers' } });
  const answer = {
    columns: ['vcpu', 'seq', 'name'],
    rows: [
      ['0', '12', 'a\u001b[2J'],
      ['0', '600', 'b'],
    ],
    places: [{ vcpu: 0, seq: 12 }, null],
  };
  const list = answered(asked, 'from transfers', answer);
  expect(screenText(world, list)).toContain('0   12  a\\x1b[2J');
  expect(pressed(world, list, 'enter').position.seq).toBe(12);
  const nowhere = pressed(world, list, 'down', 'enter');
  expect(nowhere.position).toEqual(asked.position);
  expect(nowhere.message.text).toMatch(/names no place/);
});

test('a damaged segment is told, and walked around', async () => {
  const directory = copied('riscv64-smash');
  const file = path.join(directory, 'transfers/000000.arrow');
  expect(existsSync(file)).toBe(true);
  writeFileSync(file, 'ARROW1');
  // Nothing is left to stand at: one line says so, before there is a screen.
  await expect(openWorld('', {}, directory)).rejects.toThrow(/found no transfers that can be read/);
});

/** Keys in any order, on any trace, at any size: no fault, and a whole screen after each. */
test.each(SAMPLES)('a monkey at the keys of %s', async (name) => {
  const seed = SEED;
  const random = randomFrom(seed);
  using world = await openWorld(name, {}, copied(name));
  const keys = [
    ...KEYS.flatMap((spec) => spec.keys),
    '1',
    '9',
    'enter',
    'escape',
    'backspace',
    'a',
  ];
  let state = start(world);
  let shown: string[] = [];
  for (let i = 0; i < 60; i++) {
    const key = keys[random(keys.length)] ?? 'k';
    shown = [...shown, key];
    state = pressed(world, { ...state, isDone: false }, key);
    const [columns, rows] = [20 + random(160), 4 + random(60)];
    const lines = draw(world, state, columns, rows);
    const says = `seed ${seed}: ${shown.join(' ')}, ${columns}×${rows}`;
    expect(lines.length, says).toBe(rows);
    for (const line of lines) expect(widthOf(textOf(line)), says).toBe(columns);
  }
});
