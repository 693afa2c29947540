/** A few inputs of every fuzz target; `npm run fuzz -- --minutes 10` tries more of them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { SEED } from '../seed.ts';
import { Random, spoilt } from './target.ts';
import { TARGETS } from './targets.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(TARGETS)('fuzz $name', (target) => {
  const { name, inputsInTests } = target;
  test(`${inputsInTests} inputs`, async () => {
    const own = path.join(folder, name);
    mkdirSync(own);
    const tryOne = await target.prepare(own);
    for (let seed = SEED; seed < SEED + inputsInTests; seed++) {
      try {
        await tryOne(new Random(seed));
      } catch (error) {
        throw new Error(`again with: npm run fuzz -- --target ${name} --seed ${seed}`, {
          cause: error,
        });
      }
    }
  });
});

test('what is spoilt is another every time, and the same for a seed', () => {
  const whole = Buffer.alloc(256, 7);
  const all = Array.from({ length: 50 }, (_, seed) => spoilt(whole, new Random(seed)));
  expect(new Set(all.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBeGreaterThan(40);
  expect(spoilt(whole, new Random(9))).toEqual(spoilt(whole, new Random(9)));
  expect(whole.equals(Buffer.alloc(256, 7))).toBe(true);
});
