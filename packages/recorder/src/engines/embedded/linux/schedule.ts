/**
 * Who runs after a trap or a deadline. Where nobody can, time passes: at once, since guest time is
 * counted and not waited for, unless the guest waits for the console or the host's clock is used.
 */
import type { Next } from '../core/machine.ts';
import { completeCall, deliverSignals } from './deliver.ts';
import { attempt } from './errno.ts';
import type { Kernel } from './kernel.ts';
import { CODE, sentInfo } from './signals.ts';
import type { Thread } from './threads.ts';

const RUN: Next = { how: 'run' };
/** All wait for ever, and no signal can come: Linux would hang. */
const KILLED: Next = { how: 'signal', number: 9 };
const NS_PER_MS = 1_000_000;
/** Jumps in time without an instruction after which the host sleeps between two of them. */
const FRUITLESS = 1000;

/** Signals and timers that are due, from outside and inside. */
export function lookAround(kernel: Kernel): void {
  const { io, time, timers, threads } = kernel;
  for (const number of io.takeSignals()) kernel.send(sentInfo(number, CODE.user, 0, 0), null);
  const now = time.now();
  timers.expire(now, time.instructions());
  for (const thread of threads.waiting()) {
    const { wait } = thread;
    if (wait === null) continue;
    if (wait.isReady?.() === true) threads.wake(thread, 'ready');
    else if (wait.until !== null && wait.until <= now) threads.wake(thread, 'timeout');
  }
}

/** Lets a thread run that can: the running one if it still can. How the process ended, or `run`. */
export function settle(kernel: Kernel): Next {
  const { threads } = kernel;
  for (;;) {
    if (kernel.end !== null) return kernel.end;
    const { running } = threads;
    if (running.hasEnded || running.wait !== null) {
      const next = nextThread(kernel);
      if (next === null) return kernel.end ?? KILLED;
      switchTo(kernel, next);
      resume(kernel, next);
      continue;
    }
    const killed = deliverSignals(kernel);
    if (killed !== null) return killed;
    if (kernel.end !== null) continue;
    kernel.isStuck = false;
    return RUN;
  }
}

/** The running thread had its turn: the next one, if others are ready. */
export function takeTurns(kernel: Kernel): void {
  const { threads } = kernel;
  endTurn(kernel);
  if (!threads.hasReady || threads.running.wait !== null || threads.running.hasEnded) return;
  threads.yield();
  const next = threads.next();
  if (next === null) return;
  switchTo(kernel, next);
  resume(kernel, next);
}

function nextThread(kernel: Kernel): Thread | null {
  for (;;) {
    lookAround(kernel);
    if (kernel.end !== null) return null;
    const next = kernel.threads.next();
    if (next !== null) return next;
    if (!idle(kernel)) return null;
  }
}

/**
 * Timers whose signals are ignored go off for ever, and nobody runs: a guest that waits for a
 * signal from outside. Its time passes faster than the host's, but it must not take all of that.
 */
function isFruitless(kernel: Kernel): boolean {
  const now = kernel.time.instructions();
  kernel.idles = now === kernel.idleSince ? kernel.idles + 1 : 0;
  kernel.idleSince = now;
  return kernel.idles > FRUITLESS;
}

/** Everybody sleeps. False: for ever. */
function idle(kernel: Kernel): boolean {
  const { io, time, timers, threads } = kernel;
  let due = timers.next('time');
  let needsInput = false;
  for (const { wait } of threads.waiting()) {
    if (wait === null) continue;
    if (wait.until !== null && (due === null || wait.until < due)) due = wait.until;
    needsInput ||= wait.needsInput;
  }
  if (due !== null && !needsInput && !time.isReal) {
    time.skipTo(due);
    if (isFruitless(kernel)) io.wait(1, false);
    return true;
  }
  kernel.isStuck = due === null && !needsInput;
  const now = time.now();
  const ms = due === null ? null : Math.max(0, (due - now) / NS_PER_MS);
  const began = performance.now();
  const end = io.wait(ms, needsInput);
  // Input and signals come when they come: where a timer is set, the guest is told how late it is.
  if (due !== null && end === 'timeout') time.skipTo(due);
  else if (due !== null) {
    time.skipTo(Math.min(due, now + Math.round((performance.now() - began) * NS_PER_MS)));
  }
  return end !== 'never';
}

function endTurn(kernel: Kernel): void {
  const now = kernel.time.instructions();
  kernel.threads.running.instructions += now - kernel.turnStart;
  kernel.turnStart = now;
}

function switchTo(kernel: Kernel, next: Thread): void {
  const { hart, threads, observer } = kernel;
  const { running } = threads;
  endTurn(kernel);
  if (running === next) return;
  if (!running.hasEnded) running.save(hart);
  threads.run(next);
  next.restore(hart);
  observer.switched(next.id);
  kernel.stackChanged();
}

/** A thread that waited goes on with the result of its call, or waits again. */
function resume(kernel: Kernel, thread: Thread): void {
  const { wait, woken } = thread;
  if (wait === null) return;
  thread.wait = null;
  if (woken === 'signal') {
    const result = wait.interrupted();
    if (result !== null) completeCall(kernel, result);
    else kernel.interrupted = wait.restarts ? 'restarts' : 'fails';
    return;
  }
  const outcome = attempt(() => wait.finish(woken));
  if (typeof outcome === 'number') completeCall(kernel, outcome);
  else thread.wait = outcome;
}
