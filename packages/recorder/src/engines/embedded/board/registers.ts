/**
 * The privileged registers of the hart, and what traps and returns do to them: M, S and U mode
 * without address translation (RISC-V Privileged Architecture 1.12). Bits that programs can see
 * are those of QEMU 7.2's rv64.
 */

/** Privilege modes as mstatus.MPP holds them. */
export const MODE = { user: 0, supervisor: 1, machine: 3 } as const;

/** Bits of mstatus. Those above 31 are constants. */
export const STATUS = {
  sie: 1 << 1,
  mie: 1 << 3,
  spie: 1 << 5,
  mpie: 1 << 7,
  spp: 1 << 8,
  mppShift: 11,
  mpp: 3 << 11,
  fsShift: 13,
  fs: 3 << 13,
  mprv: 1 << 17,
  sum: 1 << 18,
  mxr: 1 << 19,
  tvm: 1 << 20,
  tw: 1 << 21,
  tsr: 1 << 22,
} as const;

/** What supervisor mode sees as sstatus. */
const SUPERVISOR_STATUS =
  STATUS.sie | STATUS.spie | STATUS.spp | STATUS.fs | STATUS.sum | STATUS.mxr;
const MACHINE_STATUS =
  SUPERVISOR_STATUS |
  STATUS.mie |
  STATUS.mpie |
  STATUS.mpp |
  STATUS.mprv |
  STATUS.tvm |
  STATUS.tw |
  STATUS.tsr;
/** UXL and SXL: 64 bits, fixed. SD: bit 63, while FS is dirty. */
const UXL = 2n << 32n;
const SXL = 2n << 34n;
const SD = 1n << 63n;
export const FS_DIRTY = 3;

/** Interrupt numbers, which are bits of mip and mie. */
export const INTERRUPT = {
  supervisorSoftware: 1,
  machineSoftware: 3,
  supervisorTimer: 5,
  machineTimer: 7,
  supervisorExternal: 9,
  machineExternal: 11,
} as const;
/** Section 3.1.9: which of several goes first. */
const PRIORITY = [11, 3, 7, 9, 1, 5] as const;
export const SUPERVISOR_INTERRUPTS = 0x222;
export const ALL_INTERRUPTS = 0xaaa;
/** Exceptions that may be delegated: all there are but ecall from machine mode. */
const DELEGABLE_EXCEPTIONS = 0xb3ff;
const INTERRUPT_BIT = 1n << 63n;

/** The registers of one of the two modes that take traps. */
export class TrapRegisters {
  tvec = 0n;
  scratch = 0n;
  epc = 0n;
  cause = 0n;
  tval = 0n;

  /** Mode 2 and 3 are reserved: a write of them changes nothing. */
  setVector(value: bigint): void {
    if ((value & 3n) < 2n) this.tvec = value;
  }

  enter(pc: bigint, cause: number, isInterrupt: boolean, tval: bigint): bigint {
    this.epc = pc;
    this.cause = BigInt(cause) | (isInterrupt ? INTERRUPT_BIT : 0n);
    this.tval = tval;
    const isVectored = isInterrupt && (this.tvec & 3n) === 1n;
    const handler = (this.tvec & ~3n) + (isVectored ? BigInt(4 * cause) : 0n);
    return BigInt.asUintN(64, handler);
  }
}

export class Registers {
  mode: number = MODE.machine;
  status = 0;
  /** mie, mideleg, medeleg. */
  enabled = 0;
  delegatedInterrupts = 0;
  delegatedExceptions = 0;
  /** Bits of mip that software set: SSIP, STIP, SEIP. */
  software = 0;
  machineCounters = 0;
  supervisorCounters = 0;
  readonly machine = new TrapRegisters();
  readonly supervisor = new TrapRegisters();

  readStatus(): bigint {
    return BigInt(this.status) | UXL | SXL | (this.isDirty ? SD : 0n);
  }

  readSupervisorStatus(): bigint {
    return BigInt(this.status & SUPERVISOR_STATUS) | UXL | (this.isDirty ? SD : 0n);
  }

  writeStatus(value: bigint): void {
    let bits = Number(value & 0x7f_ffffn) & MACHINE_STATUS;
    // Mode 2 is reserved: the field then stays as it was.
    if ((bits & STATUS.mpp) >>> STATUS.mppShift === 2) {
      bits = (bits & ~STATUS.mpp) | (this.status & STATUS.mpp);
    }
    this.status = bits;
  }

  writeSupervisorStatus(value: bigint): void {
    const bits = Number(value & 0x7f_ffffn) & SUPERVISOR_STATUS;
    this.status = (this.status & ~SUPERVISOR_STATUS) | bits;
  }

  delegateExceptions(value: bigint): void {
    this.delegatedExceptions = Number(value & BigInt(DELEGABLE_EXCEPTIONS));
  }

  get float(): number {
    return (this.status & STATUS.fs) >>> STATUS.fsShift;
  }

  get isDirty(): boolean {
    return this.float === FS_DIRTY;
  }

  /** Whose rights loads and stores have. */
  get dataMode(): number {
    return (this.status & STATUS.mprv) !== 0
      ? (this.status & STATUS.mpp) >>> STATUS.mppShift
      : this.mode;
  }

  /** Those of the pending and enabled interrupts that interrupt now. */
  takeable(pending: number): number {
    const wanted = pending & this.enabled;
    if (wanted === 0) return 0;
    const machine = wanted & ~this.delegatedInterrupts;
    if (machine !== 0 && this.isOpen(MODE.machine)) return machine;
    const supervisor = wanted & this.delegatedInterrupts;
    return this.isOpen(MODE.supervisor) ? supervisor : 0;
  }

  /** Whether interrupts for a mode interrupt now. */
  isOpen(mode: number): boolean {
    if (this.mode !== mode) return this.mode < mode;
    return (this.status & (mode === MODE.machine ? STATUS.mie : STATUS.sie)) !== 0;
  }

  /** Gives the handler's address. */
  enterException(pc: bigint, cause: number, tval: bigint): bigint {
    const isDelegated = ((this.delegatedExceptions >>> cause) & 1) !== 0;
    return this.#enter(isDelegated, pc, cause, false, tval);
  }

  /** @param bits of which one is taken. Gives its number and the handler's address. */
  enterInterrupt(pc: bigint, bits: number): { number: number; handler: bigint } {
    const number = PRIORITY.find((one) => ((bits >>> one) & 1) !== 0) ?? 0;
    const isDelegated = ((this.delegatedInterrupts >>> number) & 1) !== 0;
    return { number, handler: this.#enter(isDelegated, pc, number, true, 0n) };
  }

  #enter(
    isDelegated: boolean,
    pc: bigint,
    cause: number,
    isInterrupt: boolean,
    tval: bigint,
  ): bigint {
    const { mode, status } = this;
    if (isDelegated && mode <= MODE.supervisor) {
      const kept = status & ~(STATUS.spp | STATUS.spie | STATUS.sie);
      const spie = (status & STATUS.sie) !== 0 ? STATUS.spie : 0;
      this.status = kept | spie | (mode === MODE.supervisor ? STATUS.spp : 0);
      this.mode = MODE.supervisor;
      return this.supervisor.enter(pc, cause, isInterrupt, tval);
    }
    const kept = status & ~(STATUS.mpp | STATUS.mpie | STATUS.mie);
    const mpie = (status & STATUS.mie) !== 0 ? STATUS.mpie : 0;
    this.status = kept | mpie | (mode << STATUS.mppShift);
    this.mode = MODE.machine;
    return this.machine.enter(pc, cause, isInterrupt, tval);
  }

  /** mret. Gives the address to go on at. */
  leaveMachine(): bigint {
    const { status } = this;
    const mode = (status & STATUS.mpp) >>> STATUS.mppShift;
    let bits = (status & ~(STATUS.mpp | STATUS.mie)) | STATUS.mpie;
    if ((status & STATUS.mpie) !== 0) bits |= STATUS.mie;
    if (mode !== MODE.machine) bits &= ~STATUS.mprv;
    this.status = bits;
    this.mode = mode;
    return this.machine.epc;
  }

  /** sret. */
  leaveSupervisor(): bigint {
    const { status } = this;
    const mode = (status & STATUS.spp) !== 0 ? MODE.supervisor : MODE.user;
    let bits = (status & ~(STATUS.spp | STATUS.sie | STATUS.mprv)) | STATUS.spie;
    if ((status & STATUS.spie) !== 0) bits |= STATUS.sie;
    this.status = bits;
    this.mode = mode;
    return this.supervisor.epc;
  }
}
