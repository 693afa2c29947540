/** Finds programs and QEMU on this machine, and says what is missing and how to get it. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type ElfHeader, readElfHeader } from '../../elf/elf.ts';
import { BacktrailError } from '../../errors.ts';
import { findInPath, isExecutableFile } from '../find-program.ts';

/** Debian's package with dynamic user-mode emulators, which load plugins; 7.2 in bookworm. */
export const QEMU_REMEDY = 'On Debian 12: apt-get install qemu-user';

export interface FoundQemu {
  readonly path: string;
  readonly version: string;
}

/** A QEMU user-mode emulator that can load plugins. @throws BacktrailError E_QEMU. */
export function findQemu(isa: string, wanted: string | null): FoundQemu {
  const name = `qemu-${isa}`;
  const path = wanted ?? findInPath(name);
  if (path === null || !isExecutableFile(path)) {
    throw new BacktrailError(
      'E_QEMU_MISSING',
      `found no ${wanted ?? name}, expected QEMU user mode for ${isa} guests. ${QEMU_REMEDY}`,
    );
  }
  if (readElfHeader(realpathSync(path)).isStatic) {
    throw new BacktrailError(
      'E_QEMU_STATIC',
      `${path}: found a static QEMU, which cannot load plugins, expected a dynamic one. ` +
        `${QEMU_REMEDY} (not qemu-user-static, and not Debian 13's, which is static too)`,
    );
  }
  return { path, version: qemuVersion(path) };
}

/** The version that `qemu --version` prints. @throws BacktrailError E_QEMU_BROKEN. */
export function qemuVersion(path: string, remedy = QEMU_REMEDY): string {
  const run = spawnSync(path, ['--version'], { encoding: 'utf8' });
  const version = /version (\d+\.\d+(?:\.\d+)?)/.exec(run.stdout ?? '')?.[1];
  if (version !== undefined) return version;
  // It did not run: a limit on files, processes or memory, or no permission.
  if (run.error !== undefined) {
    throw new BacktrailError(
      'E_QEMU_BROKEN',
      `${path}: found ${run.error.message}, expected it to start. If that is a limit, raise it: ` +
        'ulimit -n 1024 (files), ulimit -u unlimited (processes), ulimit -v unlimited (memory)',
      { cause: run.error },
    );
  }
  throw new BacktrailError(
    'E_QEMU_BROKEN',
    `${path}: found no version in what --version prints, expected "version 7.2" or later. ` +
      remedy,
  );
}

/** Debian's folder for the libraries of a foreign ISA, as its cross packages lay them out. */
const SYSROOTS: Readonly<Record<string, string>> = {
  aarch64: '/usr/aarch64-linux-gnu',
  arm: '/usr/arm-linux-gnueabihf',
  i386: '/usr/i686-linux-gnu',
  loongarch64: '/usr/loongarch64-linux-gnu',
  mips: '/usr/mips-linux-gnu',
  mips64el: '/usr/mips64el-linux-gnuabi64',
  mipsel: '/usr/mipsel-linux-gnu',
  ppc64le: '/usr/powerpc64le-linux-gnu',
  riscv64: '/usr/riscv64-linux-gnu',
  s390x: '/usr/s390x-linux-gnu',
};

/**
 * Where QEMU should look for the loader that a dynamic program asks for; null if it needs nothing.
 * @throws BacktrailError E_SYSROOT if the loader is nowhere.
 */
export function findSysroot(
  program: string,
  header: Pick<ElfHeader, 'isa' | 'interpreter'>,
  wanted: string | null,
): string | null {
  const loader = header.interpreter;
  if (wanted !== null && loader !== null && !existsSync(join(wanted, loader))) {
    throw new BacktrailError(
      'E_SYSROOT',
      `${program}: found no ${join(wanted, loader)}, the loader it asks for. ` +
        'Give -L the folder that holds its libraries.',
    );
  }
  if (wanted !== null || loader === null || existsSync(loader)) return wanted;
  const usual = SYSROOTS[header.isa ?? ''];
  if (usual !== undefined && existsSync(join(usual, loader))) return usual;
  throw new BacktrailError(
    'E_SYSROOT',
    `${program}: found no ${loader}, the loader it asks for. ` +
      `Give its folder with -L SYSROOT, or link the program with -static.`,
  );
}
