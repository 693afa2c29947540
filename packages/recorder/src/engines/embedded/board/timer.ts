/**
 * Time on the board, and the CLINT that shows it (SiFive FU540 manual, chapter 9; QEMU calls it
 * ACLINT). One instruction takes one nanosecond, sleeping skips time, nothing else moves it: two
 * runs see the same times. mtime counts at 10 MHz as QEMU's does.
 *
 *   + 0x0000  msip of hart 0: bit 0              32 bits
 *   + 0x4000  mtimecmp of hart 0                 64 bits, or halves
 *   + 0xbff8  mtime                              64 bits, or halves
 *
 * Other words read 0 and ignore what is written: they belong to harts that are not there.
 */
import type { Clock } from '../core/machine.ts';
import { TRAP, Trap } from '../core/trap.ts';

const NANOSECONDS_PER_TICK = 100;
const MTIMECMP = 0x4000;
const MTIME = 0xbff8;
/** Beyond this many ticks a time is never reached: 2^45 ticks are 40 days of instructions. */
const TICKS_MAX = 1n << 45n;

export class Timer {
  /** Bit 0 of msip: the software interrupt is pending. */
  isSoftware = false;
  readonly #clock: Clock;
  #skipped = 0;
  /** mtime less the ticks since the start; a program may set mtime. */
  #offset = 0n;
  /** 0 at reset as QEMU's: the timer interrupt is pending until the first write. */
  #compare = 0n;
  /** `nanoseconds` from which on the timer interrupt is pending. */
  #due = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Guest time since the start: instructions, and what sleeping skipped. */
  get nanoseconds(): number {
    return this.#clock.instructions() + this.#skipped;
  }

  get mtime(): bigint {
    const ticks = Math.floor(this.nanoseconds / NANOSECONDS_PER_TICK);
    return BigInt.asUintN(64, BigInt(ticks) + this.#offset);
  }

  get isDue(): boolean {
    return this.nanoseconds >= this.#due;
  }

  /** The count of instructions from which on the timer interrupt is pending; Infinity: never. */
  get dueInstructions(): number {
    return this.#due - this.#skipped;
  }

  /** Nanoseconds until then, at least 0. */
  get left(): number {
    return Math.max(0, this.#due - this.nanoseconds);
  }

  skip(nanoseconds: number): void {
    this.#skipped += nanoseconds;
  }

  /** @throws Trap loadAccess */
  read(offset: number, bytes: number, address: bigint): bigint {
    checkWidth(offset, bytes, TRAP.loadAccess, address);
    if (offset === 0) return this.isSoftware ? 1n : 0n;
    const place = offset & ~4;
    const value = place === MTIMECMP ? this.#compare : place === MTIME ? this.mtime : 0n;
    return BigInt.asUintN(bytes * 8, value >> BigInt((offset & 4) * 8));
  }

  /** @throws Trap storeAccess */
  write(offset: number, bytes: number, value: bigint, address: bigint): void {
    checkWidth(offset, bytes, TRAP.storeAccess, address);
    if (offset === 0) this.isSoftware = (value & 1n) !== 0n;
    const place = offset & ~4;
    if (place === MTIMECMP) {
      this.#compare = merge(this.#compare, offset, bytes, value);
    } else if (place === MTIME) {
      const before = this.mtime;
      this.#offset += merge(before, offset, bytes, value) - before;
    } else {
      return;
    }
    this.#setDue();
  }

  #setDue(): void {
    const { mtime } = this;
    const ticks = this.#compare - mtime;
    if (ticks > TICKS_MAX) {
      this.#due = Infinity;
    } else {
      const now = Math.floor(this.nanoseconds / NANOSECONDS_PER_TICK);
      this.#due = (now + Number(ticks > 0n ? ticks : 0n)) * NANOSECONDS_PER_TICK;
    }
  }
}

/** QEMU refuses all but aligned words, and doubles of the timer. */
function checkWidth(offset: number, bytes: number, cause: number, address: bigint): void {
  const isTimer = offset >= MTIMECMP;
  const isFine = offset % bytes === 0 && (bytes === 4 || (bytes === 8 && isTimer));
  if (!isFine) throw new Trap(cause, address);
}

function merge(before: bigint, offset: number, bytes: number, value: bigint): bigint {
  if (bytes === 8) return value;
  const shift = BigInt((offset & 4) * 8);
  return (before & ~(0xffff_ffffn << shift)) | (value << shift);
}
