import { expect, test } from 'vitest';
import { NO_LOSSES } from './manifest.ts';
import { bitsPerTransfer, describeLosses, LOSS_COUNTERS } from './stats.ts';
import { newManifest } from './trace.fixture.ts';

test('stats: every loss counter is explained, once', () => {
  expect(LOSS_COUNTERS.map(({ name }) => name).sort()).toEqual(Object.keys(NO_LOSSES).sort());
  for (const { says, advice } of LOSS_COUNTERS) {
    expect(says).toMatch(/^[a-z].*\.$/i);
    expect(advice).toMatch(/^[A-Z].*\.$/);
  }
});

test('stats: losses that happened, worst first', () => {
  const manifest = newManifest();
  expect(describeLosses(manifest)).toEqual([]);
  Object.assign(manifest.losses, { overwritten: 5, forksUnrecorded: 1, damaged: 7 });
  expect(describeLosses(manifest).map(({ name, count }) => [name, count])).toEqual([
    ['damaged', 7],
    ['forksUnrecorded', 1],
    ['overwritten', 5],
  ]);
});

test('stats: bits per transfer', () => {
  const manifest = newManifest();
  expect(bitsPerTransfer(manifest)).toBeNull();
  Object.assign(manifest.totals, { transfers: 1000, bytes: 75 });
  expect(bitsPerTransfer(manifest)).toBe(0.6);
});
