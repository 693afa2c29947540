/**
 * Stdin and signals for a guest that runs in another thread than the one they come to. They meet in
 * a mailbox, a small piece of shared memory:
 *
 *   word 0  bell: counts up with all that the main thread puts; the guest's thread sleeps here
 *        1  wishes: counts up with all that the guest's thread puts; the main thread sleeps here
 *        2  state of the bytes below: 0 taken, 1 wanted, 2 there, 3 stdin is at its end. Only the
 *           guest's thread takes it from 0 to 1 and from 2 to 0, only the main thread from 1 to 2
 *           or 3: so neither can miss what the other did
 *        3  count of these bytes
 *     4, 5  signals that came and were not taken: bit n of the two is signal n
 *     6, 7  rows and columns of the terminal
 *        8  mode of the terminal: 0 lines, 1 characters, 2 raw
 *   byte 64 up to 64 KiB of stdin
 *
 * The main thread reads stdin only while the guest waits for it, so what the guest does not take is
 * left to who comes after it (but for what a pipe's stream had read ahead).
 */
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { SIG } from './abi.ts';
import {
  DirectIo,
  type InputState,
  type TerminalMode,
  type TerminalSize,
  type WaitEnd,
} from './io.ts';

const WORD = {
  bell: 0,
  wishes: 1,
  state: 2,
  count: 3,
  signalsLow: 4,
  signalsHigh: 5,
  rows: 6,
  columns: 7,
  mode: 8,
} as const;
const MODES: readonly TerminalMode[] = ['lines', 'characters', 'raw'];
/** What a terminal makes of characters unless it is raw (termios(3): VINTR, VQUIT, VSUSP). */
const TYPED_SIGNALS: ReadonlyMap<number, number> = new Map([
  [3, SIG.INT],
  [28, SIG.QUIT],
  [26, SIG.TSTP],
]);
const STATE = { taken: 0, wanted: 1, there: 2, ended: 3 } as const;
const DATA = 64;
const DATA_BYTES = 65_536;
const SIGNALS_MAX = 63;
/** Much longer than a thread needs to read a pipe, hardly longer than a person notices. */
const PATIENCE_MS = 50;

/** The end of the thread that owns stdin and is sent signals. */
export class ConsoleServer {
  readonly shared = new SharedArrayBuffer(DATA + DATA_BYTES);
  readonly #words = new Int32Array(this.shared, 0, DATA / 4);
  readonly #data = new Uint8Array(this.shared, DATA);
  readonly #input: () => Readable;
  #open: Readable | null = null;
  #isClosed = false;
  #isOver = false;
  #mode: TerminalMode = 'lines';

  /** @param input asked once, when the guest wants input for the first time. */
  constructor(size?: TerminalSize, input: () => Readable = () => process.stdin) {
    this.#input = input;
    if (size !== undefined) this.resize(size);
    this.#listen();
  }

  resize({ rows, columns }: TerminalSize): void {
    Atomics.store(this.#words, WORD.rows, rows);
    Atomics.store(this.#words, WORD.columns, columns);
  }

  /** Passes a signal on; it ends whatever the guest waits for. */
  signal(number: number): void {
    if (number < 1 || number > SIGNALS_MAX) return;
    const word = number < 32 ? WORD.signalsLow : WORD.signalsHigh;
    Atomics.or(this.#words, word, 1 << (number % 32));
    this.#ring();
  }

  /** The guest is gone: stdin is left alone. */
  close(): void {
    this.#isClosed = true;
    Atomics.add(this.#words, WORD.wishes, 1);
    Atomics.notify(this.#words, WORD.wishes);
    const input = this.#open;
    if (input === null) return;
    this.#applyMode('lines');
    input.removeListener('readable', this.#serve);
    input.removeListener('end', this.#ended);
    input.removeListener('error', this.#ended);
    input.pause();
    if (input instanceof Socket) input.unref();
  }

  #ring(): void {
    Atomics.add(this.#words, WORD.bell, 1);
    Atomics.notify(this.#words, WORD.bell);
  }

  #listen(): void {
    if (this.#isClosed) return;
    const seen = Atomics.load(this.#words, WORD.wishes);
    this.#applyMode(this.#wantedMode());
    this.#serve();
    const woken = Atomics.waitAsync(this.#words, WORD.wishes, seen);
    if (woken.async) void woken.value.then(() => this.#listen());
    else queueMicrotask(() => this.#listen());
  }

  #wantedMode(): TerminalMode {
    return MODES[Atomics.load(this.#words, WORD.mode)] ?? 'lines';
  }

  #applyMode(mode: TerminalMode): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    const input = this.#opened();
    if (input instanceof ReadStream) input.setRawMode(mode !== 'lines');
  }

  /** Signals that are typed, where the guest took that from the terminal and still wants them. */
  #withoutSignals(bytes: Uint8Array): Uint8Array {
    if (this.#mode !== 'characters') return bytes;
    return bytes.filter((byte) => {
      const signal = TYPED_SIGNALS.get(byte);
      if (signal !== undefined) this.signal(signal);
      return signal === undefined;
    });
  }

  #opened(): Readable {
    if (this.#open !== null) return this.#open;
    const input = this.#input();
    input.on('readable', this.#serve);
    input.on('end', this.#ended);
    input.on('error', this.#ended);
    this.#open = input;
    return input;
  }

  readonly #serve = (): void => {
    if (this.#isClosed || Atomics.load(this.#words, WORD.state) !== STATE.wanted) return;
    const input = this.#opened();
    if (this.#isOver || input.readableEnded) {
      this.#put(STATE.ended);
      return;
    }
    // What is read now is of the mode that the guest set before it wanted it.
    this.#applyMode(this.#wantedMode());
    // Asked again until it has nothing: a terminal goes on reading only then.
    let typed: Uint8Array = new Uint8Array();
    while (typed.length === 0) {
      const chunk: unknown = input.read();
      if (chunk === null) return;
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      if (!(bytes instanceof Uint8Array)) throw new TypeError('stdin gives no bytes');
      typed = this.#withoutSignals(bytes);
    }
    const now = typed.subarray(0, DATA_BYTES);
    if (typed.length > now.length) input.unshift(typed.subarray(now.length));
    this.#data.set(now);
    Atomics.store(this.#words, WORD.count, now.length);
    this.#put(STATE.there);
  };

  readonly #ended = (): void => {
    this.#isOver = true;
    this.#serve();
  };

  #put(state: number): void {
    Atomics.store(this.#words, WORD.state, state);
    this.#ring();
  }
}

/** The end of the guest's thread. A stdin that is a file is read directly. */
export class ConsoleClient extends DirectIo {
  readonly #words: Int32Array;
  readonly #data: Uint8Array;
  /** Bytes of the mailbox that were taken already. */
  #taken = 0;

  constructor(shared: SharedArrayBuffer) {
    super();
    this.#words = new Int32Array(shared, 0, DATA / 4);
    this.#data = new Uint8Array(shared, DATA);
  }

  override terminalSize(): TerminalSize {
    const rows = Atomics.load(this.#words, WORD.rows);
    const columns = Atomics.load(this.#words, WORD.columns);
    return rows > 0 && columns > 0 ? { rows, columns } : super.terminalSize();
  }

  override setTerminalMode(mode: TerminalMode): void {
    const number = MODES.indexOf(mode);
    if (Atomics.exchange(this.#words, WORD.mode, number) === number) return;
    this.#wish();
  }

  #wish(): void {
    Atomics.add(this.#words, WORD.wishes, 1);
    Atomics.notify(this.#words, WORD.wishes);
  }

  /**
   * What is in a pipe already must not depend on how fast this thread and the other are: once for
   * each wish they are given time to meet, while the guest's time stands still.
   */
  override inputState(): InputState {
    if (this.facts(0).isFile) return 'there';
    if (this.#ask() && !this.facts(0).isTerminal) this.#wait(PATIENCE_MS, true);
    return this.#found();
  }

  /** Whether nobody had asked for input since some was taken. */
  #ask(): boolean {
    const state = Atomics.compareExchange(this.#words, WORD.state, STATE.taken, STATE.wanted);
    if (state === STATE.taken) this.#wish();
    return state === STATE.taken;
  }

  #found(): InputState {
    const state = Atomics.load(this.#words, WORD.state);
    if (state === STATE.ended) return 'ended';
    return state === STATE.there ? 'there' : 'none';
  }

  override read(into: Uint8Array): number | null {
    if (this.facts(0).isFile) return super.read(into);
    const state = this.inputState();
    if (state !== 'there') return state === 'ended' ? 0 : null;
    const left = Atomics.load(this.#words, WORD.count) - this.#taken;
    const count = Math.min(left, into.length);
    into.set(this.#data.subarray(this.#taken, this.#taken + count));
    this.#taken += count;
    if (count === left) {
      this.#taken = 0;
      Atomics.store(this.#words, WORD.state, STATE.taken);
    }
    return count;
  }

  override wait(msMax: number | null, wantsInput: boolean): WaitEnd {
    if (wantsInput && this.facts(0).isFile) return 'input';
    if (wantsInput) this.#ask();
    return this.#wait(msMax, wantsInput);
  }

  #wait(msMax: number | null, wantsInput: boolean): WaitEnd {
    const end = msMax === null ? Number.POSITIVE_INFINITY : performance.now() + msMax;
    for (;;) {
      const bell = Atomics.load(this.#words, WORD.bell);
      if (this.hasSignals()) return 'signal';
      if (wantsInput && this.#found() !== 'none') return 'input';
      const left = end - performance.now();
      if (left <= 0) return 'timeout';
      Atomics.wait(this.#words, WORD.bell, bell, left);
    }
  }

  override hasSignals(): boolean {
    const high = Atomics.load(this.#words, WORD.signalsHigh);
    return (Atomics.load(this.#words, WORD.signalsLow) | high) !== 0;
  }

  override takeSignals(): number[] {
    const signals: number[] = [];
    for (const [word, first] of [
      [WORD.signalsLow, 0],
      [WORD.signalsHigh, 32],
    ] as const) {
      const bits = Atomics.exchange(this.#words, word, 0);
      for (let bit = 0; bit < 32; bit++) {
        if (((bits >>> bit) & 1) === 1) signals.push(first + bit);
      }
    }
    return signals;
  }
}
