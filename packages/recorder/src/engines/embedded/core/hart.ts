/**
 * One guest hart (hardware thread) as the plain interpreter and the platforms see it: views into
 * the state block, and what a trap needs. There is one Hart object; threads and vCPUs are switched
 * by copying their registers in and out.
 */
import { STATE } from './layout.ts';
import type { GuestMemory } from './memory.ts';

/** What differs between a process and a bare machine, asked by the plain interpreter. */
export interface Platform {
  /** @throws Trap illegal if there is no such CSR here or it may not be read. */
  readCsr(csr: number): bigint;
  /** @throws Trap illegal likewise. */
  writeCsr(csr: number, value: bigint): void;
  /** mret, sret, wfi, sfence.vma: sets hart.pc. @throws Trap illegal where there is none. */
  system(op: 'mret' | 'sret' | 'wfi' | 'sfence.vma'): void;
  /** Privilege decides the cause of ecall: TRAP.ecallUser in a process. */
  ecallCause(): number;
  /** A read or write of a device page; sizes 1, 2, 4, 8. @throws Trap if the device refuses. */
  readDevice(address: bigint, bytes: number): bigint;
  writeDevice(address: bigint, bytes: number, value: bigint): void;
}

const FFLAG_INEXACT = 1;

export class Hart {
  readonly memory: GuestMemory;
  /** Two's complement views of the same registers. x[0] is 0: never write it. */
  readonly x: BigInt64Array;
  readonly xUnsigned: BigUint64Array;
  readonly f: BigUint64Array;
  readonly view: DataView;
  /**
   * Called before a floating-point instruction while `isFloatOff`. @throws Trap illegal if it may
   * not run.
   */
  onFloatOff: () => void = () => {};

  constructor(memory: GuestMemory) {
    const { buffer } = memory;
    this.memory = memory;
    this.x = new BigInt64Array(buffer, STATE.x, 32);
    this.xUnsigned = new BigUint64Array(buffer, STATE.x, 32);
    this.f = new BigUint64Array(buffer, STATE.f, 32);
    this.view = new DataView(buffer);
  }

  get pc(): bigint {
    return this.view.getBigUint64(STATE.pc, true);
  }

  set pc(value: bigint) {
    this.view.setBigUint64(STATE.pc, value, true);
  }

  /** Bits 0-4 fflags, bits 5-7 frm. */
  get fcsr(): number {
    return this.view.getInt32(STATE.fcsr, true);
  }

  set fcsr(value: number) {
    this.view.setInt32(STATE.fcsr, value & 0xff, true);
    const isFast = (value & 0xe0) === 0 && (value & FFLAG_INEXACT) !== 0;
    this.view.setInt32(STATE.floatFast, isFast ? 1 : 0, true);
  }

  /**
   * Adds accrued exceptions: bit 0 inexact, 1 underflow, 2 overflow, 3 divide by zero, 4 invalid.
   */
  raiseFloat(flags: number): void {
    if ((this.fcsr & flags) !== flags) this.fcsr |= flags;
  }

  get isFloatOff(): boolean {
    return this.view.getInt32(STATE.floatOff, true) !== 0;
  }

  set isFloatOff(value: boolean) {
    this.view.setInt32(STATE.floatOff, value ? 1 : 0, true);
  }

  /** Before an instruction uses floating-point registers or fcsr. @throws Trap illegal */
  openFloat(): void {
    if (this.isFloatOff) this.onFloatOff();
  }

  /** Address that LR reserved; null none. */
  get reserved(): bigint | null {
    const address = this.view.getBigInt64(STATE.reserved, true);
    return address === -1n ? null : BigInt.asUintN(64, address);
  }

  reserve(address: bigint | null, value: bigint): void {
    this.view.setBigInt64(STATE.reserved, address ?? -1n, true);
    this.view.setBigInt64(STATE.reservedValue, value, true);
  }

  get reservedValue(): bigint {
    return this.view.getBigInt64(STATE.reservedValue, true);
  }
}
