/** Futexes: who waits at which address. The first to wait is the first to be woken. */
import type { Thread, Threads } from './threads.ts';

export const FUTEX_ANY = 0xffff_ffff;

interface Waiter {
  readonly thread: Thread;
  readonly bits: number;
  readonly address: bigint;
}

export class Futexes {
  readonly #threads: Threads;
  /** All waiters, in the order in which they came; there are as many as threads at most. */
  #waiters: Waiter[] = [];

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  add(thread: Thread, address: bigint, bits: number): void {
    this.#waiters.push({ thread, address, bits });
  }

  /** A wait ended otherwise. */
  remove(thread: Thread): void {
    this.#waiters = this.#waiters.filter((waiter) => waiter.thread !== thread);
  }

  /** Wakes up to `count` threads; how many. */
  wake(address: bigint, count: number, bits = FUTEX_ANY): number {
    let woken = 0;
    this.#waiters = this.#waiters.filter((waiter) => {
      if (woken >= count || waiter.address !== address || (waiter.bits & bits) === 0) return true;
      this.#threads.wake(waiter.thread, 'ready');
      woken++;
      return false;
    });
    return woken;
  }

  /** Lets up to `count` waiters queue at another address, behind those who do so already. */
  requeue(from: bigint, to: bigint, count: number): number {
    const moved = this.#waiters.filter((waiter) => waiter.address === from).slice(0, count);
    this.#waiters = this.#waiters.filter((waiter) => !moved.includes(waiter));
    for (const waiter of moved) this.#waiters.push({ ...waiter, address: to });
    return moved.length;
  }
}
