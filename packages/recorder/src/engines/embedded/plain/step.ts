/**
 * The plain interpreter: one function for each instruction, in BigInt, obvious. It runs whatever
 * the translators have no code for, and it is what they are tested against.
 */
import type { Hart, Platform } from '../core/hart.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { decode, sizeOf } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, opNumber } from '../isa/table.ts';
import { ATOMIC_OPS } from './atomic.ts';
import { BIT_OPS } from './bits.ts';
import { CSR_OPS } from './csr.ts';
import type { Execute, Executes } from './execute.ts';
import { FLOAT_OPS } from './float.ts';
import { INTEGER_OPS } from './integer.ts';
import { MULTIPLY_OPS } from './multiply.ts';

/** mstatus.FS may forbid floating point (Privileged Architecture, section 3.1.6.6). */
const opening =
  (execute: Execute): Execute =>
  (hart, instruction, platform) => {
    hart.openFloat();
    return execute(hart, instruction, platform);
  };

const ALL: Executes = {
  ...INTEGER_OPS,
  ...MULTIPLY_OPS,
  ...ATOMIC_OPS,
  ...BIT_OPS,
  ...CSR_OPS,
  ...Object.fromEntries(Object.entries(FLOAT_OPS).map(([op, run]) => [op, opening(run)])),
};

const BY_NUMBER: readonly Execute[] = OP_NAMES.map((op) => {
  const execute = ALL[op];
  if (execute === undefined) throw new Error(`the plain interpreter has no ${op}`);
  return execute;
});

/**
 * The instruction at hart.pc. @throws Trap instructionAccess with the address of the half that
 * cannot be fetched; illegal with the bits of what is no instruction.
 */
export function fetch(hart: Hart): Instruction {
  const bits = fetchBits(hart);
  const instruction = decode(bits);
  if (instruction === null) throw new Trap(TRAP.illegal, BigInt(bits));
  return instruction;
}

/** 2 or 4 bytes at hart.pc, unsigned. The second half may lie on another page. */
function fetchBits({ memory, pc }: Hart): number {
  const low = memory.fetch16(pc);
  return sizeOf(low) === 2 ? low : ((memory.fetch16(pc + 2n) << 16) | low) >>> 0;
}

/**
 * Runs one instruction, which is the one at hart.pc, and moves hart.pc.
 * @throws Trap, and then nothing has changed: registers, memory and pc are as before.
 */
export function step(hart: Hart, platform: Platform, instruction: Instruction): void {
  const { pc } = hart;
  try {
    const next = BY_NUMBER[opNumber(instruction.op)]?.(hart, instruction, platform);
    hart.pc = next ?? pc + BigInt(instruction.size);
  } catch (error) {
    throw withBits(error, hart);
  }
}

/** An instruction that turns out to be illegal as it runs (a CSR, a privilege): add its bits. */
function withBits(error: unknown, hart: Hart): unknown {
  if (!(error instanceof Trap) || error.code !== TRAP.illegal) return error;
  return new Trap(TRAP.illegal, BigInt(fetchBits(hart)));
}
