import { expect, test } from 'vitest';
import { pathFound } from './path-choices.ts';
import { openWorld, pressed, screenText, start } from './world.fixture.ts';

test('two rows of a list: the path between them, in calls', async () => {
  using world = await openWorld('riscv64-smash', { query: () => Promise.reject(new Error('no')) });
  const list = {
    ...start(world),
    screen: 'choices' as const,
    choices: {
      title: 'Bookmarks',
      head: '',
      selected: 0,
      items: [
        { text: 'the smashed return  0:978', to: { vcpu: 0, seq: 978, index: 0 } },
        { text: 'main  0:1', to: { vcpu: 0, seq: 1, index: 0 } },
        { text: 'nowhere', to: null },
      ],
    },
  };
  const one = pressed(world, list, ' ');
  expect(screenText(world, one)).toContain('*▸ the smashed return');
  expect(pressed(world, one, ' ').choices?.marked).toBeNull();
  expect(pressed(world, one, 'end', ' ').message.text).toMatch(/names no place/);
  const asked = pressed(world, one, 'down', ' ');
  expect(asked.isBusy).toBe(true);
  // Other keys wait; Esc gives it up.
  expect(pressed(world, asked, 'k')).toBe(asked);
  expect(pressed(world, asked, 'escape')).toMatchObject({ isBusy: false, pathWanted: null });
  expect(asked.pathWanted?.path.advance(Number.POSITIVE_INFINITY)).toBe(true);
  const told = pathFound(world, asked);
  const text = screenText(world, told);
  expect(text).toContain('Path from main to the smashed return');
  expect(text).toMatch(/1 {2}── main/);
  expect(text).toMatch(/→ read_station/);
  expect(text).toMatch(/say_char ×\d+, [\d,]+ transfers/);
  expect(text).toMatch(/978 {2}── the smashed return/);
  // A row is a place to go to.
  const item = told.choices?.items.findIndex((choice) => choice.text.includes('→ read_station'));
  const down = Array.from({ length: item ?? 0 }, () => 'down');
  const there = pressed(world, told, ...down, 'enter');
  expect(world.names.place(there.position.pc)).toBe('read_station');
});
