/** Pipes between threads of the process, and eventfd counters. */
import { O, S } from './abi.ts';
import { fail } from './errno.ts';
import { type FileStat, madeStat, OpenFile, POLL, WOULD_BLOCK } from './files.ts';

/** As Linux has it: pipe(7). */
export const PIPE_BYTES = 65_536;
/** What is written at once up to this size is not mixed with what others write. */
const ATOMIC_BYTES = 4096;

/** The bytes between two ends. */
export class Pipe {
  readonly #bytes = new Uint8Array(PIPE_BYTES);
  readonly number: number;
  #start = 0;
  #count = 0;
  readers = 1;
  writers = 1;

  constructor(number: number) {
    this.number = number;
  }

  get count(): number {
    return this.#count;
  }

  take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#count);
    for (let at = 0; at < count; at++) {
      into[at] = this.#bytes[(this.#start + at) % PIPE_BYTES] ?? 0;
    }
    this.#start = (this.#start + count) % PIPE_BYTES;
    this.#count -= count;
    return count;
  }

  put(from: Uint8Array): number {
    const count = Math.min(from.length, PIPE_BYTES - this.#count);
    for (let at = 0; at < count; at++) {
      this.#bytes[(this.#start + this.#count + at) % PIPE_BYTES] = from[at] ?? 0;
    }
    this.#count += count;
    return count;
  }
}

/** One end; its flags say which. */
export class PipeEnd extends OpenFile {
  readonly #pipe: Pipe;

  constructor(pipe: Pipe, flags: number) {
    super(flags, `pipe:[${pipe.number}]`);
    this.#pipe = pipe;
  }

  override stat(): FileStat {
    return madeStat(S.fifo | 0o600, this.#pipe.number);
  }

  override read(into: Uint8Array, at: number | null): number | typeof WOULD_BLOCK {
    if (at !== null) return fail('ESPIPE');
    if (into.length === 0) return 0;
    if (this.#pipe.count > 0) return this.#pipe.take(into);
    return this.#pipe.writers === 0 ? 0 : WOULD_BLOCK;
  }

  /** @throws Failure EPIPE: nobody reads any more. */
  override write(from: Uint8Array, at: number | null): number | typeof WOULD_BLOCK {
    if (at !== null) return fail('ESPIPE');
    if (this.#pipe.readers === 0) return fail('EPIPE');
    if (from.length === 0) return 0;
    const room = PIPE_BYTES - this.#pipe.count;
    if (room === 0 || (from.length <= ATOMIC_BYTES && room < from.length)) return WOULD_BLOCK;
    return this.#pipe.put(from);
  }

  override poll(): number {
    if (this.mayRead) {
      const isEnded = this.#pipe.writers === 0 ? POLL.hangUp : 0;
      return (this.#pipe.count > 0 ? POLL.in : 0) | isEnded;
    }
    const isBroken = this.#pipe.readers === 0 ? POLL.error : 0;
    return (PIPE_BYTES - this.#pipe.count >= ATOMIC_BYTES ? POLL.out : 0) | isBroken;
  }

  override available(): number {
    return this.#pipe.count;
  }

  override close(): void {
    if ((this.flags & O.accessMode) === O.readOnly) this.#pipe.readers--;
    else this.#pipe.writers--;
  }
}

const COUNTER_MAX = 0xffff_ffff_ffff_fffen;

/** eventfd(2): a 64-bit counter that can be waited for. */
export class EventCounter extends OpenFile {
  #count: bigint;
  readonly #isSemaphore: boolean;

  constructor(count: bigint, isSemaphore: boolean, flags: number) {
    super(flags, 'anon_inode:[eventfd]');
    this.#count = count;
    this.#isSemaphore = isSemaphore;
  }

  override stat(): FileStat {
    return madeStat(0o600, 1);
  }

  override read(into: Uint8Array): number | typeof WOULD_BLOCK {
    if (into.length < 8) return fail('EINVAL');
    if (this.#count === 0n) return WOULD_BLOCK;
    const taken = this.#isSemaphore ? 1n : this.#count;
    this.#count -= taken;
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, taken, true);
    return 8;
  }

  override write(from: Uint8Array): number | typeof WOULD_BLOCK {
    if (from.length < 8) return fail('EINVAL');
    const more = new DataView(from.buffer, from.byteOffset).getBigUint64(0, true);
    if (more > COUNTER_MAX) return fail('EINVAL');
    if (this.#count + more > COUNTER_MAX) return WOULD_BLOCK;
    this.#count += more;
    return 8;
  }

  override poll(): number {
    return (this.#count > 0n ? POLL.in : 0) | (this.#count < COUNTER_MAX ? POLL.out : 0);
  }
}
