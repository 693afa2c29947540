/**
 * Instructions that set the stack pointer to something that is not near where it was: from memory,
 * or from a register that holds an argument or a temporary value. Whoever switches stacks or jumps
 * out of many frames has one (longjmp, swapcontext, an exception's landing); an ordinary function
 * moves its stack pointer by constants, or sets it from its frame pointer or from a register that
 * its caller keeps.
 */
import { read16, read32 } from '../disassembly/flow.ts';

/** Whether the instruction in `code[at, at + sizeBytes)` is one. */
export type StackPointerTest = (code: Uint8Array, at: number, sizeBytes: number) => boolean;

/** Sets of x86 registers by number: rax 0, rcx 1, rdx 2, rsi 6, rdi 7, r8, r9. */
const X86_TEMPORARY = 0b11_1100_0111;
const X86_RSP = 4;
const X86_RBP = 5;

/** Register and memory operands of the instruction after its prefixes. */
function x86Operand(code: Uint8Array, modrmAt: number, rex: number): boolean {
  const modrm = code[modrmAt] ?? 0;
  const base = (modrm & 7) | ((rex & 1) << 3);
  if (modrm >>> 6 === 3) return ((X86_TEMPORARY >>> base) & 1) === 1;
  // An SIB byte with base rsp, and memory at rbp, is the function's own frame.
  const sib = (code[modrmAt + 1] ?? 0) & 7;
  const memory = (modrm & 7) === X86_RSP ? sib | ((rex & 1) << 3) : base;
  return memory !== X86_RSP && memory !== X86_RBP;
}

function x86Test(is64: boolean): StackPointerTest {
  return (code, at, sizeBytes) => {
    const end = at + sizeBytes;
    let opcodeAt = at;
    let rex = 0;
    while (
      opcodeAt < end &&
      [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66].includes(code[opcodeAt] ?? 0)
    )
      opcodeAt++;
    if (is64 && ((code[opcodeAt] ?? 0) & 0xf0) === 0x40) rex = code[opcodeAt++] ?? 0;
    const opcode = code[opcodeAt] ?? 0;
    const modrm = code[opcodeAt + 1] ?? 0;
    const reg = ((modrm >>> 3) & 7) | ((rex & 4) << 1);
    const rm = (modrm & 7) | ((rex & 1) << 3);
    switch (opcode) {
      case 0x5c: // pop rsp
      case 0x94: // xchg rsp, rax
        return (rex & 1) === 0;
      case 0x8b: // mov reg, r/m
        return reg === X86_RSP && opcodeAt + 1 < end && x86Operand(code, opcodeAt + 1, rex);
      case 0x89: // mov r/m, reg
        return modrm >>> 6 === 3 && rm === X86_RSP && ((X86_TEMPORARY >>> reg) & 1) === 1;
      case 0x87: // xchg
        return modrm >>> 6 === 3 && (rm === X86_RSP) !== (reg === X86_RSP);
      default:
        return false;
    }
  };
}

/** ra 1, t0–t2 5–7, a0–a7 10–17, t3–t6 28–31. */
const RISCV_TEMPORARY = 0xf003_fce2;
const RISCV_SP = 2;
const RISCV_S0 = 8;
const isRiscvTemporary = (register: number): boolean => ((RISCV_TEMPORARY >>> register) & 1) === 1;

function riscvTest(code: Uint8Array, at: number, sizeBytes: number): boolean {
  if (sizeBytes === 2) {
    const half = read16(code, at);
    // c.mv sp, rs2; c.add sp, rs2 is how an exception's landing adjusts it.
    const rd = (half >>> 7) & 31;
    const rs2 = (half >>> 2) & 31;
    if ((half & 0xf003) === 0x8002) return rd === RISCV_SP && isRiscvTemporary(rs2);
    return (half & 0xf003) === 0x9002 && rd === RISCV_SP && rs2 >= 10 && rs2 <= 17;
  }
  const word = read32(code, at);
  if (((word >>> 7) & 31) !== RISCV_SP) return false;
  const rs1 = (word >>> 15) & 31;
  const funct3 = (word >>> 12) & 7;
  switch (word & 0x7f) {
    case 0x03: // lw, ld
      return (funct3 === 2 || funct3 === 3) && rs1 !== RISCV_SP && rs1 !== RISCV_S0;
    case 0x13: // addi
      return funct3 === 0 && isRiscvTemporary(rs1);
    case 0x33: {
      const rs2 = (word >>> 20) & 31;
      return funct3 === 0 && word >>> 25 === 0 && rs1 === RISCV_SP && rs2 >= 10 && rs2 <= 17;
    }
    default:
      return false;
  }
}

function aarch64Test(code: Uint8Array, at: number): boolean {
  const word = read32(code, at);
  const rn = (word >>> 5) & 31;
  // mov sp, xN is add sp, xN, #0.
  if ((word & 0xffff_fc1f) >>> 0 === 0x9100_001f) return rn <= 17;
  // add sp, sp, xN (extended): how an exception's landing adjusts it; x12 serves large frames.
  return (word & 0xffe0_ffff) >>> 0 === 0x8b20_63ff && ((word >>> 16) & 31) <= 8;
}

/** @param isa in QEMU's names; null where its instructions are not known here. */
export function stackPointerTest(isa: string): StackPointerTest | null {
  switch (isa) {
    case 'x86_64':
      return x86Test(true);
    case 'i386':
      return x86Test(false);
    case 'riscv64':
    case 'riscv32':
      return riscvTest;
    case 'aarch64':
      return aarch64Test;
    default:
      return null;
  }
}
