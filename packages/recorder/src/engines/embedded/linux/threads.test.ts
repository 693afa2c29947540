/** Whose turn it is, where threads sleep and others go on. */
import { expect, test } from 'vitest';
import { Bench, DATA } from './calls.fixture.ts';

const CALL = { nanosleep: 101, clone: 220 } as const;
const THREAD = 0x1_0f00;
const SLICE = 1000;

test('a sleeper whose time has come waits for its turn, and the running thread goes on', () => {
  using bench = new Bench({ sliceInstructions: SLICE });
  const { process } = bench;
  bench.call(CALL.clone, THREAD, DATA + 0x4000n, 0, 0, 0);
  bench.tick();
  expect(process.running).toBe(1001);
  const slept = bench.instructions;
  bench.put(DATA, 0n, 300n);
  bench.call(CALL.nanosleep, DATA, 0);
  expect(process.running).toBe(1000);
  const begun = bench.instructions;
  bench.tick();
  expect(bench.instructions).toBe(slept + 1 + 300);
  expect(process.running).toBe(1000);
  // Nothing is due again before the turn is over: the guest makes progress.
  expect(process.deadline()).toBe(begun + SLICE);
  bench.tick();
  expect(process.running).toBe(1001);
});
