/**
 * Runs the emitted code of one instruction, so that it can be compared with the plain interpreter.
 * Registers stay in the state block; addresses are checked against the page table alone.
 */

import { CodeWriter } from '../../../wasm/code.ts';
import { wasm } from '../../../wasm/host.ts';
import { ModuleWriter } from '../../../wasm/module.ts';
import { I32, type ValueType } from '../../../wasm/opcodes.ts';
import { GUEST_PAGE_SHIFT, PERM, PERMS, STATE } from '../core/layout.ts';
import { GuestMemory } from '../core/memory.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { Emit, Operands } from './operands.ts';

const GUEST_BASE = 0x200_0000;
const GUEST_LIMIT = 0x10_0000;

/** Guest memory of 1 MiB, small enough to make one for each test file. Nothing is mapped yet. */
export function testMemory(): GuestMemory {
  return new GuestMemory({ guestBase: GUEST_BASE, guestLimit: GUEST_LIMIT });
}

class HarnessOperands implements Operands {
  readonly code: CodeWriter;
  readonly immediate: number | null;
  readonly known: Operands['known'];
  readonly roundingMode: number | null;
  readonly #instruction: Instruction;
  readonly #pc: number;
  readonly #guestBase: number;
  readonly #bail: number;
  readonly #scratch = new Map<string, number>();

  constructor(
    code: CodeWriter,
    { instruction, pc, isKnown }: CompileOptions,
    guestBase: number,
    bail: number,
  ) {
    this.code = code;
    this.immediate = isKnown ? instruction.imm : null;
    this.known = isKnown ? instruction : null;
    this.roundingMode = isKnown ? instruction.rm : null;
    this.#instruction = instruction;
    this.#pc = pc;
    this.#guestBase = guestBase;
    this.#bail = bail;
  }

  pushX(which: 'rs1' | 'rs2'): void {
    this.code.i32(0).load('i64.load', STATE.x + 8 * this.#instruction[which]);
  }

  setX(value: () => void): void {
    const { rd } = this.#instruction;
    this.code.i32(0);
    value();
    this.code.store('i64.store', STATE.x + 8 * (rd === 0 ? 32 : rd));
  }

  pushF(which: 'rs1' | 'rs2' | 'rs3'): void {
    this.code.i32(0).load('i64.load', STATE.f + 8 * this.#instruction[which]);
  }

  setF(value: () => void): void {
    this.code.i32(0);
    value();
    this.code.store('i64.store', STATE.f + 8 * this.#instruction.rd);
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
    const key = `${type} ${slot}`;
    const known = this.#scratch.get(key);
    if (known !== undefined) return known;
    const local = this.code.local(type);
    this.#scratch.set(key, local);
    return local;
  }

  address(
    kind: 'load' | 'store',
    bytes: number,
    plain: boolean,
    access: (offset: number) => void,
  ): void {
    const address = this.scratch(0x7e, 99);
    this.pushX('rs1');
    if (!plain) {
      this.pushImm();
      this.code.op('i64.add');
    }
    this.code
      .tee(address)
      .i64(GUEST_LIMIT - bytes)
      .op('i64.gt_u');
    this.bailIf();
    for (const last of [0, bytes - 1]) {
      this.code.get(address).op('i32.wrap_i64').i32(last).op('i32.add');
      this.code.i32(GUEST_PAGE_SHIFT).op('i32.shr_u').load('i32.load8_u', PERMS);
      this.code.i32(kind === 'load' ? PERM.read : PERM.write).op('i32.and', 'i32.eqz');
      this.bailIf();
    }
    this.code.get(address).op('i32.wrap_i64');
    access(this.#guestBase);
  }

  bailIf(): void {
    this.code.brIfTo(this.#bail);
  }
}

export interface CompileOptions {
  readonly instruction: Instruction;
  readonly emit: Emit;
  readonly pc: number;
  /** Whether operand numbers are told to the emitter, as regions do; the interpreter does not. */
  readonly isKnown: boolean;
}

/**
 * Code that runs the instruction on the registers in the state block of `memory`. It returns true
 * when the instruction ran, false when it left it to the plain interpreter. STATE.pc stays.
 */
export function compileInstruction(memory: GuestMemory, options: CompileOptions): () => boolean {
  const out = new ModuleWriter();
  const pages = memory.buffer.byteLength / 65_536;
  out.importMemory('engine', 'memory', pages, pages);
  const code = new CodeWriter(0);
  code.block();
  options.emit(new HarnessOperands(code, options, memory.guestBase, code.depth));
  code.i32(1).op('return').end().i32(0);
  out.exportFunction('run', out.define(out.type([], [I32]), code));
  const module = new wasm.Module(out.finish().bytes);
  const { run } = new wasm.Instance(module, { engine: { memory: memory.memory } }).exports;
  if (run === undefined) throw new Error('the module has no run');
  return () => run() === 1;
}
