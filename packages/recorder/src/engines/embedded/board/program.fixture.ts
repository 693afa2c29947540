/** Small programs for tests of the board, and names for what they touch. */
import { encode, type Fields } from '../isa/encode.fixture.ts';
import type { OpName } from '../isa/table.ts';
import { BareRun, codeProgram } from './board.fixture.ts';
import type { MemoryConsole } from './console.ts';

export const RAM = 0x8000_0000n;
export const RAM_BYTES = 0x1_0000;

export const [A0, A1, A2] = [10, 11, 12];
export const CSR = {
  fflags: 0x001,
  fcsr: 0x003,
  sstatus: 0x100,
  sie: 0x104,
  stvec: 0x105,
  sip: 0x144,
  satp: 0x180,
  mstatus: 0x300,
  medeleg: 0x302,
  mideleg: 0x303,
  mie: 0x304,
  mtvec: 0x305,
  mcountinhibit: 0x320,
  mepc: 0x341,
  mcause: 0x342,
  mip: 0x344,
  pmpcfg0: 0x3a0,
  pmpaddr0: 0x3b0,
  mcycle: 0xb00,
  minstret: 0xb02,
  time: 0xc01,
} as const;

export const MTIMECMP = 0x200_4000n;
const PLIC = 0xc00_0000n;
const UART = 0x1000_0000n;

export const op = (name: OpName, fields: Fields = {}): number => encode(name, fields);
export const csrw = (csr: number, rs1: number): number => op('csrrw', { imm: csr, rs1 });
export const csrr = (csr: number, rd: number): number => op('csrrs', { imm: csr, rd });
export const LOOP = op('jal', { imm: 0 });
export const WFI = op('wfi');
/** Not an instruction. */
export const BAD = 0;

export function runOf(
  words: readonly number[],
  options: { tohost?: bigint; input?: string; console?: MemoryConsole } = {},
): BareRun {
  const { tohost = null, ...others } = options;
  return new BareRun(codeProgram(words, tohost), { ramBytes: RAM_BYTES, ...others });
}

export function setX(run: BareRun, register: number, value: bigint): void {
  run.hart.x[register] = BigInt.asIntN(64, value);
}

/** User and supervisor mode may do all: one PMP entry for all addresses. */
export function openPmp({ board }: BareRun): void {
  board.writeCsr(CSR.pmpaddr0, ~0n);
  board.writeCsr(CSR.pmpcfg0, 0x1fn);
}

/** The serial port's input interrupts the hart in machine mode, once mstatus.MIE is set. */
export function listen({ board }: BareRun): void {
  board.writeDevice(UART + 1n, 1, 1n);
  board.writeDevice(PLIC + 40n, 4, 1n);
  board.writeDevice(PLIC + 0x2000n, 4, 1n << 10n);
  board.writeCsr(CSR.mie, 1n << 11n);
}
