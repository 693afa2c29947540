/**
 * Where an instruction's operands are in a region: registers in local variables, the rest known.
 */

import type { CodeWriter } from '../../../wasm/code.ts';
import type { ValueType } from '../../../wasm/opcodes.ts';
import type { Operands } from '../emit/operands.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { AccessWriter } from './access.ts';
import type { RegionWriter } from './writer.ts';

const NO_INSTRUCTION: Instruction = {
  op: 'addi',
  rd: 0,
  rs1: 0,
  rs2: 0,
  rs3: 0,
  imm: 0,
  rm: 0,
  size: 4,
};

export class RegionOperands implements Operands {
  readonly code: CodeWriter;
  /** Looked at where the region is entered. */
  readonly isFloatOpen = true;
  readonly #out: RegionWriter;
  readonly #access: AccessWriter;
  #instruction = NO_INSTRUCTION;
  #pc = 0;
  /** Its place in its block. */
  #index = 0;

  constructor(out: RegionWriter, access: AccessWriter) {
    this.code = out.code;
    this.#out = out;
    this.#access = access;
  }

  /** The next instruction to write. */
  begin(instruction: Instruction, pc: number, index: number): void {
    this.#instruction = instruction;
    this.#pc = pc;
    this.#index = index;
  }

  get immediate(): number {
    return this.#instruction.imm;
  }

  get known(): Instruction {
    return this.#instruction;
  }

  get roundingMode(): number {
    return this.#instruction.rm;
  }

  pushX(which: 'rs1' | 'rs2'): void {
    this.#out.pushX(this.#instruction[which]);
  }

  setX(value: () => void): void {
    value();
    this.#out.setX(this.#instruction.rd);
  }

  pushF(which: 'rs1' | 'rs2' | 'rs3'): void {
    this.code.get(this.#out.localF(this.#instruction[which]));
  }

  setF(value: () => void): void {
    value();
    this.#out.setF(this.#instruction.rd);
  }

  pushImm(): void {
    this.code.i64(this.#instruction.imm);
  }

  pushImm32(): void {
    this.code.i32(this.#instruction.imm);
  }

  pushPc(): void {
    this.code.i64(this.#pc);
  }

  pushNextPc(): void {
    this.code.i64(this.#pc + this.#instruction.size);
  }

  pushTarget(): void {
    this.code.i64(this.#pc + this.#instruction.imm);
  }

  scratch(type: ValueType, slot: number): number {
    return this.#out.scratch(type, slot);
  }

  address(
    _kind: 'load' | 'store',
    _bytes: number,
    plain: boolean,
    access: (offset: number) => void,
  ): void {
    const { rs1, imm } = this.#instruction;
    const at = { base: rs1, offset: plain ? 0 : imm, index: this.#index };
    this.#access.push(at, () => this.#out.bail(this.#pc, this.#index), access);
  }

  bailIf(): void {
    this.code.unlikely().if();
    this.#out.bail(this.#pc, this.#index);
    this.code.end();
  }
}
