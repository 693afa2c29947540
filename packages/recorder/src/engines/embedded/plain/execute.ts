/** What the plain interpreter's tables hold. */
import type { Hart, Platform } from '../core/hart.ts';
import type { Instruction } from '../isa/instruction.ts';

/**
 * Runs one instruction. Gives the pc that comes next if it is not the one behind it.
 * @throws Trap if the instruction does not retire; then nothing of it took effect.
 */
export type Execute = (
  hart: Hart,
  instruction: Instruction,
  platform: Platform,
) => bigint | undefined;
