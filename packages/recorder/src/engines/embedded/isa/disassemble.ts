/**
 * The text of an instruction as binutils writes it without aliases (`objdump -d -M no-aliases`),
 * for messages and tests. Compressed instructions appear as what they expand to; the order bits of
 * atomics are not kept and so not shown; targets have 0x.
 */
import { FORMATS, type Format } from './formats.ts';
import type { Instruction } from './instruction.ts';
import { type OpName, opInfo } from './table.ts';

/** RISC-V calling convention, "Register Convention". */
export const X_NAMES: readonly string[] = (
  'zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 ' +
  's2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6'
).split(' ');
export const F_NAMES: readonly string[] = (
  'ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 ' +
  'fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11'
).split(' ');

/** 5 and 6 do not exist; 7 is what frm says, and not shown. */
const ROUNDING_NAMES: readonly string[] = ['rne', 'rtz', 'rdn', 'rup', 'rmm'];

/** Never rounded: assemblers write mode 0 and nobody shows it. */
const EXACT: readonly OpName[] = ['fcvt.d.s', 'fcvt.d.w', 'fcvt.d.wu'];

/** Those that programs and bare machines commonly name; others appear as numbers. */
const CSR_NAMES: ReadonlyMap<number, string> = new Map([
  [0x001, 'fflags'],
  [0x002, 'frm'],
  [0x003, 'fcsr'],
  [0xc00, 'cycle'],
  [0xc01, 'time'],
  [0xc02, 'instret'],
  [0x100, 'sstatus'],
  [0x104, 'sie'],
  [0x105, 'stvec'],
  [0x140, 'sscratch'],
  [0x141, 'sepc'],
  [0x142, 'scause'],
  [0x143, 'stval'],
  [0x144, 'sip'],
  [0x180, 'satp'],
  [0x300, 'mstatus'],
  [0x301, 'misa'],
  [0x302, 'medeleg'],
  [0x303, 'mideleg'],
  [0x304, 'mie'],
  [0x305, 'mtvec'],
  [0x306, 'mcounteren'],
  [0x340, 'mscratch'],
  [0x341, 'mepc'],
  [0x342, 'mcause'],
  [0x343, 'mtval'],
  [0x344, 'mip'],
  [0xb00, 'mcycle'],
  [0xb02, 'minstret'],
  [0xf11, 'mvendorid'],
  [0xf12, 'marchid'],
  [0xf13, 'mimpid'],
  [0xf14, 'mhartid'],
]);

/** @param pc where it lies; without it targets are shown as distances (`.+8`). */
export function disassemble(instruction: Instruction, pc?: number): string {
  const { format } = opInfo(instruction.op);
  const operands = operandsOf(instruction, format, pc).join(',');
  return operands === '' ? instruction.op : `${instruction.op} ${operands}`;
}

const nameOf = (names: readonly string[], place: number): string => names[place] ?? `?${place}`;
const x = (register: number): string => nameOf(X_NAMES, register);
const f = (register: number): string => nameOf(F_NAMES, register);
const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const csr = (number: number): string => CSR_NAMES.get(number) ?? hex(number);

function target(pc: number | undefined, distance: number): string {
  if (pc === undefined) return distance < 0 ? `.${distance}` : `.+${distance}`;
  return `0x${BigInt.asUintN(64, BigInt(pc + distance)).toString(16)}`;
}

function operandsOf(instruction: Instruction, format: Format, pc?: number): string[] {
  const { rd, rs1, rs2, imm } = instruction;
  switch (format) {
    case 'system':
      return [];
    case 'i':
      return [x(rd), x(rs1), `${imm}`];
    case 'shift5':
    case 'shift6':
      return [x(rd), x(rs1), hex(imm)];
    case 'u':
      return [x(rd), hex((imm >>> 12) & 0xfffff)];
    case 'load':
    case 'jalr':
      return [x(rd), `${imm}(${x(rs1)})`];
    case 'fload':
      return [f(rd), `${imm}(${x(rs1)})`];
    case 'store':
      return [x(rs2), `${imm}(${x(rs1)})`];
    case 'fstore':
      return [f(rs2), `${imm}(${x(rs1)})`];
    case 'branch':
      return [x(rs1), x(rs2), target(pc, imm)];
    case 'jal':
      return [x(rd), target(pc, imm)];
    case 'fence':
      return [fenceSet(imm >>> 4), fenceSet(imm)];
    case 'csr':
      return [x(rd), csr(imm), x(rs1)];
    case 'csri':
      return [x(rd), csr(imm), `${rs1}`];
    case 'lr':
      return [x(rd), `(${x(rs1)})`];
    case 'amo':
      return [x(rd), x(rs2), `(${x(rs1)})`];
    default:
      return registersOf(instruction, format);
  }
}

/** Formats whose operands are registers in the order rd, rs1, rs2, rs3, and a rounding mode. */
function registersOf(instruction: Instruction, format: Format): string[] {
  const has = FORMATS[format];
  const operands: string[] = [];
  for (const place of ['rd', 'rs1', 'rs2', 'rs3'] as const) {
    if (has[place] === null) continue;
    operands.push(has[place] === 'f' ? f(instruction[place]) : x(instruction[place]));
  }
  const isExact = EXACT.includes(instruction.op) && instruction.rm === 0;
  const rounding = has.rm && !isExact ? ROUNDING_NAMES[instruction.rm] : undefined;
  return rounding === undefined ? operands : [...operands, rounding];
}

/** Device input, device output, memory reads, memory writes. */
function fenceSet(bits: number): string {
  const letters = ['i', 'o', 'r', 'w'].filter((_, place) => (bits & (8 >> place)) !== 0);
  return letters.length === 0 ? 'unknown' : letters.join('');
}
