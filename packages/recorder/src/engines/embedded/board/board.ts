/**
 * A bare machine: one RV64GC hart with M, S and U mode, RAM, and the devices of QEMU's `virt` that
 * small guests use (map.ts). Differences from QEMU 7.2 that a program can see:
 *
 * - It starts at the program's entry, not at the start of RAM, with a0 = 0 (the hart) and a1 = 0:
 *   there is no device tree and no boot ROM.
 * - One instruction takes one nanosecond (timer.ts); a program that sleeps skips time.
 * - No address translation, no hypervisor extension, no supervisor timer compare, no triggers.
 * - Where nothing can happen any more the run ends and says so (`ending`): a wfi that nothing can
 *   wake, a trap handler whose first instruction traps.
 * - A reset (0x7777 to the finisher) ends the run with status 0, as QEMU's with -no-reboot.
 */

import type { Hart } from '../core/hart.ts';
import { GUEST_PAGE_BYTES, PERM } from '../core/layout.ts';
import type { Clock, Machine, Next, Observer } from '../core/machine.ts';
import { TRAP, Trap } from '../core/trap.ts';
import type { Console } from './console.ts';
import { CsrFile } from './csrs.ts';
import { Devices } from './devices.ts';
import type { BareProgram } from './loader.ts';
import { guestLimitOf, MAP, RAM_BYTES_DEFAULT, RAM_START } from './map.ts';
import { ACCESS, Pmp } from './pmp.ts';
import { Protection } from './protection.ts';
import { INTERRUPT, MODE, Registers, STATUS } from './registers.ts';
import { Timer } from './timer.ts';

export interface BoardOptions {
  readonly hart: Hart;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly console: Console;
  /** Default 128 MiB; the memory's guestLimit must be at least guestLimitOf(ramBytes). */
  readonly ramBytes?: number;
}

const RUN: Next = { how: 'run' };
/** What a run ends with that can go on no more. */
const STUCK_STATUS = 1;
const A0 = 10;
const A1 = 11;
const TIMER_BIT = 1 << INTERRUPT.machineTimer;
const PAGE_PERM = PERM.mapped | PERM.device;

/** A trap since which no instruction has retired. */
interface LastTrap {
  readonly instructions: number;
  readonly code: number;
  readonly pc: bigint;
  /** Why the first of several such traps was taken, for people. */
  readonly first: string;
}

export class Board implements Machine {
  readonly running = 0;
  readonly unknownCalls = new Map<string, number>();
  readonly #hart: Hart;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #console: Console;
  readonly #registers = new Registers();
  readonly #pmp = new Pmp();
  readonly #timer: Timer;
  readonly #devices: Devices;
  readonly #csrs: CsrFile;
  readonly #protection: Protection;
  readonly #ramEnd: number;
  #tohost: number | null = null;
  #next: Next = RUN;
  #ending: string | null = null;
  #lastTrap: LastTrap | null = null;
  /** What `deadline` said last: an earlier one must be told. */
  #told = Infinity;
  /** Somebody outside wants the driver's attention while the hart sleeps. */
  #isWoken = false;

  constructor({ hart, clock, observer, console, ramBytes = RAM_BYTES_DEFAULT }: BoardOptions) {
    this.#hart = hart;
    this.#clock = clock;
    this.#observer = observer;
    this.#console = console;
    this.#ramEnd = guestLimitOf(ramBytes);
    this.#timer = new Timer(clock);
    this.#devices = new Devices(this.#timer, console, clock, (next) => this.#end(next, null));
    this.#csrs = new CsrFile({
      hart,
      clock,
      registers: this.#registers,
      pmp: this.#pmp,
      timer: this.#timer,
      pending: () => this.#pending(),
    });
    this.#protection = new Protection(hart.memory, this.#pmp, RAM_START, this.#ramEnd);
    for (const { start, end } of Object.values(MAP)) {
      hart.memory.protect(start, end - start, PAGE_PERM);
    }
    hart.memory.platform = this;
    hart.onFloatOff = () => this.#openFloat();
  }

  /** Why the run ended, if the guest did not end it itself; for people. */
  get ending(): string | null {
    return this.#ending;
  }

  /** Puts a program into RAM and the hart at its entry. */
  start(program: BareProgram): void {
    const { memory } = this.#hart;
    program.place(RAM_START, this.#ramEnd, (address, bytes) => memory.raw(address, bytes));
    if (program.tohost !== null && this.#isRam(program.tohost, 8)) {
      this.#tohost = Number(program.tohost);
      this.#protection.watch(this.#tohost);
    }
    this.#hart.x.fill(0n);
    this.#hart.x[A0] = 0n;
    this.#hart.x[A1] = 0n;
    this.#arrive(program.entry);
    for (const map of program.maps) this.#observer.mark({ kind: 'map', ...map });
  }

  handle(trap: Trap): Next {
    const { pc } = this.#hart;
    const from = this.#registers.mode;
    // QEMU 7.2 gives no address for breakpoints.
    const tval = trap.code === TRAP.breakpoint ? 0n : trap.value;
    const handler = this.#registers.enterException(pc, trap.code, tval);
    const isSame = pc === handler && from === this.#registers.mode;
    if (this.#isRepeated(trap, tval, isSame)) return this.#next;
    this.#arrive(handler);
    const kind = trap.isCall ? 'syscall' : null;
    this.#observer.mark({ kind: 'exception', number: BigInt(trap.code), address: tval, pc });
    this.#observer.transfer('exception', kind, pc, handler);
    return RUN;
  }

  /**
   * A handler whose first instruction traps is entered again and again, and no time passes. The
   * second time its state is the same as before.
   */
  #isRepeated(trap: Trap, tval: bigint, isSame: boolean): boolean {
    const instructions = this.#clock.instructions();
    const last = this.#lastTrap?.instructions === instructions ? this.#lastTrap : null;
    const { pc } = this.#hart;
    const what = `exception ${trap.code} at ${hex(pc)}, value ${hex(tval)}`;
    this.#lastTrap = { instructions, code: trap.code, pc, first: last?.first ?? what };
    if (!isSame || last?.code !== trap.code || last.pc !== pc) return false;
    const name = this.#registers.mode === MODE.machine ? 'mtvec' : 'stvec';
    this.#end(
      { how: 'exit', status: STUCK_STATUS },
      `the trap handler at ${hex(pc)} (${name}) raises ${what} before it has done anything; ` +
        `it was entered for ${last.first}`,
    );
    return true;
  }

  deadline(): number {
    this.#told = this.#deadline();
    return this.#told;
  }

  /** A time that has passed means at once: the clock is not asked. */
  #deadline(): number {
    const registers = this.#registers;
    const isWanted = this.#next !== RUN || this.#isWoken;
    if (isWanted || registers.takeable(this.#pendingLines()) !== 0) return 0;
    const isTimed = (registers.enabled & TIMER_BIT) !== 0 && registers.isOpen(MODE.machine);
    return Math.min(isTimed ? this.#timer.dueInstructions : Infinity, this.#devices.nextPoll);
  }

  /** What an instruction did can only matter by moving the deadline nearer. */
  isPending(): boolean {
    return this.#deadline() < this.#told;
  }

  tick(): Next {
    this.#isWoken = false;
    const signal = this.#console.takeSignal();
    if (signal !== null) this.deliver(signal);
    if (this.#next !== RUN) return this.#next;
    if (this.#clock.instructions() >= this.#devices.nextPoll) this.#devices.poll();
    const bits = this.#registers.takeable(this.#pending());
    if (bits === 0) return RUN;
    const { pc } = this.#hart;
    const { number, handler } = this.#registers.enterInterrupt(pc, bits);
    this.#arrive(handler);
    this.#observer.mark({ kind: 'interrupt', number: BigInt(number), pc });
    this.#observer.transfer('interrupt', null, pc, handler);
    return RUN;
  }

  deliver(signal: number): void {
    this.#end({ how: 'signal', number: signal }, null);
  }

  /** The first end counts. */
  #end(next: Next, ending: string | null): void {
    if (this.#next !== RUN) return;
    this.#next = next;
    this.#ending = ending;
    this.#console.flush();
  }

  /** mip. */
  #pending(): number {
    return this.#pendingLines() | (this.#timer.isDue ? TIMER_BIT : 0);
  }

  /** mip without the timer's bit. */
  #pendingLines(): number {
    const software = this.#timer.isSoftware ? 1 << INTERRUPT.machineSoftware : 0;
    return this.#registers.software | software | this.#devices.pending;
  }

  /** A trap or a return from one: what LR began ends, lest another task's SC succeeds. */
  #arrive(pc: bigint): void {
    this.#hart.pc = pc;
    this.#hart.reserve(null, 0n);
    this.#settle();
  }

  /** After mode, mstatus or PMP may have changed. */
  #settle(): void {
    const { mode, dataMode, isDirty } = this.#registers;
    this.#protection.apply(mode, dataMode);
    this.#hart.isFloatOff = !isDirty;
  }

  /**
   * A floating-point instruction is about to run, and FS is not yet dirty. It becomes so whether or
   * not the instruction writes a register, as section 3.1.6.6 lets it; QEMU is more precise.
   */
  #openFloat(): void {
    if (this.#registers.float === 0) throw new Trap(TRAP.illegal, 0n);
    this.#registers.status |= STATUS.fs;
    this.#hart.isFloatOff = false;
  }

  readCsr(csr: number): bigint {
    return this.#csrs.read(csr);
  }

  writeCsr(csr: number, value: bigint): void {
    this.#csrs.write(csr, value);
    if (csr >= 0x3a0 && csr < 0x3c0) this.#protection.changed();
    this.#settle();
  }

  ecallCause(): number {
    const { mode } = this.#registers;
    if (mode === MODE.machine) return TRAP.ecallMachine;
    return mode === MODE.supervisor ? TRAP.ecallSupervisor : TRAP.ecallUser;
  }

  system(op: 'mret' | 'sret' | 'wfi' | 'sfence.vma'): void {
    const hart = this.#hart;
    this.#checkMode(op);
    if (op === 'wfi') {
      if (this.#sleep()) hart.pc += 4n;
      return;
    }
    if (op === 'sfence.vma') {
      hart.pc += 4n;
      return;
    }
    const registers = this.#registers;
    this.#arrive(op === 'mret' ? registers.leaveMachine() : registers.leaveSupervisor());
  }

  /** @throws Trap illegal where the mode may not. Sections 3.1.6.5 and 3.3. */
  #checkMode(op: 'mret' | 'sret' | 'wfi' | 'sfence.vma'): void {
    const { mode, status } = this.#registers;
    const forbidden = { mret: 0, sret: STATUS.tsr, wfi: STATUS.tw, 'sfence.vma': STATUS.tvm }[op];
    const least = op === 'mret' ? MODE.machine : MODE.supervisor;
    const isForbidden = mode === MODE.supervisor && (status & forbidden) !== 0;
    if (mode < least || isForbidden) throw new Trap(TRAP.illegal, 0n);
  }

  /**
   * Until an interrupt is pending that mie lets through, whether or not it can be taken; false: the
   * wfi goes on later, or never.
   */
  #sleep(): boolean {
    const { enabled } = this.#registers;
    for (;;) {
      this.#devices.poll();
      if ((this.#pending() & enabled) !== 0) return true;
      const left = (enabled & TIMER_BIT) !== 0 ? this.#timer.left : Infinity;
      if (this.#devices.isWoken(enabled)) {
        this.#isWoken = !this.#devices.wait(left);
        if (this.#isWoken) return false;
        if ((this.#pending() & enabled) !== 0 || left === Infinity) continue;
      } else if (left === Infinity) {
        break;
      }
      this.#timer.skip(left);
    }
    this.#end(
      { how: 'exit', status: STUCK_STATUS },
      `the hart sleeps for good: no interrupt can end the wfi at ${hex(this.#hart.pc)} ` +
        `(mie is ${hex(BigInt(enabled))})`,
    );
    return false;
  }

  readDevice(address: bigint, bytes: number): bigint {
    this.#checkPmp(address, bytes, ACCESS.read, TRAP.loadAccess);
    if (!this.#isInRam(address)) return this.#devices.read(Number(address), bytes);
    this.#checkRam(address, bytes, TRAP.loadAccess);
    const { view, guestBase } = this.#hart.memory;
    const at = Number(address) + guestBase;
    if (bytes === 1) return BigInt(view.getUint8(at));
    if (bytes === 2) return BigInt(view.getUint16(at, true));
    return bytes === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
  }

  writeDevice(address: bigint, bytes: number, value: bigint): void {
    this.#checkPmp(address, bytes, ACCESS.write, TRAP.storeAccess);
    if (!this.#isInRam(address)) {
      this.#devices.write(Number(address), bytes, value);
      return;
    }
    this.#checkRam(address, bytes, TRAP.storeAccess);
    const at = Number(address);
    const { memory } = this.#hart;
    memory.codeChanges(at, bytes);
    for (let i = 0; i < bytes; i++) {
      memory.view.setUint8(at + memory.guestBase + i, Number((value >> BigInt(8 * i)) & 0xffn));
    }
    this.#lookAtTohost(at, bytes);
  }

  /**
   * HTIF of the RISC-V test programs: an odd word says that the program ends, 1 well, else with the
   * number in the other bits. Even words ask for services that are not here.
   */
  #lookAtTohost(at: number, bytes: number): void {
    const tohost = this.#tohost;
    if (tohost === null || at >= tohost + 8 || at + bytes <= tohost) return;
    const { view, guestBase } = this.#hart.memory;
    const word = view.getBigUint64(tohost + guestBase, true);
    if ((word & 1n) === 0n) return;
    const code = word >> 1n;
    this.#end({ how: 'exit', status: Number(code > 255n ? 255n : code) }, null);
  }

  #isInRam(address: bigint): boolean {
    return address >= BigInt(RAM_START);
  }

  #isRam(address: bigint, bytes: number): boolean {
    return this.#isInRam(address) && address + BigInt(bytes) <= BigInt(this.#ramEnd);
  }

  #checkRam(address: bigint, bytes: number, cause: number): void {
    if (!this.#isRam(address, bytes)) throw new Trap(cause, BigInt(this.#ramEnd));
  }

  /** An access over the end of a page is two, as in QEMU; the first that fails is told. */
  #checkPmp(address: bigint, bytes: number, access: number, cause: number): void {
    const mode = this.#registers.dataMode;
    const left = GUEST_PAGE_BYTES - Number(address % BigInt(GUEST_PAGE_BYTES));
    const first = Math.min(left, bytes);
    if (!this.#pmp.allows(mode, address, first, access)) throw new Trap(cause, address);
    const second = address + BigInt(first);
    if (first === bytes || this.#pmp.allows(mode, second, bytes - first, access)) return;
    throw new Trap(cause, second);
  }
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
