/** The QEMU engine, user mode: stock QEMU, unmodified, with our plugin. */
import { basename } from 'node:path';
import { readElfHeader } from '../../elf/elf.ts';
import { BacktrailError } from '../../errors.ts';
import { Ring } from '../../ring/ring.ts';
import type { Engine, GuestEnd, PreparedGuest, Target } from '../engine.ts';
import { findProgram } from '../find-program.ts';
import { type FoundQemu, findQemu, findSysroot, QEMU_REMEDY } from './find.ts';
import { endText, hostIsa, newRingPath, pluginArgs, pluginText, startQemu } from './process.ts';

function explain(qemu: FoundQemu, end: GuestEnd): string {
  return (
    `${qemu.path} ${qemu.version}: found that it ended (${endText(end)}) before our plugin ` +
    `attached, expected a QEMU that takes -plugin, 7.2 or later. ${QEMU_REMEDY}`
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
      const qemu = findQemu(header.isa, qemuPath);
      const sysroot = findSysroot(program, header, target.sysroot);
      return {
        engine: { name: 'qemu', version: qemu.version, hostIsa: hostIsa(), mode: 'user' },
        guest: { isa: header.isa, endian: header.endian, addressBits: header.class },
        createRing: (options) => Ring.create(newRingPath(), options),
        start: (ring) =>
          startQemu({
            qemu,
            args: [
              ...(sysroot === null ? [] : ['-L', sysroot]),
              ...(target.followExec === true ? [] : pluginArgs(ring, target)),
              ...(target.program.includes('/') ? [] : ['-0', basename(target.program)]),
              target.program.includes('/') ? target.program : program,
              ...target.args,
            ],
            name: null,
            // What a process executes inherits it, and QEMU reads it as -plugin.
            ...(target.followExec === true && ring !== null
              ? { env: { QEMU_PLUGIN: pluginText(ring, target) } }
              : {}),
            remedy: QEMU_REMEDY,
          }),
        explainSilence: (end) => explain(qemu, end),
      };
    },
  };
}
