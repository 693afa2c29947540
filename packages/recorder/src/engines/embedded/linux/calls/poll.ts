/** Waiting for several descriptors: ppoll, pselect6 and epoll. */
import { O, S } from '../abi.ts';
import { ERRNO, fail } from '../errno.ts';
import { madeStat, OpenFile, POLL } from '../files.ts';
import type { Kernel } from '../kernel.ts';
import { UNBLOCKABLE } from '../signals.ts';
import { waitFor } from '../threads.ts';
import { nsOf } from '../time.ts';
import { loadTimeSpec } from '../user.ts';
import type { CallResult, Handler } from './call.ts';

const POLLS_MAX = 1024;
const ALWAYS = POLL.error | POLL.hangUp | POLL.invalid;
const SIGSET_BYTES = 8n;
const NS_PER_MS = 1_000_000;

/** When a relative time is over; null: never. @throws Failure */
function untilOf(kernel: Kernel, address: bigint): number | null {
  if (address === 0n) return null;
  return kernel.time.now() + Number(nsOf(loadTimeSpec(kernel.user, address)));
}

/** Another mask while the call waits. @throws Failure EINVAL, EFAULT */
function suspend(kernel: Kernel, address: bigint, bytes: bigint): void {
  if (address === 0n) return;
  if (bytes !== SIGSET_BYTES) fail('EINVAL');
  kernel.threads.running.suspendMask = kernel.user.load64(address) & ~UNBLOCKABLE;
}

interface Waiting {
  readonly until: number | null;
  /** How many are ready. */
  readonly look: () => number;
  /** As `look`, and tells the guest which. */
  readonly store?: () => number;
  /** Whether one of the files is the console. */
  readonly needsInput: () => boolean;
}

/** A signal that is there already counts for more than a time that is over. */
function waitUntilReady(kernel: Kernel, waiting: Waiting): CallResult {
  const { until, look, store = look, needsInput } = waiting;
  const thread = kernel.threads.running;
  const finish = (): number => {
    thread.suspendMask = null;
    return store();
  };
  if (look() > 0) return finish();
  if (kernel.hasSignal(thread)) return -ERRNO.EINTR;
  if (until !== null && until <= kernel.time.now()) return finish();
  return waitFor({
    until,
    needsInput: needsInput(),
    restarts: false,
    isReady: () => look() > 0,
    finish,
  });
}

const POLL_BYTES = 8;

const ppoll: Handler = (kernel, args) => {
  const [address, count] = [args.word(0), args.unsigned(1)];
  if (count > POLLS_MAX) fail('EINVAL');
  const until = untilOf(kernel, args.word(2));
  const view = count === 0 ? null : kernel.user.outputView(address, count * POLL_BYTES);
  suspend(kernel, args.word(3), args.word(4));
  const filesOf = (): [number, OpenFile | null, number][] => {
    const list: [number, OpenFile | null, number][] = [];
    for (let place = 0; view !== null && place < count; place++) {
      const number = view.getInt32(place * POLL_BYTES, true);
      const wanted = view.getUint16(place * POLL_BYTES + 4, true);
      if (number < 0) view.setUint16(place * POLL_BYTES + 6, 0, true);
      else list.push([place, kernel.descriptors.find(number), wanted]);
    }
    return list;
  };
  const look = (): number => {
    let ready = 0;
    for (const [place, file, wanted] of filesOf()) {
      const found = (file === null ? POLL.invalid : file.poll()) & (wanted | ALWAYS);
      view?.setUint16(place * POLL_BYTES + 6, found, true);
      if (found !== 0) ready++;
    }
    return ready;
  };
  const needsInput = (): boolean => filesOf().some(([, file]) => file?.isConsole === true);
  return waitUntilReady(kernel, { until, look, needsInput });
};

const SET_BITS = 64;

/** One of the three sets of pselect6. */
interface Selection {
  readonly address: bigint;
  readonly numbers: readonly number[];
  readonly events: number;
}

function selectionOf(kernel: Kernel, address: bigint, count: number, events: number): Selection {
  const numbers: number[] = [];
  for (let first = 0; address !== 0n && first < count; first += SET_BITS) {
    const word = kernel.user.load64(address + BigInt(first / 8));
    for (let bit = 0; bit < SET_BITS && first + bit < count; bit++) {
      if (((word >> BigInt(bit)) & 1n) === 1n) numbers.push(first + bit);
    }
  }
  for (const number of numbers) kernel.descriptors.get(number);
  return { address, numbers, events };
}

function storeSelection(
  kernel: Kernel,
  address: bigint,
  count: number,
  ready: readonly number[],
): void {
  for (let first = 0; address !== 0n && first < count; first += SET_BITS) {
    let word = 0n;
    for (const number of ready) {
      if (number >= first && number < first + SET_BITS) word |= 1n << BigInt(number - first);
    }
    kernel.user.store64(address + BigInt(first / 8), word);
  }
}

const pselect6: Handler = (kernel, args) => {
  const count = args.int(0);
  if (count < 0) fail('EINVAL');
  const bits = Math.min(count, POLLS_MAX);
  const sets = [
    selectionOf(kernel, args.word(1), bits, POLL.in | POLL.hangUp | POLL.error),
    selectionOf(kernel, args.word(2), bits, POLL.out | POLL.error),
    selectionOf(kernel, args.word(3), bits, 0),
  ];
  const until = untilOf(kernel, args.word(4));
  const mask = args.word(5);
  if (mask !== 0n) suspend(kernel, kernel.user.load64(mask), kernel.user.load64(mask + 8n));
  const isReady = (number: number, events: number): boolean =>
    ((kernel.descriptors.find(number)?.poll() ?? 0) & events) !== 0;
  const readyOf = ({ numbers, events }: Selection): number[] =>
    numbers.filter((number) => isReady(number, events));
  const look = (): number => sets.reduce((sum, set) => sum + readyOf(set).length, 0);
  const store = (): number => {
    for (const set of sets) storeSelection(kernel, set.address, bits, readyOf(set));
    return look();
  };
  const needsInput = (): boolean =>
    sets[0]?.numbers.some((number) => kernel.descriptors.find(number)?.isConsole) === true;
  return waitUntilReady(kernel, { until, look, store, needsInput });
};

const EPOLL = { add: 1, remove: 2, modify: 3 } as const;
const EDGE_TRIGGERED = 0x8000_0000;
const ONE_SHOT = 0x4000_0000;
const EVENT_BYTES = 16;

interface Interest {
  readonly file: OpenFile;
  events: number;
  data: bigint;
  /** What was told of an edge-triggered one. */
  told: number;
}

/** epoll(7). An edge is a change that is seen between two looks. */
class Epoll extends OpenFile {
  readonly interests = new Map<number, Interest>();

  constructor() {
    super(O.readWrite, 'anon_inode:[eventpoll]');
  }

  override stat() {
    return madeStat(S.regular | 0o600, 1);
  }

  /** What holds of one interest and is worth telling. */
  static news({ file, events, told }: Interest): number {
    const found = file.poll() & (events | ALWAYS);
    return (events & EDGE_TRIGGERED) !== 0 ? found & ~told : found;
  }

  override poll(): number {
    for (const interest of this.interests.values()) {
      if (Epoll.news(interest) !== 0) return POLL.in;
    }
    return 0;
  }

  /** Forgets the edges of what is not ready any more. */
  refresh(): void {
    for (const interest of this.interests.values()) interest.told &= interest.file.poll();
  }
}

function epollOf(kernel: Kernel, descriptor: number): Epoll {
  const file = kernel.descriptors.get(descriptor);
  return file instanceof Epoll ? file : fail('EINVAL');
}

const epollCreate1: Handler = (kernel, args) => {
  const flags = args.int(0);
  if ((flags & ~O.closeOnExec) !== 0) fail('EINVAL');
  return kernel.descriptors.add(new Epoll(), flags !== 0);
};

const epollCtl: Handler = (kernel, args) => {
  const epoll = epollOf(kernel, args.int(0));
  const number = args.int(2);
  const file = kernel.descriptors.get(number);
  if (file === epoll) fail('EINVAL');
  const before = epoll.interests.get(number);
  const isThere = before?.file === file;
  if (args.int(1) === EPOLL.remove) {
    if (!isThere) fail('ENOENT');
    epoll.interests.delete(number);
    return 0;
  }
  const view = kernel.user.inputView(args.word(3), EVENT_BYTES);
  const [events, data] = [view.getUint32(0, true), view.getBigUint64(8, true)];
  if (args.int(1) === EPOLL.add) {
    if (isThere) fail('EEXIST');
    if (file.hostDescriptor !== null) fail('EPERM');
  } else if (args.int(1) !== EPOLL.modify) fail('EINVAL');
  else if (!isThere) fail('ENOENT');
  epoll.interests.set(number, { file, events, data, told: 0 });
  return 0;
};

function waitForEvents(kernel: Kernel, args: Parameters<Handler>[1], until: number | null) {
  const epoll = epollOf(kernel, args.int(0));
  const [address, most] = [args.word(1), args.int(2)];
  if (most <= 0) fail('EINVAL');
  suspend(kernel, args.word(4), args.word(5));
  const store = (): number => {
    let count = 0;
    for (const [number, interest] of epoll.interests) {
      if (kernel.descriptors.find(number) !== interest.file) epoll.interests.delete(number);
      const found = Epoll.news(interest);
      if (found === 0 || count >= most) continue;
      const view = kernel.user.outputView(address + BigInt(count * EVENT_BYTES), EVENT_BYTES);
      view.setUint32(0, found, true);
      view.setUint32(4, 0, true);
      view.setBigUint64(8, interest.data, true);
      interest.told |= found;
      if ((interest.events & ONE_SHOT) !== 0) interest.events = 0;
      count++;
    }
    return count;
  };
  const look = (): number => {
    epoll.refresh();
    return epoll.poll() === 0 ? 0 : 1;
  };
  const needsInput = (): boolean =>
    [...epoll.interests.values()].some(({ file }) => file.isConsole);
  return waitUntilReady(kernel, { until, look, store, needsInput });
}

const epollPwait: Handler = (kernel, args) => {
  const ms = args.int(3);
  return waitForEvents(kernel, args, ms < 0 ? null : kernel.time.now() + ms * NS_PER_MS);
};

const epollPwait2: Handler = (kernel, args) => {
  return waitForEvents(kernel, args, untilOf(kernel, args.word(3)));
};

export const POLL_CALLS = {
  ppoll,
  pselect6,
  epollCreate1,
  epollCtl,
  epollPwait,
  epollPwait2,
} as const;
