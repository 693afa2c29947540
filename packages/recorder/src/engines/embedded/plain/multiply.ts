/** M: RISC-V Unprivileged ISA 20191213, chapter 7. Division never traps: table 7.1. */
import { type Executes, onRegisters, unsigned, unsignedWord, word } from './execute.ts';

/** By 0: all ones. The most negative by -1 is itself, as its low 64 bits are. BigInt truncates. */
const divide = (a: bigint, b: bigint): bigint => (b === 0n ? -1n : a / b);
/** By 0: the dividend. */
const remainder = (a: bigint, b: bigint): bigint => (b === 0n ? a : a % b);

export const MULTIPLY_OPS: Executes = {
  mul: onRegisters((a, b) => a * b),
  mulh: onRegisters((a, b) => (a * b) >> 64n),
  mulhsu: onRegisters((a, b) => (a * unsigned(b)) >> 64n),
  mulhu: onRegisters((a, b) => (unsigned(a) * unsigned(b)) >> 64n),
  div: onRegisters(divide),
  divu: onRegisters((a, b) => divide(unsigned(a), unsigned(b))),
  rem: onRegisters(remainder),
  remu: onRegisters((a, b) => remainder(unsigned(a), unsigned(b))),
  mulw: onRegisters((a, b) => word(a * b)),
  divw: onRegisters((a, b) => word(divide(word(a), word(b)))),
  divuw: onRegisters((a, b) => word(divide(unsignedWord(a), unsignedWord(b)))),
  remw: onRegisters((a, b) => word(remainder(word(a), word(b)))),
  remuw: onRegisters((a, b) => word(remainder(unsignedWord(a), unsignedWord(b)))),
};
