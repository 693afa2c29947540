/**
 * Text of instructions, by Capstone. Its raw exports are bound thinly: the package's own wrapper
 * builds an object of 20 fields for each instruction and is four times slower.
 *
 * One `cs_insn` of Capstone 5 on wasm32, little-endian, as far as it is read here:
 *
 *   0 id u32 | 8 address u64 | 16 size u16 | 18 bytes u8×24 | 42 mnemonic char×32 | 74 operands
 *   char×160 | 236 detail pointer
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { RawCapstone } from '@alexaltea/capstone-js';
import { BacktrailError } from '@backtrail/recorder/trace';
import { type CapstoneTarget, capstoneTarget } from './capstone-targets.ts';
import { type Classifier, createClassifier } from './classify.ts';

const INSN_SIZE_AT = 16;
const INSN_MNEMONIC_AT = 42;
const INSN_MNEMONIC_BYTES = 32;
const INSN_OPERANDS_AT = 74;
const INSN_OPERANDS_BYTES = 160;

/** Values of cs_opt_type and cs_opt_value in capstone.h. */
const OPT_SYNTAX = 1;
const OPT_MODE = 3;
const SYNTAX_INTEL = 1;

/** No instruction is longer; a window is refilled before fewer bytes are left. */
const INSTRUCTION_BYTES_MAX = 32;
const WINDOW_BYTES = 1 << 16;

export interface Instruction {
  /** Guest address. */
  readonly pc: bigint;
  readonly sizeBytes: number;
  /** E.g. `jne`; `.byte` for bytes that are no instruction. */
  readonly mnemonic: string;
  /** E.g. `0x401020`; empty where there are none. Direct targets are absolute. */
  readonly operands: string;
}

/** @returns true to stop. `at` is the offset of the instruction in the code, bytes. */
export type InstructionVisitor = (
  at: number,
  sizeBytes: number,
  mnemonic: string,
  operands: string,
) => boolean;

export interface Disassembler extends Disposable {
  readonly isa: string;
  /**
   * Every instruction of `code`, which lies at guest address `pc`. With `sizesBytes` (of a recorded
   * block) the instructions are those, whatever their bytes say.
   */
  disassemble(code: Uint8Array, pc: bigint, sizesBytes?: Uint8Array): Instruction[];
  /** The one instruction in `code`, as `mnemonic operands`. */
  text(code: Uint8Array, pc: bigint): string;
  /** As disassemble, without an object for each instruction. */
  visit(code: Uint8Array, pc: bigint, visitor: InstructionVisitor): void;
  /** Frees Capstone's memory; calls after that throw. */
  dispose(): void;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Capstone compiled and started; 33 ms, so only when somebody asks for text. */
async function load(): Promise<{ raw: RawCapstone; memory: WasmMemory }> {
  const { default: start } = await import('@alexaltea/capstone-js');
  const wasm = createRequire(import.meta.url).resolve('@alexaltea/capstone-js/dist/capstone.wasm');
  let memory: WasmMemory | null = null;
  const raw = await start({
    print: () => {},
    printErr: () => {},
    instantiateWasm(imports, done) {
      const module = new WebAssembly.Module(readFileSync(wasm));
      const instance = new WebAssembly.Instance(module, imports);
      for (const value of Object.values(instance.exports)) {
        if (value instanceof WebAssembly.Memory) memory = value;
      }
      done(instance, module);
      return instance.exports;
    },
  });
  if (memory === null) {
    throw new BacktrailError(
      'E_CAPSTONE',
      'capstone.wasm exports no memory, expected one. Install the version package.json names.',
    );
  }
  return { raw, memory };
}

/**
 * A disassembler for one instruction set. Dispose of it: `using it = await createDisassembler(…)`.
 * @param isa in QEMU's names, e.g. `x86_64`. Null where Capstone has none.
 */
export async function createDisassembler(isa: string): Promise<Disassembler | null> {
  const target = capstoneTarget(isa);
  if (target === null) return null;
  const { raw, memory } = await load();
  return new CapstoneDisassembler(isa, target, raw, memory);
}

class CapstoneDisassembler implements Disassembler {
  readonly isa: string;
  readonly #target: CapstoneTarget;
  readonly #raw: RawCapstone;
  readonly #memory: WasmMemory;
  /** Only RISC-V needs it: Capstone prints its targets relative. */
  readonly #classifier: Classifier | null;
  readonly #handleAt: number;
  readonly #handle: number;
  /** Three words for cs_disasm_iter: address u64, code pointer u32, size u32. */
  readonly #cursorAt: number;
  readonly #windowAt: number;
  readonly #instruction: number;
  #mode: number;
  #disposed = false;

  constructor(isa: string, target: CapstoneTarget, raw: RawCapstone, memory: WasmMemory) {
    this.isa = isa;
    this.#target = target;
    this.#raw = raw;
    this.#memory = memory;
    this.#classifier = target.relative ? createClassifier(isa) : null;
    this.#mode = target.mode;
    this.#handleAt = raw._malloc(8);
    const status = raw._cs_open(target.architecture, target.mode, this.#handleAt);
    if (status !== 0) {
      throw new BacktrailError(
        'E_CAPSTONE',
        `Capstone refused ${isa} with error ${status}, expected 0. ` +
          'Install the version package.json names.',
      );
    }
    this.#handle = new DataView(memory.buffer).getUint32(this.#handleAt, true);
    if (target.intelSyntax) raw._cs_option(this.#handle, OPT_SYNTAX, SYNTAX_INTEL);
    this.#cursorAt = raw._malloc(16);
    this.#windowAt = raw._malloc(WINDOW_BYTES);
    this.#instruction = raw._cs_malloc(this.#handle);
  }

  disassemble(code: Uint8Array, pc: bigint, sizesBytes?: Uint8Array): Instruction[] {
    const list: Instruction[] = [];
    const add = (at: number, sizeBytes: number, mnemonic: string, operands: string): boolean => {
      list.push({ pc: BigInt.asUintN(64, pc + BigInt(at)), sizeBytes, mnemonic, operands });
      return false;
    };
    if (sizesBytes === undefined) {
      this.visit(code, pc, add);
      return list;
    }
    let at = 0;
    const alternate = this.#target.halfwordMode !== null && sizesBytes.includes(2);
    for (const sizeBytes of sizesBytes) {
      const one = this.#one(code.subarray(at, at + sizeBytes), pc + BigInt(at), alternate);
      add(at, sizeBytes, one.mnemonic, one.operands);
      at += sizeBytes;
    }
    return list;
  }

  text(code: Uint8Array, pc: bigint): string {
    const { mnemonic, operands } = this.#one(code, pc, code.length === 2);
    return operands === '' ? mnemonic : `${mnemonic} ${operands}`;
  }

  visit(code: Uint8Array, pc: bigint, visitor: InstructionVisitor): void {
    this.#setMode(this.#target.mode);
    this.#visit(code, pc, visitor);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#raw._cs_free(this.#instruction, 1);
    this.#raw._cs_close(this.#handleAt);
    this.#raw._free(this.#windowAt);
    this.#raw._free(this.#cursorAt);
    this.#raw._free(this.#handleAt);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** One instruction whose size is known; a text for its bytes if they mean something else. */
  #one(code: Uint8Array, pc: bigint, alternate: boolean): { mnemonic: string; operands: string } {
    const { mode, halfwordMode } = this.#target;
    this.#setMode(alternate && halfwordMode !== null ? halfwordMode : mode);
    let found = { mnemonic: '.byte', operands: byteList(code) };
    this.#visit(code, pc, (_at, sizeBytes, mnemonic, operands) => {
      if (sizeBytes === code.length) found = { mnemonic, operands };
      if (sizeBytes === code.length || !this.#target.hasSlots) return true;
      // A branch and what is in its delay slot: one instruction in a trace.
      if (found.mnemonic === '.byte') found = { mnemonic, operands };
      else found.operands += ` ; ${mnemonic} ${operands}`.trimEnd();
      return false;
    });
    return found;
  }

  #setMode(mode: number): void {
    if (mode === this.#mode) return;
    this.#raw._cs_option(this.#handle, OPT_MODE, mode);
    this.#mode = mode;
  }

  #visit(code: Uint8Array, pc: bigint, visitor: InstructionVisitor): void {
    if (this.#disposed) {
      throw new BacktrailError(
        'E_DISPOSED',
        'The disassembler was disposed of, expected a live one. Create another.',
      );
    }
    let at = 0;
    while (at < code.length) {
      const windowBytes = Math.min(WINDOW_BYTES, code.length - at);
      const last = at + windowBytes === code.length;
      const limit = last ? windowBytes : windowBytes - INSTRUCTION_BYTES_MAX;
      const used = this.#window(code, at, windowBytes, limit, pc, visitor);
      if (used < 0) return;
      at += used;
    }
  }

  /** Decodes from `at` until `limit` bytes are used; returns bytes used, -1 if told to stop. */
  #window(
    code: Uint8Array,
    at: number,
    windowBytes: number,
    limit: number,
    pc: bigint,
    visitor: InstructionVisitor,
  ): number {
    new Uint8Array(this.#memory.buffer).set(code.subarray(at, at + windowBytes), this.#windowAt);
    let used = 0;
    while (used < limit) {
      const here = at + used;
      // Views are made anew: Capstone may have grown its memory.
      const cursor = new DataView(this.#memory.buffer, this.#cursorAt, 16);
      cursor.setBigUint64(0, BigInt.asUintN(64, pc + BigInt(here)), true);
      cursor.setUint32(8, this.#windowAt + used, true);
      cursor.setUint32(12, windowBytes - used, true);
      const decoded = this.#raw._cs_disasm_iter(
        this.#handle,
        this.#cursorAt + 8,
        this.#cursorAt + 12,
        this.#cursorAt,
        this.#instruction,
      );
      let sizeBytes = Math.min(this.#target.unitBytes, windowBytes - used);
      let stop: boolean;
      if (decoded === 0) {
        stop = visitor(here, sizeBytes, '.byte', byteList(code.subarray(here, here + sizeBytes)));
      } else {
        const memory = new Uint8Array(this.#memory.buffer, this.#instruction, 240);
        sizeBytes = (memory[INSN_SIZE_AT] ?? 0) | ((memory[INSN_SIZE_AT + 1] ?? 0) << 8);
        const mnemonic = textAt(memory, INSN_MNEMONIC_AT, INSN_MNEMONIC_BYTES);
        const operands = textAt(memory, INSN_OPERANDS_AT, INSN_OPERANDS_BYTES);
        stop = visitor(
          here,
          sizeBytes,
          mnemonic,
          this.#absolute(code, here, sizeBytes, pc, operands),
        );
      }
      if (stop) return -1;
      used += Math.max(1, sizeBytes);
    }
    return used;
  }

  /** Capstone prints the distance to a RISC-V target as the last operand; the address is wanted. */
  #absolute(code: Uint8Array, at: number, sizeBytes: number, pc: bigint, operands: string): string {
    const target = this.#classifier?.target(code, at, sizeBytes, pc + BigInt(at)) ?? null;
    if (target === null) return operands;
    const comma = operands.lastIndexOf(',');
    return comma < 0 ? hex(target) : `${operands.slice(0, comma + 1)} ${hex(target)}`;
  }
}

function byteList(code: Uint8Array): string {
  return Array.from(code, (byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', ');
}

/** A NUL-terminated ASCII text of at most `bytes` bytes; so short, a decoder would be slower. */
function textAt(memory: Uint8Array, at: number, bytes: number): string {
  let text = '';
  for (let i = at; i < at + bytes; i++) {
    const byte = memory[i] ?? 0;
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}
