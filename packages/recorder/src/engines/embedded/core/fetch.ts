/**
 * Reading instructions from guest memory, without the cost of a bigint for each, and knowing which
 * bytes were read as instructions.
 */
import { decode } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import { GUEST_PAGE_BYTES, GUEST_PAGE_SHIFT, PERM } from './layout.ts';
import type { GuestMemory } from './memory.ts';

/** Pages of which it is known where they hold code: 2 KiB each. */
const PAGES_MAX = 8192;

export class Fetcher {
  readonly #memory: GuestMemory;
  /** By page: for every 2 bytes whether they are code, as far as known. */
  readonly #code = new Map<number, Uint8Array>();
  /** Whether pages were left out for want of room: what is not known then is taken for code. */
  #isPartial = false;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  #mark(pc: number): void {
    const page = pc >>> GUEST_PAGE_SHIFT;
    let code = this.#code.get(page);
    if (code === undefined) {
      if (this.#code.size === PAGES_MAX) {
        this.#code.clear();
        this.#isPartial = true;
      }
      code = new Uint8Array(GUEST_PAGE_BYTES / 2);
      this.#code.set(page, code);
    }
    code[(pc & (GUEST_PAGE_BYTES - 1)) >>> 1] = 1;
  }

  /** Whether bytes of one page were read as code since it was forgotten. */
  holdsCode(address: number, bytes: number): boolean {
    const page = address >>> GUEST_PAGE_SHIFT;
    const code = this.#code.get(page);
    if (code === undefined) return this.#isPartial;
    const start = (address & (GUEST_PAGE_BYTES - 1)) >>> 1;
    const end = ((address & (GUEST_PAGE_BYTES - 1)) + bytes + 1) >>> 1;
    const first = code.indexOf(1, start);
    return first >= 0 && first < end;
  }

  forgetPage(page: number): void {
    this.#code.delete(page);
  }

  /** 16 bits of code; -1 where none may be executed. */
  #fetch16(pc: number): number {
    const { view, perms, guestBase, guestLimit } = this.#memory;
    if (pc + 2 > guestLimit) return -1;
    if (((perms[pc >>> GUEST_PAGE_SHIFT] ?? 0) & PERM.execute) === 0) return -1;
    return view.getUint16(pc + guestBase, true);
  }

  /**
   * The instruction at pc, even; null where there is none or it may not be executed. Why not, the
   * plain interpreter says: it fetches again.
   */
  instruction(pc: number): Instruction | null {
    const low = this.#fetch16(pc);
    if (low < 0) return null;
    this.#mark(pc);
    // Two low bits set: 32 bits and more (Unprivileged ISA, "Base Instruction-Length Encoding").
    if ((low & 3) !== 3) return decode(low);
    const high = this.#fetch16(pc + 2);
    if (high < 0) return null;
    this.#mark(pc + 2);
    return decode(low | (high << 16));
  }
}
