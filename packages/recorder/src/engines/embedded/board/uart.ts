/**
 * The serial port, an NS16550A (National Semiconductor PC16550D data sheet, section 8). Bytes are
 * sent the moment they are written; a received byte waits in the console until there is room.
 *
 *        read                   written                 while LCR bit 7 is set
 *   + 0  RBR, next input byte   THR, output byte        DLL
 *   + 1  IER                    IER                     DLM
 *   + 2  IIR                    FCR
 *   + 3  LCR   + 4  MCR   + 5  LSR   + 6  MSR   + 7  SCR
 */
import type { Console } from './console.ts';

const IER = { received: 1, empty: 2, lineStatus: 4 } as const;
const IER_MASK = 0xf;
const IIR = { none: 1, empty: 2, received: 4, lineStatus: 6, timeout: 0xc, fifo: 0xc0 } as const;
const FCR = { enable: 1, clearReceived: 2, mask: 0xc9 } as const;
const LCR_DIVISOR = 0x80;
const MCR_LOOP = 0x10;
const MCR_MASK = 0x1f;
const LSR = { ready: 1, overrun: 2, sent: 0x60 } as const;
/** Carrier, data set ready, clear to send: somebody listens. */
const MSR_READY = 0xb0;

const FIFO_BYTES = 16;
/** Bytes at which the interrupt comes, by bits 6 and 7 of FCR. */
const TRIGGERS = [1, 4, 8, 14] as const;

export class Uart {
  readonly #console: Console;
  readonly #onLine: (isUp: boolean) => void;
  readonly #onClosed: () => void;
  #received: number[] = [];
  /** Input that the guest threw away with its FIFO: it comes again. */
  #returned: number[] = [];
  #ier = 0;
  #fcr = 0;
  #lcr = 0;
  #mcr = 8;
  #scratch = 0;
  /** 9600 baud; nobody asks. */
  #divisor = 12;
  #isOverrun = false;
  /** The transmitter became empty, and IIR has not told yet. */
  #isEmptyPending = false;

  /**
   * @param onLine is told the level of the interrupt line after every change.
   * @param onClosed is told when nobody reads the output any more.
   */
  constructor(console: Console, onLine: (isUp: boolean) => void, onClosed: () => void) {
    this.#console = console;
    this.#onLine = onLine;
    this.#onClosed = onClosed;
  }

  /** Whether input would interrupt, if there were any. */
  get wantsInput(): boolean {
    return (this.#ier & IER.received) !== 0 && (this.#mcr & MCR_LOOP) === 0 && this.#room > 0;
  }

  /** Whether there will be no more input than what was received. */
  get isInputOver(): boolean {
    return this.#returned.length === 0 && this.#console.isEnded;
  }

  /** Takes input from the console as far as there is room. */
  receive(): void {
    if ((this.#mcr & MCR_LOOP) !== 0) return;
    let hasNew = false;
    while (this.#room > 0 && !this.isInputOver) {
      const byte = this.#returned.shift() ?? this.#console.read();
      if (byte === null) break;
      this.#received.push(byte & 0xff);
      hasNew = true;
    }
    if (hasNew) this.#update();
  }

  read(offset: number): number {
    const isDivisor = (this.#lcr & LCR_DIVISOR) !== 0;
    if (offset === 0) return isDivisor ? this.#divisor & 0xff : this.#take();
    if (offset === 1) return isDivisor ? this.#divisor >>> 8 : this.#ier;
    if (offset === 2) return this.#identify();
    if (offset === 3) return this.#lcr;
    if (offset === 4) return this.#mcr;
    if (offset === 5) return this.#lineStatus();
    if (offset === 6) return this.#modemStatus();
    return this.#scratch;
  }

  write(offset: number, value: number): void {
    const isDivisor = (this.#lcr & LCR_DIVISOR) !== 0;
    if (offset === 0 && isDivisor) this.#divisor = (this.#divisor & 0xff00) | value;
    else if (offset === 0) this.#send(value);
    else if (offset === 1 && isDivisor) this.#divisor = (this.#divisor & 0xff) | (value << 8);
    else if (offset === 1) this.#enable(value);
    else if (offset === 2) this.#control(value);
    else if (offset === 3) this.#lcr = value;
    else if (offset === 4) this.#mcr = value & MCR_MASK;
    else if (offset === 7) this.#scratch = value;
    this.#update();
  }

  get #hasFifo(): boolean {
    return (this.#fcr & FCR.enable) !== 0;
  }

  get #room(): number {
    return (this.#hasFifo ? FIFO_BYTES : 1) - this.#received.length;
  }

  #take(): number {
    const byte = this.#received.shift() ?? 0;
    this.#update();
    return byte;
  }

  #send(byte: number): void {
    if ((this.#mcr & MCR_LOOP) === 0) {
      if (!this.#console.write(byte)) this.#onClosed();
    } else if (this.#room > 0) this.#received.push(byte);
    else this.#isOverrun = true;
    this.#isEmptyPending = true;
  }

  /** The transmitter is always empty, so enabling its interrupt raises it. */
  #enable(value: number): void {
    this.#ier = value & IER_MASK;
    this.#isEmptyPending = true;
  }

  /**
   * Guests clear the FIFO as they begin, and a human or a line would not have sent anything yet.
   * From a file or a pipe all is there at once: it is taken to come later, so that none is lost.
   */
  #control(value: number): void {
    const isSwitched = ((value ^ this.#fcr) & FCR.enable) !== 0;
    if (isSwitched || (value & FCR.clearReceived) !== 0) {
      if ((this.#mcr & MCR_LOOP) === 0) this.#returned.unshift(...this.#received);
      this.#received = [];
    }
    this.#fcr = value & FCR.mask;
  }

  /** Which interrupt is pending, without the FIFO bits. */
  get #cause(): number {
    const count = this.#received.length;
    if ((this.#ier & IER.lineStatus) !== 0 && this.#isOverrun) return IIR.lineStatus;
    if ((this.#ier & IER.received) !== 0 && count > 0) {
      const trigger = this.#hasFifo ? (TRIGGERS[this.#fcr >>> 6] ?? 1) : 1;
      // Fewer than wanted: the time after which the port gives up waiting for more is 0 here.
      return count >= trigger ? IIR.received : IIR.timeout;
    }
    if ((this.#ier & IER.empty) !== 0 && this.#isEmptyPending) return IIR.empty;
    return IIR.none;
  }

  #identify(): number {
    const cause = this.#cause;
    if (cause === IIR.empty) {
      this.#isEmptyPending = false;
      this.#update();
    }
    return cause | (this.#hasFifo ? IIR.fifo : 0);
  }

  #lineStatus(): number {
    const ready = this.#received.length > 0 ? LSR.ready : 0;
    const overrun = this.#isOverrun ? LSR.overrun : 0;
    this.#isOverrun = false;
    this.#update();
    return LSR.sent | ready | overrun;
  }

  /** In loopback the outputs come back as inputs: DTR, RTS, OUT1, OUT2 as DSR, CTS, RI, DCD. */
  #modemStatus(): number {
    if ((this.#mcr & MCR_LOOP) === 0) return MSR_READY;
    const dtr = this.#mcr & 1;
    const rts = (this.#mcr >>> 1) & 1;
    return ((this.#mcr & 0xc) << 4) | (rts << 4) | (dtr << 5);
  }

  #update(): void {
    this.#onLine(this.#cause !== IIR.none);
  }
}
