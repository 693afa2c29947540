/** The far end of the board's serial line. */

export interface Console {
  /** One byte that the guest sends. False: nobody reads any more. */
  write(byte: number): boolean;
  /** The next byte of input; null if there is none now. */
  read(): number | null;
  /** Whether input is over: there will be no byte, ever. */
  readonly isEnded: boolean;
  /**
   * The guest sleeps. Returns true when there is input, when there will be none, or after about
   * this many nanoseconds, which may be Infinity; sooner does no harm. Returns false when the
   * driver is wanted: the guest sleeps on after that.
   */
  wait(nanosecondsMax: number): boolean;
  /** A signal that came for the machine, once; null: none. */
  takeSignal(): number | null;
  /** The run ends: what was written goes out. */
  flush(): void;
}

/** What of linux/io.ts a serial line needs. */
export interface SerialIo {
  facts(number: 1): { readonly isTerminal: boolean };
  read(into: Uint8Array): number | null;
  write(number: 1, bytes: Uint8Array): boolean;
  wait(msMax: number | null, wantsInput: boolean): 'input' | 'signal' | 'timeout' | 'never';
  takeSignals(): number[];
}

/** As much as the port itself takes at once: what the guest does not read is left to others. */
const INPUT_BYTES = 16;
const OUTPUT_BYTES = 1024;
const NEWLINE = 0x0a;

/** The standard streams. Output waits for the end of its line, unless somebody looks. */
export class HostConsole implements Console {
  readonly #io: SerialIo;
  readonly #isWatched: boolean;
  readonly #input = new Uint8Array(INPUT_BYTES);
  #inputAt = 0;
  #inputEnd = 0;
  #isEnded = false;
  readonly #output = new Uint8Array(OUTPUT_BYTES);
  #outputEnd = 0;
  #isClosed = false;

  constructor(io: SerialIo) {
    this.#io = io;
    this.#isWatched = io.facts(1).isTerminal;
  }

  write(byte: number): boolean {
    this.#output[this.#outputEnd++] = byte;
    const isFull = this.#outputEnd === OUTPUT_BYTES;
    if (isFull || byte === NEWLINE || this.#isWatched) this.flush();
    return !this.#isClosed;
  }

  flush(): void {
    if (this.#outputEnd === 0) return;
    const bytes = this.#output.subarray(0, this.#outputEnd);
    this.#outputEnd = 0;
    if (!this.#isClosed) this.#isClosed = !this.#io.write(1, bytes);
  }

  read(): number | null {
    if (this.#inputAt === this.#inputEnd && !this.#isEnded) this.#fill();
    return this.#inputAt < this.#inputEnd ? (this.#input[this.#inputAt++] ?? null) : null;
  }

  #fill(): void {
    // Who asks for input may have asked a question before.
    this.flush();
    const count = this.#io.read(this.#input);
    this.#isEnded = count === 0;
    this.#inputAt = 0;
    this.#inputEnd = count ?? 0;
  }

  get isEnded(): boolean {
    return this.#isEnded && this.#inputAt === this.#inputEnd;
  }

  wait(nanosecondsMax: number): boolean {
    this.flush();
    const ms = nanosecondsMax === Infinity ? null : nanosecondsMax / 1e6;
    return this.#io.wait(ms, true) !== 'signal';
  }

  takeSignal(): number | null {
    return this.#io.takeSignals()[0] ?? null;
  }
}

/** A console without a world: input known beforehand, output kept. */
export class MemoryConsole implements Console {
  readonly #input: Uint8Array;
  readonly #output: number[] = [];
  #at = 0;

  constructor(input: string | Uint8Array = '') {
    this.#input = typeof input === 'string' ? new TextEncoder().encode(input) : input;
  }

  write(byte: number): boolean {
    this.#output.push(byte);
    return true;
  }

  takeSignal(): number | null {
    return null;
  }

  flush(): void {}

  read(): number | null {
    return this.#input[this.#at++] ?? null;
  }

  get isEnded(): boolean {
    return this.#at >= this.#input.length;
  }

  wait(_nanosecondsMax: number): boolean {
    return true;
  }

  /** What the guest sent so far. */
  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#output));
  }
}
