/** Runs guests, bare and recorded, under the same conditions. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EMBEDDED_DEFAULTS, type RecordOptions, RING_BYTES_DEFAULT } from '@backtrail/recorder';
import type { KeepMode } from '@backtrail/recorder/trace';
import { openTrace, type Trace } from '@backtrail/recorder/trace';
import { SOURCE_ARGUMENTS } from '../source-process.ts';

export const RECORD_PROCESS = fileURLToPath(new URL('./record-process.ts', import.meta.url));

export interface GuestRun {
  readonly program: string;
  readonly args?: readonly string[];
  /** The emulator. */
  readonly qemu: string;
  /** More environment than every guest gets. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Recording extends GuestRun {
  readonly output: string;
  readonly keep?: KeepMode;
  readonly ringBytes?: number;
  readonly maxTransfers?: number;
  /** Whether forked children are recorded, too. */
  readonly follow?: boolean;
  /** Whether programs that they execute are, where QEMU runs them. */
  readonly followExec?: boolean;
  readonly trigger?: string;
  readonly after?: number;
  /** Whether system calls leave marks. */
  readonly syscalls?: boolean;
  /** Where recording begins, later than the program. */
  readonly start?: string;
  /** What of the code is recorded. */
  readonly filter?: readonly string[];
  /** Whether QEMU's translation is kept. */
  readonly hostCode?: boolean;
}

/** What bare and recorded guests see alike: what the recorder itself needs, nothing else. */
export function guestEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH, HOME, XDG_CACHE_HOME } = process.env;
  return {
    ...(PATH !== undefined && { PATH }),
    ...(HOME !== undefined && { HOME }),
    ...(XDG_CACHE_HOME !== undefined && { XDG_CACHE_HOME }),
    ...more,
  };
}

export function recordOptions(run: Recording): RecordOptions {
  const { program, args = [], output, keep = 'all', qemu } = run;
  const { ringBytes = RING_BYTES_DEFAULT, maxTransfers = 0 } = run;
  const { follow = false, hostCode = false, trigger = null, after = 0, start = null } = run;
  const { syscalls = false, filter = [], followExec = false } = run;
  const none = { sysroot: null, engine: 'qemu', embedded: EMBEDDED_DEFAULTS } as const;
  const what = { trigger, after, start, filter, syscalls, hostCode, follow, followExec };
  return { program, args, output, qemu, keep, ringBytes, maxTransfers, ...what, ...none };
}

/** Records in a process of its own. @throws Error if the recorder fails. */
export function recordGuest(run: Recording): { readonly trace: Trace; readonly stdout: string } {
  const options = JSON.stringify(recordOptions(run));
  const child = spawnSync(process.execPath, [...SOURCE_ARGUMENTS, RECORD_PROCESS, options], {
    encoding: 'utf8',
    env: guestEnvironment(run.env),
    maxBuffer: 1 << 28,
  });
  if (child.status !== 0) throw new Error(`recorder: ${child.signal ?? ''} ${child.stderr}`);
  return { trace: openTrace(run.output), stdout: child.stdout };
}

/** Runs a guest on the emulator alone. */
export function runBare(run: GuestRun, options: readonly string[]): string {
  const child = spawnSync(run.qemu, [...options, run.program, ...(run.args ?? [])], {
    encoding: 'utf8',
    env: guestEnvironment(run.env),
    maxBuffer: 1 << 28,
  });
  if (child.status !== 0) throw new Error(`${run.program}: status ${child.status} ${child.stderr}`);
  return child.stdout;
}
