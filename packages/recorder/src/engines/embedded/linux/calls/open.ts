/** Descriptors: opened, doubled, closed, asked about. */
import { constants, fstatSync, openSync } from 'node:fs';
import { MODE_MASK, O } from '../abi.ts';
import { DESCRIPTORS_MAX } from '../descriptors.ts';
import { fail, onHost } from '../errno.ts';
import { folderType, HostFile, OpenFile, OpenFolder, statFrom } from '../files.ts';
import type { Kernel } from '../kernel.ts';
import { madeFolderStat, openMade } from '../made.ts';
import { entryWithoutLinks, isFolder, isLink, type Place, resolve } from '../paths.ts';
import { EventCounter, Pipe, PipeEnd } from '../pipe.ts';
import { join } from '../view.ts';
import type { Handler } from './call.ts';
import { baseOf, statOfEntry } from './place.ts';

/** What the host is asked for; it never follows a link and never waits for a writer. */
function hostFlags(flags: number): number {
  const mode = flags & O.accessMode;
  const access =
    mode === O.readOnly
      ? constants.O_RDONLY
      : mode === O.writeOnly
        ? constants.O_WRONLY
        : constants.O_RDWR;
  return (
    access |
    constants.O_NOFOLLOW |
    constants.O_NONBLOCK |
    ((flags & O.create) !== 0 ? constants.O_CREAT : 0) |
    ((flags & O.exclusive) !== 0 ? constants.O_EXCL : 0) |
    ((flags & O.truncate) !== 0 ? constants.O_TRUNC : 0)
  );
}

const KEPT_FLAGS = O.accessMode | O.append | O.nonBlock | O.path | O.largeFile;

/** A regular file of the host. @throws Failure */
function openHost(kernel: Kernel, place: Place, flags: number, mode: number): OpenFile {
  const isChange = (flags & O.accessMode) !== O.readOnly || (flags & O.truncate) !== 0;
  const { entry } = place;
  const isNew = entry === null;
  let path: string;
  if (isChange || isNew) path = kernel.view.writablePath(place.path);
  else if (entry.kind === 'host') path = entry.path;
  else return fail('ENOENT');
  const isRegular = isNew || (entry.kind === 'host' && entry.stat.isFile());
  // Devices and pipes of the host would let the guest act on more than files.
  if (!isRegular) fail('EACCES');
  const descriptor = onHost(() => openSync(path, hostFlags(flags), mode & ~kernel.umask));
  const file = new HostFile(descriptor, flags & KEPT_FLAGS, place.path, kernel.owner);
  if (fstatSync(descriptor).isFile()) return file;
  file.close();
  return fail('EACCES');
}

function openFolder(kernel: Kernel, place: Place, flags: number): OpenFile {
  const { view, owner } = kernel;
  const { path, entry } = place;
  if ((flags & O.accessMode) !== O.readOnly) fail('EISDIR');
  const stat =
    entry?.kind === 'host' ? () => statFrom(entry.stat, owner) : () => madeFolderStat(path);
  const list = (now: string) => {
    const there = entryWithoutLinks(view, now);
    if (there === null || !isFolder(there)) fail('ENOENT');
    const dots = ['.', '..'].map((name) => ({ name, ino: stat().ino, type: 4 }));
    const names = view.names(now).map((name) => {
      const found = view.entry(join(now, name));
      const there = found === null ? null : statOfEntry(kernel, join(now, name), found);
      return { name, ino: there?.ino ?? 1n, type: folderType(there?.mode ?? 0) };
    });
    return [...dots, ...names];
  };
  return new OpenFolder(flags & KEPT_FLAGS, path, stat, list);
}

/** An O_PATH descriptor: good for fstat and as a folder to begin at. */
class PathOnly extends OpenFile {
  readonly #stat: OpenFile['stat'];

  constructor(path: string, stat: OpenFile['stat']) {
    super(O.path, path);
    this.#stat = stat;
  }

  override stat(): ReturnType<OpenFile['stat']> {
    return this.#stat();
  }
}

/** /proc/self/fd/N: the same open file, as far as it can do what is asked. @throws Failure */
function openAgain(kernel: Kernel, number: number, flags: number): OpenFile {
  const file = kernel.descriptors.find(number) ?? fail('ENOENT');
  const access = flags & O.accessMode;
  if (access !== O.readOnly && !file.mayWrite) fail('EACCES');
  if (access !== O.writeOnly && !file.mayRead) fail('EACCES');
  return file;
}

/** An unnamed file in a folder: no file system here has them. @throws Failure */
function refuseTemporary(kernel: Kernel, from: string, path: string): never {
  const { entry, path: folder } = resolve(kernel.view, from, path, true);
  if (entry === null) fail('ENOENT');
  else if (!isFolder(entry)) fail('ENOTDIR');
  return fail(kernel.view.isWritable(folder) ? 'EOPNOTSUPP' : 'EROFS');
}

/** @throws Failure */
export function openPath(kernel: Kernel, from: string, path: string, flags: number, mode: number) {
  const isExclusive = (flags & O.create) !== 0 && (flags & O.exclusive) !== 0;
  const follow = (flags & O.noFollow) === 0 && !isExclusive;
  const place = resolve(kernel.view, from, path, follow);
  const { entry } = place;
  if (entry === null) {
    if ((flags & O.create) === 0) return fail('ENOENT');
    return place.isFolderWanted ? fail('EISDIR') : openHost(kernel, place, flags, mode);
  }
  if (isExclusive) return fail('EEXIST');
  if (isLink(entry) && (flags & O.path) === 0) return fail('ELOOP');
  if ((flags & O.directory) !== 0 && !isFolder(entry)) return fail('ENOTDIR');
  if (isFolder(entry)) {
    return (flags & O.create) !== 0 ? fail('EISDIR') : openFolder(kernel, place, flags);
  }
  if ((flags & O.path) !== 0) {
    return new PathOnly(place.path, () => statOfEntry(kernel, place.path, entry));
  }
  if (entry.kind === 'made') return openMade(place.path, flags & KEPT_FLAGS, kernel.made);
  if (entry.kind === 'descriptor') return openAgain(kernel, entry.number, flags);
  return openHost(kernel, place, flags, mode);
}

const openat: Handler = (kernel, args) => {
  const path = kernel.user.string(args.word(1));
  const flags = args.int(2);
  if (path === '') fail('ENOENT');
  const from = baseOf(kernel, args.int(0), path);
  if ((flags & O.temporary) === O.temporary) refuseTemporary(kernel, from, path);
  const file = openPath(kernel, from, path, flags, args.unsigned(3) & MODE_MASK);
  return kernel.descriptors.add(file, (flags & O.closeOnExec) !== 0);
};

const close: Handler = (kernel, args) => {
  kernel.descriptors.close(args.int(0));
  return 0;
};

const closeRange: Handler = (kernel, args) => {
  const first = args.unsigned(0);
  const last = args.unsigned(1);
  if (first > last) fail('EINVAL');
  for (const number of kernel.descriptors.numbers) {
    if (number >= first && number <= last) kernel.descriptors.close(number);
  }
  return 0;
};

const dup: Handler = (kernel, args) => {
  return kernel.descriptors.add(kernel.descriptors.get(args.int(0)), false);
};

const dup3: Handler = (kernel, args) => {
  const from = args.int(0);
  const to = args.int(1);
  const flags = args.int(2);
  if ((flags & ~O.closeOnExec) !== 0 || from === to) fail('EINVAL');
  const file = kernel.descriptors.get(from);
  if (to < 0 || to >= DESCRIPTORS_MAX) fail('EBADF');
  kernel.descriptors.put(to, file, (flags & O.closeOnExec) !== 0);
  return to;
};

const F = {
  dup: 0,
  getDescriptor: 1,
  setDescriptor: 2,
  getFlags: 3,
  setFlags: 4,
  getLock: 5,
  setLock: 6,
  setLockWait: 7,
  setOwner: 8,
  getOwner: 9,
  dupCloseOnExec: 1030,
  setPipeBytes: 1031,
  getPipeBytes: 1032,
} as const;
const F_UNLCK = 2;
const SETTABLE = O.append | O.nonBlock | O.async | O.direct;

const fcntl: Handler = (kernel, args) => {
  const { descriptors } = kernel;
  const number = args.int(0);
  const file = descriptors.get(number);
  const given = args.int(2);
  switch (args.int(1)) {
    case F.dup:
    case F.dupCloseOnExec:
      if (given < 0 || given >= DESCRIPTORS_MAX) fail('EINVAL');
      return descriptors.add(file, args.int(1) === F.dupCloseOnExec, given);
    case F.getDescriptor:
      return descriptors.isCloseOnExec(number) ? 1 : 0;
    case F.setDescriptor:
      descriptors.setCloseOnExec(number, (given & 1) !== 0);
      return 0;
    case F.getFlags:
      return file.flags | (file instanceof HostFile ? O.largeFile : 0);
    case F.setFlags:
      file.flags = (file.flags & ~SETTABLE) | (given & SETTABLE);
      return 0;
    case F.getLock:
      // struct flock begins with l_type: there is no other process that could hold a lock.
      kernel.user.outputView(args.word(2), 32).setInt16(0, F_UNLCK, true);
      return 0;
    case F.setLock:
    case F.setLockWait:
      kernel.user.input(args.word(2), 32);
      return 0;
    case F.setOwner:
    case F.getOwner:
      return 0;
    case F.getPipeBytes:
    case F.setPipeBytes:
      return file instanceof PipeEnd ? 65_536 : fail('EBADF');
    default:
      return fail('EINVAL');
  }
};

const pipe2: Handler = (kernel, args) => {
  const flags = args.int(1);
  if ((flags & ~(O.closeOnExec | O.nonBlock | O.direct)) !== 0) fail('EINVAL');
  const view = kernel.user.outputView(args.word(0), 8);
  const pipe = new Pipe(kernel.nextPipe());
  const isClosed = (flags & O.closeOnExec) !== 0;
  const kept = flags & O.nonBlock;
  const reader = kernel.descriptors.add(new PipeEnd(pipe, O.readOnly | kept), isClosed);
  const writer = kernel.descriptors.add(new PipeEnd(pipe, O.writeOnly | kept), isClosed);
  view.setInt32(0, reader, true);
  view.setInt32(4, writer, true);
  return 0;
};

const EFD_SEMAPHORE = 1;

const eventfd2: Handler = (kernel, args) => {
  const flags = args.int(1);
  if ((flags & ~(O.closeOnExec | O.nonBlock | EFD_SEMAPHORE)) !== 0) fail('EINVAL');
  const isSemaphore = (flags & EFD_SEMAPHORE) !== 0;
  const kept = O.readWrite | (flags & O.nonBlock);
  const file = new EventCounter(BigInt(args.unsigned(0)), isSemaphore, kept);
  return kernel.descriptors.add(file, (flags & O.closeOnExec) !== 0);
};

export const OPEN_CALLS = {
  openat,
  close,
  closeRange,
  dup,
  dup3,
  fcntl,
  pipe2,
  eventfd2,
} as const;
