/** Loads and stores of integer registers. */
import type { OpName } from '../isa/table.ts';
import type { Emit, LoadOpcode, StoreOpcode } from './operands.ts';

const load =
  (bytes: number, name: LoadOpcode): Emit =>
  (operands) =>
    operands.setX(() =>
      operands.address('load', bytes, false, (offset) => operands.code.load(name, offset)),
    );

const store =
  (bytes: number, name: StoreOpcode): Emit =>
  (operands) =>
    operands.address('store', bytes, false, (offset) => {
      operands.pushX('rs2');
      operands.code.store(name, offset);
    });

export const MEMORY_EMIT: Partial<Record<OpName, Emit>> = {
  lb: load(1, 'i64.load8_s'),
  lh: load(2, 'i64.load16_s'),
  lw: load(4, 'i64.load32_s'),
  ld: load(8, 'i64.load'),
  lbu: load(1, 'i64.load8_u'),
  lhu: load(2, 'i64.load16_u'),
  lwu: load(4, 'i64.load32_u'),
  sb: store(1, 'i64.store8'),
  sh: store(2, 'i64.store16'),
  sw: store(4, 'i64.store32'),
  sd: store(8, 'i64.store'),
};
