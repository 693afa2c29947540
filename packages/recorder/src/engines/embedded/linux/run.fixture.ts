/** Runs programs in the plain interpreter, with streams that tests hold in their hands. */
import { Hart } from '../core/hart.ts';
import type { MachineMark, Next, Observer } from '../core/machine.ts';
import { GuestMemory } from '../core/memory.ts';
import { Trap } from '../core/trap.ts';
import { fetch, step } from '../plain/step.ts';
import { S, SIG } from './abi.ts';
import type {
  HostIo,
  InputState,
  StandardFacts,
  StandardNumber,
  TerminalMode,
  WaitEnd,
} from './io.ts';
import { Process, type ProcessOptions } from './process.ts';

/** Pipes on both sides; stdin is what it is given and then ends. */
export class MemoryIo implements HostIo {
  readonly written: Record<1 | 2, Buffer[]> = { 1: [], 2: [] };
  readonly waits: (number | null)[] = [];
  /** Signals that arrive when the guest next waits or looks. */
  signals: number[] = [];
  #input: Buffer;

  constructor(input = '') {
    this.#input = Buffer.from(input);
  }

  facts(_number: StandardNumber): StandardFacts {
    return {
      mode: S.fifo | 0o600,
      blockBytes: 4096,
      isFile: false,
      isTerminal: false,
      position: 0,
    };
  }

  terminalSize() {
    return { rows: 24, columns: 80 };
  }

  inputState(): InputState {
    return this.#input.length > 0 ? 'there' : 'ended';
  }

  readonly modes: TerminalMode[] = [];

  setTerminalMode(mode: TerminalMode): void {
    this.modes.push(mode);
  }

  read(into: Uint8Array): number {
    const part = this.#input.subarray(0, into.length);
    into.set(part);
    this.#input = this.#input.subarray(part.length);
    return part.length;
  }

  write(number: 1 | 2, bytes: Uint8Array): boolean {
    this.written[number].push(Buffer.from(bytes));
    return true;
  }

  text(number: 1 | 2): string {
    return Buffer.concat(this.written[number]).toString('utf8');
  }

  wait(msMax: number | null): WaitEnd {
    this.waits.push(msMax);
    if (this.waits.length > WAITS_MAX) this.signals.push(SIG.KILL);
    return this.signals.length > 0 ? 'signal' : msMax === null ? 'never' : 'timeout';
  }

  hasSignals(): boolean {
    return this.signals.length > 0;
  }

  takeSignals(): number[] {
    return this.signals.splice(0);
  }
}

/** A guest that goes on waiting after so many waits is killed: nothing ever comes. */
const WAITS_MAX = 1000;

/** Keeps what it was told, one line each. */
export class Witness implements Observer {
  readonly lines: string[] = [];
  readonly marks: MachineMark[] = [];

  transfer(cause: string, kind: string | null, source: bigint, target: bigint): void {
    const hex = (value: bigint): string => `0x${value.toString(16)}`;
    this.lines.push(`${cause} ${kind ?? '-'} ${hex(source)} ${hex(target)}`);
  }

  mark(mark: MachineMark): void {
    this.marks.push(mark);
  }

  started(id: number): void {
    this.lines.push(`started ${id}`);
  }

  switched(id: number): void {
    this.lines.push(`switched ${id}`);
  }

  ended(id: number): void {
    this.lines.push(`ended ${id}`);
  }

  restarted(): void {
    this.lines.push('restarted');
  }
}

const MIB = 1 << 20;
export const GUEST_BYTES = 512 * MIB;

export const newHart = (guestLimit = GUEST_BYTES): Hart =>
  new Hart(new GuestMemory({ guestBase: 0x200_0000, guestLimit }));

export interface Run {
  readonly end: Exclude<Next, { how: 'run' }>;
  readonly stdout: string;
  readonly stderr: string;
  readonly instructions: number;
  readonly io: MemoryIo;
  readonly witness: Witness;
  readonly process: Process;
}

export interface RunOptions extends Partial<ProcessOptions> {
  readonly input?: string;
  readonly io?: MemoryIo;
  readonly instructionsMax?: number;
  readonly guestLimit?: number;
}

/** Runs to the end. @throws Error if it does not come. */
export function runProgram(program: string, options: RunOptions = {}): Run {
  const hart = newHart(options.guestLimit);
  const io = options.io ?? new MemoryIo(options.input);
  const witness = new Witness();
  let instructions = 0;
  const clock = { instructions: () => instructions };
  const machine = new Process(
    { hart, clock, observer: witness, io },
    {
      program,
      name: program,
      args: [],
      environment: [],
      folder: '/',
      root: null,
      writable: [],
      seed: 0,
      realTime: false,
      ...options,
    },
  );
  const most = options.instructionsMax ?? 20_000_000;
  let next: Next = { how: 'run' };
  while (next.how === 'run') {
    if (instructions > most) throw new Error(`no end after ${most} instructions`);
    if (instructions >= machine.deadline() || io.hasSignals()) {
      next = machine.tick();
      continue;
    }
    try {
      step(hart, machine, fetch(hart));
      instructions++;
    } catch (error) {
      if (!(error instanceof Trap)) throw error;
      if (error.isCall) instructions++;
      next = machine.handle(error);
    }
  }
  const { 1: out, 2: err } = { 1: io.text(1), 2: io.text(2) };
  return { end: next, stdout: out, stderr: err, instructions, io, witness, process: machine };
}
