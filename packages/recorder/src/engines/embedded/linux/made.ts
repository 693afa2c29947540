/** What is in the files that are made up: the devices that programs open, and bits of /proc. */
import { O, PAGE_BYTES, PROT, S } from './abi.ts';
import { ERRNO, fail } from './errno.ts';
import { type FileStat, MadeFile, madeStat, type OpenFile } from './files.ts';
import type { Mappings } from './mappings.ts';
import type { Random } from './random.ts';
import { MADE_FILES } from './view.ts';

/** What the files tell of. */
export interface MadeSources {
  readonly random: Random;
  readonly mappings: Mappings;
  readonly arguments: readonly string[];
  readonly memoryBytes: number;
  /** Name of the running thread. */
  name(): string;
  /** The terminal, if the guest has one. */
  terminal(): OpenFile | null;
}

/** dev_t of the character devices (the kernel: Documentation/admin-guide/devices.txt). */
const DEVICES: Readonly<Record<string, bigint>> = {
  '/dev/null': 0x103n,
  '/dev/zero': 0x105n,
  '/dev/full': 0x107n,
  '/dev/random': 0x108n,
  '/dev/urandom': 0x109n,
  '/dev/tty': 0x500n,
};

const FIRST_NUMBER = 100;

export function madeStatOf(path: string): FileStat {
  const ino = FIRST_NUMBER + [...MADE_FILES].indexOf(path);
  const device = DEVICES[path];
  if (device === undefined) return madeStat(S.regular | 0o444, ino);
  return { ...madeStat(S.character | 0o666, ino), rdev: device };
}

export const madeFolderStat = (path: string): FileStat => ({
  ...madeStat(S.folder | 0o555, numberOf(path)),
  nlink: 2n,
});

export const madeLinkStat = (path: string, target: string): FileStat =>
  madeStat(S.link | 0o777, numberOf(path), target.length);

/** Some number that is the same for the same path. */
function numberOf(path: string): number {
  let number = 0x811c_9dc5;
  for (const byte of Buffer.from(path)) number = Math.imul(number ^ byte, 0x0100_0193) >>> 0;
  return number;
}

/** @throws Failure */
export function openMade(path: string, flags: number, sources: MadeSources): OpenFile {
  const stat = madeStatOf(path);
  const isWriting = (flags & O.accessMode) !== O.readOnly;
  const device = deviceOf(path, flags, stat, sources);
  if (device !== null) return device;
  if (isWriting) fail('EACCES');
  const text = Buffer.from(textOf(path, sources));
  const fill = (into: Uint8Array, at: number): number => {
    const part = text.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  };
  return new MadeFile(flags, path, stat, fill, null);
}

const swallow = (bytes: number): number => bytes;
const zeros = (into: Uint8Array): number => {
  into.fill(0);
  return into.length;
};

function deviceOf(
  path: string,
  flags: number,
  stat: FileStat,
  sources: MadeSources,
): OpenFile | null {
  switch (path) {
    case '/dev/null':
      return new MadeFile(flags, path, stat, () => 0, swallow);
    case '/dev/zero':
      return new MadeFile(flags, path, stat, zeros, swallow);
    case '/dev/full':
      return new MadeFile(flags, path, stat, zeros, () => -ERRNO.ENOSPC);
    case '/dev/random':
    case '/dev/urandom': {
      const fill = (into: Uint8Array): number => {
        sources.random.fill(into);
        return into.length;
      };
      return new MadeFile(flags, path, stat, fill, swallow);
    }
    case '/dev/tty':
      return sources.terminal() ?? fail('ENXIO');
    default:
      return null;
  }
}

function textOf(path: string, sources: MadeSources): string {
  switch (path) {
    case '/proc/self/maps':
      return mapsText(sources.mappings);
    case '/proc/self/cmdline':
      return sources.arguments.map((argument) => `${argument}\0`).join('');
    case '/proc/self/comm':
      return `${sources.name()}\n`;
    case '/proc/cpuinfo':
      return 'processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n\n';
    case '/proc/meminfo': {
      const total = Math.floor(sources.memoryBytes / 1024);
      const free = Math.floor((sources.memoryBytes - sources.mappings.accessibleBytes) / 1024);
      return `MemTotal: ${total} kB\nMemFree: ${free} kB\nMemAvailable: ${free} kB\n`;
    }
    default:
      return '0\n';
  }
}

/** proc(5): one line for each stretch of pages with the same permissions and origin. */
function mapsText(mappings: Mappings): string {
  const lines: string[] = [];
  for (const { start, end, origin } of mappings.regions.list) {
    let from = start;
    for (let at = start + PAGE_BYTES; at <= end; at += PAGE_BYTES) {
      const prot = mappings.protAt(from);
      if (at < end && mappings.protAt(at) === prot) continue;
      const letters =
        ((prot & PROT.read) !== 0 ? 'r' : '-') +
        ((prot & PROT.write) !== 0 ? 'w' : '-') +
        ((prot & PROT.execute) !== 0 ? 'x' : '-') +
        (origin.isShared ? 's' : 'p');
      const isFile = origin.name.startsWith('/');
      const offset = isFile ? from + origin.fileDelta : 0;
      const hex = (value: number, digits: number): string =>
        value.toString(16).padStart(digits, '0');
      const place = `${hex(from, 8)}-${hex(at, 8)} ${letters} ${hex(offset, 8)} 00:00 0`;
      lines.push(origin.name === '' ? `${place} ` : `${place.padEnd(72)} ${origin.name}`);
      from = at;
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}
