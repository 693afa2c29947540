/** Error numbers of Linux (asm-generic/errno-base.h, errno.h) and how a system call fails. */

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ETIMEDOUT: 110,
} as const;

export type ErrorName = keyof typeof ERRNO;

/** A system call that fails; the guest gets the negative number. */
export class Failure extends Error {
  readonly number: number;

  constructor(name: ErrorName) {
    super(name);
    this.number = ERRNO[name];
  }
}

export const fail = (name: ErrorName): never => {
  throw new Failure(name);
};

/** What a call answers, the negative number if it fails. */
export function attempt<T>(call: () => T): T | number {
  try {
    return call();
  } catch (error) {
    if (error instanceof Failure) return -error.number;
    throw error;
  }
}

const isErrorName = (name: string): name is ErrorName => Object.hasOwn(ERRNO, name);

/** Runs a call of node:fs. @throws Failure with the host's error, by name: numbers differ. */
export function onHost<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (typeof code !== 'string') throw error;
    if (code.startsWith('ERR_')) throw new Failure('EINVAL');
    throw new Failure(isErrorName(code) ? code : 'EIO');
  }
}
