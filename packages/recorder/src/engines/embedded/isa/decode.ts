/**
 * From bits to an `Instruction`, and what an instruction does to control. Compressed instructions
 * expand to what they stand for (compressed.ts).
 */
import { decodeCompressed } from './compressed.ts';
import { type Ends, FORMATS, type ImmediateForm } from './formats.ts';
import type { Instruction } from './instruction.ts';
import { OP_NAMES, type OpInfo, type OpName, opInfo } from './table.ts';

/** Bytes of the instruction that begins with these 16 bits: longer ones do not exist here. */
export function sizeOf(low16: number): 2 | 4 {
  return (low16 & 3) === 3 ? 4 : 2;
}

/**
 * The instruction; null if there is none with these bits.
 * @param word of a 2-byte instruction only the low 16 bits are looked at.
 */
export function decode(word: number): Instruction | null {
  if (sizeOf(word) === 2) return decodeCompressed(word & 0xffff);
  for (const info of CANDIDATES[placeOf(word)] ?? []) {
    if ((word & info.mask) >>> 0 === info.match) return operandsOf(word, info);
  }
  return null;
}

/** Opcode and funct3: few instructions share both. Only of those with (word & 3) = 3. */
const placeOf = (word: number): number => ((word >>> 2) & 0x1f) | (((word >>> 12) & 7) << 5);

const CANDIDATES: readonly (readonly OpInfo[])[] = Array.from({ length: 256 }, (_, place) =>
  OP_NAMES.map(opInfo).filter(({ match, mask }) => {
    const word = ((place & 0x1f) << 2) | 3 | ((place >>> 5) << 12);
    return ((word ^ match) & mask & 0x707f) === 0;
  }),
);

/** Rounding modes 5 and 6 are reserved; QEMU refuses them as it does an unknown instruction. */
const isRounding = (rm: number): boolean => rm !== 5 && rm !== 6;

function operandsOf(word: number, { op, format }: OpInfo): Instruction | null {
  const has = FORMATS[format];
  const rm = has.rm ? (word >>> 12) & 7 : 0;
  if (!isRounding(rm)) return null;
  return {
    op,
    rd: has.rd === null ? 0 : (word >>> 7) & 31,
    rs1: has.rs1 === null ? 0 : (word >>> 15) & 31,
    rs2: has.rs2 === null ? 0 : (word >>> 20) & 31,
    rs3: has.rs3 === null ? 0 : word >>> 27,
    imm: immediateOf(word, has.imm),
    rm,
    size: 4,
  };
}

/** RISC-V Unprivileged ISA, "Types of immediate produced by RISC-V instructions". */
function immediateOf(word: number, form: ImmediateForm): number {
  switch (form) {
    case 'none':
      return 0;
    case 'i':
      return word >> 20;
    case 's':
      return ((word >> 25) << 5) | ((word >>> 7) & 31);
    case 'b':
      return (
        ((word >> 31) << 12) |
        (((word >>> 7) & 1) << 11) |
        (((word >>> 25) & 63) << 5) |
        (((word >>> 8) & 15) << 1)
      );
    case 'u':
      return word & ~0xfff;
    case 'j':
      return (
        ((word >> 31) << 20) |
        (((word >>> 12) & 255) << 12) |
        (((word >>> 20) & 1) << 11) |
        (((word >>> 21) & 1023) << 1)
      );
    case 'shamt5':
      return (word >>> 20) & 31;
    case 'shamt6':
      return (word >>> 20) & 63;
    case 'csr':
      return word >>> 20;
  }
}

const ENDS: ReadonlyMap<OpName, Ends> = new Map(OP_NAMES.map((op) => [op, opInfo(op).ends]));

/** Whether a block ends with it: control may go elsewhere, or code may change (fence.i). */
export function endsBlock({ op }: Instruction): boolean {
  return (ENDS.get(op) ?? null) !== null;
}

export interface Transfer {
  readonly kind: 'branch' | 'jump' | 'indirect-jump' | 'call' | 'indirect-call' | 'return';
  /** Where it goes if taken; null if a register says. It may be no address: below 0. */
  readonly target: number | null;
}

/**
 * How the instruction moves control; null if it does not, or by a trap. Twin: riscv() in
 * engines/qemu/plugin/classify.c; both engines must give the same kinds.
 */
export function transferOf(instruction: Instruction, pc: number): Transfer | null {
  const { op, rd, rs1, imm } = instruction;
  switch (ENDS.get(op)) {
    case 'branch':
      return { kind: 'branch', target: pc + imm };
    case 'jump':
      return { kind: isLink(rd) ? 'call' : 'jump', target: pc + imm };
    case 'indirect':
      if (isLink(rd)) return { kind: 'indirect-call', target: null };
      return { kind: isLink(rs1) ? 'return' : 'indirect-jump', target: null };
    default:
      return null;
  }
}

/** RISC-V Unprivileged ISA, table of return-address-stack hints: x1 and x5 are link registers. */
const isLink = (register: number): boolean => register === 1 || register === 5;
