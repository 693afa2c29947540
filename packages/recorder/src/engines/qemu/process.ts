/** QEMU as a child process that has the recorder's streams: what both of its modes share. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { BacktrailError } from '../../errors.ts';
import type { Ring } from '../../ring/ring.ts';
import type { Addresses, FilterRules, GuestEnd, RunningGuest, StartAt, Target } from '../engine.ts';
import type { FoundQemu } from './find.ts';
import { builtPlugin } from './plugin.ts';

const RING_FOLDER = '/dev/shm';

export const newRingPath = (): string =>
  `${RING_FOLDER}/backtrail-${process.pid}-${randomBytes(4).toString('hex')}.ring`;

/** Node's names for host ISAs → the field's. */
const HOST_ISAS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

export const hostIsa = (): string => HOST_ISAS[process.arch] ?? process.arch;

type PluginWishes = Pick<
  Target,
  'filterRules' | 'follow' | 'followExec' | 'hostCode' | 'startAt' | 'syscalls'
>;

/** What the plugin is asked for; both modes take it alike. A null ring: nothing is recorded. */
export function pluginArgs(ring: Ring | null, wishes: PluginWishes): readonly string[] {
  return ring === null ? [] : ['-plugin', pluginText(ring, wishes)];
}

/** The plugin and what it is asked for, as QEMU takes it. */
export function pluginText(
  ring: Ring,
  { filterRules, follow, followExec, hostCode, startAt, syscalls }: PluginWishes,
): string {
  const options = [
    `ring=${ring.path}`,
    ...(follow === true ? ['follow=on'] : []),
    ...(followExec === true ? ['exec=on'] : []),
    ...(hostCode === true ? ['host-code=on'] : []),
    ...(syscalls === true ? ['syscalls=on'] : []),
    ...startOptions(startAt ?? null),
    ...filterOptions(filterRules ?? null),
    ...textOption(startAt?.text ?? filterRules?.text ?? null),
  ];
  return [builtPlugin(), ...options].join(',');
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;

function startOptions(startAt: StartAt | null): string[] {
  if (startAt === null) return [];
  const { addresses } = startAt;
  return [`start=${addresses.length === 0 ? 'paused' : addresses.map(hex).join('+')}`];
}

const textOption = (text: bigint | null): string[] => (text === null ? [] : [`text=${hex(text)}`]);

/** To fnmatch(3) a bracket or a backslash is no plain character, as it is to `fitsPattern`. */
const fnmatchHex = (pattern: string): string =>
  Buffer.from(pattern.replaceAll(/[[\\]/g, '\\$&')).toString('hex');

/** As plugin/filter.h has it. */
function filterOptions(filter: FilterRules | null): string[] {
  if (filter === null) return [];
  const range = ({ low, high }: Addresses): string => `${low.toString(16)}:${high.toString(16)}`;
  const rules = filter.rules.map((rule) => {
    const sign = rule.excludes ? '!' : '';
    if (rule.what === 'module') return `${sign}m${fnmatchHex(rule.pattern)}`;
    if (rule.what === 'level') return `${sign}l${rule.level}`;
    return `${sign}${rule.inProgram ? 'p' : 'a'}${range(rule)}`;
  });
  const kept = filter.kept.map((one) => `${one.inProgram ? 'K' : 'k'}${range(one)}`);
  return [`filter=${[...rules, ...kept, ...(filter.keepsHandlers ? ['h'] : [])].join('+')}`];
}

function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}

export interface QemuStart {
  readonly qemu: FoundQemu;
  readonly args: readonly string[];
  /** What it is told that it is called; null: its path. */
  readonly name: string | null;
  /** More environment than its own. */
  readonly env?: NodeJS.ProcessEnv;
  /** For the message if it does not start. */
  readonly remedy: string;
}

export function startQemu({ qemu, args, name, env, remedy }: QemuStart): RunningGuest {
  const child = spawn(qemu.path, args, {
    stdio: 'inherit',
    ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
    ...(name === null ? {} : { argv0: name }),
  });
  const ended = new Promise<GuestEnd>((resolve, reject) => {
    child.on('error', (cause) => {
      reject(
        new BacktrailError(
          'E_QEMU_BROKEN',
          `${qemu.path}: found ${cause.message}, expected it to start. ${remedy}`,
          { cause },
        ),
      );
    });
    child.on('exit', (status, signal) => {
      if (signal !== null) resolve({ how: 'signal', signal, number: signalNumber(signal) });
      else resolve({ how: 'exit', status: status ?? 0 });
    });
  });
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (signal) => void child.kill(signal),
    isProcess: true,
  };
}

/** For a message: `status 1` or the signal's name. */
export const endText = (end: GuestEnd): string =>
  end.how === 'exit' ? `status ${end.status}` : end.signal;
