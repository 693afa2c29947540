/** read, write and their kin. */
import { O, S, SIG } from '../abi.ts';
import { ERRNO, Failure, fail } from '../errno.ts';
import { type OpenFile, POLL, WOULD_BLOCK } from '../files.ts';
import { type Kernel, PID } from '../kernel.ts';
import { type Wait, waitFor } from '../threads.ts';
import { type CallResult, type Handler, onFile } from './call.ts';

const VECTORS_MAX = 1024;
const VECTOR_BYTES = 16;
/** What the vectors of one call move together: they go through memory of the host. */
const GATHERED_BYTES_MAX = 4 << 20;

function readable(kernel: Kernel, descriptor: number): OpenFile {
  const file = kernel.descriptors.get(descriptor);
  return file.mayRead ? file : fail('EBADF');
}

function writable(kernel: Kernel, descriptor: number): OpenFile {
  const file = kernel.descriptors.get(descriptor);
  return file.mayWrite ? file : fail('EBADF');
}

function readInto(
  kernel: Kernel,
  file: OpenFile,
  address: bigint,
  bytes: number,
  at: number | null,
): CallResult {
  return onFile(file, POLL.in, () => file.read(kernel.user.output(address, bytes), at));
}

/** SIGPIPE comes with EPIPE. */
function writeAll(kernel: Kernel, file: OpenFile, bytes: Uint8Array, at: number | null): number {
  try {
    const result = file.write(bytes, at);
    return result === WOULD_BLOCK ? 0 : result;
  } catch (error) {
    if (error instanceof Failure && error.number === ERRNO.EPIPE) kernel.sendSelf(SIG.PIPE);
    throw error;
  }
}

/**
 * Writes, as long as there is no room waits for some: all is written, unless a signal comes in
 * between or the file is not to wait.
 */
function writeFrom(
  kernel: Kernel,
  file: OpenFile,
  bytes: Uint8Array,
  at: number | null,
  done = 0,
): number | Wait {
  let total = done;
  while (total < bytes.length || bytes.length === 0) {
    const now = writeAll(kernel, file, bytes.subarray(total), at === null ? null : at + total);
    if (now < 0) return total > 0 ? total : now;
    total += now;
    if (bytes.length === 0) return 0;
    if (now > 0 || total === bytes.length) continue;
    if ((file.flags & O.nonBlock) !== 0) return total > 0 ? total : -ERRNO.EAGAIN;
    const written = total;
    return waitFor({
      isReady: () => (file.poll() & (POLL.out | POLL.error)) !== 0,
      finish: () => writeFrom(kernel, file, bytes, at, written),
      interrupted: () => (written > 0 ? written : null),
    });
  }
  return total;
}

const read: Handler = (kernel, args) => {
  const file = readable(kernel, args.int(0));
  return readInto(kernel, file, args.word(1), args.count(2), null);
};

const write: Handler = (kernel, args) => {
  const file = writable(kernel, args.int(0));
  return writeFrom(kernel, file, kernel.user.input(args.word(1), args.count(2)), null);
};

/** @throws Failure EINVAL, ESPIPE: the position is checked first. */
function position(file: OpenFile, at: number): number {
  if (at < 0) fail('EINVAL');
  file.seek(0, 1);
  return at;
}

const pread64: Handler = (kernel, args) => {
  const file = readable(kernel, args.int(0));
  const at = position(file, args.offset(3));
  return readInto(kernel, file, args.word(1), args.count(2), at);
};

const pwrite64: Handler = (kernel, args) => {
  const file = writable(kernel, args.int(0));
  const at = position(file, args.offset(3));
  return writeFrom(kernel, file, kernel.user.input(args.word(1), args.count(2)), at);
};

interface Vector {
  readonly address: bigint;
  readonly bytes: number;
}

/** struct iovec: address and length. @throws Failure EINVAL, EFAULT */
function vectors(kernel: Kernel, address: bigint, count: number): Vector[] {
  if (count < 0 || count > VECTORS_MAX) fail('EINVAL');
  if (count === 0) return [];
  const view = kernel.user.inputView(address, count * VECTOR_BYTES);
  const list: Vector[] = [];
  let left = GATHERED_BYTES_MAX;
  for (let place = 0; place < count; place++) {
    const wanted = view.getBigInt64(place * VECTOR_BYTES + 8, true);
    if (wanted < 0n) fail('EINVAL');
    const bytes = Math.min(Number(wanted), left);
    left -= bytes;
    if (bytes > 0) list.push({ address: view.getBigUint64(place * VECTOR_BYTES, true), bytes });
  }
  return list;
}

const totalOf = (list: readonly Vector[]): number =>
  list.reduce((sum, { bytes }) => sum + bytes, 0);

/** A read that fills several places with what comes at once. */
function readVectors(
  kernel: Kernel,
  file: OpenFile,
  list: readonly Vector[],
  at: number | null,
): CallResult {
  const targets = list.map(({ address, bytes }) => kernel.user.output(address, bytes));
  return onFile(file, POLL.in, () => {
    const all = new Uint8Array(totalOf(list));
    const count = file.read(all, at);
    if (count === WOULD_BLOCK) return count;
    let from = 0;
    for (const target of targets) {
      target.set(all.subarray(from, Math.min(count, from + target.length)));
      from += target.length;
      if (from >= count) break;
    }
    return count;
  });
}

function gather(kernel: Kernel, list: readonly Vector[]): Uint8Array {
  const all = new Uint8Array(totalOf(list));
  let to = 0;
  for (const { address, bytes } of list) {
    all.set(kernel.user.input(address, bytes), to);
    to += bytes;
  }
  return all;
}

const readv: Handler = (kernel, args) => {
  const file = readable(kernel, args.int(0));
  return readVectors(kernel, file, vectors(kernel, args.word(1), args.int(2)), null);
};

const writev: Handler = (kernel, args) => {
  const file = writable(kernel, args.int(0));
  const list = vectors(kernel, args.word(1), args.int(2));
  return list.length === 0 ? 0 : writeFrom(kernel, file, gather(kernel, list), null);
};

const preadv: Handler = (kernel, args) => {
  const file = readable(kernel, args.int(0));
  const at = position(file, args.offset(3));
  return readVectors(kernel, file, vectors(kernel, args.word(1), args.int(2)), at);
};

const pwritev: Handler = (kernel, args) => {
  const file = writable(kernel, args.int(0));
  const at = position(file, args.offset(3));
  const list = vectors(kernel, args.word(1), args.int(2));
  return list.length === 0 ? 0 : writeFrom(kernel, file, gather(kernel, list), at);
};

/**
 * Between this process and itself, which is how libraries ask whether memory can be read: the bytes
 * that could be copied before the first place that could not.
 */
function copyWithin(kernel: Kernel, id: number, from: Vector[], to: Vector[]): number {
  if (id !== PID) fail('ESRCH');
  const rest = (list: Vector[], done: number): void => {
    const [first] = list;
    if (first === undefined) return;
    const { address, bytes } = first;
    if (bytes === done) list.shift();
    else list[0] = { address: address + BigInt(done), bytes: bytes - done };
  };
  let total = 0;
  for (;;) {
    const [source, target] = [from[0], to[0]];
    if (source === undefined || target === undefined) return total;
    const count = Math.min(source.bytes, target.bytes);
    const input = kernel.memory.readable(source.address, count);
    const output = kernel.memory.writable(target.address, count);
    if (input === null || output === null) return total > 0 ? total : fail('EFAULT');
    output.set(input);
    total += count;
    rest(from, count);
    rest(to, count);
  }
}

const processVmReadv: Handler = (kernel, args) => {
  const own = vectors(kernel, args.word(1), args.int(2));
  const others = vectors(kernel, args.word(3), args.int(4));
  if (args.word(5) !== 0n) fail('EINVAL');
  return copyWithin(kernel, args.int(0), others, own);
};

const processVmWritev: Handler = (kernel, args) => {
  const own = vectors(kernel, args.word(1), args.int(2));
  const others = vectors(kernel, args.word(3), args.int(4));
  if (args.word(5) !== 0n) fail('EINVAL');
  return copyWithin(kernel, args.int(0), own, others);
};

const FLAGS_PLACE = 5;

/** Flags ask for more than any file here promises; at -1 the file is where it is. */
const preadv2: Handler = (kernel, args) => {
  if (args.unsigned(FLAGS_PLACE) !== 0) fail('EOPNOTSUPP');
  return args.offset(3) === -1 ? readv(kernel, args) : preadv(kernel, args);
};

const pwritev2: Handler = (kernel, args) => {
  if (args.unsigned(FLAGS_PLACE) !== 0) fail('EOPNOTSUPP');
  return args.offset(3) === -1 ? writev(kernel, args) : pwritev(kernel, args);
};

const lseek: Handler = (kernel, args) => {
  return kernel.descriptors.get(args.int(0)).seek(args.offset(1), args.int(2));
};

const SENDFILE_BYTES = 65_536;
/** As much as one call copies: signals from outside are looked at between calls. */
const SENDFILE_BYTES_MAX = 16 << 20;

/** Copies piece by piece; what it could write before it had to wait counts as done. */
const sendfile: Handler = (kernel, args) => {
  const to = writable(kernel, args.int(0));
  const from = readable(kernel, args.int(1));
  if (from.hostDescriptor === null) fail('EINVAL');
  const offsetAt = args.word(2);
  let at = offsetAt === 0n ? from.seek(0, 1) : Number(kernel.user.load64(offsetAt));
  const wanted = Math.min(args.count(3), SENDFILE_BYTES_MAX);
  const buffer = new Uint8Array(SENDFILE_BYTES);
  let done = 0;
  while (done < wanted) {
    const count = from.read(buffer.subarray(0, Math.min(buffer.length, wanted - done)), at);
    if (count === WOULD_BLOCK || count === 0) break;
    const written = writeAll(kernel, to, buffer.subarray(0, count), null);
    done += written;
    at += written;
    if (written < count) break;
  }
  if (offsetAt === 0n) from.seek(at, 0);
  else kernel.user.store64(offsetAt, BigInt(at));
  return done;
};

/** Where a copy begins in a file: at an offset in memory, or where the file is. */
function copyPlace(kernel: Kernel, file: OpenFile, offsetAt: bigint) {
  if (file.hostDescriptor === null) fail('EINVAL');
  const at = offsetAt === 0n ? file.seek(0, 1) : Number(kernel.user.load64(offsetAt));
  const moveTo = (to: number): void => {
    if (offsetAt === 0n) file.seek(to, 0);
    else kernel.user.store64(offsetAt, BigInt(to));
  };
  return { at, moveTo };
}

const copyFileRange: Handler = (kernel, args) => {
  const from = readable(kernel, args.int(0));
  const to = writable(kernel, args.int(2));
  if (args.unsigned(5) !== 0) fail('EINVAL');
  if ((to.flags & O.append) !== 0) fail('EBADF');
  const source = copyPlace(kernel, from, args.word(1));
  const target = copyPlace(kernel, to, args.word(3));
  const wanted = Math.min(args.count(4), SENDFILE_BYTES_MAX);
  const buffer = new Uint8Array(SENDFILE_BYTES);
  let done = 0;
  while (done < wanted) {
    const part = buffer.subarray(0, Math.min(buffer.length, wanted - done));
    const count = from.read(part, source.at + done);
    if (count === WOULD_BLOCK || count === 0) break;
    done += writeAll(kernel, to, part.subarray(0, count), target.at + done);
  }
  source.moveTo(source.at + done);
  target.moveTo(target.at + done);
  return done;
};

const ftruncate: Handler = (kernel, args) => {
  const file = kernel.descriptors.get(args.int(0));
  const size = args.offset(1);
  if (size < 0 || !file.mayWrite) fail('EINVAL');
  file.truncate(size);
  return 0;
};

/** Only what makes a file longer; holes in it are left to the host. */
const fallocate: Handler = (kernel, args) => {
  const file = writable(kernel, args.int(0));
  const mode = args.int(1);
  const at = args.offset(2);
  const bytes = args.offset(3);
  if (at < 0 || bytes <= 0) fail('EINVAL');
  if (mode !== 0) fail('EOPNOTSUPP');
  const { size, mode: fileMode } = file.stat();
  if ((fileMode & S.format) !== S.regular) fail('ESPIPE');
  if (at + bytes > Number(size)) file.truncate(at + bytes);
  return 0;
};

const fsync: Handler = (kernel, args) => {
  kernel.descriptors.get(args.int(0)).sync();
  return 0;
};

export const TRANSFER_CALLS = {
  read,
  write,
  pread64,
  pwrite64,
  readv,
  writev,
  preadv,
  pwritev,
  preadv2,
  pwritev2,
  processVmReadv,
  processVmWritev,
  lseek,
  sendfile,
  copyFileRange,
  ftruncate,
  fallocate,
  fsync,
} as const;
