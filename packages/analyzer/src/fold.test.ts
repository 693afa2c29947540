import { expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
import { type Fold, foldLoops } from './fold.ts';
import { randomFrom } from './path/random-run.fixture.ts';

const keysOf = (text: string): Uint32Array =>
  Uint32Array.from(text, (letter) => letter.charCodeAt(0));

/** As the head of fold.ts writes it. */
function written(text: string, folds: readonly Fold[] = foldLoops(keysOf(text))): string {
  return folds
    .map(({ at, timesMin, timesMax, body }) => {
      const range = timesMin === timesMax ? `${timesMin}` : `${timesMin}..${timesMax}`;
      const times = timesMax === 1 ? '' : `×${range}`;
      return (body.length === 0 ? (text[at] ?? '?') : `(${written(text, body)})`) + times;
    })
    .join(' ');
}

/** The slow, obvious reading of a folded list: a regular expression. */
function pattern(text: string, folds: readonly Fold[]): string {
  return folds
    .map(({ at, timesMin, timesMax, body }) => {
      const one = body.length === 0 ? (text[at] ?? '?') : `(?:${pattern(text, body)})`;
      return `${one}{${timesMin},${timesMax}}`;
    })
    .join('');
}

test.each([
  ['', ''],
  ['a', 'a'],
  ['abc', 'a b c'],
  ['aaaa', 'a×4'],
  ['abababc', '(a b)×3 c'],
  ['xababa', 'x (a b)×2 a'],
  ['aabaabaab', '(a×2 b)×3'],
  ['abbcabbbcd', '(a b×2..3 c)×2 d'],
  ['abcabbc', '(a b×1..2 c)×2'],
  ['abababcababc', '((a b)×2..3 c)×2'],
  ['aabbaabbc', '(a×2 b×2)×2 c'],
])('%s', (text, says) => {
  expect(written(text)).toBe(says);
});

test('rounds longer than asked for stay as they are', () => {
  expect(foldLoops(keysOf('abcabc'), { roundMax: 2 })).toHaveLength(6);
  expect(foldLoops(keysOf('abcabc'), { roundMax: 3 })).toHaveLength(1);
});

test('random lists match what they were folded to', () => {
  const seed = SEED;
  const random = randomFrom(seed);
  for (let run = 0; run < 400; run++) {
    let text = '';
    // Loops of loops, some rounds with a hiccup, some noise.
    while (text.length < 60) {
      const round = Array.from({ length: 1 + random(4) }, () => 'abcde'[random(5)]).join('');
      const inner = Array.from({ length: 1 + random(4) }, () => round + 'x'.repeat(random(3)));
      text += inner.join('').repeat(1 + random(3));
    }
    const folds = foldLoops(keysOf(text));
    const says = `seed ${seed}, run ${run}: ${text}`;
    expect(text, says).toMatch(new RegExp(`^${pattern(text, folds)}$`));
    let at = 0;
    for (const fold of folds) {
      expect(fold.at, says).toBe(at);
      at += fold.length;
    }
    expect(at, says).toBe(text.length);
  }
});

test('a long loop is one entry, whatever is in it', () => {
  const rounds = 20_000;
  const keys = new Uint32Array(rounds * 6 + 1);
  for (let i = 0; i < rounds; i++) keys.set([7, 8, 8, 9, 9, 4_000_000_000], i * 6 + 1);
  const folds = foldLoops(keys);
  expect(folds.map(({ at, length, timesMax }) => [at, length, timesMax])).toEqual([
    [0, 1, 1],
    [1, rounds * 6, rounds],
  ]);
});
