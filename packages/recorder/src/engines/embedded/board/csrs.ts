/**
 * The control and status registers of the board (RISC-V Privileged Architecture 1.12, chapter 2 and
 * what it names). A register that is not in the table, or is closed to the mode, is an illegal
 * instruction.
 *
 * fflags, frm and fcsr are the plain interpreter's (plain/csr.ts).
 *
 * There is no address translation: satp reads 0 and what is written to it is lost, as section
 * 4.1.11 lets a hart without any do. There are no triggers and no event counters; they read 0.
 */
import type { Hart } from '../core/hart.ts';
import type { Clock } from '../core/machine.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { PMP_COUNT, type Pmp } from './pmp.ts';
import {
  ALL_INTERRUPTS,
  INTERRUPT,
  MODE,
  type Registers,
  STATUS,
  SUPERVISOR_INTERRUPTS,
  type TrapRegisters,
} from './registers.ts';
import type { Timer } from './timer.ts';

export interface CsrParts {
  readonly hart: Hart;
  readonly registers: Registers;
  readonly pmp: Pmp;
  readonly timer: Timer;
  readonly clock: Clock;
  /** mip as it is now. */
  readonly pending: () => number;
}

interface Csr {
  readonly read: () => bigint;
  readonly write: (value: bigint) => void;
}

const MIP = 0x344;
const SATP = 0x180;
/** cycle, time, instret and the event counters behind them. */
const COUNTERS = 0xc00;
const COUNTERS_END = 0xc20;
const COUNTER_CYCLE = 1;
const COUNTER_INSTRET = 4;
/** misa: RV64 with A C D F I M, supervisor and user mode. */
const MISA = (2n << 62n) | 0x14_112dn;
/** tinfo of a trigger that does not exist (Debug Specification 0.13, section 5.2.2). */
const TINFO_NONE = 1n;
const SEIP = 1 << INTERRUPT.supervisorExternal;

export class CsrFile {
  readonly #registers: Registers;
  readonly #csrs: ReadonlyMap<number, Csr>;

  constructor(parts: CsrParts) {
    this.#registers = parts.registers;
    this.#csrs = new Map([
      ...machineCsrs(parts),
      ...supervisorCsrs(parts),
      ...counterCsrs(parts),
      ...pmpCsrs(parts.pmp),
      ...fixedCsrs(),
    ]);
  }

  /** @throws Trap illegal */
  read(number: number): bigint {
    return this.#open(number).read();
  }

  /** @throws Trap illegal; of a read-only register, too. */
  write(number: number, value: bigint): void {
    const csr = this.#open(number);
    // Section 2.1: bits 11 and 10 say whether it may be written, bits 9 and 8 who may.
    if (number >>> 10 === 3) throw illegal();
    csr.write(value);
  }

  #open(number: number): Csr {
    const { mode, status, machineCounters, supervisorCounters } = this.#registers;
    const csr = this.#csrs.get(number);
    if (csr === undefined || mode < ((number >>> 8) & 3)) throw illegal();
    const isTrapped = (status & STATUS.tvm) !== 0 && mode === MODE.supervisor;
    if (number === SATP && isTrapped) throw illegal();
    if (number >= COUNTERS && number < COUNTERS_END && mode !== MODE.machine) {
      const open = mode === MODE.user ? machineCounters & supervisorCounters : machineCounters;
      if (((open >>> (number - COUNTERS)) & 1) === 0) throw illegal();
    }
    return csr;
  }
}

/** The bits of the instruction, its value in mtval, are read where the trap is taken. */
const illegal = (): Trap => new Trap(TRAP.illegal, 0n);

const ignore = (): void => {};
const fixed = (value: bigint): Csr => ({ read: () => value, write: ignore });

/** A register of at most 32 bits; `mask` can be written. */
function bits(mask: number, read: () => number, write: (value: number) => void): Csr {
  return {
    read: () => BigInt(read() >>> 0),
    write: (value) => write(Number(value & BigInt(mask >>> 0))),
  };
}

function trapCsrs(base: number, trap: TrapRegisters): [number, Csr][] {
  const to = (field: 'scratch' | 'cause' | 'tval'): Csr => ({
    read: () => trap[field],
    write: (value) => {
      trap[field] = value;
    },
  });
  const epc = (value: bigint): void => {
    trap.epc = value & ~1n;
  };
  return [
    [base + 0x05, { read: () => trap.tvec, write: (value) => trap.setVector(value) }],
    [base + 0x40, to('scratch')],
    [base + 0x41, { read: () => trap.epc, write: epc }],
    [base + 0x42, to('cause')],
    [base + 0x43, to('tval')],
  ];
}

function machineCsrs(parts: CsrParts): [number, Csr][] {
  const { registers } = parts;
  const status = (value: bigint): void => registers.writeStatus(value);
  const exceptions = (value: bigint): void => registers.delegateExceptions(value);
  return [
    ...trapCsrs(0x300, registers.machine),
    [0x300, { read: () => registers.readStatus(), write: status }],
    [0x302, { read: () => BigInt(registers.delegatedExceptions), write: exceptions }],
    [
      0x303,
      bits(
        SUPERVISOR_INTERRUPTS,
        () => registers.delegatedInterrupts,
        (value) => {
          registers.delegatedInterrupts = value;
        },
      ),
    ],
    [
      0x304,
      bits(
        ALL_INTERRUPTS,
        () => registers.enabled,
        (value) => {
          registers.enabled = value;
        },
      ),
    ],
    [0x306, counterEnable(registers, 'machineCounters')],
    [MIP, { read: () => BigInt(parts.pending()), write: (value) => writePending(parts, value) }],
  ];
}

function counterEnable(registers: Registers, field: 'machineCounters' | 'supervisorCounters'): Csr {
  return bits(
    0xffff_ffff,
    () => registers[field],
    (value) => {
      registers[field] = value;
    },
  );
}

function supervisorCsrs({ registers, pending }: CsrParts): [number, Csr][] {
  const visible = (word: number): number => word & registers.delegatedInterrupts;
  const enable = (value: number): void => {
    registers.enabled = (registers.enabled & ~registers.delegatedInterrupts) | visible(value);
  };
  const software = 1 << INTERRUPT.supervisorSoftware;
  const request = (value: number): void => {
    const mask = visible(software);
    registers.software = (registers.software & ~mask) | (value & mask);
  };
  const status = (value: bigint): void => registers.writeSupervisorStatus(value);
  return [
    ...trapCsrs(0x100, registers.supervisor),
    [0x100, { read: () => registers.readSupervisorStatus(), write: status }],
    [0x104, bits(ALL_INTERRUPTS, () => visible(registers.enabled), enable)],
    [0x106, counterEnable(registers, 'supervisorCounters')],
    [0x144, bits(ALL_INTERRUPTS, () => visible(pending()), request)],
    [SATP, fixed(0n)],
  ];
}

/**
 * Software sets the supervisor's bits of mip. SEIP reads as what software set or the PLIC raises;
 * csrrs and csrrc change only the former (section 3.1.9), so that what the PLIC raises, which they
 * read, does not stick.
 */
function writePending({ hart, registers }: CsrParts, value: bigint): void {
  let word = Number(value & BigInt(SUPERVISOR_INTERRUPTS));
  const instruction = hart.memory.view.getUint32(Number(hart.pc) + hart.memory.guestBase, true);
  const isSetOrClear = ((instruction >>> 12) & 3) >= 2;
  if (isSetOrClear && (word & SEIP) !== 0 && (registers.software & SEIP) === 0) {
    const isImmediate = ((instruction >>> 14) & 1) !== 0;
    const source = hart.x[(instruction >>> 15) & 31] ?? 0n;
    const isSet =
      !isImmediate && ((instruction >>> 12) & 3) === 2 && (source & BigInt(SEIP)) !== 0n;
    if (!isSet) word &= ~SEIP;
  }
  registers.software = word;
}

/** mcycle or minstret. What is written is what the next instruction reads (section 3.1.10). */
class Counter {
  readonly #source: () => number;
  #offset = 0n;
  /** Its value while mcountinhibit holds it. */
  #held: bigint | null = null;

  constructor(source: () => number) {
    this.#source = source;
  }

  read(): bigint {
    return this.#held ?? BigInt.asUintN(64, BigInt(this.#source()) + this.#offset);
  }

  write(value: bigint): void {
    if (this.#held !== null) this.#held = value;
    else this.#offset = value - BigInt(this.#source() + 1);
  }

  hold(isHeld: boolean): void {
    if (isHeld === (this.#held !== null)) return;
    const held = this.#held;
    this.#held = isHeld ? BigInt.asUintN(64, this.read() + 1n) : null;
    if (held !== null) this.write(held);
  }
}

function counterCsrs({ clock, timer }: CsrParts): [number, Csr][] {
  const cycle = new Counter(() => timer.nanoseconds);
  const instret = new Counter(() => clock.instructions());
  let inhibited = 0;
  const inhibit = (value: number): void => {
    inhibited = value;
    cycle.hold((value & COUNTER_CYCLE) !== 0);
    instret.hold((value & COUNTER_INSTRET) !== 0);
  };
  const csr = (counter: Counter): Csr => ({
    read: () => counter.read(),
    write: (value) => counter.write(value),
  });
  const csrs: [number, Csr][] = [
    [0x320, bits(COUNTER_CYCLE | COUNTER_INSTRET, () => inhibited, inhibit)],
    [0xb00, csr(cycle)],
    [0xb02, csr(instret)],
    [COUNTERS, csr(cycle)],
    [COUNTERS + 1, { read: () => timer.mtime, write: ignore }],
    [COUNTERS + 2, csr(instret)],
  ];
  for (let event = 3; event < 32; event++) {
    for (const base of [0x320, 0xb00, COUNTERS]) csrs.push([base + event, fixed(0n)]);
  }
  return csrs;
}

function pmpCsrs(pmp: Pmp): [number, Csr][] {
  const config = (first: 0 | 8): Csr => ({
    read: () => pmp.readConfig(first),
    write: (value) => pmp.writeConfig(first, value),
  });
  const csrs: [number, Csr][] = [
    [0x3a0, config(0)],
    [0x3a2, config(8)],
  ];
  for (let entry = 0; entry < PMP_COUNT; entry++) {
    const address: Csr = {
      read: () => pmp.readAddress(entry),
      write: (value) => pmp.writeAddress(entry, value),
    };
    csrs.push([0x3b0 + entry, address]);
  }
  return csrs;
}

function fixedCsrs(): [number, Csr][] {
  const zeros = [0xf11, 0xf12, 0xf13, 0xf14, 0xf15, 0x7a0, 0x7a1, 0x7a2, 0x7a3, 0x10a, 0x30a];
  return [
    ...zeros.map((number): [number, Csr] => [number, fixed(0n)]),
    [0x301, fixed(MISA)],
    [0x7a4, fixed(TINFO_NONE)],
  ];
}
