/** The WebAssembly of each instruction, for both translators (docs/embedded-engine.md). */
import type { Instruction } from '../isa/instruction.ts';
import type { OpName } from '../isa/table.ts';
import { ATOMIC_EMIT } from './atomic.ts';
import { BITS_EMIT } from './bits.ts';
import { FLOAT_EMIT, hasFloatCode } from './float.ts';
import { INTEGER_EMIT } from './integer.ts';
import { MEMORY_EMIT } from './memory.ts';
import type { Emit } from './operands.ts';

const EMIT: Partial<Record<OpName, Emit>> = {
  ...INTEGER_EMIT,
  ...BITS_EMIT,
  ...MEMORY_EMIT,
  ...ATOMIC_EMIT,
  ...FLOAT_EMIT,
};

/**
 * null: no code of its own. Jumps and branches are each translator's affair (see `branchCompare`);
 * what else has none is left to the plain interpreter.
 */
export function emitters(op: OpName): Emit | null {
  return EMIT[op] ?? null;
}

/**
 * Whether that code runs this instruction: floating point has none for some rounding modes, and
 * most CSRs have none.
 * @param fusedMultiplyAdd whether relaxed_madd rounds once here.
 */
export function hasCode(instruction: Instruction, fusedMultiplyAdd: boolean): boolean {
  const { op } = instruction;
  if (FLOAT_EMIT[op] !== undefined) return hasFloatCode(instruction, fusedMultiplyAdd);
  return emitters(op) !== null;
}
