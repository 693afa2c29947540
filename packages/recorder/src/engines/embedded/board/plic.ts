/**
 * The platform-level interrupt controller (RISC-V PLIC specification 1.0.0; SiFive FU540 manual,
 * chapter 10), with two contexts: 0 is hart 0 in machine mode, 1 in supervisor mode.
 *
 *   + 0x000000  priority of source n at 4 * n
 *   + 0x001000  pending bits
 *   + 0x002000  enable bits, 0x80 bytes for each context
 *   + 0x200000  threshold, + 4 claim and complete; 0x1000 bytes for each context
 */
import { TRAP, Trap } from '../core/trap.ts';

/** As QEMU's virt: sources 1 to 127, priorities 0 to 7. */
const SOURCES = 128;
const WORDS = SOURCES / 32;
const PRIORITY_MASK = 7;
const CONTEXTS = 2;

const PENDING = 0x1000;
const ENABLE = 0x2000;
const ENABLE_BYTES = 0x80;
const CONTEXT = 0x20_0000;
const CONTEXT_BYTES = 0x1000;

export class Plic {
  readonly #priority = new Uint8Array(SOURCES);
  readonly #threshold = new Uint8Array(CONTEXTS);
  readonly #enable = new Uint32Array(CONTEXTS * WORDS);
  /** The line of each source, interrupts that wait, those that were claimed and not completed. */
  readonly #level = new Uint32Array(WORDS);
  readonly #waiting = new Uint32Array(WORDS);
  readonly #served = new Uint32Array(WORDS);

  /** A device raises or lowers its line. */
  setLevel(source: number, isUp: boolean): void {
    setBit(this.#level, source, isUp);
    this.#gate(source);
  }

  /**
   * A line that is up makes its interrupt wait, once it is not being served; that the line falls
   * again does not take the interrupt back (specification, section 1.4.2).
   */
  #gate(source: number): void {
    if (!hasBit(this.#level, source) || hasBit(this.#served, source)) return;
    setBit(this.#waiting, source, true);
  }

  /** Whether a context has an interrupt to take. */
  isPending(context: number): boolean {
    return this.#best(context, this.#threshold[context] ?? 0) !== 0;
  }

  /** Whether a source could interrupt a context, when its line is up. */
  isOpen(context: number, source: number): boolean {
    const priority = this.#priority[source] ?? 0;
    return this.#isEnabled(context, source) && priority > (this.#threshold[context] ?? 0);
  }

  /** @throws Trap loadAccess */
  read(offset: number, bytes: number, address: bigint): bigint {
    checkWidth(offset, bytes, TRAP.loadAccess, address);
    if (offset < PENDING) return BigInt(this.#priority[offset >>> 2] ?? 0);
    if (offset < ENABLE) return BigInt(this.#waiting[(offset - PENDING) >>> 2] ?? 0);
    const enable = enableWord(offset);
    if (enable !== null) return BigInt(this.#enable[enable] ?? 0);
    const place = contextOf(offset);
    if (place === null) return 0n;
    if (place.register === 0) return BigInt(this.#threshold[place.context] ?? 0);
    return BigInt(this.#claim(place.context));
  }

  /** @throws Trap storeAccess */
  write(offset: number, bytes: number, value: bigint, address: bigint): void {
    checkWidth(offset, bytes, TRAP.storeAccess, address);
    const word = Number(value);
    if (offset < PENDING) {
      const source = offset >>> 2;
      if (source > 0 && source < SOURCES) this.#priority[source] = word & PRIORITY_MASK;
      return;
    }
    const enable = enableWord(offset);
    // There is no source 0.
    if (enable !== null) this.#enable[enable] = enable % WORDS === 0 ? word & ~1 : word;
    const place = contextOf(offset);
    if (place === null) return;
    if (place.register === 0) this.#threshold[place.context] = word & PRIORITY_MASK;
    else this.#complete(place.context, word);
  }

  #isEnabled(context: number, source: number): boolean {
    return hasBit(this.#enable.subarray(context * WORDS), source);
  }

  /** The pending source of highest priority over the threshold, the lowest of equals; 0 if none. */
  #best(context: number, threshold: number): number {
    let best = 0;
    let highest = threshold;
    for (let word = 0; word < WORDS; word++) {
      let bits = (this.#waiting[word] ?? 0) & (this.#enable[context * WORDS + word] ?? 0);
      while (bits !== 0) {
        const source = word * 32 + 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const priority = this.#priority[source] ?? 0;
        if (priority <= highest) continue;
        highest = priority;
        best = source;
      }
    }
    return best;
  }

  /** A claim does not look at the threshold (specification, chapter 7). */
  #claim(context: number): number {
    const source = this.#best(context, 0);
    if (source === 0) return 0;
    setBit(this.#waiting, source, false);
    setBit(this.#served, source, true);
    return source;
  }

  /** What is not enabled for the context is not completed by it (specification, chapter 9). */
  #complete(context: number, source: number): void {
    if (source <= 0 || source >= SOURCES || !this.#isEnabled(context, source)) return;
    setBit(this.#served, source, false);
    this.#gate(source);
  }
}

const hasBit = (words: Uint32Array, bit: number): boolean =>
  (((words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) !== 0;

function setBit(words: Uint32Array, bit: number, isSet: boolean): void {
  const mask = 1 << (bit & 31);
  const before = words[bit >>> 5] ?? 0;
  words[bit >>> 5] = isSet ? before | mask : before & ~mask;
}

/** All registers are words. */
function checkWidth(offset: number, bytes: number, cause: number, address: bigint): void {
  if (bytes !== 4 || offset % 4 !== 0) throw new Trap(cause, address);
}

function enableWord(offset: number): number | null {
  const context = Math.floor((offset - ENABLE) / ENABLE_BYTES);
  const word = ((offset - ENABLE) % ENABLE_BYTES) >>> 2;
  if (offset < ENABLE || context >= CONTEXTS || word >= WORDS) return null;
  return context * WORDS + word;
}

function contextOf(offset: number): { context: number; register: 0 | 1 } | null {
  const context = Math.floor((offset - CONTEXT) / CONTEXT_BYTES);
  const register = (offset - CONTEXT) % CONTEXT_BYTES;
  if (offset < CONTEXT || context >= CONTEXTS || register > 4) return null;
  return { context, register: register === 0 ? 0 : 1 };
}
