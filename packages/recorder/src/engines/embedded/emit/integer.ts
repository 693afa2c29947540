/**
 * Integer arithmetic of I and M. Operands are pushed before any if opens: a translator may load a
 * register where it is first pushed, and a load in one arm would not have run in the other.
 */

import { I32, I64, type Opcode } from '../../../wasm/opcodes.ts';
import type { OpName } from '../isa/table.ts';
import type { Emit, Operands } from './operands.ts';

type Push = (operands: Operands) => void;

const RS2: Push = (operands) => operands.pushX('rs2');
const IMM: Push = (operands) => operands.pushImm();

/** rd = rs1 and a second operand through 64-bit instructions. */
const plain =
  (second: Push, ...names: Opcode[]): Emit =>
  (operands) =>
    operands.setX(() => {
      operands.pushX('rs1');
      second(operands);
      operands.code.op(...names);
    });

/** Shifts take the low 5 bits of the second operand, as WebAssembly's do. */
const shiftWord =
  (name: Opcode): Emit =>
  (operands) =>
    operands.setX(() => {
      operands.pushX('rs1');
      operands.code.op('i32.wrap_i64');
      operands.pushX('rs2');
      operands.code.op('i32.wrap_i64', name, 'i64.extend_i32_s');
    });

const shiftWordImmediate =
  (name: Opcode): Emit =>
  (operands) =>
    operands.setX(() => {
      operands.pushX('rs1');
      operands.code.op('i32.wrap_i64');
      operands.pushImm32();
      operands.code.op(name, 'i64.extend_i32_s');
    });

/** In 32 bits: compilers make one instruction of it where truncating a 64-bit result takes two. */
const word =
  (name: Opcode): Emit =>
  (operands) =>
    operands.setX(() => {
      operands.pushX('rs1');
      operands.code.op('i32.wrap_i64');
      operands.pushX('rs2');
      operands.code.op('i32.wrap_i64', name, 'i64.extend_i32_s');
    });

/** sext.w is addiw with 0. */
const addiw: Emit = (operands) =>
  operands.setX(() => {
    operands.pushX('rs1');
    operands.code.op('i32.wrap_i64');
    if (operands.immediate !== 0) {
      operands.pushImm32();
      operands.code.op('i32.add');
    }
    operands.code.op('i64.extend_i32_s');
  });

/** li and mv are addi: say so to the translator, baseline code does not find out. */
const addi: Emit = (operands) =>
  operands.setX(() => {
    if (operands.known?.rs1 === 0) operands.pushImm();
    else {
      operands.pushX('rs1');
      if (operands.immediate === 0) return;
      operands.pushImm();
      operands.code.op('i64.add');
    }
  });

/**
 * Leaves the upper 64 bits of the unsigned product of locals a and b. WebAssembly has no widening
 * multiplication: the four products of their halves are added up.
 */
function highProduct(operands: Operands, a: number, b: number): void {
  const { code } = operands;
  const low = (x: number): unknown => code.get(x).i64(0xffff_ffff).op('i64.and');
  const high = (x: number): unknown => code.get(x).i64(32).op('i64.shr_u');
  const [carry, middle] = [operands.scratch(I64, 2), operands.scratch(I64, 3)];
  low(a);
  low(b);
  code.op('i64.mul').i64(32).op('i64.shr_u').set(carry);
  high(a);
  low(b);
  code.op('i64.mul').get(carry).op('i64.add').set(carry);
  low(a);
  high(b);
  code.op('i64.mul').get(carry).i64(0xffff_ffff).op('i64.and', 'i64.add').set(middle);
  high(a);
  high(b);
  code.op('i64.mul').get(carry).i64(32).op('i64.shr_u', 'i64.add');
  code.get(middle).i64(32).op('i64.shr_u', 'i64.add');
}

/** A signed factor x < 0 is x + 2^64 unsigned: its product is too large by the other factor. */
const mulHigh =
  (signed: readonly ('rs1' | 'rs2')[]): Emit =>
  (operands) => {
    const { code } = operands;
    const [a, b] = [operands.scratch(I64, 0), operands.scratch(I64, 1)];
    operands.pushX('rs1');
    code.set(a);
    operands.pushX('rs2');
    code.set(b);
    operands.setX(() => {
      highProduct(operands, a, b);
      for (const which of signed) {
        const [factor, other] = which === 'rs1' ? [a, b] : [b, a];
        code.get(factor).i64(63).op('i64.shr_s').get(other).op('i64.and', 'i64.sub');
      }
    });
  };

interface Width {
  readonly type: typeof I32 | typeof I64;
  readonly constant: (operands: Operands, value: number) => void;
  readonly prefix: 'i32' | 'i64';
}
const WORD: Width = { type: I32, constant: ({ code }, value) => code.i32(value), prefix: 'i32' };
const DOUBLE: Width = { type: I64, constant: ({ code }, value) => code.i64(value), prefix: 'i64' };

/**
 * Division never traps in RISC-V (M extension, table "Semantics for division by zero and division
 * overflow"): x / 0 = -1, x % 0 = x, and the one overflow gives the dividend, remainder 0.
 */
const divide =
  (width: Width, kind: 'div' | 'rem', isSigned: boolean): Emit =>
  (operands) => {
    const { code } = operands;
    const { prefix, type } = width;
    const [a, b] = [operands.scratch(type, 0), operands.scratch(type, 1)];
    for (const [which, local] of [['rs1', a] as const, ['rs2', b] as const]) {
      operands.pushX(which);
      if (type === I32) code.op('i32.wrap_i64');
      code.set(local);
    }
    operands.setX(() => {
      code.get(b);
      if (isSigned) {
        // 0 and -1 are the divisors that WebAssembly traps on, or may.
        width.constant(operands, 1);
        code.op(`${prefix}.add`);
        width.constant(operands, 2);
        code.op(`${prefix}.lt_u`);
      } else code.op(`${prefix}.eqz`);
      code.if(type);
      special(operands, width, kind, isSigned, a, b);
      code
        .else()
        .get(a)
        .get(b)
        .op(`${prefix}.${kind}_${isSigned ? 's' : 'u'}`)
        .end();
      if (type === I32) code.op('i64.extend_i32_s');
    });
  };

/** The result for a divisor of 0, or of -1 if signed. */
function special(
  operands: Operands,
  width: Width,
  kind: 'div' | 'rem',
  isSigned: boolean,
  a: number,
  b: number,
): void {
  const { code } = operands;
  const isZero = (): unknown => code.get(b).op(`${width.prefix}.eqz`, 'select');
  if (kind === 'rem') {
    code.get(a);
    if (!isSigned) return;
    width.constant(operands, 0);
    isZero();
    return;
  }
  width.constant(operands, -1);
  if (!isSigned) return;
  width.constant(operands, 0);
  code.get(a).op(`${width.prefix}.sub`);
  isZero();
}

/** The instructions of I and M that neither touch memory nor move control. */
export const INTEGER_EMIT: Partial<Record<OpName, Emit>> = {
  lui: (operands) => operands.setX(() => operands.pushImm()),
  auipc: (operands) => operands.setX(() => operands.pushTarget()),
  addi,
  slti: plain(IMM, 'i64.lt_s', 'i64.extend_i32_u'),
  sltiu: plain(IMM, 'i64.lt_u', 'i64.extend_i32_u'),
  xori: plain(IMM, 'i64.xor'),
  ori: plain(IMM, 'i64.or'),
  andi: plain(IMM, 'i64.and'),
  slli: plain(IMM, 'i64.shl'),
  srli: plain(IMM, 'i64.shr_u'),
  srai: plain(IMM, 'i64.shr_s'),
  add: plain(RS2, 'i64.add'),
  sub: plain(RS2, 'i64.sub'),
  sll: plain(RS2, 'i64.shl'),
  slt: plain(RS2, 'i64.lt_s', 'i64.extend_i32_u'),
  sltu: plain(RS2, 'i64.lt_u', 'i64.extend_i32_u'),
  xor: plain(RS2, 'i64.xor'),
  srl: plain(RS2, 'i64.shr_u'),
  sra: plain(RS2, 'i64.shr_s'),
  or: plain(RS2, 'i64.or'),
  and: plain(RS2, 'i64.and'),
  addiw,
  slliw: shiftWordImmediate('i32.shl'),
  srliw: shiftWordImmediate('i32.shr_u'),
  sraiw: shiftWordImmediate('i32.shr_s'),
  addw: word('i32.add'),
  subw: word('i32.sub'),
  sllw: shiftWord('i32.shl'),
  srlw: shiftWord('i32.shr_u'),
  sraw: shiftWord('i32.shr_s'),
  // One hart runs at a time and nothing is reordered.
  fence: () => {},
  mul: plain(RS2, 'i64.mul'),
  mulh: mulHigh(['rs1', 'rs2']),
  mulhsu: mulHigh(['rs1']),
  mulhu: mulHigh([]),
  mulw: word('i32.mul'),
  div: divide(DOUBLE, 'div', true),
  divu: divide(DOUBLE, 'div', false),
  rem: divide(DOUBLE, 'rem', true),
  remu: divide(DOUBLE, 'rem', false),
  divw: divide(WORD, 'div', true),
  divuw: divide(WORD, 'div', false),
  remw: divide(WORD, 'rem', true),
  remuw: divide(WORD, 'rem', false),
};

const COMPARE: Partial<Record<OpName, Opcode>> = {
  beq: 'i64.eq',
  bne: 'i64.ne',
  blt: 'i64.lt_s',
  bge: 'i64.ge_s',
  bltu: 'i64.lt_u',
  bgeu: 'i64.ge_u',
};

/** The comparison of a conditional branch, rs1 with rs2: i64, i64 → i32. null: not a branch. */
export function branchCompare(op: OpName): Opcode | null {
  return COMPARE[op] ?? null;
}
