/** Records one program on either engine under the same conditions. */
import { spawnSync } from 'node:child_process';
import { EMBEDDED_DEFAULTS, RING_BYTES_DEFAULT } from '@backtrail/recorder';
import { openTrace, type Trace } from '@backtrail/recorder/trace';
import { readSymbols } from '../../packages/recorder/src/elf/elf.ts';
import { RECORD_PROCESS } from '../guests/record.ts';
import { SOURCE_ARGUMENTS } from '../source-process.ts';

/**
 * One variable only: QEMU 7.2 hands the environment on in the opposite order, and a C library goes
 * through it letter by letter.
 */
export const ONE_VARIABLE: NodeJS.ProcessEnv = { PATH: process.env['PATH'] ?? '' };

export interface Run {
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin: string | Buffer;
  readonly output: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Where it may write; and where it runs. */
  readonly folder?: string;
  /** Whether system calls leave marks. */
  readonly syscalls?: boolean;
  /** What of the code is recorded. */
  readonly filter?: readonly string[];
}

export function recordOn(
  engine: 'embedded' | 'qemu',
  { program, args, stdin, output, env = ONE_VARIABLE, folder, syscalls = false, filter = [] }: Run,
): { readonly trace: Trace; readonly stdout: Buffer } {
  const options = {
    program,
    args,
    output,
    keep: 'all',
    ringBytes: RING_BYTES_DEFAULT,
    maxTransfers: 0,
    sysroot: null,
    qemu: null,
    engine,
    syscalls,
    filter,
    embedded: { ...EMBEDDED_DEFAULTS, writable: folder === undefined ? [] : [folder] },
  };
  const node = [...SOURCE_ARGUMENTS, RECORD_PROCESS, JSON.stringify(options)];
  const child = spawnSync(process.execPath, node, {
    env,
    input: stdin,
    maxBuffer: 1 << 28,
    ...(folder === undefined ? {} : { cwd: folder }),
  });
  if (child.status !== 0) {
    throw new Error(`recorder: ${child.signal ?? ''} ${child.stderr.toString()}`);
  }
  return { trace: openTrace(output), stdout: child.stdout };
}

/** Name of the function that holds an address of a program. */
export function functionAt(program: string, address: bigint): string {
  const symbols = readSymbols(program);
  let best = '?';
  let start = -1n;
  for (let i = 0; i < symbols.count; i++) {
    const at = symbols.address[i] ?? 0n;
    if (at > address || at <= start) continue;
    start = at;
    best = symbols.name(i);
  }
  return best;
}
