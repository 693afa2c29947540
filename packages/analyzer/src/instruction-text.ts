/** What one instruction of a recorded block reads. */
import type { Trace } from '@backtrail/recorder/trace';
import type { Disassembler } from './disassembly/capstone.ts';

/**
 * Text of the instruction at `pc`, from the recorded bytes of its block.
 * @param block one that is not there, e.g. NO_ROW, has no text.
 * @param disassembler null: nobody can read the guest's code.
 * @returns null where it is not known, or where no instruction of the block begins at `pc`.
 */
export function instructionText(
  trace: Trace,
  disassembler: Disassembler | null,
  block: number,
  pc: bigint,
): string | null {
  const { blocks } = trace;
  if (disassembler === null || block >= blocks.count) return null;
  const offset = Number(pc - (blocks.pc[block] ?? 0n));
  let at = 0;
  for (const sizeBytes of blocks.instructionSizes(block)) {
    if (at === offset) {
      return disassembler.text(blocks.code(block).subarray(at, at + sizeBytes), pc);
    }
    at += sizeBytes;
  }
  return null;
}
