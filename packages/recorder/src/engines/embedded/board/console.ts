/** The far end of the board's serial line. */

export interface Console {
  /** One byte that the guest sends. */
  write(byte: number): void;
  /** The next byte of input; null if there is none now. */
  read(): number | null;
  /** Whether input is over: there will be no byte, ever. */
  readonly isEnded: boolean;
  /**
   * The guest sleeps. Returns when there is input, when there will be none, or after about this
   * many nanoseconds, which may be Infinity; sooner does no harm.
   */
  wait(nanosecondsMax: number): void;
}

/** A console without a world: input known beforehand, output kept. */
export class MemoryConsole implements Console {
  readonly #input: Uint8Array;
  readonly #output: number[] = [];
  #at = 0;

  constructor(input: string | Uint8Array = '') {
    this.#input = typeof input === 'string' ? new TextEncoder().encode(input) : input;
  }

  write(byte: number): void {
    this.#output.push(byte);
  }

  read(): number | null {
    return this.#input[this.#at++] ?? null;
  }

  get isEnded(): boolean {
    return this.#at >= this.#input.length;
  }

  wait(): void {}

  /** What the guest sent so far. */
  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#output));
  }
}
