/**
 * The QEMU engine, system mode: the user's own command line of qemu-system-ISA, to which nothing
 * but our plugin is added.
 */
import { basename, resolve } from 'node:path';
import { guestOfIsa } from '../../elf/machines.ts';
import { BacktrailError } from '../../errors.ts';
import { Ring } from '../../ring/ring.ts';
import type { Engine, GuestEnd, PreparedGuest, Target } from '../engine.ts';
import { findProgram } from '../find-program.ts';
import { type FoundQemu, qemuVersion } from './find.ts';
import { endText, hostIsa, newRingPath, pluginArgs, startQemu } from './process.ts';

export const QEMU_SYSTEM_REMEDY =
  'On Debian 12: apt-get install qemu-system-misc (riscv64), qemu-system-x86 or qemu-system-arm';

/** What an emulator of whole machines is for, by its name; null: it is none. */
export const machineIsa = (program: string): string | null =>
  /^qemu-system-([a-z0-9_]+)$/.exec(basename(program))?.[1] ?? null;

function isaOf(program: string): string {
  const isa = machineIsa(program);
  if (isa !== null) return isa;
  throw new BacktrailError(
    'E_SYSTEM',
    `${program}: found a program that is not called qemu-system-ISA, expected QEMU's emulator of ` +
      'whole machines behind --system, e.g. --system -- qemu-system-riscv64 -M virt. ' +
      'Leave --system out to record a program.',
  );
}

/** What takes the run out of the translator's hands, or out of ours. */
function refuseWhatCannotBeRecorded(args: readonly string[]): void {
  const accelerator = args.find((arg, index) => {
    const isValue = args[index - 1] === '-accel' && !/^(accel=)?tcg\b/.test(arg);
    const isMachine = /^-{1,2}(M|machine)$/.test(args[index - 1] ?? '');
    const isOther = /(^|,)accel=/.test(arg) && !/(^|,)accel=tcg\b/.test(arg);
    return arg === '-enable-kvm' || isValue || (isMachine && isOther);
  });
  if (accelerator !== undefined) {
    throw new BacktrailError(
      'E_SYSTEM_ACCELERATOR',
      `${accelerator}: found an accelerator that runs the guest's code as it is, expected QEMU's ` +
        'translator, which is what can be recorded. Leave it out, or write -accel tcg.',
    );
  }
  if (args.some((arg) => /^-{1,2}daemonize$/.test(arg))) {
    throw new BacktrailError(
      'E_SYSTEM_DAEMON',
      '-daemonize: found a QEMU that leaves its own process, expected one that stays until the ' +
        'guest ends. Leave it out and put backtrail into the background.',
    );
  }
}

/** Options whose value, or whose file= in it, names what the machine runs. */
const IMAGE_OPTIONS = new Set(['kernel', 'bios', 'device']);

/** Files on the command line that may be ELF files of the guest, in order. */
export function imagesOf(args: readonly string[]): string[] {
  const images: string[] = [];
  args.forEach((arg, index) => {
    const option = /^-{1,2}(\w+)$/.exec(args[index - 1] ?? '')?.[1] ?? '';
    if (!IMAGE_OPTIONS.has(option)) return;
    const isLoader = /^(driver=)?loader,/.test(arg);
    const named =
      option === 'device' ? (isLoader ? /(?:^|,)file=([^,]+)/.exec(arg)?.[1] : '') : arg;
    if (named !== undefined && named !== '') images.push(resolve(named));
  });
  return [...new Set(images)];
}

function explain(qemu: FoundQemu, end: GuestEnd): string {
  return (
    `${qemu.path} ${qemu.version}: found that it ended (${endText(end)}) before our plugin ` +
    'attached, expected a machine that starts, in a QEMU that takes -plugin, 7.2 or later. What ' +
    `QEMU says above comes first; if that is about -plugin: ${QEMU_SYSTEM_REMEDY}`
  );
}

/** A machine forks nothing. */
const machineOptions = ({
  filterRules,
  hostCode,
  startAt,
}: Target): Pick<Target, 'filterRules' | 'hostCode' | 'startAt'> => ({
  filterRules: filterRules ?? null,
  hostCode: hostCode === true,
  startAt: startAt ?? null,
});

/** Runs a whole machine; `target.program` is the emulator, `target.args` are its own. */
export function qemuSystemEngine(): Engine {
  return {
    name: 'qemu',
    prepare(target: Target): PreparedGuest {
      const isa = isaOf(target.program);
      refuseWhatCannotBeRecorded(target.args);
      const path = findSystemEmulator(target.program);
      const qemu: FoundQemu = { path, version: qemuVersion(path, QEMU_SYSTEM_REMEDY) };
      return {
        engine: { name: 'qemu', version: qemu.version, hostIsa: hostIsa(), mode: 'system' },
        guest: guestOfIsa(isa),
        createRing: (options) => Ring.create(newRingPath(), options),
        start: (ring) =>
          startQemu({
            qemu,
            args: [...pluginArgs(ring, machineOptions(target)), ...target.args],
            name: target.program,
            remedy: QEMU_SYSTEM_REMEDY,
          }),
        explainSilence: (end) => explain(qemu, end),
      };
    },
  };
}

function findSystemEmulator(program: string): string {
  try {
    return findProgram(program);
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    const found = `found no ${program}, expected QEMU's emulator of whole machines.`;
    throw new BacktrailError('E_QEMU_MISSING', `${found} ${QEMU_SYSTEM_REMEDY}`, { cause: error });
  }
}
