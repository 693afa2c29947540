import { expect, test } from 'vitest';
import { KEYS, keySpec, shownKey } from './keys.ts';
import { textOf } from './line.ts';
import { hintLine } from './screens/walk-screen.ts';

test('no key is given twice, no action is without a key', () => {
  const keys = KEYS.flatMap((spec) => spec.keys);
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
  const actions = KEYS.map(({ action }) => action);
  expect(actions.filter((action, i) => actions.indexOf(action) !== i)).toEqual([]);
});

test('every way back has a way forward', () => {
  for (const { action } of KEYS.filter((spec) => spec.action.endsWith('-back'))) {
    const forward = action.replace(/-back$/, '-forward');
    expect(
      KEYS.some((spec) => spec.action === forward),
      forward,
    ).toBe(true);
  }
});

test('the bottom line holds all hints on 80 columns', () => {
  expect(textOf(hintLine(80)).trimEnd()).toMatch(/ q quit$/);
});

test('names of keys', () => {
  expect(keySpec('up')?.action).toBe('transfer-back');
  expect(keySpec('é')).toBeUndefined();
  expect(['up', 'ctrl+r', 'k', 'f1'].map(shownKey)).toEqual(['↑', 'Ctrl-R', 'k', 'F1']);
});
