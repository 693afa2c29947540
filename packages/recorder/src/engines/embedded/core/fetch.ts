/** Reading instructions from guest memory without the cost of a bigint for each. */
import { decode } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import { GUEST_PAGE_SHIFT, PERM } from './layout.ts';
import type { GuestMemory } from './memory.ts';

export class Fetcher {
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
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
    // Two low bits set: 32 bits and more (Unprivileged ISA, "Base Instruction-Length Encoding").
    if ((low & 3) !== 3) return decode(low);
    const high = this.#fetch16(pc + 2);
    return high < 0 ? null : decode(low | (high << 16));
  }
}
