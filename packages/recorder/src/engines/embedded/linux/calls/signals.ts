/** Signals: handled, blocked, sent, waited for. */
import { SIG, SIGNALS } from '../abi.ts';
import { returnFromSignal } from '../deliver.ts';
import { ERRNO, fail } from '../errno.ts';
import { type Kernel, PARENT_PID, PID, UID } from '../kernel.ts';
import {
  CODE,
  changeStack,
  givenInfo,
  SIGINFO_BYTES,
  type SignalInfo,
  sentInfo,
  stackFlags,
  UNBLOCKABLE,
} from '../signals.ts';
import { type Thread, waitFor } from '../threads.ts';
import { nsOf } from '../time.ts';
import { loadTimeSpec } from '../user.ts';
import { type Arguments, type CallResult, type Handler, NO_RESULT } from './call.ts';

const SIGSET_BYTES = 8n;
const SP = 2;

function checkSetBytes(bytes: bigint): void {
  if (bytes !== SIGSET_BYTES) fail('EINVAL');
}

const isSignal = (number: number): boolean => number >= 1 && number <= SIGNALS;

/** struct sigaction of asm-generic: handler, flags, mask; RISC-V has no restorer. */
const ACTION_BYTES = 24;

const rtSigaction: Handler = (kernel, args) => {
  const { user, actions } = kernel;
  const number = args.int(0);
  const [wanted, old] = [args.word(1), args.word(2)];
  checkSetBytes(args.word(3));
  if (!isSignal(number)) fail('EINVAL');
  if (wanted !== 0n && (number === SIG.KILL || number === SIG.STOP)) fail('EINVAL');
  const before = actions.get(number);
  if (wanted !== 0n) {
    const view = user.inputView(wanted, ACTION_BYTES);
    actions.set(number, {
      handler: view.getBigUint64(0, true),
      flags: view.getBigUint64(8, true),
      mask: view.getBigUint64(16, true) & ~UNBLOCKABLE,
    });
    if (actions.isIgnored(number)) dropPending(kernel, number);
  }
  if (old !== 0n) {
    const view = user.outputView(old, ACTION_BYTES);
    view.setBigUint64(0, before.handler, true);
    view.setBigUint64(8, before.flags, true);
    view.setBigUint64(16, before.mask, true);
  }
  return 0;
};

/** What is ignored from now on is not pending either (POSIX, sigaction). */
function dropPending(kernel: Kernel, number: number): void {
  kernel.pending.drop(number);
  for (const thread of kernel.threads.all()) thread.pending.drop(number);
}

const HOW = { block: 0, unblock: 1, set: 2 } as const;

const rtSigprocmask: Handler = (kernel, args) => {
  const { user, threads } = kernel;
  const thread = threads.running;
  const [how, wanted, old] = [args.int(0), args.word(1), args.word(2)];
  checkSetBytes(args.word(3));
  const before = thread.mask;
  if (wanted !== 0n) {
    const mask = user.load64(wanted);
    if (how === HOW.block) thread.mask |= mask;
    else if (how === HOW.unblock) thread.mask &= ~mask;
    else if (how === HOW.set) thread.mask = mask;
    else fail('EINVAL');
    thread.mask &= ~UNBLOCKABLE;
  }
  if (old !== 0n) user.store64(old, before);
  return 0;
};

const rtSigpending: Handler = ({ user, threads, pending }, args) => {
  if (args.word(1) > SIGSET_BYTES) fail('EINVAL');
  const { running } = threads;
  user.store64(args.word(0), (running.pending.mask | pending.mask) & running.mask);
  return 0;
};

const rtSigsuspend: Handler = (kernel, args) => {
  const { user, threads } = kernel;
  checkSetBytes(args.word(1));
  threads.running.suspendMask = user.load64(args.word(0)) & ~UNBLOCKABLE;
  // A signal that is there already is delivered on the way back.
  if (kernel.hasSignal(threads.running)) return -ERRNO.EINTR;
  return waitFor({ restarts: false, finish: () => -ERRNO.EINTR });
};

const rtSigreturn: Handler = (kernel) => {
  returnFromSignal(kernel);
  return NO_RESULT;
};

/** struct stack_t: address 8, flags 4 (and 4), size 8. */
const STACK_BYTES = 24;

const sigaltstack: Handler = ({ user, threads, hart }, args) => {
  const thread = threads.running;
  const before = thread.stack;
  const sp = hart.xUnsigned[SP] ?? 0n;
  const [wanted, old] = [args.word(0), args.word(1)];
  if (wanted !== 0n) {
    const view = user.inputView(wanted, STACK_BYTES);
    const stack = changeStack(before, sp, {
      start: view.getBigUint64(0, true),
      flags: view.getInt32(8, true),
      size: view.getBigUint64(16, true),
    });
    if (typeof stack === 'string') return fail(stack);
    thread.stack = stack;
  }
  if (old !== 0n) {
    const view = user.outputView(old, STACK_BYTES);
    view.setBigUint64(0, before.start, true);
    view.setInt32(8, stackFlags(before, sp), true);
    view.setInt32(12, 0, true);
    view.setBigUint64(16, before.size, true);
  }
  return 0;
};

/** @throws Failure EAGAIN: too many are queued. */
function send(kernel: Kernel, info: SignalInfo, to: Thread | null): number {
  return kernel.send(info, to) ? 0 : fail('EAGAIN');
}

/** The process and its group are one; there are no others. */
const kill: Handler = (kernel, args) => {
  const [pid, number] = [args.int(0), args.int(1)];
  if (number < 0 || number > SIGNALS) fail('EINVAL');
  if (pid === PARENT_PID) fail('EPERM');
  // -1 is all but oneself: nobody is there.
  if (pid !== PID && pid !== 0 && pid !== -PID) fail('ESRCH');
  return number === 0 ? 0 : send(kernel, sentInfo(number, CODE.user, PID, UID), null);
};

function toThread(kernel: Kernel, id: number, number: number): number {
  if (id <= 0) fail('EINVAL');
  const thread = kernel.threads.get(id) ?? fail('ESRCH');
  if (number < 0 || number > SIGNALS) fail('EINVAL');
  return number === 0 ? 0 : send(kernel, sentInfo(number, CODE.thread, PID, UID), thread);
}

const tkill: Handler = (kernel, args) => toThread(kernel, args.int(0), args.int(1));

const tgkill: Handler = (kernel, args) => {
  if (args.int(0) <= 0) fail('EINVAL');
  if (args.int(0) !== PID) fail('ESRCH');
  return toThread(kernel, args.int(1), args.int(2));
};

function infoFrom(kernel: Kernel, number: number, address: bigint): SignalInfo {
  if (!isSignal(number)) fail('EINVAL');
  return givenInfo(number, kernel.user.input(address, SIGINFO_BYTES));
}

const rtSigqueueinfo: Handler = (kernel, args) => {
  const info = infoFrom(kernel, args.int(1), args.word(2));
  if (args.int(0) !== PID) fail('ESRCH');
  return send(kernel, info, null);
};

const rtTgsigqueueinfo: Handler = (kernel, args) => {
  const info = infoFrom(kernel, args.int(2), args.word(3));
  if (args.int(0) !== PID) fail('ESRCH');
  return send(kernel, info, kernel.threads.get(args.int(1)) ?? fail('ESRCH'));
};

/** Takes one of the signals that are waited for, if one is there. */
function take(kernel: Kernel, thread: Thread, wanted: bigint, infoAt: bigint): number | null {
  const info = thread.pending.take(wanted) ?? kernel.pending.take(wanted);
  if (info === null) return null;
  if (infoAt !== 0n) kernel.user.output(infoAt, SIGINFO_BYTES).set(info.bytes);
  return info.number;
}

const rtSigtimedwait: Handler = (kernel, args: Arguments): CallResult => {
  const [setAt, infoAt, timeAt] = [args.word(0), args.word(1), args.word(2)];
  checkSetBytes(args.word(3));
  const wanted = kernel.user.load64(setAt) & ~UNBLOCKABLE;
  const { time, threads } = kernel;
  const thread = threads.running;
  const until = timeAt === 0n ? null : time.now() + Number(nsOf(loadTimeSpec(kernel.user, timeAt)));
  const now = take(kernel, thread, wanted, infoAt);
  if (now !== null) return now;
  if (until !== null && until <= time.now()) return -ERRNO.EAGAIN;
  return waitFor({
    until,
    accepts: wanted,
    restarts: false,
    finish: () => take(kernel, thread, wanted, infoAt) ?? -ERRNO.EAGAIN,
    interrupted: () => take(kernel, thread, wanted, infoAt),
  });
};

export const SIGNAL_CALLS = {
  rtSigaction,
  rtSigprocmask,
  rtSigpending,
  rtSigsuspend,
  rtSigreturn,
  sigaltstack,
  kill,
  tkill,
  tgkill,
  rtSigqueueinfo,
  rtTgsigqueueinfo,
  rtSigtimedwait,
} as const;
