/**
 * Runs a bare-metal program on the board with the plain interpreter, an instruction at a time, and
 * keeps what the board tells of it.
 */
import { Hart } from '../core/hart.ts';
import type { Machine, MachineMark, Next, Observer } from '../core/machine.ts';
import { GuestMemory } from '../core/memory.ts';
import { Trap } from '../core/trap.ts';
import type { Instruction } from '../isa/instruction.ts';
import { fetch, step } from '../plain/step.ts';
import { Board } from './board.ts';
import { type Console, MemoryConsole } from './console.ts';
import { type BareProgram, readBareProgram } from './loader.ts';
import { guestLimitOf, RAM_BYTES_DEFAULT, RAM_START } from './map.ts';

/** Behind the page table; nothing else is used without generated code. */
const GUEST_BASE = 0x20_0000;
const INSTRUCTIONS_MAX = 20_000_000;

export interface Transfer {
  /** Instructions retired before. */
  readonly at: number;
  readonly cause: 'exception' | 'interrupt' | 'signal';
  readonly kind: string | null;
  readonly source: bigint;
  readonly target: bigint;
  /** The mark that came before it. */
  readonly mark: MachineMark | undefined;
}

/** Words at the start of RAM, where the program begins. */
export function codeProgram(
  words: readonly number[],
  tohost: bigint | null = null,
  maps: BareProgram['maps'] = [],
): BareProgram {
  return {
    entry: BigInt(RAM_START),
    tohost,
    maps,
    place: (start, _end, raw) => {
      const bytes = raw(start, 4 * words.length);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (const [index, word] of words.entries()) view.setUint32(4 * index, word, true);
    },
  };
}

type Late = number | 'signal' | 'nothing';

/** Input that is not there before the guest waits for it, and signals that come instead. */
export class LateConsole extends MemoryConsole {
  readonly waits: number[] = [];
  readonly #late: Late[];
  #next: number | null = null;
  #signal: number | null = null;

  /** @param late what comes at each wait; then nothing, for ever. */
  constructor(late: readonly Late[]) {
    super();
    this.#late = [...late];
  }

  override read(): number | null {
    const next = this.#next;
    this.#next = null;
    return next;
  }

  override get isEnded(): boolean {
    return false;
  }

  override wait(nanosecondsMax: number): boolean {
    this.waits.push(nanosecondsMax);
    const comes = this.#late.shift() ?? null;
    if (comes === 'signal') this.#signal = 2;
    else this.#next = comes === 'nothing' ? null : comes;
    if (comes === null && nanosecondsMax === Infinity) throw new Error('waits for ever');
    return comes !== 'signal';
  }

  override takeSignal(): number | null {
    const signal = this.#signal;
    this.#signal = null;
    return signal;
  }
}

/** How the driver finds out that the board wants control. */
export type Driving =
  /** Looks before every instruction. */
  | 'always'
  /** Looks at the deadline before a stretch, and asks only after instructions that may matter. */
  | 'stretches';

export class BareRun {
  readonly console: Console & { readonly text: string };
  readonly hart: Hart;
  readonly board: Board;
  readonly transfers: Transfer[] = [];
  readonly marks: MachineMark[] = [];
  instructions = 0;
  #touchesDevice = false;

  constructor(
    program: string | BareProgram,
    options: {
      input?: string;
      ramBytes?: number;
      console?: Console & { readonly text: string };
    } = {},
  ) {
    this.console = options.console ?? new MemoryConsole(options.input);
    const { ramBytes } = options;
    const guestLimit = guestLimitOf(ramBytes ?? RAM_BYTES_DEFAULT);
    this.hart = new Hart(new GuestMemory({ guestBase: GUEST_BASE, guestLimit }));
    this.board = new Board({
      hart: this.hart,
      console: this.console,
      clock: { instructions: () => this.instructions },
      observer: this.#observer(),
      ...(ramBytes === undefined ? {} : { ramBytes }),
    });
    this.board.start(typeof program === 'string' ? readBareProgram(program) : program);
    const { board } = this;
    this.hart.memory.platform = {
      ...platformOf(board),
      readDevice: (address, bytes) => {
        this.#touchesDevice = true;
        return board.readDevice(address, bytes);
      },
      writeDevice: (address, bytes, value) => {
        this.#touchesDevice = true;
        board.writeDevice(address, bytes, value);
      },
    };
  }

  #observer(): Observer {
    const unused = (): never => {
      throw new Error('the board has one hart');
    };
    return {
      transfer: (cause, kind, source, target) => {
        const mark = this.marks.at(-1);
        this.transfers.push({ at: this.instructions, cause, kind, source, target, mark });
      },
      mark: (mark) => this.marks.push(mark),
      started: unused,
      switched: unused,
      ended: unused,
    };
  }

  /** Runs to the end. */
  run(
    driving: Driving = 'always',
    instructionsMax = INSTRUCTIONS_MAX,
  ): Exclude<Next, { how: 'run' }> {
    for (;;) {
      const next = this.#stretch(driving, instructionsMax);
      if (next.how !== 'run') return next;
      if (this.instructions > instructionsMax) throw new Error('the program does not end');
    }
  }

  /** Until so many instructions have retired. */
  runTo(instructions: number): void {
    while (this.instructions < instructions) {
      const next = this.#stretch('always', instructions);
      if (next.how !== 'run') throw new Error('the program ended');
    }
  }

  #stretch(driving: Driving, instructionsMax: number): Next {
    const { board } = this;
    const end = Math.min(board.deadline(), instructionsMax + 1);
    if (this.instructions >= end) return board.tick();
    while (this.instructions < end) {
      this.#touchesDevice = false;
      try {
        const instruction = fetch(this.hart);
        step(this.hart, board, instruction);
        const isAsked = isSlow(instruction) || this.#touchesDevice;
        const isWanted = isAsked && board.isPending();
        this.instructions++;
        if (isWanted) return board.tick();
      } catch (error) {
        if (!(error instanceof Trap)) throw error;
        return board.handle(error);
      }
      if (driving === 'always') break;
    }
    return { how: 'run' };
  }
}

/** Runs in the plain interpreter whatever the engine. */
const isSlow = ({ op }: Instruction): boolean =>
  op.startsWith('csr') || ['mret', 'sret', 'wfi', 'sfence.vma'].includes(op);

function platformOf(board: Machine): Machine {
  return {
    handle: (trap) => board.handle(trap),
    deadline: () => board.deadline(),
    tick: () => board.tick(),
    isPending: () => board.isPending(),
    ending: null,
    unknownCalls: new Map(),
    deliver: (signal) => board.deliver(signal),
    running: board.running,
    readCsr: (csr) => board.readCsr(csr),
    writeCsr: (csr, value) => board.writeCsr(csr, value),
    system: (op) => board.system(op),
    ecallCause: () => board.ecallCause(),
    readDevice: (address, bytes) => board.readDevice(address, bytes),
    writeDevice: (address, bytes, value) => board.writeDevice(address, bytes, value),
  };
}
