/**
 * What an engine is to the rest of the recorder: it runs a guest and writes a ring. Engines know
 * the ring and nothing of the trace.
 */
import type { Worker } from 'node:worker_threads';
import type { RingOptions } from '../ring/create.ts';
import type { Ring } from '../ring/ring.ts';

/** What to run, as the user said it. */
export interface Target {
  /** Path or name of the program; a name without a slash is looked up in PATH. */
  readonly program: string;
  readonly args: readonly string[];
  /** Where a foreign dynamic program finds its loader and libraries. */
  readonly sysroot: string | null;
  /** Whether forked children are recorded, each into a trace of its own; only QEMU can. */
  readonly follow?: boolean;
  /** Whether programs that a process executes in its own place are, where QEMU runs them too. */
  readonly followExec?: boolean;
  /** Whether QEMU's translation of each block is kept; the embedded engine always keeps its own. */
  readonly hostCode?: boolean;
  /** Whether each system call leaves a mark with arguments and result. */
  readonly syscalls?: boolean;
  /** Recording begins later than the program; only QEMU can. */
  readonly startAt?: StartAt | null;
  /** What of the program's code is recorded; null or left out: all. */
  readonly filterRules?: FilterRules | null;
  /** What only the embedded engine has. */
  readonly embedded: EmbeddedOptions;
  /** A thread of `startEngineThread` that was begun early; else the embedded engine begins one. */
  readonly thread?: Worker;
}

/** Where recording begins. */
export interface StartAt {
  /** Of instructions with which it begins; none: when it is asked for. */
  readonly addresses: readonly bigint[];
  /**
   * The program's first byte of code as its file has it, where the addresses are those of the file
   * and the program may lie elsewhere; null: they are as they are.
   */
  readonly text: bigint | null;
}

/** Guest addresses from `low` to before `high`. */
export interface Addresses {
  readonly low: bigint;
  readonly high: bigint;
}

/** Code that is recorded, or with `excludes` code that is not. */
export type FilterRule = { readonly excludes: boolean } & (
  | ({ readonly what: 'addresses'; readonly inProgram: boolean } & Addresses)
  /** Files whose path or name fits a pattern: engines/pattern.ts. */
  | { readonly what: 'module'; readonly pattern: string }
  | { readonly what: 'level'; readonly level: number }
);

/**
 * A block is recorded if any rule includes it (or none includes anything) and none excludes it.
 */
export interface FilterRules {
  readonly rules: readonly FilterRule[];
  /** As `StartAt.text`, for addresses that are `inProgram`. */
  readonly text: bigint | null;
  /** Recorded whatever the rules say. */
  readonly kept: readonly ({ readonly inProgram: boolean } & Addresses)[];
  /** So is what handles signals and traps. */
  readonly keepsHandlers: boolean;
}

/** What a guest of the embedded engine may see and do. */
export interface EmbeddedOptions {
  /** A folder that is the guest's whole file system; null: the current folder, to be read. */
  readonly root: string | null;
  /** Folders that the guest may write to. */
  readonly writable: readonly string[];
  /** What the guest sees as time of day and randomness comes from this. */
  readonly seed: number;
  /** The host's clock and randomness instead. */
  readonly realTime: boolean;
  /** A process, a bare machine, or what the ELF file says. */
  readonly machine: 'auto' | 'linux' | 'virt';
  /** Memory that the guest may have in all, bytes; null: the engine's default. */
  readonly memoryBytes: number | null;
}

/** A process that sees the current folder, a fixed time of day, and always the same randomness. */
export const EMBEDDED_DEFAULTS: EmbeddedOptions = {
  root: null,
  writable: [],
  seed: 0,
  realTime: false,
  machine: 'auto',
  memoryBytes: null,
};

/** How a guest ended, and what its engine has to say of the run. */
export type GuestEnd = EndRemarks &
  (
    | { readonly how: 'exit'; readonly status: number }
    | { readonly how: 'signal'; readonly signal: NodeJS.Signals; readonly number: number }
  );

interface EndRemarks {
  /** Why the run ended, in words, where the guest did not end it itself. */
  readonly note?: string;
  /** System calls that the engine does not have, and how often each was made. */
  readonly unknownCalls?: readonly { readonly name: string; readonly count: number }[];
}

export interface RunningGuest {
  readonly pid: number;
  /** Settles when the guest is gone; rejects if it could not be started. */
  readonly ended: Promise<GuestEnd>;
  signal(signal: NodeJS.Signals): void;
  /**
   * Whether it is a process of its own, which a terminal signals by itself; else Ctrl-C comes to
   * the recorder, which passes it on.
   */
  readonly isProcess: boolean;
}

/** A target that was examined: everything that can be refused has been. */
export interface PreparedGuest {
  readonly engine: {
    readonly name: string;
    readonly version: string;
    readonly hostIsa: string;
    readonly mode: 'user' | 'system';
  };
  readonly guest: {
    readonly isa: string;
    readonly endian: 'little' | 'big';
    readonly addressBits: 32 | 64;
  };
  /** A new ring that this guest can write to. */
  createRing(options: RingOptions): Ring;
  /**
   * The guest's stdin, stdout and stderr are the recorder's.
   * @param ring one that `createRing` made; null: the guest runs unrecorded.
   */
  start(ring: Ring | null): RunningGuest;
  /** What to tell the user if the guest ended and never attached to the ring. */
  explainSilence(end: GuestEnd): string;
}

export interface Engine {
  readonly name: string;
  /** @throws BacktrailError if this machine or this target will not do. */
  prepare(target: Target): PreparedGuest;
}
