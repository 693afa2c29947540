/** What is told of the process and the machine, and little else. */
import { NS_PER_S } from '../abi.ts';
import { DESCRIPTORS_MAX } from '../descriptors.ts';
import { ERRNO, fail } from '../errno.ts';
import { type Kernel, PARENT_PID, PID, UID } from '../kernel.ts';
import type { Handler } from './call.ts';

const pid: Handler = () => PID;
const parentPid: Handler = () => PARENT_PID;
const uid: Handler = () => UID;
const nothing: Handler = () => 0;
const noChild: Handler = () => -ERRNO.ECHILD;
const notPermitted: Handler = () => -ERRNO.EPERM;

/** struct new_utsname: six fields of 65 bytes. */
const FIELD_BYTES = 65;
const NAMES = ['Linux', 'backtrail', '6.1.0', '#1 SMP', 'riscv64', '(none)'] as const;

const uname: Handler = (kernel, args) => {
  const bytes = kernel.user.output(args.word(0), FIELD_BYTES * NAMES.length);
  bytes.fill(0);
  for (const [index, name] of NAMES.entries()) bytes.set(Buffer.from(name), FIELD_BYTES * index);
  return 0;
};

/** struct sysinfo, 112 bytes: uptime, three loads, memory in units of `mem_unit` at 104. */
const sysinfo: Handler = (kernel, args) => {
  const { mappings, options, threads, time } = kernel;
  const view = kernel.user.outputView(args.word(0), 112);
  for (let at = 0; at < 112; at += 8) view.setBigUint64(at, 0n, true);
  view.setBigInt64(0, BigInt(Math.floor(time.now() / NS_PER_S)), true);
  view.setBigUint64(32, BigInt(options.mappedBytesMax), true);
  view.setBigUint64(40, BigInt(options.mappedBytesMax - mappings.accessibleBytes), true);
  view.setUint16(80, threads.count, true);
  view.setUint32(104, 1, true);
  return 0;
};

/** Sixteen struct timevals and longs, of which the times and the largest size are known. */
const getrusage: Handler = (kernel, args) => {
  const RUSAGE_THREAD = 1;
  const RUSAGE_SELF = 0;
  const RUSAGE_CHILDREN = -1;
  const who = args.int(0);
  if (who !== RUSAGE_SELF && who !== RUSAGE_CHILDREN && who !== RUSAGE_THREAD) fail('EINVAL');
  const view = kernel.user.outputView(args.word(1), 144);
  for (let at = 0; at < 144; at += 8) view.setBigUint64(at, 0n, true);
  if (who === RUSAGE_CHILDREN) return 0;
  const ns = who === RUSAGE_THREAD ? kernel.threadInstructions() : kernel.time.instructions();
  view.setBigInt64(0, BigInt(Math.floor(ns / NS_PER_S)), true);
  view.setBigInt64(8, BigInt(Math.floor((ns % NS_PER_S) / 1000)), true);
  view.setBigInt64(32, BigInt(Math.floor(kernel.mappings.accessibleBytes / 1024)), true);
  return 0;
};

const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
const RLIMIT = { data: 2, stack: 3, core: 4, processes: 6, files: 7, addressSpace: 9 } as const;
const RLIMITS = 16;
const STACK_BYTES = 8 << 20;

function limitOf(resource: number): bigint {
  switch (resource) {
    case RLIMIT.stack:
      return BigInt(STACK_BYTES);
    case RLIMIT.core:
      return 0n;
    case RLIMIT.processes:
    case RLIMIT.files:
      return BigInt(DESCRIPTORS_MAX);
    case RLIMIT.data:
    case RLIMIT.addressSpace:
      return RLIM_INFINITY;
    default:
      return resource >= 0 && resource < RLIMITS ? RLIM_INFINITY : fail('EINVAL');
  }
}

function storeLimit(kernel: Kernel, resource: number, address: bigint): void {
  const limit = limitOf(resource);
  kernel.user.store64(address, limit);
  kernel.user.store64(address + 8n, limit);
}

/** Limits can be asked for; what is set is checked and forgotten: they are fixed here. */
const prlimit64: Handler = (kernel, args) => {
  const id = args.int(0);
  if (id !== 0 && id !== PID) fail('ESRCH');
  const [resource, wanted, old] = [args.int(1), args.word(2), args.word(3)];
  limitOf(resource);
  if (wanted !== 0n && kernel.user.load64(wanted) > kernel.user.load64(wanted + 8n)) fail('EINVAL');
  if (old !== 0n) storeLimit(kernel, resource, old);
  return 0;
};

const getrlimit: Handler = (kernel, args) => {
  storeLimit(kernel, args.int(0), args.word(1));
  return 0;
};

const GETRANDOM_FLAGS = 7;

const getrandom: Handler = (kernel, args) => {
  if ((args.unsigned(2) & ~GETRANDOM_FLAGS) !== 0) fail('EINVAL');
  const bytes = args.count(1);
  kernel.random.fill(kernel.user.output(args.word(0), bytes));
  return bytes;
};

/** One hart: bit 0. The kernel's call returns how many bytes it stored. */
const schedGetaffinity: Handler = (kernel, args) => {
  const [id, bytes] = [args.int(0), args.unsigned(1)];
  if (bytes < 8 || bytes % 8 !== 0) fail('EINVAL');
  if (id !== 0 && kernel.threads.get(id) === null) fail('ESRCH');
  kernel.user.store64(args.word(2), 1n);
  return 8;
};

const schedSetaffinity: Handler = (kernel, args) => {
  const mask = kernel.user.load64(args.word(2));
  return (mask & 1n) !== 0n ? 0 : fail('EINVAL');
};

const getcpu: Handler = (kernel, args) => {
  for (const place of [0, 1]) {
    if (args.word(place) !== 0n) kernel.user.store32(args.word(place), 0);
  }
  return 0;
};

/** struct sched_param: one int. */
const schedGetparam: Handler = (kernel, args) => {
  kernel.user.store32(args.word(1), 0);
  return 0;
};

const priorityLimit: Handler = (_kernel, args) => {
  const SCHED_OTHER = 0;
  return args.int(0) === SCHED_OTHER ? 0 : fail('EINVAL');
};

const nice: Handler = () => 20;

const groups: Handler = (kernel, args) => {
  const count = args.int(0);
  if (count < 0) fail('EINVAL');
  if (count > 0) kernel.user.store32(args.word(1), UID);
  return 1;
};

const threeIds: Handler = (kernel, args) => {
  for (const place of [0, 1, 2]) kernel.user.store32(args.word(place), UID);
  return 0;
};

/** To oneself nothing changes; to others only root may. */
const setId: Handler = (_kernel, args) => {
  const isOwn = args.int(0) === UID || args.int(0) === -1;
  return isOwn ? 0 : fail('EPERM');
};

/** Two or three of them: real, effective, saved. */
const setIds: Handler = (_kernel, args) => {
  const isOwn = (place: number): boolean => args.int(place) === UID || args.int(place) === -1;
  return isOwn(0) && isOwn(1) ? 0 : fail('EPERM');
};

const CAPABILITY_VERSION = 0x2008_0522;

/** struct __user_cap_header_struct: version, pid; then six words: none is held. */
const capget: Handler = (kernel, args) => {
  const version = kernel.user.load32(args.word(0)) >>> 0;
  if (version !== CAPABILITY_VERSION) {
    kernel.user.store32(args.word(0), CAPABILITY_VERSION);
    return args.word(1) === 0n ? 0 : fail('EINVAL');
  }
  if (args.word(1) !== 0n) kernel.user.output(args.word(1), 24).fill(0);
  return 0;
};

/** Linux as it is; what is asked for besides has no effect. */
const personality: Handler = () => 0;

/** struct timespec: of a thread that is no real-time thread, nothing is known. */
const schedRrGetInterval: Handler = (kernel, args) => {
  kernel.user.output(args.word(1), 16).fill(0);
  return 0;
};

const PR = { setName: 15, getName: 16, setDumpable: 4, getDumpable: 3, setNoNewPrivs: 38 } as const;
const NAME_BYTES = 16;

const prctl: Handler = (kernel, args) => {
  const { running } = kernel.threads;
  switch (args.int(0)) {
    case PR.setName:
      running.name = kernel.user.string(args.word(1), 4096).slice(0, NAME_BYTES - 1);
      return 0;
    case PR.getName: {
      const bytes = kernel.user.output(args.word(1), NAME_BYTES);
      bytes.fill(0);
      bytes.set(Buffer.from(running.name).subarray(0, NAME_BYTES - 1));
      return 0;
    }
    case PR.getDumpable:
      return 1;
    case PR.setDumpable:
    case PR.setNoNewPrivs:
      return 0;
    default:
      return fail('EINVAL');
  }
};

/** All threads run on one hart: every access of one is seen by the next. */
const membarrier: Handler = (_kernel, args) => {
  const QUERY = 0;
  const PRIVATE_EXPEDITED = 8;
  const REGISTER_PRIVATE_EXPEDITED = 16;
  const command = args.int(0);
  if (args.int(1) !== 0) fail('EINVAL');
  if (command === QUERY) return PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED;
  const isKnown = command === PRIVATE_EXPEDITED || command === REGISTER_PRIVATE_EXPEDITED;
  return isKnown ? 0 : fail('EINVAL');
};

/** Code that was decoded is forgotten as it is stored to: nothing is left to do. */
const flushIcache: Handler = (_kernel, args) => {
  return (args.word(2) & ~1n) === 0n ? 0 : fail('EINVAL');
};

export const SYSTEM_CALLS = {
  pid,
  parentPid,
  uid,
  nothing,
  noChild,
  notPermitted,
  uname,
  sysinfo,
  getrusage,
  prlimit64,
  getrlimit,
  getrandom,
  schedGetaffinity,
  schedSetaffinity,
  getcpu,
  schedGetparam,
  priorityLimit,
  nice,
  groups,
  threeIds,
  setId,
  setIds,
  capget,
  personality,
  schedRrGetInterval,
  prctl,
  membarrier,
  flushIcache,
} as const;
