/**
 * A decoded instruction. Compressed ones are decoded to what they expand to, with size 2: nothing
 * behind the decoder knows that they exist (docs/embedded-engine.md).
 */
import type { OpName } from './table.ts';

export interface Instruction {
  readonly op: OpName;
  /** Register numbers; 0 where the format has none. */
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly rs3: number;
  /**
   * Sign-extended immediate, -2^31 to 2^31 - 1. lui and auipc: already shifted left by 12. Shifts:
   * the amount. CSR instructions: the CSR's number (for csrr?i, rs1 is the 5-bit value).
   * Atomics: 0.
   */
  readonly imm: number;
  /** Rounding mode field of floating point, 0 to 7 (7: dynamic); else 0. */
  readonly rm: number;
  /** Bytes: 2 or 4. */
  readonly size: number;
}
