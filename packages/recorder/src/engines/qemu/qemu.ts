/** The QEMU engine, user mode: stock QEMU, unmodified, with our plugin. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { readElfHeader } from '../../elf/elf.ts';
import { BacktrailError } from '../../errors.ts';
import { Ring } from '../../ring/ring.ts';
import type { Engine, GuestEnd, PreparedGuest, RunningGuest, Target } from '../engine.ts';
import { findProgram } from '../find-program.ts';
import { type FoundQemu, findQemu, findSysroot, QEMU_REMEDY } from './find.ts';
import { builtPlugin } from './plugin.ts';

const RING_FOLDER = '/dev/shm';

const newRingPath = (): string =>
  `${RING_FOLDER}/backtrail-${process.pid}-${randomBytes(4).toString('hex')}.ring`;

/** Node's names for host ISAs → the field's. */
const HOST_ISAS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}

function start(qemu: FoundQemu, args: readonly string[]): RunningGuest {
  const child = spawn(qemu.path, args, { stdio: 'inherit' });
  const ended = new Promise<GuestEnd>((resolve, reject) => {
    child.on('error', (cause) => {
      reject(
        new BacktrailError(
          'E_QEMU_BROKEN',
          `${qemu.path}: found ${cause.message}, expected it to start. ${QEMU_REMEDY}`,
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

function explain(qemu: FoundQemu, end: GuestEnd): string {
  const how = end.how === 'exit' ? `status ${end.status}` : end.signal;
  return (
    `${qemu.path} ${qemu.version}: found that it ended (${how}) before our plugin attached, ` +
    `expected a QEMU that takes -plugin, 7.2 or later. ${QEMU_REMEDY}`
  );
}

/** @param qemuPath the emulator to use; null: `qemu-<isa>` from PATH. */
export function qemuEngine(qemuPath: string | null): Engine {
  return {
    name: 'qemu',
    prepare(target: Target): PreparedGuest {
      const program = findProgram(target.program);
      const header = readElfHeader(program);
      if (header.isa === null) {
        throw new BacktrailError(
          'E_ISA',
          `${program}: found ELF machine ${header.machine}, expected one that QEMU's user mode ` +
            'runs. Record it on its own kind of machine.',
        );
      }
      const hostIsa = HOST_ISAS[process.arch] ?? process.arch;
      const qemu = findQemu(header.isa, qemuPath);
      const sysroot = findSysroot(program, header, target.sysroot);
      return {
        engine: { name: 'qemu', version: qemu.version, hostIsa, mode: 'user' },
        guest: { isa: header.isa, endian: header.endian, addressBits: header.class },
        createRing: (options) => Ring.create(newRingPath(), options),
        start: (ring) =>
          start(qemu, [
            ...(sysroot === null ? [] : ['-L', sysroot]),
            ...(ring === null ? [] : ['-plugin', `${builtPlugin()},ring=${ring.path}`]),
            ...(target.program.includes('/') ? [] : ['-0', basename(target.program)]),
            target.program.includes('/') ? target.program : program,
            ...target.args,
          ]),
        explainSilence: (end) => explain(qemu, end),
      };
    },
  };
}
