/**
 * The C extension: each 16-bit instruction as the one it stands for. RISC-V Unprivileged ISA
 * 20191213, chapter 16, tables "Instruction listing for RVC, Quadrant 0" to 2. Encodings that
 * the specification reserves are refused where QEMU 7.2 refuses them.
 */
import type { Instruction } from './instruction.ts';
import type { OpName } from './table.ts';

const SP = 2;

interface Operands {
  readonly rd?: number;
  readonly rs1?: number;
  readonly rs2?: number;
  readonly imm?: number;
}

const expand = (op: OpName, { rd = 0, rs1 = 0, rs2 = 0, imm = 0 }: Operands): Instruction => ({
  op,
  rd,
  rs1,
  rs2,
  rs3: 0,
  imm,
  rm: 0,
  size: 2,
});

/** Bits [high:low] of half. */
const bits = (half: number, high: number, low: number): number =>
  (half >>> low) & ((1 << (high - low + 1)) - 1);

const signed = (value: number, width: number): number => (value << (32 - width)) >> (32 - width);

/** The three-bit register fields name x8 to x15 (f8 to f15). */
const smallAt = (half: number, low: number): number => 8 + bits(half, low + 2, low);

/** @param half with low two bits 0, 1 or 2. */
export function decodeCompressed(half: number): Instruction | null {
  const funct3 = half >>> 13;
  switch (half & 3) {
    case 0:
      return quadrant0(half, funct3);
    case 1:
      return quadrant1(half, funct3);
    default:
      return quadrant2(half, funct3);
  }
}

function quadrant0(half: number, funct3: number): Instruction | null {
  const rs1 = smallAt(half, 7);
  const small = smallAt(half, 2);
  const word = (bits(half, 12, 10) << 3) | (bits(half, 6, 6) << 2) | (bits(half, 5, 5) << 6);
  const double = (bits(half, 12, 10) << 3) | (bits(half, 6, 5) << 6);
  switch (funct3) {
    case 0: {
      const imm =
        (bits(half, 12, 11) << 4) |
        (bits(half, 10, 7) << 6) |
        (bits(half, 6, 6) << 2) |
        (bits(half, 5, 5) << 3);
      return imm === 0 ? null : expand('addi', { rd: small, rs1: SP, imm });
    }
    case 1:
      return expand('fld', { rd: small, rs1, imm: double });
    case 2:
      return expand('lw', { rd: small, rs1, imm: word });
    case 3:
      return expand('ld', { rd: small, rs1, imm: double });
    case 5:
      return expand('fsd', { rs1, rs2: small, imm: double });
    case 6:
      return expand('sw', { rs1, rs2: small, imm: word });
    case 7:
      return expand('sd', { rs1, rs2: small, imm: double });
    default:
      return null;
  }
}

function quadrant1(half: number, funct3: number): Instruction | null {
  const rd = bits(half, 11, 7);
  const imm = signed((bits(half, 12, 12) << 5) | bits(half, 6, 2), 6);
  switch (funct3) {
    case 0:
      return expand('addi', { rd, rs1: rd, imm });
    case 1:
      return rd === 0 ? null : expand('addiw', { rd, rs1: rd, imm });
    case 2:
      return expand('addi', { rd, imm });
    case 3:
      if (imm === 0) return null;
      if (rd !== SP) return expand('lui', { rd, imm: imm << 12 });
      return expand('addi', { rd, rs1: SP, imm: stackStep(half) });
    case 4:
      return arithmetic(half, imm);
    case 5:
      return expand('jal', { imm: jumpOffset(half) });
    case 6:
      return expand('beq', { rs1: smallAt(half, 7), imm: branchOffset(half) });
    default:
      return expand('bne', { rs1: smallAt(half, 7), imm: branchOffset(half) });
  }
}

/** c.addi16sp. */
const stackStep = (half: number): number =>
  signed(
    (bits(half, 12, 12) << 9) |
      (bits(half, 6, 6) << 4) |
      (bits(half, 5, 5) << 6) |
      (bits(half, 4, 3) << 7) |
      (bits(half, 2, 2) << 5),
    10,
  );

const jumpOffset = (half: number): number =>
  signed(
    (bits(half, 12, 12) << 11) |
      (bits(half, 11, 11) << 4) |
      (bits(half, 10, 9) << 8) |
      (bits(half, 8, 8) << 10) |
      (bits(half, 7, 7) << 6) |
      (bits(half, 6, 6) << 7) |
      (bits(half, 5, 3) << 1) |
      (bits(half, 2, 2) << 5),
    12,
  );

const branchOffset = (half: number): number =>
  signed(
    (bits(half, 12, 12) << 8) |
      (bits(half, 11, 10) << 3) |
      (bits(half, 6, 5) << 6) |
      (bits(half, 4, 3) << 1) |
      (bits(half, 2, 2) << 5),
    9,
  );

/** By bit 12 and bits 6:5; the last two are reserved. */
const REGISTER_OPS: readonly OpName[] = ['sub', 'xor', 'or', 'and', 'subw', 'addw'];

function arithmetic(half: number, imm: number): Instruction | null {
  const rd = smallAt(half, 7);
  const kind = bits(half, 11, 10);
  if (kind === 0) return expand('srli', { rd, rs1: rd, imm: imm & 63 });
  if (kind === 1) return expand('srai', { rd, rs1: rd, imm: imm & 63 });
  if (kind === 2) return expand('andi', { rd, rs1: rd, imm });
  const op = REGISTER_OPS[(bits(half, 12, 12) << 2) | bits(half, 6, 5)];
  return op === undefined ? null : expand(op, { rd, rs1: rd, rs2: smallAt(half, 2) });
}

function quadrant2(half: number, funct3: number): Instruction | null {
  const rd = bits(half, 11, 7);
  const rs2 = bits(half, 6, 2);
  const loadDouble = (bits(half, 12, 12) << 5) | (bits(half, 6, 5) << 3) | (bits(half, 4, 2) << 6);
  const loadWord = (bits(half, 12, 12) << 5) | (bits(half, 6, 4) << 2) | (bits(half, 3, 2) << 6);
  const storeDouble = (bits(half, 12, 10) << 3) | (bits(half, 9, 7) << 6);
  const storeWord = (bits(half, 12, 9) << 2) | (bits(half, 8, 7) << 6);
  switch (funct3) {
    case 0:
      return expand('slli', { rd, rs1: rd, imm: (bits(half, 12, 12) << 5) | rs2 });
    case 1:
      return expand('fld', { rd, rs1: SP, imm: loadDouble });
    case 2:
      return rd === 0 ? null : expand('lw', { rd, rs1: SP, imm: loadWord });
    case 3:
      return rd === 0 ? null : expand('ld', { rd, rs1: SP, imm: loadDouble });
    case 4:
      return bits(half, 12, 12) === 0 ? moveOrJump(rd, rs2) : addOrCall(rd, rs2);
    case 5:
      return expand('fsd', { rs1: SP, rs2, imm: storeDouble });
    case 6:
      return expand('sw', { rs1: SP, rs2, imm: storeWord });
    default:
      return expand('sd', { rs1: SP, rs2, imm: storeDouble });
  }
}

function moveOrJump(rd: number, rs2: number): Instruction | null {
  if (rs2 !== 0) return expand('add', { rd, rs2 });
  return rd === 0 ? null : expand('jalr', { rs1: rd });
}

function addOrCall(rd: number, rs2: number): Instruction {
  if (rs2 !== 0) return expand('add', { rd, rs1: rd, rs2 });
  return rd === 0 ? expand('ebreak', {}) : expand('jalr', { rd: 1, rs1: rd });
}
