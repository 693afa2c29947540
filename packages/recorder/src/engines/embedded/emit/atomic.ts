/**
 * The A extension. One hart runs at a time, so a load, an operation and a store are atomic. An
 * address that is not aligned is a fault: the plain interpreter raises it.
 */

import { I32, I64, type Opcode } from '../../../wasm/opcodes.ts';
import { STATE } from '../core/layout.ts';
import type { OpName } from '../isa/table.ts';
import type { Emit, Operands } from './operands.ts';

interface Width {
  readonly bytes: 4 | 8;
  readonly load: 'i64.load32_s' | 'i64.load';
  readonly store: 'i64.store32' | 'i64.store';
}
const WORD: Width = { bytes: 4, load: 'i64.load32_s', store: 'i64.store32' };
const DOUBLE: Width = { bytes: 8, load: 'i64.load', store: 'i64.store' };

function bailUnlessAligned(operands: Operands, { bytes }: Width): void {
  operands.pushX('rs1');
  operands.code
    .op('i32.wrap_i64')
    .i32(bytes - 1)
    .op('i32.and');
  operands.bailIf();
}

/** Of the value in memory and the operand, both sign-extended; leaves the new value. */
type Compute = (operands: Operands, old: number, operand: number) => void;

const amo =
  (width: Width, compute: Compute): Emit =>
  (operands) => {
    const { code } = operands;
    bailUnlessAligned(operands, width);
    const [old, operand] = [operands.scratch(I64, 0), operands.scratch(I64, 1)];
    const at = operands.scratch(I32, 0);
    operands.pushX('rs2');
    if (width === WORD) code.op('i64.extend32_s');
    code.set(operand);
    // What may be written may be read: PERM.write is never without PERM.read (core/memory.ts).
    operands.address('store', width.bytes, true, (offset) => {
      code.tee(at).get(at).load(width.load, offset).set(old);
      compute(operands, old, operand);
      code.store(width.store, offset);
    });
    operands.setX(() => code.get(old));
  };

const combine =
  (name: Opcode): Compute =>
  ({ code }, old, operand) =>
    code.get(old).get(operand).op(name);

/** Sign extension keeps the order of unsigned words, too: the upper half moves up as a whole. */
const extreme =
  (compare: Opcode): Compute =>
  ({ code }, old, operand) =>
    code.get(old).get(operand).get(old).get(operand).op(compare, 'select');

const swap: Compute = ({ code }, _old, operand) => code.get(operand);

const loadReserved =
  (width: Width): Emit =>
  (operands) => {
    const { code } = operands;
    bailUnlessAligned(operands, width);
    const value = operands.scratch(I64, 0);
    operands.address('load', width.bytes, true, (offset) =>
      code.load(width.load, offset).set(value),
    );
    code.i32(0);
    operands.pushX('rs1');
    code.store('i64.store', STATE.reserved);
    code.i32(0).get(value).store('i64.store', STATE.reservedValue);
    operands.setX(() => code.get(value));
  };

/**
 * Succeeds if the address is the reserved one and memory has the value that LR saw there. Without
 * the reservation it is the plain interpreter's, which knows what must fault first.
 */
const storeConditional =
  (width: Width): Emit =>
  (operands) => {
    const { code } = operands;
    const [at, failed] = [operands.scratch(I32, 0), operands.scratch(I32, 1)];
    bailUnlessAligned(operands, width);
    operands.pushX('rs1');
    code.i32(0).load('i64.load', STATE.reserved).op('i64.ne');
    operands.bailIf();
    operands.address('store', width.bytes, true, (offset) => {
      code.tee(at).load(width.load, offset).i32(0).load('i64.load', STATE.reservedValue);
      code.op('i64.ne').tee(failed).op('i32.eqz').if();
      code.get(at);
      operands.pushX('rs2');
      code.store(width.store, offset).end();
    });
    code.i32(0).i64(-1).store('i64.store', STATE.reserved);
    code.i32(0).i64(0).store('i64.store', STATE.reservedValue);
    operands.setX(() => code.get(failed).op('i64.extend_i32_u'));
  };

export const ATOMIC_EMIT: Partial<Record<OpName, Emit>> = {
  'lr.w': loadReserved(WORD),
  'sc.w': storeConditional(WORD),
  'amoswap.w': amo(WORD, swap),
  'amoadd.w': amo(WORD, combine('i64.add')),
  'amoxor.w': amo(WORD, combine('i64.xor')),
  'amoand.w': amo(WORD, combine('i64.and')),
  'amoor.w': amo(WORD, combine('i64.or')),
  'amomin.w': amo(WORD, extreme('i64.lt_s')),
  'amomax.w': amo(WORD, extreme('i64.gt_s')),
  'amominu.w': amo(WORD, extreme('i64.lt_u')),
  'amomaxu.w': amo(WORD, extreme('i64.gt_u')),
  'lr.d': loadReserved(DOUBLE),
  'sc.d': storeConditional(DOUBLE),
  'amoswap.d': amo(DOUBLE, swap),
  'amoadd.d': amo(DOUBLE, combine('i64.add')),
  'amoxor.d': amo(DOUBLE, combine('i64.xor')),
  'amoand.d': amo(DOUBLE, combine('i64.and')),
  'amoor.d': amo(DOUBLE, combine('i64.or')),
  'amomin.d': amo(DOUBLE, extreme('i64.lt_s')),
  'amomax.d': amo(DOUBLE, extreme('i64.gt_s')),
  'amominu.d': amo(DOUBLE, extreme('i64.lt_u')),
  'amomaxu.d': amo(DOUBLE, extreme('i64.gt_u')),
};
