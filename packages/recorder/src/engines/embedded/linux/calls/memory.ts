/** Calls on the address space. */
import { readSync } from 'node:fs';
import { MAP, PAGE_BYTES, PROT, S } from '../abi.ts';
import { ERRNO, fail, onHost } from '../errno.ts';
import type { OpenFile } from '../files.ts';
import type { Kernel } from '../kernel.ts';
import { pageUp } from '../mappings.ts';
import { ANONYMOUS, type Origin } from '../regions.ts';
import type { Arguments, Handler } from './call.ts';

interface Range {
  readonly start: number;
  readonly bytes: number;
}

const isAligned = (address: bigint): boolean => address % BigInt(PAGE_BYTES) === 0n;

/** A range of whole pages; null: it reaches outside of what can be mapped. */
function rangeOf(kernel: Kernel, address: bigint, bytes: number): Range | null {
  const up = pageUp(bytes);
  if (address > BigInt(kernel.memory.guestLimit)) return null;
  const start = Number(address);
  return kernel.mappings.exists(start, up) ? { start, bytes: up } : null;
}

const brk: Handler = (kernel, args) => {
  const { mappings } = kernel;
  const before = pageUp(mappings.setBrk(0));
  const result = mappings.setBrk(args.size(0));
  const after = pageUp(result);
  const start = Math.min(before, after);
  if (before !== after) kernel.mappingsChanged(start, Math.max(before, after) - start);
  return result;
};

/** Where a new mapping goes. @throws Failure EINVAL, ENOMEM, EEXIST */
function placeOf(kernel: Kernel, address: bigint, bytes: number, flags: number): Range {
  const { mappings } = kernel;
  const isFixed = (flags & (MAP.fixed | MAP.fixedNoReplace)) !== 0;
  if (bytes > kernel.memory.guestLimit) fail('ENOMEM');
  if (!isFixed) {
    const hint = address < BigInt(kernel.memory.guestLimit) ? Number(address) : 0;
    return { start: mappings.place(hint, pageUp(bytes)), bytes: pageUp(bytes) };
  }
  if (!isAligned(address)) fail('EINVAL');
  if (address < 0x1_0000n) fail('EPERM');
  const range = rangeOf(kernel, address, bytes) ?? fail('ENOMEM');
  const isFree = mappings.regions.isFree(range.start, range.start + range.bytes);
  if ((flags & MAP.fixedNoReplace) !== 0 && !isFree) fail('EEXIST');
  return range;
}

/** The file that is mapped. @throws Failure EBADF, EACCES, ENODEV */
function mappedFile(kernel: Kernel, args: Arguments): OpenFile {
  const [prot, flags] = [args.int(2), args.int(3)];
  const file = kernel.descriptors.get(args.int(4));
  if (!file.mayRead) fail('EACCES');
  const isShared = (flags & MAP.type) !== MAP.private;
  if (file.hostDescriptor === null || (file.stat().mode & S.format) !== S.regular) fail('ENODEV');
  // Changes would have to reach the file: only copies are made here.
  if (isShared && (prot & PROT.write) !== 0) fail(file.mayWrite ? 'ENODEV' : 'EACCES');
  return file;
}

const mmap: Handler = (kernel, args) => {
  const [address, bytes, prot, flags] = [args.word(0), args.size(1), args.int(2), args.int(3)];
  const offset = args.word(5);
  const type = flags & MAP.type;
  if (type !== MAP.private && type !== MAP.shared && type !== MAP.sharedValidate) fail('EINVAL');
  if (bytes === 0 || !isAligned(offset)) fail('EINVAL');
  const isAnonymous = (flags & MAP.anonymous) !== 0;
  const file = isAnonymous ? null : mappedFile(kernel, args);
  const range = placeOf(kernel, address, bytes, flags);
  if (file === null) {
    kernel.mappings.map(range.start, range.bytes, prot, {
      ...ANONYMOUS,
      isShared: type !== MAP.private,
    });
  } else {
    const isShared = type !== MAP.private;
    mapFile(kernel, range, { file, prot, offset: Number(offset), isShared });
  }
  kernel.mappingsChanged(range.start, range.bytes);
  return range.start;
};

interface FileMapping {
  readonly file: OpenFile;
  readonly prot: number;
  readonly offset: number;
  readonly isShared: boolean;
}

function mapFile(kernel: Kernel, range: Range, mapping: FileMapping): void {
  const { file, prot, offset, isShared } = mapping;
  const { mappings } = kernel;
  const hostDescriptor = file.hostDescriptor ?? fail('ENODEV');
  const origin: Origin = {
    name: file.path,
    fileDelta: offset - range.start,
    isShared,
    mayWrite: !isShared,
    isPastEnd: false,
  };
  const there = Math.max(0, Math.min(range.bytes, Number(file.stat().size) - offset));
  const inFile = pageUp(there);
  if (inFile > 0) {
    mappings.map(range.start, inFile, prot, origin);
    const target = mappings.fill(range.start, there);
    let done = 0;
    while (done < there) {
      const from = done;
      const count = onHost(() =>
        readSync(hostDescriptor, target, from, there - from, offset + from),
      );
      if (count === 0) break;
      done += count;
    }
  }
  if (inFile < range.bytes) {
    const past = { ...origin, isPastEnd: true };
    mappings.map(range.start + inFile, range.bytes - inFile, 0, past);
  }
  kernel.observer.mark({
    kind: 'map',
    address: BigInt(range.start),
    size: BigInt(range.bytes),
    code: BigInt(offset),
    detail: kernel.view.hostPath(file.path) ?? file.path,
  });
}

const munmap: Handler = (kernel, args) => {
  const [address, bytes] = [args.word(0), args.size(1)];
  if (!isAligned(address) || bytes === 0) fail('EINVAL');
  const range = rangeOf(kernel, address, bytes) ?? fail('EINVAL');
  const pieces = kernel.mappings.regions.within(range.start, range.start + range.bytes);
  const hadFile = pieces.some(({ origin }) => origin.name.startsWith('/'));
  kernel.mappings.unmap(range.start, range.bytes);
  kernel.mappingsChanged(range.start, range.bytes);
  if (hadFile) {
    const size = BigInt(range.bytes);
    kernel.observer.mark({ kind: 'unmap', address: BigInt(range.start), size });
  }
  return 0;
};

const PROT_KNOWN = PROT.read | PROT.write | PROT.execute;

const mprotect: Handler = (kernel, args) => {
  const [address, bytes, prot] = [args.word(0), args.size(1), args.int(2)];
  if (!isAligned(address) || (prot & ~PROT_KNOWN) !== 0) fail('EINVAL');
  if (bytes === 0) return 0;
  const range = rangeOf(kernel, address, bytes) ?? fail('ENOMEM');
  kernel.mappings.protect(range.start, range.bytes, prot);
  kernel.mappingsChanged(range.start, range.bytes);
  return 0;
};

const REMAP = { mayMove: 1, fixed: 2 } as const;

const mremap: Handler = (kernel, args) => {
  const [address, oldBytes, newBytes] = [args.word(0), args.size(1), args.size(2)];
  const flags = args.int(3);
  if (!isAligned(address) || (flags & ~(REMAP.mayMove | REMAP.fixed)) !== 0) fail('EINVAL');
  const isFixed = (flags & REMAP.fixed) !== 0;
  if (isFixed && (flags & REMAP.mayMove) === 0) fail('EINVAL');
  if (newBytes === 0 || oldBytes === 0) fail('EINVAL');
  if (newBytes > kernel.memory.guestLimit) fail('ENOMEM');
  const range = rangeOf(kernel, address, oldBytes) ?? fail('EFAULT');
  const { start, bytes } = range;
  if (kernel.mappings.regions.within(start, start + bytes).length !== 1) fail('EFAULT');
  if (!kernel.mappings.regions.isTaken(start, start + bytes)) fail('EFAULT');
  let to: number | 'may-move' | 'stay' = (flags & REMAP.mayMove) !== 0 ? 'may-move' : 'stay';
  if (isFixed) {
    const target = args.word(4);
    if (!isAligned(target)) fail('EINVAL');
    const wanted = rangeOf(kernel, target, newBytes) ?? fail('EINVAL');
    const overlaps = wanted.start < start + bytes && start < wanted.start + wanted.bytes;
    if (overlaps) fail('EINVAL');
    to = wanted.start;
  }
  const result = kernel.mappings.remap(start, bytes, pageUp(newBytes), to);
  kernel.mappingsChanged();
  return result;
};

const MADV_DONTNEED = 4;
/** Highest advice that is known (linux/mman.h, MADV_COLLAPSE); then poisoning, for root. */
const MADV_MAX = 25;

const madvise: Handler = (kernel, args) => {
  const [address, bytes, advice] = [args.word(0), args.size(1), args.int(2)];
  if (!isAligned(address) || advice < 0 || advice > MADV_MAX) fail('EINVAL');
  if (bytes === 0) return 0;
  const { start, bytes: all } = rangeOf(kernel, address, bytes) ?? fail('ENOMEM');
  if (advice === MADV_DONTNEED) kernel.mappings.discard(start, all);
  return kernel.mappings.regions.isTaken(start, start + all) ? 0 : -ERRNO.ENOMEM;
};

/** Nothing is to be written back: shared mappings of files are only read. */
const msync: Handler = (kernel, args) => {
  if (!isAligned(args.word(0)) || (args.int(2) & ~7) !== 0) fail('EINVAL');
  return isMapped(kernel, args) ? 0 : -ERRNO.ENOMEM;
};

function isMapped(kernel: Kernel, args: Arguments): boolean {
  const range = rangeOf(kernel, args.word(0), args.size(1));
  if (range === null) return false;
  return kernel.mappings.regions.isTaken(range.start, range.start + range.bytes);
}

/** All memory is there at all times. */
const mlock: Handler = (kernel, args) => {
  const start = args.word(0) & ~BigInt(PAGE_BYTES - 1);
  const range = rangeOf(kernel, start, args.size(1) + Number(args.word(0) - start));
  if (range === null) return -ERRNO.ENOMEM;
  const isThere = kernel.mappings.regions.isTaken(range.start, range.start + range.bytes);
  return isThere ? 0 : -ERRNO.ENOMEM;
};

const mincore: Handler = (kernel, args) => {
  if (!isAligned(args.word(0))) fail('EINVAL');
  if (!isMapped(kernel, args)) return -ERRNO.ENOMEM;
  kernel.user.output(args.word(2), pageUp(args.size(1)) / PAGE_BYTES).fill(1);
  return 0;
};

export const MEMORY_CALLS = {
  brk,
  mmap,
  munmap,
  mprotect,
  mremap,
  madvise,
  msync,
  mlock,
  mincore,
} as const;
