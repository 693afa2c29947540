/**
 * What an engine is to the rest of the recorder: it runs a guest and writes a ring. Engines know
 * the ring and nothing of the trace.
 */

/** What to run, as the user said it. */
export interface Target {
  /** Path or name of the program; a name without a slash is looked up in PATH. */
  readonly program: string;
  readonly args: readonly string[];
  /** Where a foreign dynamic program finds its loader and libraries. */
  readonly sysroot: string | null;
}

/** How a guest ended. */
export type GuestEnd =
  | { readonly how: 'exit'; readonly status: number }
  | { readonly how: 'signal'; readonly signal: NodeJS.Signals; readonly number: number };

export interface RunningGuest {
  readonly pid: number;
  /** Settles when the guest is gone; rejects if it could not be started. */
  readonly ended: Promise<GuestEnd>;
  signal(signal: NodeJS.Signals): void;
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
  /** The guest's stdin, stdout and stderr are the recorder's. */
  start(ringPath: string): RunningGuest;
  /** What to tell the user if the guest ended and never attached to the ring. */
  explainSilence(end: GuestEnd): string;
}

export interface Engine {
  readonly name: string;
  /** @throws BacktrailError if this machine or this target will not do. */
  prepare(target: Target): PreparedGuest;
}
