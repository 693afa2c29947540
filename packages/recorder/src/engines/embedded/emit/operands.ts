/**
 * What the code of an instruction is written against. The two translators (the threaded
 * interpreter and the regions) keep registers, immediates and the pc in different places; the
 * emitters in this folder do not know where.
 *
 * `push` methods leave one value on WebAssembly's stack. An emitter calls `bail` or `address`
 * only before it has changed anything, so that the instruction can be run again from its start.
 */
import type { CodeWriter } from '../../../wasm/code.ts';
import type { LoadOpcode, StoreOpcode, ValueType } from '../../../wasm/opcodes.ts';

export interface Operands {
  readonly code: CodeWriter;
  /** The immediate if it is known while emitting (regions), else null (interpreter). */
  readonly immediate: number | null;
  /** Register numbers if known, else null; for shortcuts such as rs1 = x0. */
  readonly known: { readonly rd: number; readonly rs1: number; readonly rs2: number } | null;
  /** Rounding mode field if known while emitting, else null. */
  readonly roundingMode: number | null;

  /** i64 value of an integer register; x0 gives 0. */
  pushX(which: 'rs1' | 'rs2'): void;
  /** Writes rd with the i64 that `value` pushes; rd = x0 drops it. `value` runs exactly once. */
  setX(value: () => void): void;
  /** i64 bits of a floating-point register. */
  pushF(which: 'rs1' | 'rs2' | 'rs3'): void;
  setF(value: () => void): void;
  /**
   * True: STATE.floatOff was looked at where control came in. Else each instruction of floating
   * point does so.
   */
  readonly isFloatOpen?: boolean;
  /** Whether the register surely holds a NaN-boxed single, so that its check may be left out. */
  isBoxed?(which: 'rs1' | 'rs2' | 'rs3'): boolean;
  /** i64 immediate. */
  pushImm(): void;
  /** i32 immediate (shift amounts). */
  pushImm32(): void;
  /** i64 address of this instruction, of the one behind it, and of pc + immediate. */
  pushPc(): void;
  pushNextPc(): void;
  pushTarget(): void;

  /** A scratch variable, the same for every call with this type and slot; not kept across ops. */
  scratch(type: ValueType, slot: number): number;

  /**
   * Guest address rs1 + immediate (or rs1 alone for atomics: `plain`), checked for an access of
   * this many bytes; control leaves through `bail` if the fast checks refuse it. Then `access` runs
   * with the i32 that load and store want already on the stack, and `offset` to give to them.
   */
  address(
    kind: 'load' | 'store',
    bytes: number,
    plain: boolean,
    access: (offset: number) => void,
  ): void;
  /** i32 condition on the stack: if not 0, the plain interpreter runs this instruction instead. */
  bailIf(): void;
}

export type Emit = (operands: Operands) => void;
export type { LoadOpcode, StoreOpcode };
