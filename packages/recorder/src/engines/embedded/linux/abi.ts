/**
 * Numbers of the Linux user interface that more than one file needs (include/uapi/asm-generic and
 * include/uapi/linux of the kernel). RISC-V has no numbers of its own.
 */

export const PAGE_BYTES = 4096;
/** Largest count that read and write move at once. */
export const TRANSFER_BYTES_MAX = 0x7fff_f000;
export const PATH_BYTES_MAX = 4096;

export const O = {
  accessMode: 0o3,
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  noTty: 0o400,
  truncate: 0o1000,
  append: 0o2000,
  nonBlock: 0o4000,
  async: 0o20000,
  direct: 0o40000,
  largeFile: 0o100000,
  directory: 0o200000,
  noFollow: 0o400000,
  closeOnExec: 0o2000000,
  path: 0o10000000,
  temporary: 0o20200000,
} as const;

export const AT = {
  currentFolder: -100,
  symlinkNoFollow: 0x100,
  removeFolder: 0x200,
  symlinkFollow: 0x400,
  noAutomount: 0x800,
  emptyPath: 0x1000,
} as const;

/**
 * Permissions that reach a file of the host. Set-user-ID and set-group-ID do not, as on a file
 * system that is mounted nosuid: a program of the host would run with them.
 */
export const MODE_MASK = 0o1777;

export const S = {
  format: 0o170000,
  socket: 0o140000,
  link: 0o120000,
  regular: 0o100000,
  block: 0o060000,
  folder: 0o040000,
  character: 0o020000,
  fifo: 0o010000,
} as const;

export const PROT = { read: 1, write: 2, execute: 4 } as const;

export const MAP = {
  shared: 1,
  private: 2,
  sharedValidate: 3,
  type: 0xf,
  fixed: 0x10,
  anonymous: 0x20,
  fixedNoReplace: 0x10_0000,
} as const;

export const SIG = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
} as const;
/** Signals are 1 to 64; from 32 on they queue. */
export const SIGNALS = 64;
export const SIGRTMIN = 32;

export const CLOCK = {
  realtime: 0,
  monotonic: 1,
  processCpu: 2,
  threadCpu: 3,
  monotonicRaw: 4,
  realtimeCoarse: 5,
  monotonicCoarse: 6,
  boottime: 7,
  tai: 11,
} as const;

export const NS_PER_S = 1_000_000_000;
