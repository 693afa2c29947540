/**
 * Control flow of RISC-V from the bits (The RISC-V Instruction Set Manual, volume I: chapter 2.5
 * for jumps and their link-register hints, chapter "C" for compressed forms; volume II for mret).
 *
 *   jal    imm[20|10:1|11|19:12] rd 1101111      c.j      101 imm[11|4|9:8|10|6|7|3:1|5] 01
 *   jalr   imm[11:0] rs1 000 rd 1100111          c.jr     1000 rs1 00000 10
 *   branch imm[12|10:5] rs2 rs1 f3 imm[4:1|11]   c.jalr   1001 rs1 00000 10
 *          1100011                               c.beqz   110 imm[8|4:3] rs1' imm[7:6|2:1|5] 01
 */
import { FLOW, type FlowDecoder, read16, read32, SEQUENTIAL, signExtend } from './flow.ts';

const OP_JAL = 0x6f;
const OP_JALR = 0x67;
const OP_BRANCH = 0x63;

const ECALL = 0x0000_0073;
const EBREAK = 0x0010_0073;
const WFI = 0x1050_0073;
/** uret, sret, mret, mnret (Smrnmi), dret (debug). */
const TRAP_RETURNS: readonly number[] = [
  0x0020_0073, 0x1020_0073, 0x3020_0073, 0x7020_0073, 0x7b20_0073,
];

/** x1 and x5 hold return addresses; hardware predicts by them, and so do we. */
const isLink = (register: number): boolean => register === 1 || register === 5;

/** A jump through a register: the hint table of jalr. */
function registerJump(rd: number, rs1: number): number {
  if (isLink(rd)) return FLOW.indirectCall;
  return isLink(rs1) ? FLOW.return : FLOW.indirectJump;
}

function systemFlow(word: number): number {
  if (word === ECALL) return FLOW.syscall;
  if (word === EBREAK) return FLOW.trap;
  if (word === WFI) return FLOW.halt;
  return TRAP_RETURNS.includes(word) ? FLOW.trapReturn : SEQUENTIAL;
}

function flow32(word: number): number {
  const rd = (word >>> 7) & 31;
  const funct3 = (word >>> 12) & 7;
  switch (word & 0x7f) {
    case OP_JAL:
      return isLink(rd) ? FLOW.call : FLOW.jump;
    case OP_JALR:
      return funct3 === 0 ? registerJump(rd, (word >>> 15) & 31) : SEQUENTIAL;
    case OP_BRANCH:
      return funct3 === 2 || funct3 === 3 ? SEQUENTIAL : FLOW.branch;
    default:
      return systemFlow(word);
  }
}

const COMPRESSED_J = 0b101_01;
const COMPRESSED_JAL = 0b001_01;
const COMPRESSED_BEQZ = 0b110_01;
const COMPRESSED_BNEZ = 0b111_01;
const COMPRESSED_JR = 0b100_10;

/** funct3 and quadrant side by side. */
const compressedOp = (half: number): number => ((half >>> 13) << 2) | (half & 3);

function flow16(half: number, is32: boolean): number {
  switch (compressedOp(half)) {
    case COMPRESSED_J:
      return FLOW.jump;
    case COMPRESSED_JAL:
      // On RV64 these bits are c.addiw.
      return is32 ? FLOW.call : SEQUENTIAL;
    case COMPRESSED_BEQZ:
    case COMPRESSED_BNEZ:
      return FLOW.branch;
    case COMPRESSED_JR: {
      const rs1 = (half >>> 7) & 31;
      const links = (half & 0x1000) !== 0;
      if ((half & 0x7c) !== 0) return SEQUENTIAL;
      if (rs1 === 0) return links ? FLOW.trap : SEQUENTIAL;
      return registerJump(links ? 1 : 0, rs1);
    }
    default:
      return SEQUENTIAL;
  }
}

function displacement32(word: number): number {
  switch (word & 0x7f) {
    case OP_JAL:
      return signExtend(
        ((word >>> 11) & 0x10_0000) |
          (word & 0xf_f000) |
          ((word >>> 9) & 0x800) |
          ((word >>> 20) & 0x7fe),
        21,
      );
    case OP_BRANCH:
      return signExtend(
        ((word >>> 19) & 0x1000) |
          ((word << 4) & 0x800) |
          ((word >>> 20) & 0x7e0) |
          ((word >>> 7) & 0x1e),
        13,
      );
    default:
      return Number.NaN;
  }
}

function displacement16(half: number): number {
  switch (compressedOp(half)) {
    case COMPRESSED_J:
    case COMPRESSED_JAL:
      return signExtend(
        ((half >>> 1) & 0x800) |
          ((half << 2) & 0x400) |
          ((half >>> 1) & 0x300) |
          ((half << 1) & 0x80) |
          ((half >>> 1) & 0x40) |
          ((half << 3) & 0x20) |
          ((half >>> 7) & 0x10) |
          ((half >>> 2) & 0xe),
        12,
      );
    case COMPRESSED_BEQZ:
    case COMPRESSED_BNEZ:
      return signExtend(
        ((half >>> 4) & 0x100) |
          ((half << 1) & 0xc0) |
          ((half << 3) & 0x20) |
          ((half >>> 7) & 0x18) |
          ((half >>> 2) & 0x6),
        9,
      );
    default:
      return Number.NaN;
  }
}

/** @param is32 whether registers are 32 bits wide: then c.jal exists. */
export function riscvDecoder(is32: boolean): FlowDecoder {
  const flow = (code: Uint8Array, at: number, sizeBytes: number): number => {
    if (sizeBytes === 2) return flow16(read16(code, at), is32);
    return sizeBytes === 4 ? flow32(read32(code, at)) : SEQUENTIAL;
  };
  return {
    flow,
    displacementBytes(code, at, sizeBytes) {
      if (flow(code, at, sizeBytes) === SEQUENTIAL) return Number.NaN;
      return sizeBytes === 2 ? displacement16(read16(code, at)) : displacement32(read32(code, at));
    },
    sizeBytes: (code, at) => (((code[at] ?? 0) & 3) === 3 ? 4 : 2),
  };
}
