/**
 * What the driver runs: a process (linux/) or a bare machine (board/). The driver runs instructions
 * until a trap, a deadline or attention; the machine says what that means to the guest.
 */
import type { Platform } from './hart.ts';
import type { Trap } from './trap.ts';

/** What comes after control was given to the machine. */
export type Next =
  | { readonly how: 'run' }
  | { readonly how: 'exit'; readonly status: number }
  /** Killed by a signal, as a shell would see it. */
  | { readonly how: 'signal'; readonly number: number };

/**
 * A machine also is the guest's `Platform`. Between calls its registers are in the hart; whatever
 * it does to them, memory and hart.pc at the end of a call is where the guest goes on.
 */
export interface Machine extends Platform {
  /** The instruction at hart.pc raised a trap and did not retire (ecall is one, too). */
  handle(trap: Trap): Next;
  /**
   * Retired instructions, counted over all harts since the start, at which `tick` must be called;
   * Infinity: never. Asked anew before every stretch of running; exact.
   */
  deadline(): number;
  /** The deadline was reached, or someone outside asked for attention. */
  tick(): Next;
  /** Asked after an instruction that changed what may interrupt: whether `tick` is due now. */
  isPending(): boolean;
  /** A signal from outside (Ctrl-C, kill): taken at the `tick` that follows. */
  deliver(signal: number): void;
  /** Why the run ended, where the guest did not end it itself; for people. */
  readonly ending: string | null;
  /** How often each system call was made that does not exist here, by its name. */
  readonly unknownCalls: ReadonlyMap<string, number>;
  /** Threads or harts that can be recorded; the one that runs now is `running`. */
  readonly running: number;
}

/** Guest time passes with instructions, so that two runs are the same. */
export interface Clock {
  /** Retired instructions of all harts since the start; exact whenever the machine is called. */
  instructions(): number;
}

export interface MachineMark {
  readonly kind:
    | 'signal'
    | 'syscall'
    | 'exception'
    | 'interrupt'
    | 'fork'
    | 'exec'
    | 'map'
    | 'unmap';
  readonly pc?: bigint;
  /** Signal, system call, exception or interrupt number. */
  readonly number?: bigint;
  /** Signal code, result, or file offset of a mapping. */
  readonly code?: bigint;
  /** Fault address, or start of a mapping. */
  readonly address?: bigint;
  readonly size?: bigint;
  /** Path on the host, or a name. */
  readonly detail?: string;
}

/** Told by the machine what belongs in the trace. Nothing here changes the guest. */
export interface Observer {
  /**
   * Control of the running hart moves from source to target. `signal` with null is a delivery,
   * source the instruction that would have run next or that faulted; exceptions likewise.
   */
  transfer(
    cause: 'exception' | 'interrupt' | 'signal',
    kind: 'syscall' | 'signal-return' | null,
    source: bigint,
    target: bigint,
  ): void;
  mark(mark: MachineMark): void;
  /**
   * A new thread or hart, not yet running; `id` is its number for the guest (tid), never reused.
   */
  started(id: number, pc: bigint): void;
  /** From now on the registers in the hart are those of this one. */
  switched(id: number): void;
  /** The one with this id will not run again. */
  ended(id: number): void;
  /**
   * The call that the running thread waited in will be made again after a handler: the instruction
   * that makes it, counted when it trapped, has not retired after all.
   */
  restarted?(): void;
}
