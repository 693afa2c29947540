/**
 * A trap: the instruction at pc did not retire. Its code and value, as mcause and mtval hold them.
 */

/** Exception codes: RISC-V Privileged Architecture, table of mcause values. */
export const TRAP = {
  instructionMisaligned: 0,
  instructionAccess: 1,
  illegal: 2,
  breakpoint: 3,
  loadMisaligned: 4,
  loadAccess: 5,
  storeMisaligned: 6,
  storeAccess: 7,
  ecallUser: 8,
  ecallSupervisor: 9,
  ecallMachine: 11,
} as const;

/** Thrown by the plain interpreter and by guest memory; nothing of the instruction took effect. */
export class Trap extends Error {
  /** A TRAP value or a cause of the platform. */
  readonly code: number;
  /** Fault address, or the bits of an illegal instruction. */
  readonly value: bigint;

  constructor(code: number, value: bigint) {
    // Nobody looks at its stack, and to gather one takes longer than most system calls.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`trap ${code}, value 0x${value.toString(16)}`);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.value = value;
  }

  /** Whether a call instruction raised it: then the guest asked for it. */
  get isCall(): boolean {
    const { ecallUser, ecallSupervisor, ecallMachine } = TRAP;
    return this.code === ecallUser || this.code === ecallSupervisor || this.code === ecallMachine;
  }
}
