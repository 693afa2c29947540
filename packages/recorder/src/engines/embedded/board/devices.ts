/** The devices on the board's bus, and what of them interrupts the hart. */
import type { Clock, Next } from '../core/machine.ts';
import { TRAP, Trap } from '../core/trap.ts';
import type { Console } from './console.ts';
import { MAP, UART_IRQ } from './map.ts';
import { Plic } from './plic.ts';
import { INTERRUPT } from './registers.ts';
import type { Timer } from './timer.ts';
import { Uart } from './uart.ts';

/** Words of the test finisher (hw/misc/sifive_test.c); the status is in the upper half. */
const FINISHER = { fail: 0x3333, pass: 0x5555, reset: 0x7777 } as const;

/**
 * How often the console is asked for input, in instructions: while the guest waits for an interrupt
 * of it, and at most while it looks itself again and again. Each time costs a system call.
 */
const POLL_INSTRUCTIONS = 100_000;
const LOOK_INSTRUCTIONS = 1000;

const UART_FCR = 2;
/** As a program ends whose output nobody reads. */
const SIGPIPE = 13;

const MACHINE = { context: 0, bit: 1 << INTERRUPT.machineExternal } as const;
const SUPERVISOR = { context: 1, bit: 1 << INTERRUPT.supervisorExternal } as const;

export class Devices {
  readonly #timer: Timer;
  readonly #console: Console;
  readonly #clock: Clock;
  readonly #onEnd: (next: Next) => void;
  readonly #plic = new Plic();
  readonly #uart: Uart;
  /** mip's bits of external interrupts. */
  #pending = 0;
  /** Instructions when the console was asked last. */
  #polledAt = -LOOK_INSTRUCTIONS;

  constructor(timer: Timer, console: Console, clock: Clock, onEnd: (next: Next) => void) {
    this.#timer = timer;
    this.#console = console;
    this.#clock = clock;
    this.#onEnd = onEnd;
    const onLine = (isUp: boolean): void => {
      this.#plic.setLevel(UART_IRQ, isUp);
      this.#update();
    };
    this.#uart = new Uart(console, onLine, () => onEnd({ how: 'signal', number: SIGPIPE }));
  }

  get pending(): number {
    return this.#pending;
  }

  #update(): void {
    let pending = 0;
    for (const { context, bit } of [MACHINE, SUPERVISOR]) {
      if (this.#plic.isPending(context)) pending |= bit;
    }
    this.#pending = pending;
  }

  /** The count of instructions at which the console must be asked for input; Infinity: never. */
  get nextPoll(): number {
    const isWanted = this.#uart.wantsInput && !this.#uart.isInputOver;
    return isWanted ? this.#polledAt + POLL_INSTRUCTIONS : Infinity;
  }

  /** Asks the console for input. */
  poll(): void {
    this.#polledAt = this.#clock.instructions();
    this.#uart.receive();
  }

  /** Whether input could still come and wake a hart that the interrupts in `enabled` wake. */
  isWoken(enabled: number): boolean {
    if (!this.#uart.wantsInput || this.#uart.isInputOver) return false;
    const wakes = ({ context, bit }: { context: number; bit: number }): boolean =>
      (enabled & bit) !== 0 && this.#plic.isOpen(context, UART_IRQ);
    return wakes(MACHINE) || wakes(SUPERVISOR);
  }

  /** Waits for input. False: somebody wants attention first. */
  wait(nanosecondsMax: number): boolean {
    const isInput = this.#console.wait(nanosecondsMax);
    this.poll();
    return isInput;
  }

  /** @throws Trap loadAccess */
  read(address: number, bytes: number): bigint {
    const cause = TRAP.loadAccess;
    const value = this.#read(address, bytes);
    if (value === null) throw new Trap(cause, BigInt(address));
    return value;
  }

  #read(address: number, bytes: number): bigint | null {
    const where = BigInt(address);
    if (isIn(MAP.clint, address)) {
      return this.#timer.read(address - MAP.clint.start, bytes, where);
    }
    if (isIn(MAP.plic, address)) {
      const value = this.#plic.read(address - MAP.plic.start, bytes, where);
      this.#update();
      return value;
    }
    if (isIn(MAP.uart, address)) return this.#readUart(address - MAP.uart.start, bytes);
    if (isIn(MAP.finisher, address) && (bytes === 2 || bytes === 4)) return 0n;
    return null;
  }

  /** A wide access reaches the register at its address alone. */
  #readUart(offset: number, bytes: number): bigint | null {
    if (offset + bytes > MAP.uart.end - MAP.uart.start) return null;
    // The guest looks whether there is input.
    if (this.#clock.instructions() - this.#polledAt >= LOOK_INSTRUCTIONS) this.poll();
    return BigInt(this.#uart.read(offset));
  }

  /** @throws Trap storeAccess */
  write(address: number, bytes: number, value: bigint): void {
    const where = BigInt(address);
    if (isIn(MAP.clint, address)) {
      this.#timer.write(address - MAP.clint.start, bytes, value, where);
    } else if (isIn(MAP.plic, address)) {
      this.#plic.write(address - MAP.plic.start, bytes, value, where);
      this.#update();
    } else if (isIn(MAP.uart, address) && address + bytes <= MAP.uart.end) {
      const offset = address - MAP.uart.start;
      this.#uart.write(offset, Number(value & 0xffn));
      // A FIFO that was just cleared is empty for a while.
      if (offset === UART_FCR) this.#polledAt = this.#clock.instructions();
    } else if (isIn(MAP.finisher, address) && (bytes === 2 || bytes === 4)) {
      if (address === MAP.finisher.start) this.#finish(Number(value));
    } else {
      throw new Trap(TRAP.storeAccess, where);
    }
  }

  #finish(word: number): void {
    const what = word & 0xffff;
    const status = (word >>> 16) & 0xff;
    if (what === FINISHER.fail) this.#onEnd({ how: 'exit', status });
    if (what === FINISHER.pass || what === FINISHER.reset) this.#onEnd({ how: 'exit', status: 0 });
  }
}

const isIn = ({ start, end }: { start: number; end: number }, address: number): boolean =>
  address >= start && address < end;
