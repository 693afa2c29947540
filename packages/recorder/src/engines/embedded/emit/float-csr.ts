/**
 * The CSRs of floating point: fflags, frm and fcsr. Compilers and math libraries save and restore
 * them around comparisons and roots, so these few are worth code; all other CSRs are the plain
 * interpreter's.
 */

import { I32 } from '../../../wasm/opcodes.ts';
import { STATE } from '../core/layout.ts';
import { FRM_BITS, goOnIf, NX_BIT, pushFcsr } from './float-numbers.ts';
import type { Emit, Operands } from './operands.ts';

/** Unprivileged specification, table "RISC-V user-level CSR addresses"; where each is in fcsr. */
const FFLAGS = { number: 1, shift: 0, mask: 0x1f } as const;
const FRM = { number: 2, shift: 5, mask: 0x07 } as const;
const FCSR = { number: 3, shift: 0, mask: 0xff } as const;
const FIELDS = [FFLAGS, FRM, FCSR] as const;

export const isFloatCsr = (number: number): boolean =>
  FIELDS.some((field) => field.number === number);

interface Locals {
  readonly shift: number;
  readonly mask: number;
  readonly before: number;
  readonly after: number;
}

/** Leaves in variables where the CSR is in fcsr. False: it is none of these, and control left. */
function findField(operands: Operands, { shift, mask }: Locals): boolean {
  const { code, immediate } = operands;
  if (immediate !== null) {
    const field = FIELDS.find(({ number }) => number === immediate);
    if (field === undefined) return false;
    code.i32(field.shift).set(shift).i32(field.mask).set(mask);
    return true;
  }
  operands.pushImm32();
  code.i32(FFLAGS.number).op('i32.sub').i32(FIELDS.length).op('i32.lt_u');
  goOnIf(operands);
  const pushIs = (number: number): void => {
    operands.pushImm32();
    code.i32(number).op('i32.eq');
  };
  code.i32(FRM.shift).i32(0);
  pushIs(FRM.number);
  code.op('select').set(shift);
  code.i32(FFLAGS.mask).i32(FRM.mask).i32(FCSR.mask);
  pushIs(FRM.number);
  code.op('select');
  pushIs(FFLAGS.number);
  code.op('select').set(mask);
  return true;
}

/** Writes fcsr. Twin: the setter of Hart.fcsr in core/hart.ts. */
function writeFcsr({ code }: Operands, value: number): void {
  code.i32(0).get(value).store('i32.store', STATE.fcsr);
  code
    .i32(0)
    .get(value)
    .i32(FRM_BITS | NX_BIT)
    .op('i32.and')
    .i32(NX_BIT)
    .op('i32.eq');
  code.store('i32.store', STATE.floatFast);
}

/** csrrw, csrrs, csrrc; `isImmediate`: rs1 is the operand itself, which only regions can tell. */
export function csr(name: 'write' | 'set' | 'clear', isImmediate: boolean): Emit {
  return (operands) => {
    const { code, known } = operands;
    const [shift, mask, before, after] = [0, 1, 2, 3].map((slot) => operands.scratch(I32, slot));
    const locals = { shift: shift ?? 0, mask: mask ?? 0, before: before ?? 0, after: after ?? 0 };
    if ((isImmediate && known === null) || !findField(operands, locals)) {
      code.i32(1);
      operands.bailIf();
      return;
    }
    pushFcsr(operands);
    code.get(locals.shift).op('i32.shr_u').get(locals.mask).op('i32.and').set(locals.before);
    const isRead = name !== 'write' && known?.rs1 === 0;
    if (!isRead) {
      pushFcsr(operands);
      code.get(locals.mask).get(locals.shift).op('i32.shl').i32(-1).op('i32.xor', 'i32.and');
      if (name !== 'write') code.get(locals.before);
      if (isImmediate) code.i32(known?.rs1 ?? 0);
      else {
        operands.pushX('rs1');
        code.op('i32.wrap_i64');
      }
      if (name === 'set') code.op('i32.or');
      if (name === 'clear') code.i32(-1).op('i32.xor', 'i32.and');
      code.get(locals.mask).op('i32.and').get(locals.shift).op('i32.shl', 'i32.or');
      code.set(locals.after);
      writeFcsr(operands, locals.after);
    }
    operands.setX(() => code.get(locals.before).op('i64.extend_i32_u'));
  };
}
