/** The guest's code as recording and regions see it: predecoded blocks, and regions above them. */
import { transferOf } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { TransferKind } from '../translate/region.ts';
import type { CodeCache } from './code-cache.ts';
import type { CodeBook } from './recording.ts';

/** Instructions that go back to where a trap came from. */
const TRAP_RETURNS: ReadonlySet<string> = new Set(['mret', 'sret']);

export class Code implements CodeBook {
  readonly #cache: CodeCache;
  readonly #entryBlock: (pc: number) => number;

  /** @param entryBlock the first block of the region that is entered at pc; -1: none is. */
  constructor(cache: CodeCache, entryBlock: (pc: number) => number) {
    this.#cache = cache;
    this.#entryBlock = entryBlock;
  }

  blockSizes(pc: number): Uint8Array | null {
    return this.#cache.blockSizes(pc);
  }

  blockAt(pc: number): number {
    const entered = this.#entryBlock(pc);
    return entered >= 0 ? entered : this.#cache.blockAt(pc);
  }

  setBlock(pc: number, block: number): void {
    this.#cache.setBlock(pc, block);
  }

  blockAround(pc: number): number {
    return this.#cache.blockAround(pc);
  }

  instruction(pc: number): Instruction | null {
    return this.#cache.instruction(pc);
  }

  kindOf(instruction: Instruction, pc: number): TransferKind | 'trap-return' {
    if (TRAP_RETURNS.has(instruction.op)) return 'trap-return';
    const transfer = transferOf(instruction, pc);
    if (transfer === null) throw new Error(`${instruction.op} at ${pc} makes no transfer`);
    return transfer.kind;
  }
}
