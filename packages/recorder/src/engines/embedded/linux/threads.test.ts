/** Whose turn it is, where threads sleep and others go on. */
import { expect, test } from 'vitest';
import { Bench, DATA } from './calls.fixture.ts';
import type { WaitEnd } from './io.ts';
import { MemoryIo } from './run.fixture.ts';

const CALL = { futex: 98, nanosleep: 101, rtSigaction: 134, clone: 220 } as const;
const SIGINT = 2;
const FUTEX_WAIT = 0;

/** Ctrl-C comes while the guest waits. */
class Late extends MemoryIo {
  override wait(msMax: number | null): WaitEnd {
    this.signals.push(SIGINT);
    return super.wait(msMax);
  }
}
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

test('a signal that ends a guest in which all wait says that they did', () => {
  using bench = new Bench({}, new Late());
  bench.call(CALL.futex, DATA, FUTEX_WAIT, 0, 0, 0, 0);
  expect(bench.last).toEqual({ how: 'signal', number: SIGINT });
  expect(bench.process.ending).toMatch(/^the guest was stuck: its only thread waited/);
});

test('one that was running when a signal ended it was not stuck', () => {
  using bench = new Bench({}, new Late());
  bench.put(DATA + 0x100n, DATA + 0x40n, 0n, 0n);
  bench.call(CALL.rtSigaction, SIGINT, DATA + 0x100n, 0, 8);
  bench.call(CALL.futex, DATA + 0x200n, FUTEX_WAIT, 0, 0, 0, 0);
  expect(bench.last).toEqual({ how: 'run' });
  // The handler runs; the next signal finds it at that.
  bench.process.deliver(9);
  bench.tick(bench.instructions);
  expect(bench.last).toEqual({ how: 'signal', number: 9 });
  expect(bench.process.ending).toBeNull();
});
