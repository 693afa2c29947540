/** Threads: made, ended, waiting for each other. */
import { CLOCK } from '../abi.ts';
import { ERRNO, fail } from '../errno.ts';
import { FUTEX_ANY } from '../futex.ts';
import type { Kernel } from '../kernel.ts';
import { waitFor } from '../threads.ts';
import { nsOf } from '../time.ts';
import { loadTimeSpec } from '../user.ts';
import { type Arguments, type CallResult, type Handler, NO_RESULT } from './call.ts';

const CLONE = {
  VM: 0x100,
  FS: 0x200,
  FILES: 0x400,
  SIGHAND: 0x800,
  VFORK: 0x4000,
  THREAD: 0x1_0000,
  SETTLS: 0x8_0000,
  PARENT_SETTID: 0x10_0000,
  CHILD_CLEARTID: 0x20_0000,
  CHILD_SETTID: 0x100_0000,
} as const;
const THREAD_FLAGS = CLONE.VM | CLONE.FS | CLONE.FILES | CLONE.SIGHAND | CLONE.THREAD;
const THREADS_MAX = 1024;

const SP = 2;
const TP = 4;
const A0 = 10;

/** Argument order of RISC-V: flags, stack, parent's tid, tls, child's tid. */
const clone: Handler = (kernel, args) => {
  const { hart, threads, user, observer } = kernel;
  const flags = args.unsigned(0);
  if ((flags & CLONE.THREAD) === 0 || (flags & CLONE.VFORK) !== 0) return -ERRNO.ENOSYS;
  if ((flags & THREAD_FLAGS) !== THREAD_FLAGS) fail('EINVAL');
  if (threads.count >= THREADS_MAX) fail('EAGAIN');
  const [stack, parentTid, tls, childTid] = [1, 2, 3, 4].map((place) => args.word(place));
  if ((flags & CLONE.PARENT_SETTID) !== 0) user.output(parentTid ?? 0n, 4);
  const parent = threads.running;
  const child = threads.add(parent.name);
  child.save(hart);
  child.setRegister(A0, 0n);
  if (stack !== 0n) child.setRegister(SP, stack ?? 0n);
  if ((flags & CLONE.SETTLS) !== 0) child.setRegister(TP, tls ?? 0n);
  child.pc = hart.pc + 4n;
  child.mask = parent.mask;
  if ((flags & CLONE.CHILD_CLEARTID) !== 0) child.clearAtEnd = childTid ?? 0n;
  if ((flags & CLONE.PARENT_SETTID) !== 0) user.store32(parentTid ?? 0n, child.id);
  if ((flags & CLONE.CHILD_SETTID) !== 0 && user.memory.allows(childTid ?? 0n, 4, 2)) {
    user.store32(childTid ?? 0n, child.id);
  }
  observer.started(child.id, hart.pc + 4n);
  return child.id;
};

const LIST_LIMIT = 2048;
const FUTEX = { tid: 0x3fff_ffff, died: 0x4000_0000, waiters: 0x8000_0000 } as const;

/** Robust futexes that the thread still holds tell their next owner (robust-futex-ABI). */
function releaseRobust(kernel: Kernel, id: number, head: bigint): void {
  const { user, futexes } = kernel;
  try {
    const offset = BigInt.asIntN(64, user.load64(head + 8n));
    let entry = user.load64(head) & ~1n;
    for (let count = 0; entry !== head && count < LIST_LIMIT; count++) {
      const next = user.load64(entry) & ~1n;
      const word = BigInt.asUintN(64, entry + offset);
      const value = user.load32(word) >>> 0;
      if ((value & FUTEX.tid) === id) {
        user.store32(word, (value & FUTEX.waiters) | FUTEX.died | 0);
        if ((value & FUTEX.waiters) !== 0) futexes.wake(word, 1);
      }
      entry = next;
    }
  } catch {
    // A list that leads nowhere ends there, as in the kernel.
  }
}

/** The running thread is over. The last one takes the process with it. */
const exit: Handler = (kernel, args) => {
  const { threads, user, futexes, observer } = kernel;
  const thread = threads.running;
  const status = args.int(0) & 0xff;
  if (threads.count === 1) {
    kernel.end = { how: 'exit', status };
    return NO_RESULT;
  }
  if (thread.robustList !== 0n) releaseRobust(kernel, thread.id, thread.robustList);
  if (thread.clearAtEnd !== 0n && user.memory.allows(thread.clearAtEnd, 4, 2)) {
    user.store32(thread.clearAtEnd, 0);
    futexes.wake(thread.clearAtEnd, 1);
  }
  threads.remove(thread);
  observer.ended(thread.id);
  return NO_RESULT;
};

const exitGroup: Handler = (kernel, args) => {
  kernel.end = { how: 'exit', status: args.int(0) & 0xff };
  return NO_RESULT;
};

const setTidAddress: Handler = ({ threads }, args) => {
  threads.running.clearAtEnd = args.word(0);
  return threads.running.id;
};

const ROBUST_HEAD_BYTES = 24n;

const setRobustList: Handler = ({ threads }, args) => {
  if (args.word(1) !== ROBUST_HEAD_BYTES) fail('EINVAL');
  threads.running.robustList = args.word(0);
  return 0;
};

const OP = {
  wait: 0,
  wake: 1,
  requeue: 3,
  compareRequeue: 4,
  wakeOp: 5,
  waitBits: 9,
  wakeBits: 10,
} as const;
const OP_PRIVATE = 128;
const OP_REALTIME = 256;

/** FUTEX_WAIT's time is relative, FUTEX_WAIT_BITSET's is a moment. */
function untilOf(kernel: Kernel, address: bigint, op: number, isRealtime: boolean): number | null {
  if (address === 0n) return null;
  const spec = loadTimeSpec(kernel.user, address);
  if (op === OP.wait) return kernel.time.now() + Number(nsOf(spec));
  return kernel.time.moment(isRealtime ? CLOCK.realtime : CLOCK.monotonic, spec, true);
}

function wait(kernel: Kernel, args: Arguments, op: number, isRealtime: boolean): CallResult {
  const { threads, futexes, user, time } = kernel;
  const address = args.word(0);
  const bits = op === OP.wait ? FUTEX_ANY : args.unsigned(5);
  if (bits === 0) fail('EINVAL');
  const until = untilOf(kernel, args.word(3), op, isRealtime);
  if (user.load32(address) !== args.int(2)) return -ERRNO.EAGAIN;
  if (until !== null && until <= time.now()) return -ERRNO.ETIMEDOUT;
  const thread = threads.running;
  futexes.add(thread, address, bits);
  return waitFor({
    until,
    // A wait with a time is not begun anew: it would last too long.
    restarts: until === null,
    finish: (why) => (why === 'timeout' ? -ERRNO.ETIMEDOUT : 0),
    forget: () => futexes.remove(thread),
  });
}

const signed12 = (value: number): number => (value << 20) >> 20;

/** FUTEX_WAKE_OP: changes a second word and wakes its waiters if it was as the comparison says. */
function wakeOp(kernel: Kernel, args: Arguments): number {
  const { user, futexes } = kernel;
  const [first, second, code] = [args.word(0), args.word(4), args.unsigned(5)];
  const [op, compare] = [(code >>> 28) & 15, (code >>> 24) & 15];
  const given = signed12(code >>> 12);
  const operand = (op & 8) !== 0 ? 1 << (given & 31) : given;
  const expected = signed12(code);
  const old = user.load32(second);
  const changed = [operand, old + operand, old | operand, old & ~operand, old ^ operand][op & 7];
  const holds = [
    old === expected,
    old !== expected,
    old < expected,
    old <= expected,
    old > expected,
    old >= expected,
  ][compare];
  if (changed === undefined || holds === undefined) return fail('ENOSYS');
  user.store32(second, changed | 0);
  const woken = futexes.wake(first, args.int(2));
  return holds ? woken + futexes.wake(second, Number(BigInt.asIntN(32, args.word(3)))) : woken;
}

const futex: Handler = (kernel, args) => {
  const { futexes, user } = kernel;
  const given = args.int(1);
  const op = given & ~(OP_PRIVATE | OP_REALTIME);
  const address = args.word(0);
  if (address % 4n !== 0n) fail('EINVAL');
  switch (op) {
    case OP.wait:
    case OP.waitBits:
      return wait(kernel, args, op, (given & OP_REALTIME) !== 0);
    case OP.wake:
      // Even a count of 0 wakes one: so it has always been.
      return futexes.wake(address, Math.max(1, args.int(2)));
    case OP.wakeBits:
      if (args.unsigned(5) === 0) fail('EINVAL');
      return futexes.wake(address, Math.max(1, args.int(2)), args.unsigned(5));
    case OP.requeue:
    case OP.compareRequeue: {
      const [wakes, moves] = [args.int(2), args.int(3)];
      if (wakes < 0 || moves < 0) fail('EINVAL');
      if (op === OP.compareRequeue && user.load32(address) !== args.int(5)) return -ERRNO.EAGAIN;
      const woken = wakes === 0 ? 0 : futexes.wake(address, wakes);
      return woken + futexes.requeue(address, args.word(4), moves);
    }
    case OP.wakeOp:
      return wakeOp(kernel, args);
    default:
      return fail('ENOSYS');
  }
};

/** At once ready again: others run first. */
const schedYield: Handler = ({ threads }) => {
  if (!threads.hasReady) return 0;
  return waitFor({ isReady: () => true, finish: () => 0 });
};

const gettid: Handler = ({ threads }) => threads.running.id;

export const THREAD_CALLS = {
  clone,
  exit,
  exitGroup,
  setTidAddress,
  setRobustList,
  futex,
  schedYield,
  gettid,
} as const;
