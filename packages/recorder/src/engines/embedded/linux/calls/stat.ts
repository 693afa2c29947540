/** stat in its forms. */
import { statfsSync } from 'node:fs';
import { AT, NS_PER_S, PAGE_BYTES } from '../abi.ts';
import { fail, onHost } from '../errno.ts';
import type { FileStat } from '../files.ts';
import type { Kernel } from '../kernel.ts';
import { entryWithoutLinks, isFolder, resolve } from '../paths.ts';
import type { Handler } from './call.ts';
import { baseOf, statOfEntry } from './place.ts';

/** @throws Failure */
function statAt(kernel: Kernel, descriptor: number, path: string, flags: number): FileStat {
  if (path === '') {
    if ((flags & AT.emptyPath) === 0) fail('ENOENT');
    if (descriptor !== AT.currentFolder) return kernel.descriptors.get(descriptor).stat();
  }
  const from = baseOf(kernel, descriptor, path);
  const follow = (flags & AT.symlinkNoFollow) === 0;
  const place = resolve(kernel.view, from, path === '' ? '.' : path, follow);
  return statOfEntry(kernel, place.path, place.entry ?? fail('ENOENT'));
}

const STAT_BYTES = 128;
const secondsOf = (ns: bigint): bigint => ns / BigInt(NS_PER_S);
const restOf = (ns: bigint): bigint => ns % BigInt(NS_PER_S);

/**
 * struct stat (asm-generic/stat.h): dev 0, ino 8, mode 16, nlink 20, uid 24, gid 28, rdev 32,
 * size 48, blksize 56, blocks 64, three times of 16 bytes from 72.
 */
function storeStat(kernel: Kernel, address: bigint, stat: FileStat): number {
  const view = kernel.user.outputView(address, STAT_BYTES);
  for (let at = 0; at < STAT_BYTES; at += 8) view.setBigUint64(at, 0n, true);
  view.setBigUint64(0, stat.dev, true);
  view.setBigUint64(8, stat.ino, true);
  view.setUint32(16, stat.mode, true);
  view.setUint32(20, Number(stat.nlink), true);
  view.setUint32(24, stat.uid, true);
  view.setUint32(28, stat.gid, true);
  view.setBigUint64(32, stat.rdev, true);
  view.setBigUint64(48, stat.size, true);
  view.setInt32(56, stat.blockBytes, true);
  view.setBigUint64(64, stat.blocks, true);
  for (const [index, ns] of [stat.accessedNs, stat.modifiedNs, stat.changedNs].entries()) {
    view.setBigInt64(72 + 16 * index, secondsOf(ns), true);
    view.setBigInt64(80 + 16 * index, restOf(ns), true);
  }
  return 0;
}

const fstat: Handler = (kernel, args) => {
  return storeStat(kernel, args.word(1), kernel.descriptors.get(args.int(0)).stat());
};

const newfstatat: Handler = (kernel, args) => {
  const flags = args.int(3);
  const known = AT.symlinkNoFollow | AT.emptyPath | AT.noAutomount;
  if ((flags & ~known) !== 0) fail('EINVAL');
  const stat = statAt(kernel, args.int(0), kernel.user.string(args.word(1)), flags);
  return storeStat(kernel, args.word(2), stat);
};

const STATX_BYTES = 256;
const STATX_BASIC = 0x7ff;

/** makedev of glibc and the kernel, taken apart. */
const majorOf = (dev: bigint): number =>
  Number(((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xffff_f000n));
const minorOf = (dev: bigint): number => Number((dev & 0xffn) | ((dev >> 12n) & 0xffff_ff00n));

/** struct statx (linux/stat.h). */
const statx: Handler = (kernel, args) => {
  const flags = args.int(2);
  const stat = statAt(kernel, args.int(0), kernel.user.string(args.word(1)), flags);
  const view = kernel.user.outputView(args.word(4), STATX_BYTES);
  for (let at = 0; at < STATX_BYTES; at += 8) view.setBigUint64(at, 0n, true);
  view.setUint32(0, STATX_BASIC, true);
  view.setUint32(4, stat.blockBytes, true);
  view.setUint32(16, Number(stat.nlink), true);
  view.setUint32(20, stat.uid, true);
  view.setUint32(24, stat.gid, true);
  view.setUint16(28, stat.mode, true);
  view.setBigUint64(32, stat.ino, true);
  view.setBigUint64(40, stat.size, true);
  view.setBigUint64(48, stat.blocks, true);
  const times = [
    [64, stat.accessedNs],
    [96, stat.changedNs],
    [112, stat.modifiedNs],
  ] as const;
  for (const [at, ns] of times) {
    view.setBigInt64(at, secondsOf(ns), true);
    view.setUint32(at + 8, Number(restOf(ns)), true);
  }
  view.setUint32(128, majorOf(stat.rdev), true);
  view.setUint32(132, minorOf(stat.rdev), true);
  view.setUint32(136, majorOf(stat.dev), true);
  view.setUint32(140, minorOf(stat.dev), true);
  return 0;
};

const R_OK = 4;
const W_OK = 2;
const X_OK = 1;
const AT_EACCESS = 0x200;

/** The guest's user is the host's, who may read what the host lets it read. */
function checkAccess(kernel: Kernel, descriptor: number, path: string, mode: number): number {
  if ((mode & ~(R_OK | W_OK | X_OK)) !== 0) fail('EINVAL');
  const from = baseOf(kernel, descriptor, path);
  const place = resolve(kernel.view, from, path, true);
  const entry = place.entry ?? fail('ENOENT');
  const stat = statOfEntry(kernel, place.path, entry);
  const isMade = entry.kind !== 'host';
  if ((mode & W_OK) !== 0 && !isMade && !kernel.view.isWritable(place.path)) fail('EROFS');
  const shift = stat.uid === kernel.owner.uid ? 6 : 0;
  const granted = (stat.mode >> shift) & 7;
  if ((mode & ~granted) !== 0 && !(isFolder(entry) && (mode & W_OK) === 0)) fail('EACCES');
  return 0;
}

const faccessat: Handler = (kernel, args) => {
  return checkAccess(kernel, args.int(0), kernel.user.string(args.word(1)), args.int(2));
};

const faccessat2: Handler = (kernel, args) => {
  const known = AT_EACCESS | AT.symlinkNoFollow | AT.emptyPath;
  if ((args.int(3) & ~known) !== 0) fail('EINVAL');
  return faccessat(kernel, args);
};

const STATFS_BYTES = 120;
/** RAMFS_MAGIC: what is made up lies in no file system of the host. */
const MADE_TYPE = 0x8584_58f6n;
const NAME_BYTES_MAX = 255n;

/** struct statfs: fifteen words, the first eleven used (asm-generic/statfs.h). */
function storeStatfs(kernel: Kernel, address: bigint, path: string): number {
  const entry = entryWithoutLinks(kernel.view, path);
  const host = entry?.kind === 'host' ? entry.path : null;
  const facts = host === null ? null : onHost(() => statfsSync(host, { bigint: true }));
  const view = kernel.user.outputView(address, STATFS_BYTES);
  for (let at = 0; at < STATFS_BYTES; at += 8) view.setBigUint64(at, 0n, true);
  const words = [
    facts?.type ?? MADE_TYPE,
    facts?.bsize ?? BigInt(PAGE_BYTES),
    facts?.blocks ?? 0n,
    facts?.bfree ?? 0n,
    facts?.bavail ?? 0n,
    facts?.files ?? 0n,
    facts?.ffree ?? 0n,
    0n,
    NAME_BYTES_MAX,
    facts?.bsize ?? BigInt(PAGE_BYTES),
  ];
  for (const [index, word] of words.entries()) {
    view.setBigUint64(8 * index, BigInt.asUintN(64, word), true);
  }
  return 0;
}

const statfs: Handler = (kernel, args) => {
  const path = kernel.user.string(args.word(0));
  const place = resolve(kernel.view, kernel.folder, path, true);
  if (place.entry === null) fail('ENOENT');
  return storeStatfs(kernel, args.word(1), place.path);
};

const fstatfs: Handler = (kernel, args) => {
  return storeStatfs(kernel, args.word(1), kernel.descriptors.get(args.int(0)).path);
};

export const STAT_CALLS = {
  fstat,
  newfstatat,
  statx,
  faccessat,
  faccessat2,
  statfs,
  fstatfs,
} as const;
