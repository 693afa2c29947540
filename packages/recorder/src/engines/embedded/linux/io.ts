/** The standard streams and what else reaches the guest from outside. */
import { fstatSync, readFileSync, readSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Failure, onHost } from './errno.ts';

export type StandardNumber = 0 | 1 | 2;

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** What one standard stream is; the same for the whole run. */
export interface StandardFacts {
  /** st_mode; 0: it is closed. */
  readonly mode: number;
  readonly blockBytes: number;
  readonly isFile: boolean;
  readonly isTerminal: boolean;
  /** Position of a regular file as the guest got it. */
  readonly position: number;
}

export type InputState = 'none' | 'there' | 'ended';

/** How a terminal passes on what is typed: by lines, by characters, or without Ctrl-C, too. */
export type TerminalMode = 'lines' | 'characters' | 'raw';

/** Why a wait was over. `never`: nothing can come that would end it. */
export type WaitEnd = 'input' | 'signal' | 'timeout' | 'never';

export interface HostIo {
  facts(number: StandardNumber): StandardFacts;
  terminalSize(): TerminalSize;
  setTerminalMode(mode: TerminalMode): void;
  /** What `read` would find. */
  inputState(): InputState;
  /** Bytes of stdin, 0 at its end; null: none are there yet. */
  read(into: Uint8Array): number | null;
  /** Writes all. False: nobody reads any more. @throws Failure */
  write(number: 1 | 2, bytes: Uint8Array): boolean;
  /** Sleeps until there is input (if it is wanted), a signal, or the time is over. */
  wait(msMax: number | null, wantsInput: boolean): WaitEnd;
  /** Whether a signal came from outside; cheap, for the driver to ask often. */
  hasSignals(): boolean;
  takeSignals(): number[];
}

const CLOSED: StandardFacts = {
  mode: 0,
  blockBytes: 0,
  isFile: false,
  isTerminal: false,
  position: 0,
};

function factsOf(number: StandardNumber): StandardFacts {
  try {
    const stat = fstatSync(number);
    return {
      mode: stat.mode,
      blockBytes: stat.blksize,
      isFile: stat.isFile(),
      isTerminal: isatty(number),
      position: stat.isFile() ? positionOf(number) : 0,
    };
  } catch {
    return CLOSED;
  }
}

/** A shell may have left a file somewhere in its middle; only Linux tells where. */
function positionOf(number: StandardNumber): number {
  try {
    const found = /^pos:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'latin1'));
    return Number(found?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const RETRY_MS_MAX = 16;

/** A standard stream that is set not to block: lets a moment pass. Blocks this thread. */
function pauseMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Straight through to the descriptors of this process. Reading blocks, and no signals come: for
 * tests, and for guests whose stdin is a file.
 */
export class DirectIo implements HostIo {
  readonly #facts = [factsOf(0), factsOf(1), factsOf(2)] as const;

  facts(number: StandardNumber): StandardFacts {
    return this.#facts[number];
  }

  terminalSize(): TerminalSize {
    return { rows: 24, columns: 80 };
  }

  /** Its end is only known by reading. */
  inputState(): InputState {
    return 'there';
  }

  setTerminalMode(_mode: TerminalMode): void {}

  read(into: Uint8Array): number | null {
    for (let ms = 1; ; ms = Math.min(2 * ms, RETRY_MS_MAX)) {
      try {
        return onHost(() => readSync(0, into, 0, into.length, null));
      } catch (error) {
        if (!(error instanceof Failure) || error.message !== 'EAGAIN') throw error;
        pauseMs(ms);
      }
    }
  }

  write(number: 1 | 2, bytes: Uint8Array): boolean {
    let done = 0;
    let ms = 1;
    while (done < bytes.length) {
      try {
        const from = done;
        done += onHost(() => writeSync(number, bytes, from, bytes.length - from, null));
        ms = 1;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (error.message === 'EPIPE') return false;
        if (error.message !== 'EAGAIN') throw error;
        pauseMs(ms);
        ms = Math.min(2 * ms, RETRY_MS_MAX);
      }
    }
    return true;
  }

  wait(msMax: number | null, _wantsInput: boolean): WaitEnd {
    if (msMax === null) return 'never';
    pauseMs(msMax);
    return 'timeout';
  }

  hasSignals(): boolean {
    return false;
  }

  takeSignals(): number[] {
    return [];
  }
}
