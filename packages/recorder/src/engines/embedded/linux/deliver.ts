/** Signals reach the running thread: their handlers are entered, or the process ends. */
import type { Next } from '../core/machine.ts';
import { SIG } from './abi.ts';
import { ERRNO } from './errno.ts';
import { popFrame, pushFrame } from './frame.ts';
import type { Kernel } from './kernel.ts';
import {
  type Action,
  bitOf,
  CODE,
  changeStack,
  SA,
  SIG_DEFAULT,
  SIG_IGNORE,
  type SignalInfo,
  sentInfo,
  UNBLOCKABLE,
} from './signals.ts';

const SP = 2;
const A0 = 10;
const A7 = 17;
const CALL_ARGUMENTS = 6;
const ECALL_BYTES = 4n;

/** exit_group and rt_sigreturn, of asm-generic/unistd.h: they do not come back. */
export const LEAVES: readonly number[] = [94, 139];

/** Marks the call that the running thread is in. @param result null: it will not come back. */
export function tellCall({ hart, observer, options }: Kernel, result: bigint | null): void {
  if (!options.tellsCalls) return;
  const given = Array.from({ length: CALL_ARGUMENTS }, (_none, i) => hart.xUnsigned[A0 + i] ?? 0n);
  observer.mark({
    kind: 'syscall',
    pc: hart.pc,
    number: BigInt.asIntN(32, hart.xUnsigned[A7] ?? 0n),
    ...(result !== null && { code: result }),
    detail: given.map((value) => `0x${value.toString(16)}`).join(', '),
  });
}

/** The system call of the running thread comes back to the next instruction. */
export function completeCall(kernel: Kernel, result: number | bigint): void {
  const { hart } = kernel;
  tellCall(kernel, BigInt.asIntN(64, BigInt(result)));
  hart.x[A0] = BigInt.asIntN(64, BigInt(result));
  hart.pc = BigInt.asUintN(64, hart.pc + ECALL_BYTES);
}

/**
 * Delivers all that is pending and not blocked, one on top of the other, as Linux does: the handler
 * that was entered last runs first. Null: the thread goes on, in a handler or where it was.
 */
export function deliverSignals(kernel: Kernel): Next | null {
  const thread = kernel.threads.running;
  for (;;) {
    const wanted = ~thread.blocked;
    const info = thread.pending.take(wanted) ?? kernel.pending.take(wanted);
    if (info === null) break;
    const action = kernel.actions.get(info.number);
    if (action.handler === SIG_IGNORE || kernel.actions.isIgnored(info.number)) continue;
    if (action.handler === SIG_DEFAULT) {
      tell(kernel, info, kernel.hart.pc);
      return { how: 'signal', number: info.number };
    }
    enter(kernel, info, action);
  }
  thread.suspendMask = null;
  if (kernel.interrupted !== null) {
    // What interrupted the call was ignored after all.
    kernel.interrupted = null;
    kernel.observer.restarted?.();
  }
  return null;
}

function tell(kernel: Kernel, info: SignalInfo, pc: bigint): void {
  kernel.observer.mark({
    kind: 'signal',
    pc,
    number: BigInt(info.number),
    code: BigInt(info.code),
    ...(info.address !== null && { address: info.address }),
  });
}

/** The call that was interrupted begins again after the handler, or tells its thread. */
function settleCall(kernel: Kernel, action: Action): void {
  if (kernel.interrupted === 'restarts' && (action.flags & SA.restart) !== 0n) {
    kernel.observer.restarted?.();
  } else if (kernel.interrupted !== null) completeCall(kernel, -ERRNO.EINTR);
  kernel.interrupted = null;
}

function enter(kernel: Kernel, info: SignalInfo, action: Action): void {
  const { hart, user, actions, observer } = kernel;
  const thread = kernel.threads.running;
  settleCall(kernel, action);
  const { pc } = hart;
  const delivery = {
    info,
    handler: action.handler,
    flags: action.flags,
    mask: thread.mask,
    stack: thread.stack,
    trampoline: kernel.trampoline,
  };
  if (!pushFrame(hart, user, delivery)) {
    if (info.number === SIG.SEGV) actions.reset(SIG.SEGV);
    kernel.force(sentInfo(SIG.SEGV, CODE.kernel, 0, 0));
    return;
  }
  tell(kernel, info, pc);
  observer.transfer('signal', null, pc, action.handler);
  const own = (action.flags & SA.noDefer) !== 0n ? 0n : bitOf(info.number);
  thread.mask = (thread.blocked | action.mask | own) & ~UNBLOCKABLE;
  thread.suspendMask = null;
  if ((action.flags & SA.resetHandler) !== 0n) actions.reset(info.number);
}

/** rt_sigreturn: the frame at sp says where the thread goes on. */
export function returnFromSignal(kernel: Kernel): void {
  const { hart, user, observer } = kernel;
  const thread = kernel.threads.running;
  const { pc } = hart;
  const restored = popFrame(hart, user);
  if (restored === null) {
    kernel.force(sentInfo(SIG.SEGV, CODE.kernel, 0, 0));
    completeCall(kernel, 0);
    return;
  }
  thread.mask = restored.mask & ~UNBLOCKABLE;
  const stack = changeStack(thread.stack, hart.xUnsigned[SP] ?? 0n, restored.stack);
  if (typeof stack === 'object') thread.stack = stack;
  observer.transfer('signal', 'signal-return', pc, hart.pc);
}
