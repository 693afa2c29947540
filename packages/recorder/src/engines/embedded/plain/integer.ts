/** RV64I: RISC-V Unprivileged ISA 20191213, chapters 2 and 5. */
import { TRAP, Trap } from '../core/trap.ts';
import {
  type Execute,
  type Executes,
  onImmediate,
  onRegisters,
  setX,
  signedX,
  truth,
  unsigned,
  unsignedWord,
  unsignedX,
  word,
} from './execute.ts';

type Binary = (a: bigint, b: bigint) => bigint;

const add: Binary = (a, b) => a + b;
const addWord: Binary = (a, b) => word(a + b);
const and: Binary = (a, b) => a & b;
const or: Binary = (a, b) => a | b;
const xor: Binary = (a, b) => a ^ b;
const lessThan: Binary = (a, b) => truth(a < b);
const below: Binary = (a, b) => truth(unsigned(a) < unsigned(b));
/** Amounts of shifts: the low 6 bits, of word forms the low 5. */
const shiftLeft: Binary = (a, b) => a << (b & 63n);
const shiftRight: Binary = (a, b) => unsigned(a) >> (b & 63n);
const shiftRightSigned: Binary = (a, b) => a >> (b & 63n);
const shiftLeftWord: Binary = (a, b) => word(a << (b & 31n));
const shiftRightWord: Binary = (a, b) => word(unsignedWord(a) >> (b & 31n));
const shiftRightSignedWord: Binary = (a, b) => word(a) >> (b & 31n);

const jal: Execute = (hart, { rd, imm, size }) => {
  const { pc } = hart;
  setX(hart, rd, pc + BigInt(size));
  return unsigned(pc + BigInt(imm));
};

/** The target is found before rd is written: they may be the same register. Bit 0 is cleared. */
const jalr: Execute = (hart, { rd, rs1, imm, size }) => {
  const target = unsigned(signedX(hart, rs1) + BigInt(imm)) & ~1n;
  setX(hart, rd, hart.pc + BigInt(size));
  return target;
};

function branch(isTaken: (a: bigint, b: bigint) => boolean): Execute {
  return (hart, { rs1, rs2, imm }) =>
    isTaken(signedX(hart, rs1), signedX(hart, rs2)) ? unsigned(hart.pc + BigInt(imm)) : undefined;
}

/** Faults even if rd is x0. */
function load(bytes: number, extend: (value: bigint) => bigint): Execute {
  return (hart, { rd, rs1, imm }) => {
    const address = unsigned(signedX(hart, rs1) + BigInt(imm));
    setX(hart, rd, extend(hart.memory.load(address, bytes)));
    return undefined;
  };
}

const zeroExtended = (value: bigint): bigint => value;
const signExtended =
  (bytes: number) =>
  (value: bigint): bigint =>
    BigInt.asIntN(bytes * 8, value);

function store(bytes: number): Execute {
  return (hart, { rs1, rs2, imm }) => {
    const address = unsigned(signedX(hart, rs1) + BigInt(imm));
    hart.memory.store(address, bytes, unsignedX(hart, rs2));
    return undefined;
  };
}

const nothing: Execute = () => undefined;

export const INTEGER_OPS: Executes = {
  lui: (hart, { rd, imm }) => {
    setX(hart, rd, BigInt(imm));
    return undefined;
  },
  auipc: (hart, { rd, imm }) => {
    setX(hart, rd, hart.pc + BigInt(imm));
    return undefined;
  },
  jal,
  jalr,
  beq: branch((a, b) => a === b),
  bne: branch((a, b) => a !== b),
  blt: branch((a, b) => a < b),
  bge: branch((a, b) => a >= b),
  bltu: branch((a, b) => unsigned(a) < unsigned(b)),
  bgeu: branch((a, b) => unsigned(a) >= unsigned(b)),
  lb: load(1, signExtended(1)),
  lh: load(2, signExtended(2)),
  lw: load(4, signExtended(4)),
  ld: load(8, zeroExtended),
  lbu: load(1, zeroExtended),
  lhu: load(2, zeroExtended),
  lwu: load(4, zeroExtended),
  sb: store(1),
  sh: store(2),
  sw: store(4),
  sd: store(8),
  addi: onImmediate(add),
  slti: onImmediate(lessThan),
  sltiu: onImmediate(below),
  xori: onImmediate(xor),
  ori: onImmediate(or),
  andi: onImmediate(and),
  slli: onImmediate(shiftLeft),
  srli: onImmediate(shiftRight),
  srai: onImmediate(shiftRightSigned),
  add: onRegisters(add),
  sub: onRegisters((a, b) => a - b),
  sll: onRegisters(shiftLeft),
  slt: onRegisters(lessThan),
  sltu: onRegisters(below),
  xor: onRegisters(xor),
  srl: onRegisters(shiftRight),
  sra: onRegisters(shiftRightSigned),
  or: onRegisters(or),
  and: onRegisters(and),
  addiw: onImmediate(addWord),
  slliw: onImmediate(shiftLeftWord),
  srliw: onImmediate(shiftRightWord),
  sraiw: onImmediate(shiftRightSignedWord),
  addw: onRegisters(addWord),
  subw: onRegisters((a, b) => word(a - b)),
  sllw: onRegisters(shiftLeftWord),
  srlw: onRegisters(shiftRightWord),
  sraw: onRegisters(shiftRightSignedWord),
  // One hart runs at a time, and in program order: there is nothing to order. Stores to code are
  // looked at as they happen, so fence.i finds nothing left to do.
  fence: nothing,
  'fence.i': nothing,
  ecall: (_hart, _instruction, platform) => {
    throw new Trap(platform.ecallCause(), 0n);
  },
  ebreak: ({ pc }) => {
    throw new Trap(TRAP.breakpoint, pc);
  },
};
