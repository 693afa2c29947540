/** The opposite of decode(), for the programs of tests. RISC-V Unprivileged ISA, chapter 2.3. */
import { FORMATS, type ImmediateForm } from './formats.ts';
import { type OpName, opInfo } from './table.ts';

export interface Fields {
  readonly rd?: number;
  readonly rs1?: number;
  readonly rs2?: number;
  readonly rs3?: number;
  readonly imm?: number;
  readonly rm?: number;
}

/**
 * A 4-byte word. Immediates as `Instruction` holds them: lui takes the shifted one. Fields that the
 * format does not have are left out.
 */
export function encode(op: OpName, fields: Fields = {}): number {
  const { rd = 0, rs1 = 0, rs2 = 0, rs3 = 0, imm = 0, rm = 0 } = fields;
  const { match, format } = opInfo(op);
  const has = FORMATS[format];
  const into = (isThere: boolean, value: number, place: number): number =>
    isThere ? value << place : 0;
  return (
    (match |
      into(has.rd !== null, rd, 7) |
      into(has.rs1 !== null, rs1, 15) |
      into(has.rs2 !== null, rs2, 20) |
      into(has.rs3 !== null, rs3, 27) |
      into(has.rm, rm, 12) |
      immediateBits(has.imm, imm)) >>>
    0
  );
}

/** Bits [high:low] of value, moved to place. */
const field = (value: number, high: number, low: number, place: number): number =>
  ((value >>> low) & ((1 << (high - low + 1)) - 1)) << place;

function immediateBits(form: ImmediateForm, imm: number): number {
  switch (form) {
    case 'none':
      return 0;
    case 's':
      return field(imm, 11, 5, 25) | field(imm, 4, 0, 7);
    case 'b':
      return (
        field(imm, 12, 12, 31) | field(imm, 10, 5, 25) | field(imm, 4, 1, 8) | field(imm, 11, 11, 7)
      );
    case 'u':
      return imm & ~0xfff;
    case 'j':
      return (
        field(imm, 20, 20, 31) |
        field(imm, 10, 1, 21) |
        field(imm, 11, 11, 20) |
        field(imm, 19, 12, 12)
      );
    default:
      return field(imm, 11, 0, 20);
  }
}

/** c.j with a distance. */
export const compressedJump = (distance: number): number =>
  0xa001 |
  field(distance, 11, 11, 12) |
  field(distance, 4, 4, 11) |
  field(distance, 9, 8, 9) |
  field(distance, 10, 10, 8) |
  field(distance, 6, 6, 7) |
  field(distance, 7, 7, 6) |
  field(distance, 3, 1, 3) |
  field(distance, 5, 5, 2);

/** c.beqz or c.bnez of x8 to x15. */
export const compressedBranch = (
  op: 'c.beqz' | 'c.bnez',
  register: number,
  distance: number,
): number =>
  (op === 'c.beqz' ? 0xc001 : 0xe001) |
  field(register - 8, 2, 0, 7) |
  field(distance, 8, 8, 12) |
  field(distance, 4, 3, 10) |
  field(distance, 7, 6, 5) |
  field(distance, 2, 1, 3) |
  field(distance, 5, 5, 2);

/** c.jr or c.jalr. */
export const compressedJumpTo = (op: 'c.jr' | 'c.jalr', register: number): number =>
  (op === 'c.jr' ? 0x8002 : 0x9002) | (register << 7);
