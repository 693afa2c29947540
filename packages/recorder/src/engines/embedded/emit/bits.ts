/** Bit manipulation: Zba, Zbb and Zbs (Bit-Manipulation ISA extensions 1.0.0, chapter 2). */

import { I64, type Opcode } from '../../../wasm/opcodes.ts';
import type { OpName } from '../isa/table.ts';
import type { Emit, Operands } from './operands.ts';

/** rd = what `value` leaves. */
const set =
  (value: (operands: Operands) => void): Emit =>
  (operands) =>
    operands.setX(() => value(operands));

/** rd = rs1 through instructions that take one value. */
const unary = (...names: Opcode[]): Emit =>
  set((operands) => {
    operands.pushX('rs1');
    operands.code.op(...names);
  });

const binary = (...names: Opcode[]): Emit =>
  set((operands) => {
    operands.pushX('rs1');
    operands.pushX('rs2');
    operands.code.op(...names);
  });

/** rs1, as a word zero-extended if isWord, shifted left, plus rs2. */
const shiftAdd = (shift: number, isWord: boolean): Emit =>
  set((operands) => {
    const { code } = operands;
    operands.pushX('rs1');
    if (isWord) code.i64(0xffff_ffff).op('i64.and');
    if (shift > 0) code.i64(shift).op('i64.shl');
    operands.pushX('rs2');
    code.op('i64.add');
  });

/** The logical operation of rs1 with the complement of rs2. */
const withComplement = (name: Opcode): Emit =>
  set((operands) => {
    operands.pushX('rs1');
    operands.pushX('rs2');
    operands.code.i64(-1).op('i64.xor', name);
  });

const extreme =
  (compare: Opcode): Emit =>
  (operands) => {
    const { code } = operands;
    const [a, b] = [operands.scratch(I64, 0), operands.scratch(I64, 1)];
    operands.pushX('rs1');
    code.set(a);
    operands.pushX('rs2');
    code.set(b);
    operands.setX(() => code.get(a).get(b).get(a).get(b).op(compare, 'select'));
  };

/** Rotation or counting of the low word: its result is sign-extended. */
const rotateWord = (name: Opcode, isImmediate: boolean): Emit =>
  set((operands) => {
    const { code } = operands;
    operands.pushX('rs1');
    code.op('i32.wrap_i64');
    if (isImmediate) operands.pushImm32();
    else {
      operands.pushX('rs2');
      code.op('i32.wrap_i64');
    }
    code.op(name, 'i64.extend_i32_s');
  });

const rotateImmediate: Emit = set((operands) => {
  operands.pushX('rs1');
  operands.pushImm();
  operands.code.op('i64.rotr');
});

/** Every byte that is not 0 becomes 0xff: bit 7 of each byte tells, times 0xff spreads it. */
const orCombine: Emit = set((operands) => {
  const { code } = operands;
  const a = operands.scratch(I64, 0);
  const low7 = 0x7f7f_7f7f_7f7f_7f7fn;
  operands.pushX('rs1');
  code.set(a);
  code.get(a).i64(low7).op('i64.and').i64(low7).op('i64.add').get(a).op('i64.or');
  code.i64(7).op('i64.shr_u').i64(0x0101_0101_0101_0101n).op('i64.and').i64(0xff).op('i64.mul');
});

/** Swaps neighbours of 8 bits, then of 16, then of 32. */
const reverseBytes: Emit = set((operands) => {
  const { code } = operands;
  const a = operands.scratch(I64, 0);
  operands.pushX('rs1');
  for (const [bits, mask] of [
    [8, 0x00ff_00ff_00ff_00ffn],
    [16, 0x0000_ffff_0000_ffffn],
  ] as const) {
    code.set(a);
    code.get(a).i64(bits).op('i64.shr_u').i64(mask).op('i64.and');
    code.get(a).i64(mask).op('i64.and').i64(bits).op('i64.shl', 'i64.or');
  }
  code.i64(32).op('i64.rotl');
});

/** One bit of rs1; its number is the low 6 bits of rs2, as WebAssembly's shifts take it. */
const bit = (isImmediate: boolean, kind: 'bclr' | 'binv' | 'bset'): Emit =>
  set((operands) => {
    const { code } = operands;
    operands.pushX('rs1');
    code.i64(1);
    if (isImmediate) operands.pushImm();
    else operands.pushX('rs2');
    code.op('i64.shl');
    if (kind === 'bclr') code.i64(-1).op('i64.xor', 'i64.and');
    else code.op(kind === 'binv' ? 'i64.xor' : 'i64.or');
  });

const extractBit = (isImmediate: boolean): Emit =>
  set((operands) => {
    operands.pushX('rs1');
    if (isImmediate) operands.pushImm();
    else operands.pushX('rs2');
    operands.code.op('i64.shr_u').i64(1).op('i64.and');
  });

export const BITS_EMIT: Partial<Record<OpName, Emit>> = {
  'add.uw': shiftAdd(0, true),
  sh1add: shiftAdd(1, false),
  sh2add: shiftAdd(2, false),
  sh3add: shiftAdd(3, false),
  'sh1add.uw': shiftAdd(1, true),
  'sh2add.uw': shiftAdd(2, true),
  'sh3add.uw': shiftAdd(3, true),
  'slli.uw': set((operands) => {
    operands.pushX('rs1');
    operands.code.i64(0xffff_ffff).op('i64.and');
    operands.pushImm();
    operands.code.op('i64.shl');
  }),
  andn: withComplement('i64.and'),
  orn: withComplement('i64.or'),
  xnor: withComplement('i64.xor'),
  max: extreme('i64.gt_s'),
  maxu: extreme('i64.gt_u'),
  min: extreme('i64.lt_s'),
  minu: extreme('i64.lt_u'),
  rol: binary('i64.rotl'),
  ror: binary('i64.rotr'),
  rolw: rotateWord('i32.rotl', false),
  rorw: rotateWord('i32.rotr', false),
  rori: rotateImmediate,
  roriw: rotateWord('i32.rotr', true),
  clz: unary('i64.clz'),
  ctz: unary('i64.ctz'),
  cpop: unary('i64.popcnt'),
  clzw: unary('i32.wrap_i64', 'i32.clz', 'i64.extend_i32_u'),
  ctzw: unary('i32.wrap_i64', 'i32.ctz', 'i64.extend_i32_u'),
  cpopw: unary('i32.wrap_i64', 'i32.popcnt', 'i64.extend_i32_u'),
  'sext.b': unary('i64.extend8_s'),
  'sext.h': unary('i64.extend16_s'),
  'zext.h': set((operands) => {
    operands.pushX('rs1');
    operands.code.i64(0xffff).op('i64.and');
  }),
  'orc.b': orCombine,
  rev8: reverseBytes,
  bclr: bit(false, 'bclr'),
  bext: extractBit(false),
  binv: bit(false, 'binv'),
  bset: bit(false, 'bset'),
  bclri: bit(true, 'bclr'),
  bexti: extractBit(true),
  binvi: bit(true, 'binv'),
  bseti: bit(true, 'bset'),
};
