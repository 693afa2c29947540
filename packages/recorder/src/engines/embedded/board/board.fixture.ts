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
import { readBareProgram } from './loader.ts';
import { guestLimitOf } from './map.ts';

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
    program: string | null,
    options: {
      input?: string;
      ramBytes?: number;
      console?: Console & { readonly text: string };
    } = {},
  ) {
    this.console = options.console ?? new MemoryConsole(options.input);
    const { ramBytes } = options;
    const guestLimit = guestLimitOf(ramBytes ?? 128 << 20);
    this.hart = new Hart(new GuestMemory({ guestBase: GUEST_BASE, guestLimit }));
    this.board = new Board({
      hart: this.hart,
      console: this.console,
      clock: { instructions: () => this.instructions },
      observer: this.#observer(),
      ...(ramBytes === undefined ? {} : { ramBytes }),
    });
    if (program !== null) this.board.start(readBareProgram(program));
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
      const next = this.#stretch(driving);
      if (next.how !== 'run') return next;
      if (this.instructions > instructionsMax) throw new Error('the program does not end');
    }
  }

  #stretch(driving: Driving): Next {
    const { board } = this;
    const end = Math.min(board.deadline(), this.instructions + 1_000_000);
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
