/** Operands of the threaded interpreter: register numbers and immediates are in the entry. */

import type { CodeWriter } from '../../../wasm/code.ts';
import { I64, type ValueType } from '../../../wasm/opcodes.ts';
import {
  ENTRY,
  GUEST_PAGE_BYTES,
  GUEST_PAGE_SHIFT,
  PERM,
  PERMS,
  PERMS_BYTES,
  STATE,
} from '../core/layout.ts';
import type { Operands } from '../emit/operands.ts';

export interface Places {
  /** Local: address of the entry that runs, i32. */
  readonly entry: number;
  /** Local: the pc is this + entry / 16, i32. */
  readonly pcDelta: number;
  /** Label to which an instruction goes that is not run here. */
  readonly bail: number;
  readonly guestBase: number;
}

/** Slot of the address, out of the way of what emitters use. */
const ADDRESS_SLOT = 90;
/** Entries, and immediates of near transfers, go by 16 for each byte of code. */
export const STEP_SHIFT = 4;

export class EntryOperands implements Operands {
  readonly code: CodeWriter;
  readonly immediate = null;
  readonly known = null;
  roundingMode = 0;
  /** Bytes of the instructions whose handler is written. */
  size = 4;
  readonly #places: Places;
  readonly #scratch = new Map<number, number>();

  constructor(code: CodeWriter, places: Places) {
    this.code = code;
    this.#places = places;
  }

  #field(field: 'rd' | 'rs1' | 'rs2' | 'rs3'): void {
    this.code.get(this.#places.entry).load('i32.load16_u', ENTRY[field]);
  }

  pushX(which: 'rs1' | 'rs2'): void {
    this.#field(which);
    this.code.load('i64.load', STATE.x);
  }

  setX(value: () => void): void {
    this.#field('rd');
    value();
    this.code.store('i64.store', STATE.x);
  }

  pushF(which: 'rs1' | 'rs2' | 'rs3'): void {
    this.#field(which);
    this.code.load('i64.load', STATE.f);
  }

  setF(value: () => void): void {
    this.#field('rd');
    value();
    this.code.store('i64.store', STATE.f);
  }

  pushImm(): void {
    this.code.get(this.#places.entry).load('i64.load32_s', ENTRY.imm);
  }

  pushImm32(): void {
    this.code.get(this.#places.entry).load('i32.load', ENTRY.imm);
  }

  /** i32. */
  pushPc32(): void {
    const { entry, pcDelta } = this.#places;
    this.code.get(entry).i32(STEP_SHIFT).op('i32.shr_u').get(pcDelta).op('i32.add');
  }

  pushPc(): void {
    this.pushPc32();
    this.code.op('i64.extend_i32_u');
  }

  pushNextPc(): void {
    this.pushPc32();
    this.code.i32(this.size).op('i32.add', 'i64.extend_i32_u');
  }

  pushTarget(): void {
    this.pushPc();
    this.pushImm();
    this.code.op('i64.add');
  }

  scratch(type: ValueType, slot: number): number {
    const key = slot * 256 + type;
    const known = this.#scratch.get(key);
    if (known !== undefined) return known;
    const local = this.code.local(type);
    this.#scratch.set(key, local);
    return local;
  }

  /**
   * Asks the page table alone: ranges would have to be tried one after the other, and which of them
   * fits is hard to foresee where all loads share their code.
   */
  address(
    kind: 'load' | 'store',
    bytes: number,
    plain: boolean,
    access: (offset: number) => void,
  ): void {
    const { code } = this;
    const [address, page] = [this.scratch(I64, ADDRESS_SLOT), this.scratch(I64, ADDRESS_SLOT + 1)];
    this.pushX('rs1');
    if (!plain) {
      this.pushImm();
      code.op('i64.add');
    }
    code.tee(address).i64(GUEST_PAGE_SHIFT).op('i64.shr_u').tee(page);
    code.i64(PERMS_BYTES).op('i64.ge_u');
    this.bailIf();
    code.get(page).op('i32.wrap_i64').load('i32.load8_u', PERMS);
    code.i32(kind === 'load' ? PERM.read : PERM.write).op('i32.and', 'i32.eqz');
    this.bailIf();
    // An access that crosses into the next page is rare. Atomics are aligned: none does.
    if (bytes > 1 && !plain) {
      code
        .get(address)
        .op('i32.wrap_i64')
        .i32(GUEST_PAGE_BYTES - 1)
        .op('i32.and');
      code.i32(GUEST_PAGE_BYTES - bytes).op('i32.gt_u');
      this.bailIf();
    }
    code.get(address).op('i32.wrap_i64');
    access(this.#places.guestBase);
  }

  bailIf(): void {
    this.code.brIfTo(this.#places.bail);
  }
}
