/** Clocks, sleeping, timers. */
import { CLOCK, NS_PER_S, SIG, SIGNALS } from '../abi.ts';
import { fail } from '../errno.ts';
import { type Kernel, PID } from '../kernel.ts';
import { CODE, sentInfo, timerInfo } from '../signals.ts';
import { type Wait, waitFor } from '../threads.ts';
import { nsOf, specOf, type Timer } from '../time.ts';
import { loadTimeSpec, storeTimeSpec, type TimeSpec } from '../user.ts';
import type { Handler } from './call.ts';

const US_PER_S = 1_000_000n;
const NS_PER_US = 1000n;
const TICK_NS = NS_PER_S / 100;

/** A negative clock names a process or thread: ~id << 3 | what (linux/posix-timers.h). */
function readClock(kernel: Kernel, clock: number): TimeSpec {
  const { time, threads } = kernel;
  if (clock >= 0) return time.read(clock, kernel.threadInstructions());
  const id = ~(clock >> 3);
  const isThread = (clock & 4) !== 0;
  if ((clock & 3) > 2) return fail('EINVAL');
  if (!isThread) return id === 0 || id === PID ? time.read(CLOCK.processCpu, 0) : fail('EINVAL');
  const thread = id === 0 ? threads.running : (threads.get(id) ?? fail('EINVAL'));
  const isRunning = thread === threads.running;
  return specOf(BigInt(isRunning ? kernel.threadInstructions() : thread.instructions));
}

const clockGettime: Handler = (kernel, args) => {
  storeTimeSpec(kernel.user, args.word(1), readClock(kernel, args.int(0)));
  return 0;
};

const COARSE_NS = 4_000_000n;

const clockGetres: Handler = (kernel, args) => {
  const clock = args.int(0);
  readClock(kernel, clock);
  const isCoarse = clock === CLOCK.realtimeCoarse || clock === CLOCK.monotonicCoarse;
  const spec = { seconds: 0n, nanoseconds: isCoarse ? COARSE_NS : 1n };
  if (args.word(1) !== 0n) storeTimeSpec(kernel.user, args.word(1), spec);
  return 0;
};

const gettimeofday: Handler = (kernel, args) => {
  const { seconds, nanoseconds } = kernel.time.read(CLOCK.realtime, 0);
  const spec = { seconds, nanoseconds: nanoseconds / NS_PER_US };
  if (args.word(0) !== 0n) storeTimeSpec(kernel.user, args.word(0), spec);
  if (args.word(1) !== 0n) kernel.user.store64(args.word(1), 0n);
  return 0;
};

function sleep(kernel: Kernel, until: number, remainderAt: bigint): Wait | number {
  const { time, user } = kernel;
  if (until <= time.now()) return 0;
  return waitFor({
    until,
    restarts: false,
    finish: () => 0,
    interrupted: () => {
      const left = Math.max(0, until - time.now());
      if (remainderAt !== 0n) storeTimeSpec(user, remainderAt, specOf(BigInt(Math.ceil(left))));
      return null;
    },
  });
}

const nanosleep: Handler = (kernel, args) => {
  const spec = loadTimeSpec(kernel.user, args.word(0));
  return sleep(kernel, kernel.time.moment(CLOCK.monotonic, spec, false), args.word(1));
};

const TIMER_ABSTIME = 1;

const clockNanosleep: Handler = (kernel, args) => {
  const [clock, flags] = [args.int(0), args.int(1)];
  if (clock === CLOCK.threadCpu) fail('EINVAL');
  readClock(kernel, clock);
  const spec = loadTimeSpec(kernel.user, args.word(2));
  const isAbsolute = (flags & TIMER_ABSTIME) !== 0;
  const until = kernel.time.moment(clock, spec, isAbsolute);
  return sleep(kernel, until, isAbsolute ? 0n : args.word(3));
};

/** setitimer's three, by their number. */
const INTERVAL_TIMERS = [
  { counts: 'time', signal: SIG.ALRM },
  { counts: 'cpu', signal: SIG.VTALRM },
  { counts: 'cpu', signal: SIG.PROF },
] as const;

function intervalTimer(kernel: Kernel, which: number): Timer {
  const kind = INTERVAL_TIMERS[which];
  if (kind === undefined) return fail('EINVAL');
  return kernel.intervalTimer(which, () => {
    const { counts, signal } = kind;
    const expire = (): void => {
      kernel.send(sentInfo(signal, CODE.kernel, 0, 0), null);
    };
    return { counts, due: null, intervalNs: 0, overrun: 0, expire };
  });
}

const nowOf = (kernel: Kernel, { counts }: Timer): number =>
  counts === 'time' ? kernel.time.now() : kernel.time.instructions();

/** What is left, and the interval. A timer that is about to go off has at least 1 ns. */
function stateOf(kernel: Kernel, timer: Timer): { readonly left: bigint; readonly every: bigint } {
  const left = timer.due === null ? 0 : Math.max(1, timer.due - nowOf(kernel, timer));
  return { left: BigInt(Math.ceil(left)), every: BigInt(timer.intervalNs) };
}

/** struct itimerval: interval and value, seconds and microseconds each. */
function storeInterval(kernel: Kernel, address: bigint, timer: Timer): void {
  const { left, every } = stateOf(kernel, timer);
  const micro = (ns: bigint): TimeSpec => {
    const us = (ns + NS_PER_US - 1n) / NS_PER_US;
    return { seconds: us / US_PER_S, nanoseconds: us % US_PER_S };
  };
  storeTimeSpec(kernel.user, address, micro(every));
  storeTimeSpec(kernel.user, address + 16n, micro(left));
}

function loadMicro(kernel: Kernel, address: bigint): number {
  const { seconds, nanoseconds: us } = loadTimeSpec(kernel.user, address);
  if (us < 0n || us >= US_PER_S) fail('EINVAL');
  return Number(nsOf({ seconds, nanoseconds: us * NS_PER_US }));
}

const getitimer: Handler = (kernel, args) => {
  storeInterval(kernel, args.word(1), intervalTimer(kernel, args.int(0)));
  return 0;
};

const setitimer: Handler = (kernel, args) => {
  const timer = intervalTimer(kernel, args.int(0));
  const [wanted, old] = [args.word(1), args.word(2)];
  const every = wanted === 0n ? 0 : loadMicro(kernel, wanted);
  const first = wanted === 0n ? 0 : loadMicro(kernel, wanted + 16n);
  if (old !== 0n) storeInterval(kernel, old, timer);
  timer.intervalNs = every;
  timer.due = first === 0 ? null : nowOf(kernel, timer) + first;
  return 0;
};

const SIGEV = { signal: 0, none: 1, thread: 2, threadId: 4 } as const;
const TIMERS_MAX = 32;

/** struct sigevent: value 8, signal 4, how 4, thread 4. */
function eventOf(kernel: Kernel, address: bigint, id: number) {
  if (address === 0n) return { value: BigInt(id), signal: SIG.ALRM, how: SIGEV.signal, thread: 0 };
  const view = kernel.user.inputView(address, 24);
  return {
    value: view.getBigUint64(0, true),
    signal: view.getInt32(8, true),
    how: view.getInt32(12, true),
    thread: view.getInt32(16, true),
  };
}

const timerCreate: Handler = (kernel, args) => {
  const clock = args.int(0);
  readClock(kernel, clock);
  if (kernel.posixTimers.size >= TIMERS_MAX) fail('EAGAIN');
  let id = 0;
  while (kernel.posixTimers.has(id)) id++;
  const { value, signal, how, thread } = eventOf(kernel, args.word(1), id);
  const isTold = how !== SIGEV.none;
  if (isTold && (signal < 1 || signal > SIGNALS)) fail('EINVAL');
  if (how !== SIGEV.signal && how !== SIGEV.none && how !== SIGEV.threadId) fail('EINVAL');
  const to = how === SIGEV.threadId ? (kernel.threads.get(thread) ?? fail('EINVAL')) : null;
  kernel.user.store32(args.word(2), id);
  const isCpu = clock === CLOCK.processCpu || clock === CLOCK.threadCpu || clock < 0;
  const timer: Timer = {
    counts: isCpu ? 'cpu' : 'time',
    due: null,
    intervalNs: 0,
    overrun: 0,
    expire: ({ overrun }) => {
      if (isTold) kernel.send(timerInfo(signal, id, overrun, value), to);
    },
  };
  kernel.posixTimers.set(id, { timer: kernel.timers.add(timer), clock });
  return 0;
};

function posixTimer(kernel: Kernel, id: number) {
  return kernel.posixTimers.get(id) ?? fail('EINVAL');
}

/** struct itimerspec: interval and value. */
function storeState(kernel: Kernel, address: bigint, timer: Timer): void {
  const { left, every } = stateOf(kernel, timer);
  storeTimeSpec(kernel.user, address, specOf(every));
  storeTimeSpec(kernel.user, address + 16n, specOf(left));
}

const timerGettime: Handler = (kernel, args) => {
  storeState(kernel, args.word(1), posixTimer(kernel, args.int(0)).timer);
  return 0;
};

const timerSettime: Handler = (kernel, args) => {
  const { timer, clock } = posixTimer(kernel, args.int(0));
  const [flags, wanted, old] = [args.int(1), args.word(2), args.word(3)];
  const every = Number(nsOf(loadTimeSpec(kernel.user, wanted)));
  const first = loadTimeSpec(kernel.user, wanted + 16n);
  const isAbsolute = (flags & TIMER_ABSTIME) !== 0;
  const isSet = nsOf(first) !== 0n;
  if (old !== 0n) storeState(kernel, old, timer);
  timer.intervalNs = every;
  timer.overrun = 0;
  if (!isSet) timer.due = null;
  else if (timer.counts === 'time') timer.due = kernel.time.moment(clock, first, isAbsolute);
  else timer.due = Number(nsOf(first)) + (isAbsolute ? 0 : kernel.time.instructions());
  return 0;
};

const timerGetoverrun: Handler = (kernel, args) => posixTimer(kernel, args.int(0)).timer.overrun;

const timerDelete: Handler = (kernel, args) => {
  kernel.timers.remove(posixTimer(kernel, args.int(0)).timer);
  kernel.posixTimers.delete(args.int(0));
  return 0;
};

/** struct tms: four words of clock ticks; the guest's instructions all count as its own. */
const times: Handler = (kernel, args) => {
  const ticks = BigInt(Math.floor(kernel.time.instructions() / TICK_NS));
  if (args.word(0) !== 0n) {
    const view = kernel.user.outputView(args.word(0), 32);
    for (let at = 0; at < 32; at += 8) view.setBigInt64(at, at === 0 ? ticks : 0n, true);
  }
  return BigInt(Math.floor(kernel.time.now() / TICK_NS));
};

export const TIME_CALLS = {
  clockGettime,
  clockGetres,
  gettimeofday,
  nanosleep,
  clockNanosleep,
  getitimer,
  setitimer,
  timerCreate,
  timerGettime,
  timerSettime,
  timerGetoverrun,
  timerDelete,
  times,
} as const;
