/**
 * Zicsr and the privileged instructions: RISC-V Unprivileged ISA 20191213, chapter 9. The floating
 * point registers (chapter 11, table 11.1) are the hart's; all others are the platform's.
 */
import type { Hart, Platform } from '../core/hart.ts';
import { TRAP, Trap } from '../core/trap.ts';
import type { Instruction } from '../isa/instruction.ts';
import { type Execute, type Executes, setX, unsigned, unsignedX } from './execute.ts';

const FFLAGS = 1;
const FRM = 2;
const FCSR = 3;

const isFloat = (csr: number): boolean => csr === FFLAGS || csr === FRM || csr === FCSR;

function readCsr(hart: Hart, platform: Platform, csr: number): bigint {
  if (isFloat(csr)) hart.openFloat();
  if (csr === FFLAGS) return BigInt(hart.fcsr & 0x1f);
  if (csr === FRM) return BigInt(hart.fcsr >> 5);
  if (csr === FCSR) return BigInt(hart.fcsr);
  return platform.readCsr(csr);
}

function writeCsr(hart: Hart, platform: Platform, csr: number, value: bigint): void {
  if (isFloat(csr)) hart.openFloat();
  const low = Number(value & 0xffn);
  if (csr === FFLAGS) hart.fcsr = (hart.fcsr & 0xe0) | (low & 0x1f);
  else if (csr === FRM) hart.fcsr = (hart.fcsr & 0x1f) | ((low & 7) << 5);
  else if (csr === FCSR) hart.fcsr = low;
  else platform.writeCsr(csr, unsigned(value));
}

/** The top two bits of the number say so: Privileged Architecture, "CSR Address Mapping". */
const isReadOnly = (csr: number): boolean => csr >>> 10 === 3;

/** Checks that go before any effect. step() puts the bits of the instruction into the trap. */
function checkWritable(csr: number): void {
  if (isReadOnly(csr)) throw new Trap(TRAP.illegal, 0n);
}

type Operand = (hart: Hart, instruction: Instruction) => bigint;
const register: Operand = (hart, { rs1 }) => unsignedX(hart, rs1);
const immediate: Operand = (_hart, { rs1 }) => BigInt(rs1);

/** csrrw: with rd = x0 the register is not read, and what reading does is not done. */
function exchange(operand: Operand): Execute {
  return (hart, instruction, platform) => {
    const { rd, imm: csr } = instruction;
    checkWritable(csr);
    const value = operand(hart, instruction);
    const before = rd === 0 ? 0n : readCsr(hart, platform, csr);
    writeCsr(hart, platform, csr, value);
    setX(hart, rd, before);
    return undefined;
  };
}

/**
 * csrrs and csrrc: with rs1 = x0 (or a zero immediate) the register is not written, so a read-only
 * one may be named. A register that holds 0 still writes.
 */
function change(operand: Operand, f: (before: bigint, mask: bigint) => bigint): Execute {
  return (hart, instruction, platform) => {
    const { rd, rs1, imm: csr } = instruction;
    if (rs1 !== 0) checkWritable(csr);
    const mask = operand(hart, instruction);
    const before = readCsr(hart, platform, csr);
    if (rs1 !== 0) writeCsr(hart, platform, csr, f(before, mask));
    setX(hart, rd, before);
    return undefined;
  };
}

const setBits = (before: bigint, mask: bigint): bigint => before | mask;
const clearBits = (before: bigint, mask: bigint): bigint => before & ~mask;

/** The platform sets hart.pc. */
function system(op: Parameters<Platform['system']>[0]): Execute {
  return (hart, _instruction, platform) => {
    platform.system(op);
    return hart.pc;
  };
}

export const CSR_OPS: Executes = {
  csrrw: exchange(register),
  csrrs: change(register, setBits),
  csrrc: change(register, clearBits),
  csrrwi: exchange(immediate),
  csrrsi: change(immediate, setBits),
  csrrci: change(immediate, clearBits),
  mret: system('mret'),
  sret: system('sret'),
  wfi: system('wfi'),
  'sfence.vma': system('sfence.vma'),
};
