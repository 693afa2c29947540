/**
 * The guest's clocks and timers. Time passes with instructions, 1 ns each, and jumps ahead where
 * all threads sleep; so two runs of a program see the same times. Time of day is a fixed moment
 * plus that. With `realTime` the host's clocks are passed on.
 */
import type { Clock } from '../core/machine.ts';
import { CLOCK, NS_PER_S } from './abi.ts';
import { fail } from './errno.ts';
import type { TimeSpec } from './user.ts';

/** 2023-11-14T22:13:20Z; the seed moves it by up to four months. */
const EPOCH_S = 1_700_000_000;
const SEED_S = 10_000_000n;
/** Beyond this a deadline is as good as none: a hundred years. */
const NS_MAX = 3.2e18;

export interface TimeOptions {
  readonly seed: bigint;
  readonly realTime: boolean;
}

export class GuestTime {
  readonly isReal: boolean;
  readonly #clock: Clock;
  readonly #epochS: number;
  readonly #hostStart = process.hrtime.bigint();
  readonly #hostDayNs = BigInt(Date.now()) * 1_000_000n;
  #idleNs = 0;

  constructor(clock: Clock, { seed, realTime }: TimeOptions) {
    this.#clock = clock;
    this.isReal = realTime;
    this.#epochS = EPOCH_S + Number(BigInt.asUintN(64, seed) % SEED_S);
  }

  instructions(): number {
    return this.#clock.instructions();
  }

  /** Nanoseconds since the guest was started. */
  now(): number {
    if (this.isReal) return Number(process.hrtime.bigint() - this.#hostStart);
    return this.#clock.instructions() + this.#idleNs;
  }

  /** Retired instructions at which `now()` will be this, if nobody sleeps until then. */
  instructionsAt(ns: number): number {
    return ns - this.#idleNs;
  }

  /** All threads sleep: time passes without instructions. */
  skipTo(ns: number): void {
    if (!this.isReal && ns > this.now()) this.#idleNs = ns - this.#clock.instructions();
  }

  /** Nanoseconds between 1970 and the start of the guest, exactly. */
  get startOfDay(): bigint {
    return this.isReal ? this.#hostDayNs : BigInt(this.#epochS) * BigInt(NS_PER_S);
  }

  /** @param threadNs instructions of the asking thread. @throws Failure EINVAL */
  read(clock: number, threadNs: number): TimeSpec {
    switch (clock) {
      case CLOCK.realtime:
      case CLOCK.realtimeCoarse:
      case CLOCK.tai:
        return specOf(this.startOfDay + BigInt(this.now()));
      case CLOCK.monotonic:
      case CLOCK.monotonicRaw:
      case CLOCK.monotonicCoarse:
      case CLOCK.boottime:
        return specOf(BigInt(this.now()));
      case CLOCK.processCpu:
        return specOf(BigInt(this.instructions()));
      case CLOCK.threadCpu:
        return specOf(BigInt(threadNs));
      default:
        return fail('EINVAL');
    }
  }

  /** When a time given for a clock will be, as `now()` tells it. @throws Failure EINVAL */
  moment(clock: number, spec: TimeSpec, isAbsolute: boolean): number {
    const ns = nsOf(spec);
    if (!isAbsolute) return Math.min(this.now() + Number(ns), NS_MAX);
    const isDay = clock === CLOCK.realtime || clock === CLOCK.tai;
    return Math.min(Number(isDay ? ns - this.startOfDay : ns), NS_MAX);
  }
}

/** @throws Failure EINVAL where it is no time. */
export function nsOf({ seconds, nanoseconds }: TimeSpec): bigint {
  if (seconds < 0n || nanoseconds < 0n || nanoseconds >= BigInt(NS_PER_S)) fail('EINVAL');
  return seconds * BigInt(NS_PER_S) + nanoseconds;
}

export const specOf = (ns: bigint): TimeSpec => ({
  seconds: ns / BigInt(NS_PER_S),
  nanoseconds: ns % BigInt(NS_PER_S),
});

/** A timer that sends a signal: one of setitimer's three or one of timer_create. */
export interface Timer {
  /** `time`: as `now()`; `cpu`: instructions of the process. */
  readonly counts: 'time' | 'cpu';
  /** When it goes off next; null: it is not set. */
  due: number | null;
  intervalNs: number;
  /** Times that it went off besides the one that the last signal told. */
  overrun: number;
  readonly expire: (timer: Timer) => void;
}

/** A timer that goes off more often within one look counts as that many, and sends one signal. */
const OVERRUN_MAX = 0x7fff_ffff;

export class Timers {
  readonly #timers = new Set<Timer>();

  add(timer: Timer): Timer {
    this.#timers.add(timer);
    return timer;
  }

  remove(timer: Timer): void {
    this.#timers.delete(timer);
  }

  /** When the first one is due on this count; null: none is. */
  next(counts: Timer['counts']): number | null {
    let first: number | null = null;
    for (const timer of this.#timers) {
      if (timer.counts !== counts || timer.due === null) continue;
      if (first === null || timer.due < first) first = timer.due;
    }
    return first;
  }

  /** Lets all go off that are due, the earliest first. */
  expire(now: number, cpu: number): void {
    const at = (timer: Timer): number => (timer.counts === 'time' ? now : cpu);
    const due = [...this.#timers].filter((timer) => timer.due !== null && timer.due <= at(timer));
    due.sort((a, b) => (a.due ?? 0) - (b.due ?? 0));
    for (const timer of due) {
      const missed =
        timer.intervalNs > 0 ? Math.floor((at(timer) - (timer.due ?? 0)) / timer.intervalNs) : 0;
      timer.overrun = Math.min(missed, OVERRUN_MAX);
      timer.due = timer.intervalNs > 0 ? (timer.due ?? 0) + (missed + 1) * timer.intervalNs : null;
      timer.expire(timer);
    }
  }
}
