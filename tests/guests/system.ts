/** Records whole machines of QEMU: bare-metal samples on the virt board. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EMBEDDED_DEFAULTS, type RecordOptions, RING_BYTES_DEFAULT } from '@backtrail/recorder';
import { openTrace, type Trace } from '@backtrail/recorder/trace';
import { SOURCE_ARGUMENTS } from '../source-process.ts';
import { compile } from './build.ts';
import { guestEnvironment, RECORD_PROCESS } from './record.ts';

const TIME_MS_MAX = 60_000;

export interface MachineRun {
  /** The emulator, e.g. qemu-system-riscv64. */
  readonly qemu: string;
  /** Its command line. */
  readonly args: readonly string[];
  readonly output: string;
  readonly symbols?: readonly string[];
  readonly trigger?: string;
  /** What of the code is recorded. */
  readonly filter?: readonly string[];
  readonly keep?: RecordOptions['keep'];
  readonly ringBytes?: number;
}

/**
 * The command line that runs an ELF file in machine mode, as the samples want it. Its serial port
 * is a file: one that must wait for its reader makes the guest wait, now more, now less.
 */
export const virtBoard = (elf: string, serial: string): readonly string[] => {
  const board = ['-M', 'virt', '-cpu', 'rv64', '-bios', 'none', '-display', 'none'];
  return [...board, '-serial', `file:${serial}`, '-kernel', elf];
};

export function machineOptions(run: MachineRun): RecordOptions {
  const { qemu, args, output, symbols = [], filter = [], trigger = null } = run;
  const { keep = 'all', ringBytes = RING_BYTES_DEFAULT } = run;
  const none = { sysroot: null, qemu: null, maxTransfers: 0, embedded: EMBEDDED_DEFAULTS };
  return {
    ...none,
    program: qemu,
    args,
    output,
    keep,
    ringBytes,
    engine: 'auto',
    filter,
    trigger,
    system: { symbols },
  };
}

/** Records in a process of its own, to the end. @throws Error if the recorder fails. */
export function recordMachine(run: MachineRun): Trace {
  const options = JSON.stringify(machineOptions(run));
  const child = spawnSync(process.execPath, [...SOURCE_ARGUMENTS, RECORD_PROCESS, options], {
    encoding: 'latin1',
    env: guestEnvironment(),
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIME_MS_MAX,
  });
  if (child.status !== 0) throw new Error(`recorder: ${child.signal ?? ''} ${child.stderr}`);
  return openTrace(run.output);
}

const HARTS_FLAGS =
  '-march=rv64gc -mabi=lp64d -mcmodel=medany -O1 -ffreestanding -fno-builtin -nostdlib -static ' +
  '-Wl,--build-id=none';

/** Builds the sample of several harts into a folder; returns its path. */
export function buildHarts(folder: string): string {
  const from = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
  const into = path.join(folder, 'harts.elf');
  const script = `-Wl,-T,${from('bare/bare.ld')}`;
  compile('riscv64-linux-gnu-gcc', [
    ...HARTS_FLAGS.split(' '),
    script,
    '-o',
    into,
    from('harts.c'),
  ]);
  return into;
}
