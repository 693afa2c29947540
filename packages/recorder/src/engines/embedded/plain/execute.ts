/** What the files of this folder share: the form of an instruction's function, and registers. */
import type { Hart, Platform } from '../core/hart.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { OpName } from '../isa/table.ts';

/**
 * Runs one instruction at hart.pc, but does not set hart.pc: gives the address of the next one, or
 * undefined for the one behind it. @throws Trap, and then nothing has changed.
 */
export type Execute = (
  hart: Hart,
  instruction: Instruction,
  platform: Platform,
) => bigint | undefined;

export type Executes = Partial<Record<OpName, Execute>>;

/** Value of an integer register, signed. */
export function signedX(hart: Hart, register: number): bigint {
  return hart.x[register] ?? 0n;
}

/** Value of an integer register, unsigned. */
export function unsignedX(hart: Hart, register: number): bigint {
  return hart.xUnsigned[register] ?? 0n;
}

/** Writes the low 64 bits of value; x0 stays 0. */
export function setX(hart: Hart, register: number, value: bigint): void {
  if (register !== 0) hart.x[register] = value;
}

export const word = (value: bigint): bigint => BigInt.asIntN(32, value);
export const unsignedWord = (value: bigint): bigint => BigInt.asUintN(32, value);
export const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);
export const truth = (condition: boolean): bigint => (condition ? 1n : 0n);

/** rd = f(rs1, rs2), both signed. */
export function onRegisters(f: (a: bigint, b: bigint) => bigint): Execute {
  return (hart, { rd, rs1, rs2 }) => {
    setX(hart, rd, f(signedX(hart, rs1), signedX(hart, rs2)));
    return undefined;
  };
}

/** rd = f(rs1, immediate), both signed. */
export function onImmediate(f: (a: bigint, b: bigint) => bigint): Execute {
  return (hart, { rd, rs1, imm }) => {
    setX(hart, rd, f(signedX(hart, rs1), BigInt(imm)));
    return undefined;
  };
}

/** rd = f(rs1), signed. */
export function onOne(f: (a: bigint) => bigint): Execute {
  return (hart, { rd, rs1 }) => {
    setX(hart, rd, f(signedX(hart, rs1)));
    return undefined;
  };
}
