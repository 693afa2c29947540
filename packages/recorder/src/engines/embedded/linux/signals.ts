/**
 * Signals as Linux has them: what the process does about each, what is pending for a thread and for
 * the process, and what a siginfo says. Who runs and how a frame is written is elsewhere.
 */
import { SIG, SIGRTMIN } from './abi.ts';

/**
 * struct siginfo, 128 bytes, of which the first 48 ever hold something (asm-generic/siginfo.h):
 *
 *   si_signo   0     kill:  si_pid 16  si_uid 20
 *   si_errno   4     queue: si_pid 16  si_uid 20  si_value 24
 *   si_code    8     timer: si_tid 16  si_overrun 20  si_value 24
 *   (pad)     12     fault: si_addr 16
 */
export const SIGINFO_BYTES = 128;
const SIGINFO = { number: 0, code: 8, pid: 16, uid: 20, value: 24, address: 16 } as const;

export const CODE = {
  user: 0,
  kernel: 0x80,
  queue: -1,
  timer: -2,
  thread: -6,
  mapError: 1,
  accessError: 2,
  illegalOpcode: 1,
  breakpoint: 1,
  misaligned: 1,
  busAddress: 2,
} as const;

export interface SignalInfo {
  readonly number: number;
  readonly code: number;
  /** Where a fault happened; null for all others. */
  readonly address: bigint | null;
  readonly bytes: Uint8Array;
}

function build(
  number: number,
  code: number,
  fields: (view: DataView) => void,
  address: bigint | null = null,
): SignalInfo {
  const bytes = new Uint8Array(SIGINFO_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(SIGINFO.number, number, true);
  view.setInt32(SIGINFO.code, code, true);
  fields(view);
  return { number, code, address, bytes };
}

export const faultInfo = (number: number, code: number, address: bigint): SignalInfo =>
  build(number, code, (view) => view.setBigUint64(SIGINFO.address, address, true), address);

export const sentInfo = (number: number, code: number, pid: number, uid: number): SignalInfo =>
  build(number, code, (view) => {
    view.setInt32(SIGINFO.pid, pid, true);
    view.setUint32(SIGINFO.uid, uid, true);
  });

export const timerInfo = (number: number, id: number, overrun: number, value: bigint): SignalInfo =>
  build(number, CODE.timer, (view) => {
    view.setInt32(SIGINFO.pid, id, true);
    view.setInt32(SIGINFO.uid, overrun, true);
    view.setBigUint64(SIGINFO.value, value, true);
  });

/** What rt_sigqueueinfo passes on as it is, but for the number. */
export function givenInfo(number: number, given: Uint8Array): SignalInfo {
  const bytes = Uint8Array.from(given);
  const view = new DataView(bytes.buffer);
  view.setInt32(SIGINFO.number, number, true);
  return { number, code: view.getInt32(SIGINFO.code, true), address: null, bytes };
}

export const SA = {
  signalInfo: 4n,
  onStack: 0x0800_0000n,
  restart: 0x1000_0000n,
  noDefer: 0x4000_0000n,
  resetHandler: 0x8000_0000n,
} as const;

export interface Action {
  readonly handler: bigint;
  readonly flags: bigint;
  readonly mask: bigint;
}

export const SIG_DEFAULT = 0n;
export const SIG_IGNORE = 1n;
const DEFAULT_ACTION: Action = { handler: SIG_DEFAULT, flags: 0n, mask: 0n };

export const bitOf = (signal: number): bigint => 1n << BigInt(signal - 1);
/** KILL and STOP cannot be blocked. */
export const UNBLOCKABLE = bitOf(SIG.KILL) | bitOf(SIG.STOP);
/** Raised by the instruction itself: before all others. */
const SYNCHRONOUS = [SIG.SEGV, SIG.BUS, SIG.ILL, SIG.TRAP, SIG.FPE].reduce(
  (mask, signal) => mask | bitOf(signal),
  0n,
);
/** Ignored by default; those that stop a process, too: here nobody would continue it. */
const HARMLESS: ReadonlySet<number> = new Set([
  SIG.CHLD,
  SIG.CONT,
  SIG.URG,
  SIG.WINCH,
  SIG.STOP,
  SIG.TSTP,
  SIG.TTIN,
  SIG.TTOU,
]);

export class Actions {
  readonly #actions = new Map<number, Action>();

  get(signal: number): Action {
    return this.#actions.get(signal) ?? DEFAULT_ACTION;
  }

  set(signal: number, action: Action): void {
    this.#actions.set(signal, action);
  }

  reset(signal: number): void {
    this.#actions.delete(signal);
  }

  /** Whether nothing happens when it arrives. */
  isIgnored(signal: number): boolean {
    const { handler } = this.get(signal);
    return handler === SIG_IGNORE || (handler === SIG_DEFAULT && HARMLESS.has(signal));
  }
}

/** RLIMIT_SIGPENDING of a small machine: queued real-time signals. */
const QUEUED_MAX = 1024;

/** Signals that wait: one of each number below SIGRTMIN, a queue of each above. */
export class Pending {
  #mask = 0n;
  readonly #infos = new Map<number, SignalInfo[]>();
  #queued = 0;

  get mask(): bigint {
    return this.#mask;
  }

  /** False: the queue is full. */
  add(info: SignalInfo): boolean {
    const { number } = info;
    const queue = this.#infos.get(number) ?? [];
    if (number < SIGRTMIN && queue.length > 0) return true;
    if (this.#queued >= QUEUED_MAX) return false;
    this.#queued++;
    this.#infos.set(number, [...queue, info]);
    this.#mask |= bitOf(number);
    return true;
  }

  /** Takes the next one out of `wanted`; null: none is pending. */
  take(wanted: bigint): SignalInfo | null {
    const ready = this.#mask & wanted;
    if (ready === 0n) return null;
    const first = (ready & SYNCHRONOUS) !== 0n ? ready & SYNCHRONOUS : ready;
    let number = 1;
    while ((first & bitOf(number)) === 0n) number++;
    const [info, ...rest] = this.#infos.get(number) ?? [];
    if (info === undefined) return null;
    this.#queued--;
    this.#infos.set(number, rest);
    if (rest.length === 0) this.#mask &= ~bitOf(number);
    return info;
  }

  /** What the thread itself caused takes the place of one that was sent. */
  force(info: SignalInfo): void {
    this.drop(info.number);
    this.add(info);
  }

  /** All of one number: as it is ignored from now on. */
  drop(number: number): void {
    this.#queued -= this.#infos.get(number)?.length ?? 0;
    this.#infos.delete(number);
    this.#mask &= ~bitOf(number);
  }
}

/** The alternate stack of a thread; size 0: none. */
export interface SignalStack {
  readonly start: bigint;
  readonly size: bigint;
}

export const NO_STACK: SignalStack = { start: 0n, size: 0n };

export const isOnStack = (stack: SignalStack, sp: bigint): boolean =>
  sp - stack.start >= 0n && sp - stack.start < stack.size;

export const SS = { onStack: 1, disabled: 2 } as const;

/** ss_flags as sigaltstack and a frame tell them. */
export function stackFlags(stack: SignalStack, sp: bigint): number {
  if (stack.size === 0n) return SS.disabled;
  return isOnStack(stack, sp) ? SS.onStack : 0;
}

/** Smallest alternate stack: MINSIGSTKSZ of asm-generic/signal.h. */
const STACK_BYTES_MIN = 2048n;

/** sigaltstack and what a frame restores. The stack afterwards, or why it stays. */
export function changeStack(
  before: SignalStack,
  sp: bigint,
  wanted: SignalStack & { readonly flags: number },
): SignalStack | 'EPERM' | 'EINVAL' | 'ENOMEM' {
  if (isOnStack(before, sp)) return 'EPERM';
  if (wanted.flags === SS.disabled) return NO_STACK;
  if (wanted.flags !== 0 && wanted.flags !== SS.onStack) return 'EINVAL';
  if (wanted.size < STACK_BYTES_MIN) return 'ENOMEM';
  return { start: wanted.start, size: wanted.size };
}
