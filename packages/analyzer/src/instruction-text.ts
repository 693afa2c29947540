/** What one instruction of a recorded block reads. */
import type { Trace } from '@backtrail/recorder/trace';
import type { Disassembler } from './disassembly/capstone.ts';
import { visible } from './format.ts';

/** Line `index` of what QEMU wrote of a block; null where the trace has none. */
export const keptInstruction = (trace: Trace, block: number, index: number): string | null =>
  keptLine(trace.blocks.text(block)?.split('\n')[index]);

/** Spaces are as the disassembler of QEMU laid them out; the line is data of somebody else. */
function keptLine(line: string | undefined): string | null {
  const text = visible((line ?? '').replaceAll(/\s+/gu, ' ').trim());
  return text === '' ? null : text;
}

/**
 * Text of the instruction at `pc`, from the recorded bytes of its block.
 * @param block one that is not there, e.g. NO_ROW, has no text.
 * @param disassembler null: nobody here can read the guest's code. What QEMU wrote of it goes
 * first, where the trace has it.
 * @returns null where it is not known, or where no instruction of the block begins at `pc`.
 */
export function instructionText(
  trace: Trace,
  disassembler: Disassembler | null,
  block: number,
  pc: bigint,
): string | null {
  const { blocks } = trace;
  if (block >= blocks.count) return null;
  const offset = Number(pc - (blocks.pc[block] ?? 0n));
  let at = 0;
  for (const [index, sizeBytes] of blocks.instructionSizes(block).entries()) {
    if (at === offset) {
      const kept = keptInstruction(trace, block, index);
      if (kept !== null || disassembler === null) return kept;
      return disassembler.text(blocks.code(block).subarray(at, at + sizeBytes), pc);
    }
    at += sizeBytes;
  }
  return null;
}
