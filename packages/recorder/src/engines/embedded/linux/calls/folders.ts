/** Names and folders: listed, made, removed, renamed. */
import {
  chmodSync,
  fchmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
} from 'node:fs';
import { AT, MODE_MASK, NS_PER_S } from '../abi.ts';
import { ERRNO, fail, onHost } from '../errno.ts';
import { OpenFolder } from '../files.ts';
import type { Kernel } from '../kernel.ts';
import { entryWithoutLinks, isFolder, isLink, type Place, readLink, resolve } from '../paths.ts';
import type { TimeSpec } from '../user.ts';
import { loadTimeSpec } from '../user.ts';
import type { Handler } from './call.ts';
import { placeAt } from './place.ts';

/** ino 8, offset 8, length 2, type 1, then the name. */
const ENTRY_BYTES = 19;

const getdents64: Handler = (kernel, args) => {
  const folder = kernel.descriptors.get(args.int(0));
  if (!(folder instanceof OpenFolder)) return fail('ENOTDIR');
  const view = kernel.user.outputView(args.word(1), args.unsigned(2));
  let at = 0;
  for (let found = folder.next(); found !== null; found = folder.next()) {
    const name = Buffer.from(`${found.name.name}\0`);
    const bytes = (ENTRY_BYTES + name.length + 7) & ~7;
    if (at + bytes > view.byteLength) return at > 0 ? at : -ERRNO.EINVAL;
    view.setBigUint64(at, found.name.ino, true);
    view.setBigInt64(at + 8, BigInt(found.position), true);
    view.setUint16(at + 16, bytes, true);
    view.setUint8(at + 18, found.name.type);
    for (let place = ENTRY_BYTES; place < bytes; place++) {
      view.setUint8(at + place, name[place - ENTRY_BYTES] ?? 0);
    }
    at += bytes;
    folder.seek(found.position, 0);
  }
  return at;
};

/** The length includes the NUL, as the kernel's call (not the library's) returns it. */
const getcwd: Handler = (kernel, args) => {
  if (entryWithoutLinks(kernel.view, kernel.folder) === null) fail('ENOENT');
  const bytes = Buffer.from(`${kernel.folder}\0`);
  if (args.size(1) < bytes.length) fail('ERANGE');
  kernel.user.output(args.word(0), bytes.length).set(bytes);
  return bytes.length;
};

function enter(kernel: Kernel, path: string, isThere: boolean): number {
  if (!isThere) fail('ENOTDIR');
  kernel.folder = path;
  return 0;
}

const chdir: Handler = (kernel, args) => {
  const place = resolve(kernel.view, kernel.folder, kernel.user.string(args.word(0)), true);
  return enter(kernel, place.path, isFolder(place.entry ?? fail('ENOENT')));
};

const fchdir: Handler = (kernel, args) => {
  const folder = kernel.descriptors.get(args.int(0));
  return enter(kernel, folder.path, folder instanceof OpenFolder);
};

const readlinkat: Handler = (kernel, args) => {
  const bytesMax = args.int(3);
  if (bytesMax <= 0) fail('EINVAL');
  const { entry } = placeAt(kernel, args.int(0), kernel.user.string(args.word(1)), false);
  if (entry === null) return fail('ENOENT');
  const target =
    entry.kind === 'descriptor'
      ? (kernel.descriptors.find(entry.number) ?? fail('ENOENT')).path
      : readLink(entry);
  const bytes = Buffer.from(target).subarray(0, bytesMax);
  kernel.user.output(args.word(2), bytes.length).set(bytes);
  return bytes.length;
};

/** A place for something new. @throws Failure EEXIST, EROFS */
function newPlace(kernel: Kernel, place: Place): string {
  if (place.entry !== null) fail('EEXIST');
  return kernel.view.writablePath(place.path);
}

/** A name of the host that may be given to another, or to none. @throws Failure EBUSY */
function movablePlace(kernel: Kernel, place: Place): string {
  if (kernel.view.isBusy(place.entry)) fail('EBUSY');
  return oldPlace(kernel, place);
}

/** Something of the host that may be changed. @throws Failure ENOENT, EROFS */
function oldPlace(kernel: Kernel, place: Place): string {
  if (place.entry === null) fail('ENOENT');
  return kernel.view.writablePath(place.path);
}

const mkdirat: Handler = (kernel, args) => {
  const place = placeAt(kernel, args.int(0), kernel.user.string(args.word(1)), false);
  const path = newPlace(kernel, place);
  onHost(() => mkdirSync(path, args.unsigned(2) & MODE_MASK & ~kernel.umask));
  return 0;
};

const unlinkat: Handler = (kernel, args) => {
  const flags = args.int(2);
  if ((flags & ~AT.removeFolder) !== 0) fail('EINVAL');
  const place = placeAt(kernel, args.int(0), kernel.user.string(args.word(1)), false);
  const path = movablePlace(kernel, place);
  const isThere = place.entry !== null && isFolder(place.entry);
  if ((flags & AT.removeFolder) !== 0) {
    if (!isThere) fail('ENOTDIR');
    onHost(() => rmdirSync(path));
  } else {
    if (isThere) fail('EISDIR');
    onHost(() => unlinkSync(path));
  }
  kernel.removed(place.path);
  return 0;
};

const RENAME_NO_REPLACE = 1;

/** Two names of one file: renaming one to the other does nothing (rename(2)). */
function isSameFile({ entry: a }: Place, { entry: b }: Place): boolean {
  if (a?.kind !== 'host' || b?.kind !== 'host') return false;
  return a.stat.ino === b.stat.ino && a.stat.dev === b.stat.dev;
}

const renameat2: Handler = (kernel, args) => {
  const flags = args.unsigned(4);
  if ((flags & ~RENAME_NO_REPLACE) !== 0) fail('EINVAL');
  const from = placeAt(kernel, args.int(0), kernel.user.string(args.word(1)), false);
  const to = placeAt(kernel, args.int(2), kernel.user.string(args.word(3)), false);
  if (kernel.view.isBorderBetween(from.path, to.path)) fail('EXDEV');
  const source = movablePlace(kernel, from);
  if (kernel.view.isBusy(to.entry)) fail('EBUSY');
  const target = kernel.view.writablePath(to.path);
  if (flags === RENAME_NO_REPLACE && to.entry !== null) fail('EEXIST');
  onHost(() => renameSync(source, target));
  if (from.path === to.path || isSameFile(from, to)) return 0;
  kernel.removed(to.path);
  kernel.moved(from.path, to.path);
  return 0;
};

/** Whatever it leads to, the guest's own steps decide where it gets. */
const symlinkat: Handler = (kernel, args) => {
  const target = kernel.user.string(args.word(0));
  const place = placeAt(kernel, args.int(1), kernel.user.string(args.word(2)), false);
  const path = newPlace(kernel, place);
  if (target === '') fail('ENOENT');
  onHost(() => symlinkSync(target, path));
  return 0;
};

/** Both names in writable folders, or what may only be read could be written to by another name. */
const linkat: Handler = (kernel, args) => {
  const flags = args.int(4);
  if ((flags & ~AT.symlinkFollow) !== 0) fail('EINVAL');
  const follow = flags !== 0;
  const from = placeAt(kernel, args.int(0), kernel.user.string(args.word(1)), follow);
  const to = placeAt(kernel, args.int(2), kernel.user.string(args.word(3)), false);
  if (from.entry === null) fail('ENOENT');
  else if (kernel.view.isBorderBetween(from.path, to.path)) fail('EXDEV');
  // Not every host makes a second name of the link itself: some follow it.
  else if (isLink(from.entry)) fail('EPERM');
  const source = oldPlace(kernel, from);
  const target = newPlace(kernel, to);
  onHost(() => linkSync(source, target));
  return 0;
};

const fchmodat: Handler = (kernel, args) => {
  const place = placeAt(kernel, args.int(0), kernel.user.string(args.word(1)), true);
  const path = oldPlace(kernel, place);
  onHost(() => chmodSync(path, args.unsigned(2) & MODE_MASK));
  return 0;
};

const fchmod: Handler = (kernel, args) => {
  const file = kernel.descriptors.get(args.int(0));
  const { hostDescriptor } = file;
  if (hostDescriptor === null || !kernel.view.isWritable(file.path)) return fail('EROFS');
  onHost(() => fchmodSync(hostDescriptor, args.unsigned(1) & MODE_MASK));
  return 0;
};

/** To its own user and group: nothing changes. To others: only root may. */
const fchownat: Handler = (kernel, args) => {
  const place = placeAt(kernel, args.int(0), kernel.user.string(args.word(1)), true);
  oldPlace(kernel, place);
  return isOwn(kernel, args.int(2)) && isOwn(kernel, args.int(3)) ? 0 : fail('EPERM');
};

const fchown: Handler = (kernel, args) => {
  if (!kernel.view.isWritable(kernel.descriptors.get(args.int(0)).path)) fail('EROFS');
  return isOwn(kernel, args.int(1)) && isOwn(kernel, args.int(2)) ? 0 : fail('EPERM');
};

const isOwn = (kernel: Kernel, id: number): boolean => id === -1 || id === kernel.owner.uid;

const UTIME_NOW = 0x3fff_ffffn;
const UTIME_OMIT = 0x3fff_fffen;

/** Seconds since 1970 of one of the two times; null: it stays. @throws Failure EINVAL */
function timeOf(kernel: Kernel, spec: TimeSpec): number | null {
  if (spec.nanoseconds === UTIME_OMIT) return null;
  const isNow = spec.nanoseconds === UTIME_NOW;
  const { seconds, nanoseconds } = isNow ? kernel.time.read(0, 0) : spec;
  if (nanoseconds < 0n || nanoseconds >= BigInt(NS_PER_S)) fail('EINVAL');
  return Number(seconds) + Number(nanoseconds) / NS_PER_S;
}

const NOW: TimeSpec = { seconds: 0n, nanoseconds: UTIME_NOW };

const utimensat: Handler = (kernel, args) => {
  const [at, times, flags] = [args.word(1), args.word(2), args.int(3)];
  if ((flags & ~(AT.symlinkNoFollow | AT.emptyPath)) !== 0) fail('EINVAL');
  const follow = (flags & AT.symlinkNoFollow) === 0;
  const place =
    at === 0n
      ? resolve(kernel.view, '/', kernel.descriptors.get(args.int(0)).path, true)
      : placeAt(kernel, args.int(0), kernel.user.string(at), follow);
  const accessed = times === 0n ? NOW : loadTimeSpec(kernel.user, times);
  const modified = times === 0n ? NOW : loadTimeSpec(kernel.user, times + 16n);
  const { entry } = place;
  const path = oldPlace(kernel, place);
  if (entry?.kind !== 'host') return fail('EROFS');
  const kept = (ns: bigint): number => Number(ns) / NS_PER_S;
  const access = timeOf(kernel, accessed) ?? kept(entry.stat.atimeNs);
  const change = timeOf(kernel, modified) ?? kept(entry.stat.mtimeNs);
  onHost(() => lutimesSync(path, access, change));
  return 0;
};

const truncate: Handler = (kernel, args) => {
  const place = resolve(kernel.view, kernel.folder, kernel.user.string(args.word(0)), true);
  const size = args.offset(1);
  if (size < 0) fail('EINVAL');
  const path = oldPlace(kernel, place);
  if (place.entry !== null && isFolder(place.entry)) fail('EISDIR');
  onHost(() => truncateSync(path, size));
  return 0;
};

const umask: Handler = (kernel, args) => {
  const before = kernel.umask;
  kernel.umask = args.unsigned(0) & 0o777;
  return before;
};

export const FOLDER_CALLS = {
  getdents64,
  getcwd,
  chdir,
  fchdir,
  readlinkat,
  mkdirat,
  unlinkat,
  renameat2,
  symlinkat,
  linkat,
  fchmodat,
  fchmod,
  fchownat,
  fchown,
  utimensat,
  truncate,
  umask,
} as const;
