/** What every system call is written in: its arguments, its result. */
import type { Hart } from '../../core/hart.ts';
import { O, TRANSFER_BYTES_MAX } from '../abi.ts';
import { ERRNO } from '../errno.ts';
import { type OpenFile, POLL, WOULD_BLOCK } from '../files.ts';
import type { Kernel } from '../kernel.ts';
import { type Wait, waitFor } from '../threads.ts';

/** The call does not come back to the next instruction: the thread is gone or elsewhere. */
export const NO_RESULT = 'no result';

/** A number (negative: an error), a wait, or nothing. */
export type CallResult = number | bigint | Wait | typeof NO_RESULT;

export type Handler = (kernel: Kernel, args: Arguments) => CallResult;

const A0 = 10;

/** a0 to a5, as the types that a call's parameters have. Good until the call is over. */
export class Arguments {
  readonly #x: BigUint64Array;

  constructor(hart: Hart) {
    this.#x = hart.xUnsigned;
  }

  /** unsigned long, or an address. */
  word(place: number): bigint {
    return this.#x[A0 + place] ?? 0n;
  }

  /** long. */
  long(place: number): bigint {
    return BigInt.asIntN(64, this.word(place));
  }

  int(place: number): number {
    return Number(BigInt.asIntN(32, this.word(place)));
  }

  unsigned(place: number): number {
    return Number(BigInt.asUintN(32, this.word(place)));
  }

  /** size_t; what is too large to be exact is too large for the guest anyway. */
  size(place: number): number {
    return Number(this.word(place));
  }

  /** A count of bytes to move: never more than Linux moves at once. */
  count(place: number): number {
    return Math.min(this.size(place), TRANSFER_BYTES_MAX);
  }

  /** off_t */
  offset(place: number): number {
    return Number(this.long(place));
  }
}

/**
 * Makes a call on a file that may have to wait.
 * @param events POLL bits of which one must hold before it is worth another try.
 */
export function onFile(
  file: OpenFile,
  events: number,
  call: () => number | typeof WOULD_BLOCK,
): number | Wait {
  const result = call();
  if (result !== WOULD_BLOCK) return result;
  if ((file.flags & O.nonBlock) !== 0) return -ERRNO.EAGAIN;
  return waitFor({
    needsInput: file.isConsole,
    isReady: () => (file.poll() & (events | POLL.error | POLL.hangUp)) !== 0,
    finish: () => onFile(file, events, call),
  });
}
