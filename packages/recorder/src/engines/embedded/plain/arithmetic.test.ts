/** What the specification says of arithmetic, row by row; values are written by hand. */
import { describe, expect, test } from 'vitest';
import { Hart } from '../core/hart.ts';
import { decode } from '../isa/decode.ts';
import { encode } from '../isa/encode.fixture.ts';
import type { OpName } from '../isa/table.ts';
import { NO_PLATFORM, smallMemory } from './process.fixture.ts';
import { step } from './step.ts';

const RD = 10;
const RS1 = 11;
const RS2 = 12;

const MIN = -(1n << 63n);
const MAX = (1n << 63n) - 1n;
const WORD_MIN = -(1n << 31n);

const hart = new Hart(smallMemory());

/** What an operation leaves in rd. */
function result(op: OpName, a: bigint, b: bigint, imm: number): bigint {
  hart.x[RS1] = a;
  hart.x[RS2] = b;
  const instruction = decode(encode(op, { rd: RD, rs1: RS1, rs2: RS2, imm }));
  if (instruction === null) throw new Error(`no ${op}`);
  step(hart, NO_PLATFORM, instruction);
  return hart.x[RD] ?? 0n;
}

describe('arithmetic', () => {
  const rows: readonly (readonly [OpName, bigint, bigint, bigint])[] = [
    // Division: table 7.1.
    ['div', 7n, 0n, -1n],
    ['divu', 7n, 0n, -1n],
    ['rem', -7n, 0n, -7n],
    ['remu', -7n, 0n, -7n],
    ['div', MIN, -1n, MIN],
    ['rem', MIN, -1n, 0n],
    ['div', -7n, 2n, -3n],
    ['rem', -7n, 2n, -1n],
    ['divu', -1n, 2n, MAX],
    ['divw', WORD_MIN, -1n, WORD_MIN],
    ['remw', WORD_MIN, -1n, 0n],
    ['divw', 5n, 1n << 32n, -1n],
    ['divuw', -1n, 1n, -1n],
    ['divuw', 0x1_0000_0006n, 2n, 3n],
    ['remuw', 0xffff_ffffn, 0n, -1n],
    ['remw', 0xffff_fff9n, 2n, -1n],
    // High halves of extremes.
    ['mulh', MIN, MIN, 1n << 62n],
    ['mulh', -1n, -1n, 0n],
    ['mulhu', -1n, -1n, -2n],
    ['mulhsu', -1n, -1n, -1n],
    ['mulhsu', MIN, -1n, MIN],
    ['mulhsu', 1n, -1n, 0n],
    ['mul', MAX, 2n, -2n],
    ['mulw', 0x8000_0000n, 3n, WORD_MIN],
    // Shifts take 6 bits, of words 5.
    ['sll', 1n, 64n, 1n],
    ['sll', 1n, 63n, MIN],
    ['srl', -1n, 63n, 1n],
    ['sra', MIN, 127n, -1n],
    ['sllw', 1n, 31n, WORD_MIN],
    ['sllw', 1n, 32n, 1n],
    ['srlw', 0xffff_ffff_8000_0000n, 31n, 1n],
    ['srlw', 0x8000_0000n, 0n, WORD_MIN],
    ['sraw', 0x8000_0000n, 31n, -1n],
    ['addw', 0x7fff_ffffn, 1n, WORD_MIN],
    ['subw', WORD_MIN, 1n, 0x7fff_ffffn],
    ['add', MAX, 1n, MIN],
    ['slt', -1n, 0n, 1n],
    ['sltu', -1n, 0n, 0n],
    // Bit manipulation.
    ['clz', 0n, 0n, 64n],
    ['clzw', 1n << 32n, 0n, 32n],
    ['ctz', 0n, 0n, 64n],
    ['ctzw', 1n << 33n, 0n, 32n],
    ['ctzw', 8n, 0n, 3n],
    ['cpop', -1n, 0n, 64n],
    ['cpopw', -1n, 0n, 32n],
    ['orc.b', 0x0100_0000_8000_0001n, 0n, BigInt.asIntN(64, 0xff00_0000_ff00_00ffn)],
    ['rev8', 0x0102_0304_0506_0708n, 0n, 0x0807_0605_0403_0201n],
    ['sext.b', 0x80n, 0n, -128n],
    ['sext.h', 0x8000n, 0n, -32768n],
    ['zext.h', -1n, 0n, 0xffffn],
    ['rol', MIN, 1n, 1n],
    ['ror', 1n, 65n, MIN],
    ['rolw', 0x8000_0000n, 1n, 1n],
    ['rorw', 1n, 1n, WORD_MIN],
    ['rorw', 0x1_8000_0000n, 0n, WORD_MIN],
    ['max', -1n, 1n, 1n],
    ['maxu', -1n, 1n, -1n],
    ['maxu', 1n, -1n, -1n],
    ['max', 1n, -1n, 1n],
    ['min', -1n, 1n, -1n],
    ['minu', -1n, 1n, 1n],
    ['minu', 1n, -1n, 1n],
    ['min', 1n, -1n, -1n],
    ['andn', 0b1100n, 0b1010n, 0b0100n],
    ['orn', 0n, -1n, 0n],
    ['xnor', 0n, 0n, -1n],
    ['add.uw', -1n, 1n, 1n << 32n],
    ['sh1add', MIN, 5n, 5n],
    ['sh1add.uw', -1n, 1n, 0x1_ffff_ffffn],
    ['sh2add', -1n, 0n, -4n],
    ['sh2add.uw', -1n, 0n, 0x3_ffff_fffcn],
    ['sh3add', 1n, -1n, 7n],
    ['sh3add.uw', -1n, 0n, 0x7_ffff_fff8n],
    ['bset', 0n, 127n, MIN],
    ['bclr', -1n, 63n, MAX],
    ['binv', 1n, 64n, 0n],
    ['bext', MIN, 63n, 1n],
  ];
  test.each(rows)('%s of %d and %d', (op, a, b, expected) => {
    expect(result(op, a, b, 0)).toBe(expected);
  });

  const immediates: readonly (readonly [OpName, bigint, number, bigint])[] = [
    ['addi', 0n, -1, -1n],
    ['sltiu', 5n, -1, 1n],
    ['xori', 5n, -1, -6n],
    ['slli', 1n, 63, MIN],
    ['srai', MIN, 63, -1n],
    ['srli', -1n, 60, 15n],
    ['addiw', 0x7fff_ffffn, 1, WORD_MIN],
    ['slliw', 1n, 31, WORD_MIN],
    ['sraiw', 0x8000_0000n, 31, -1n],
    ['slli.uw', -1n, 32, BigInt.asIntN(64, 0xffff_ffff_0000_0000n)],
    ['slli.uw', -1n, 63, MIN],
    ['rori', 1n, 1, MIN],
    ['roriw', 1n, 1, WORD_MIN],
    ['bseti', 0n, 63, MIN],
  ];
  test.each(immediates)('%s of %d and %d', (op, a, imm, expected) => {
    expect(result(op, a, 0n, imm)).toBe(expected);
  });
});
