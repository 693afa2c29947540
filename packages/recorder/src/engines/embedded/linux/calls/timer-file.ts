/** timerfd: timers that are read, and polled with other files. */
import { CLOCK, O } from '../abi.ts';
import { fail } from '../errno.ts';
import { type FileStat, madeStat, OpenFile, POLL, WOULD_BLOCK } from '../files.ts';
import type { Kernel } from '../kernel.ts';
import { nsOf, specOf, type Timer } from '../time.ts';
import { loadTimeSpec, storeTimeSpec } from '../user.ts';
import type { Handler } from './call.ts';

/** timerfd_create(2). */
class TimerFile extends OpenFile {
  readonly clock: number;
  readonly timer: Timer;
  readonly #forget: () => void;
  /** Times that it went off since it was last read or set. */
  #count = 0;

  constructor(kernel: Kernel, clock: number, flags: number) {
    super(O.readWrite | flags, 'anon_inode:[timerfd]');
    this.clock = clock;
    const expire = ({ overrun }: Timer): void => {
      this.#count += 1 + overrun;
    };
    const timer: Timer = { counts: 'time', due: null, intervalNs: 0, overrun: 0, expire };
    this.timer = kernel.timers.add(timer);
    this.#forget = () => kernel.timers.remove(timer);
  }

  set(due: number | null, intervalNs: number): void {
    this.#count = 0;
    this.timer.due = due;
    this.timer.intervalNs = intervalNs;
  }

  override stat(): FileStat {
    return madeStat(0o600, 1);
  }

  override read(into: Uint8Array): number | typeof WOULD_BLOCK {
    if (into.length < 8) return fail('EINVAL');
    if (this.#count === 0) return WOULD_BLOCK;
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, BigInt(this.#count), true);
    this.#count = 0;
    return 8;
  }

  override poll(): number {
    return this.#count > 0 ? POLL.in : 0;
  }

  override close(): void {
    this.#forget();
  }
}

const CLOCKS: ReadonlySet<number> = new Set([CLOCK.realtime, CLOCK.monotonic, CLOCK.boottime]);

const timerfdCreate: Handler = (kernel, args) => {
  const [clock, flags] = [args.int(0), args.int(1)];
  if (!CLOCKS.has(clock) || (flags & ~(O.closeOnExec | O.nonBlock)) !== 0) fail('EINVAL');
  const file = new TimerFile(kernel, clock, flags & O.nonBlock);
  return kernel.descriptors.add(file, (flags & O.closeOnExec) !== 0);
};

function timerFile(kernel: Kernel, descriptor: number): TimerFile {
  const file = kernel.descriptors.get(descriptor);
  return file instanceof TimerFile ? file : fail('EINVAL');
}

/** struct itimerspec: interval, and what is left; at least 1 ns of a timer that is set. */
function store(kernel: Kernel, address: bigint, { timer }: TimerFile): void {
  const left = timer.due === null ? 0 : Math.max(1, Math.ceil(timer.due - kernel.time.now()));
  storeTimeSpec(kernel.user, address, specOf(BigInt(timer.intervalNs)));
  storeTimeSpec(kernel.user, address + 16n, specOf(BigInt(left)));
}

const ABSOLUTE = 1;
/** Told when the time of day is set, which nobody here can. */
const CANCEL_ON_SET = 2;

const timerfdSettime: Handler = (kernel, args) => {
  const [flags, wanted, old] = [args.int(1), args.word(2), args.word(3)];
  if ((flags & ~(ABSOLUTE | CANCEL_ON_SET)) !== 0) fail('EINVAL');
  const file = timerFile(kernel, args.int(0));
  const every = Number(nsOf(loadTimeSpec(kernel.user, wanted)));
  const first = loadTimeSpec(kernel.user, wanted + 16n);
  const isSet = nsOf(first) !== 0n;
  if (old !== 0n) store(kernel, old, file);
  const isAbsolute = (flags & ABSOLUTE) !== 0;
  file.set(isSet ? kernel.time.moment(file.clock, first, isAbsolute) : null, every);
  return 0;
};

const timerfdGettime: Handler = (kernel, args) => {
  store(kernel, args.word(1), timerFile(kernel, args.int(0)));
  return 0;
};

export const TIMER_FILE_CALLS = { timerfdCreate, timerfdSettime, timerfdGettime } as const;
