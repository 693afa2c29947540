/** Examines this machine: what of backtrail works here. Nothing is changed but the plugin cache. */
import { accessSync, constants, existsSync, readdirSync, statfsSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import {
  BacktrailError,
  builtPlugin,
  cacheFolder,
  canHoldEngine,
  findCompiler,
  findInPath,
  findQemu,
  lostWith,
  qemuVersion,
  RING_BYTES_DEFAULT,
  TOLD_MACHINES,
} from '@backtrail/recorder';
import type { Output } from './io.ts';
import { fields, formatBytes, printable } from './text.ts';

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** Recording programs of this machine does not work without it. */
  readonly needed: boolean;
  /** What was found; if not ok, with the line that mends it. */
  readonly says: string;
}

const HOST_ISAS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
const RING_FOLDER = '/dev/shm';
/** Names of QEMU's tools, and of system emulators, which look like those of user mode. */
const NOT_USER_MODE = /^qemu-(system-|img$|io$|nbd$|ga$|pr-helper$|storage-daemon$|bridge-helper$)/;

/** What a probe found, or the error that says what is missing. */
function attempt(name: string, needed: boolean, probe: () => string): Finding {
  try {
    return { name, ok: true, needed, says: probe() };
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    return { name, ok: false, needed, says: error.message };
  }
}

/** ISAs for which a program named qemu-ISA is in PATH. */
function emulatedIsas(): string[] {
  const isas = new Set<string>();
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    let names: string[] = [];
    try {
      names = readdirSync(folder === '' ? '.' : folder);
    } catch {
      // A folder of PATH that is not there holds no programs.
    }
    for (const name of names) {
      if (NOT_USER_MODE.test(name) || name.endsWith('-static')) continue;
      const isa = /^qemu-([a-z0-9_]+)$/.exec(name)?.[1];
      if (isa !== undefined) isas.add(isa);
    }
  }
  return [...isas].sort();
}

/** Emulators for foreign programs, in as few lines as there are different answers. */
function foreignEmulators(hostIsa: string): Finding {
  const byVersion = new Map<string, string[]>();
  let unusable = 0;
  for (const isa of emulatedIsas()) {
    if (isa === hostIsa) continue;
    try {
      const { version } = findQemu(isa, null);
      byVersion.set(version, [...(byVersion.get(version) ?? []), isa]);
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      unusable++;
    }
  }
  const lines = [...byVersion].map(([version, isas]) => `QEMU ${version}: ${isas.join(' ')}`);
  if (unusable > 0) lines.push(`${unusable} more that cannot load plugins (static or broken)`);
  const ok = byVersion.size > 0;
  return {
    name: 'foreign guests',
    ok,
    needed: false,
    says: ok ? lines.join('\n') : 'found no QEMU for other machines. apt-get install qemu-user',
  };
}

function sharedMemory(): string {
  if (!existsSync(RING_FOLDER)) {
    throw new BacktrailError(
      'E_RING_FOLDER',
      `found no ${RING_FOLDER}, expected shared memory for the ring. ` +
        'Run: mount -t tmpfs tmpfs /dev/shm',
    );
  }
  const { bsize, blocks, bavail } = statfsSync(RING_FOLDER);
  const free = bsize * bavail;
  // The ring is followed by tables and a log; twice its size is on the safe side.
  if (free < 2 * RING_BYTES_DEFAULT) {
    throw new BacktrailError(
      'E_RING_SPACE',
      `found ${formatBytes(free)} free in ${RING_FOLDER}, expected ` +
        `${formatBytes(2 * RING_BYTES_DEFAULT)} for the usual ring. Remove rings that are left ` +
        'over with backtrail recover, give a smaller --ring, or start a container with ' +
        '--shm-size=1g.',
    );
  }
  const rings = readdirSync(RING_FOLDER).filter((name) => /^backtrail-.*\.ring$/.test(name));
  const left = rings.length === 0 ? '' : `; rings there: ${rings.join(', ')}`;
  return `${formatBytes(free)} free of ${formatBytes(bsize * blocks)}${left}`;
}

/** What a build that exports less than Debian's cannot tell; empty where it is as those are. */
function lacks(path: string, machine: string | null): string {
  const lost = lostWith(path, machine);
  if (lost === null || lost.length === 0) return '';
  return `; this build exports less than Debian's, without: ${lost.join('; ')}`;
}

/** The emulators whose traps are told; others record without their causes. */
function machines(): string {
  const lines = TOLD_MACHINES.flatMap((isa) => {
    const path = findInPath(`qemu-system-${isa}`);
    if (path === null) return [];
    return [`${isa}: ${qemuVersion(path)}, ${path}${lacks(path, isa)}`];
  });
  if (lines.length > 0) return lines.join('\n');
  throw new BacktrailError(
    'E_QEMU_MISSING',
    'found no qemu-system-riscv64, -x86_64 or -aarch64, expected one for record --system. ' +
      'apt-get install qemu-system-misc qemu-system-x86 qemu-system-arm',
  );
}

/** The nearest folder that exists must be writable; the cache itself is made when needed. */
function cache(): string {
  const folder = cacheFolder();
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
  } catch {
    throw new BacktrailError(
      'E_CACHE',
      `${nearest}: found that it cannot be written, expected a folder for the compiled plugin. ` +
        'Set XDG_CACHE_HOME to a folder you may write.',
    );
  }
  return folder;
}

/** What the embedded engine lacks is addresses, where their number is limited (ulimit -v). */
function embedded(): Finding {
  const name = 'embedded';
  if (canHoldEngine()) {
    return { name, ok: true, needed: false, says: 'records RV64 programs, needs nothing' };
  }
  const says = 'found no 4 GiB of address space, expected them for RV64 programs. Raise ulimit -v.';
  return { name, ok: false, needed: false, says };
}

export function examine(): Finding[] {
  const isa = HOST_ISAS[process.arch] ?? process.arch;
  return [
    attempt('node', true, () => `${process.versions.node} on ${process.platform} ${process.arch}`),
    embedded(),
    attempt('qemu', true, () => {
      const { path, version } = findQemu(isa, null);
      return `${version}, ${path}, for programs of this machine (${isa})${lacks(path, null)}`;
    }),
    foreignEmulators(isa),
    attempt('whole machines', false, machines),
    attempt('compiler', true, () => {
      const { path, version } = findCompiler();
      return `${path}, ${version}`;
    }),
    attempt('plugin', true, builtPlugin),
    attempt('shared memory', true, sharedMemory),
    attempt('cache', true, cache),
  ];
}

/** Whether the QEMU engine can record programs of this machine. */
export function canRecord(found: readonly Finding[]): boolean {
  return found.every((finding) => finding.ok || !finding.needed);
}

export function examinationText(found: readonly Finding[], out: Output): string {
  const rows = found.map(({ name, ok, needed, says }) => {
    const verdict = ok
      ? out.paint('green', 'ok     ')
      : out.paint(needed ? 'red' : 'yellow', needed ? 'missing' : 'none   ');
    const [first = '', ...rest] = says.split('\n').map(printable);
    return [
      name,
      [`${verdict}  ${first}`, ...rest.map((line) => `         ${line}`)].join('\n'),
    ] as const;
  });
  const verdict = canRecord(found)
    ? 'Programs of this machine can be recorded under QEMU, RV64 programs on the embedded engine.'
    : 'The QEMU engine cannot record here until what is missing above is there. ' +
      'RV64 programs need none of it: backtrail demo';
  return `${fields(rows)}\n${verdict}\n`;
}
