/**
 * The driver: gives fuel, runs generated code, and asks the machine what a trap, a deadline or a
 * signal means. Everything that runs a guest meets here.
 */
import type { RingWriter } from '../../../ring/writer.ts';
import { HandlerTable } from '../interpret/handlers.ts';
import { ThreadedInterpreter } from '../interpret/interpreter.ts';
import { transferOf } from '../isa/decode.ts';
import { fetch, step } from '../plain/step.ts';
import { Cells } from './cells.ts';
import { Code } from './code.ts';
import { CodeCache } from './code-cache.ts';
import type { Hart } from './hart.ts';
import { EXIT, FUEL_SLACK, STATE } from './layout.ts';
import type { Clock, Machine, Next, Observer } from './machine.ts';
import { type GuestMemory, memoryPages } from './memory.ts';
import { Recording } from './recording.ts';
import { type Heating, Regions } from './regions.ts';
import type { SieveRules } from './sieve.ts';
import type { Space } from './space.ts';
import { Trap } from './trap.ts';

/** Instructions between two looks at what others ask of this thread. */
const FUEL_MAX = 2_000_000;

/** After so many instructions no better code of a region is on its way any more. */
const REENTER_LAST = 1_024_000_000;

export interface EngineOptions {
  readonly memory: GuestMemory;
  readonly hart: Hart;
  readonly space: Space;
  /** Null: the guest runs unrecorded. */
  readonly ring: RingWriter | null;
  /** What is recorded; null: all. */
  readonly sieve: SieveRules | null;
  readonly heating: Heating;
  /**
   * V8 compiles a region quickly first, then well, and goes over to that only where the region is
   * entered anew: a loop that runs for ever would stay in the quick code, half as fast. So control
   * leaves all regions so many instructions after one was made, then after twice as many, and so
   * on.
   */
  readonly reenterAfter: number;
  readonly fusedMultiplyAdd: boolean;
  /** A call of a process retires the instruction that makes it; one of a machine is a trap. */
  readonly callsRetire: boolean;
  /**
   * Whether somebody outside asks for the machine's attention; asked every FUEL_MAX instructions.
   */
  readonly wanted: () => boolean;
}

/** What an unrecorded guest's machine tells. */
const NOBODY: Observer = {
  transfer() {},
  mark() {},
  started() {},
  switched() {},
  ended() {},
};

export class Engine implements Clock {
  readonly #hart: Hart;
  readonly #memory: GuestMemory;
  readonly #options: EngineOptions;
  readonly #cache: CodeCache;
  readonly #regions: Regions;
  readonly #recording: Recording | null;
  readonly #run: () => number;
  #machine: Machine | null = null;
  #trap: Trap | null = null;
  /** Instructions retired up to the last look at the account, and fuel then. */
  #retired = 0;
  #fuel = 0;
  /** When regions are left next to be entered anew, in instructions; and how much later again. */
  #reenterAt = Number.POSITIVE_INFINITY;
  #reenterStep = 0;
  /** Where the system call was made that ended the run. */
  #callPc: bigint | null = null;
  /** Set by an instruction after which the machine must be asked. */
  #isWanted = false;

  constructor(options: EngineOptions) {
    const { memory, hart, space, ring } = options;
    this.#options = options;
    this.#memory = memory;
    this.#hart = hart;
    const cells = new Cells(memory.buffer);
    const handlers = new HandlerTable(options.fusedMultiplyAdd);
    const heatLimit = options.heating.limit;
    this.#cache = new CodeCache({ memory, limit: space.codeCacheEnd, handlers, heatLimit });
    const code = new Code(this.#cache, (pc) => this.#regions.entryBlock(pc));
    this.#recording =
      ring === null ? null : new Recording(ring, hart, code, space.sink, options.sieve);
    this.#regions = new Regions(
      memory,
      this.#cache,
      cells,
      this.#recording,
      {
        guestBase: space.guestBase,
        guestLimit: space.guestLimit,
        memoryPages: memoryPages(memory),
        record: ring !== null,
        instructionsMax: FUEL_SLACK,
        blocksMax: 500,
        fusedMultiplyAdd: options.fusedMultiplyAdd,
      },
      options.heating,
    );
    memory.onCodeChange = (page) => {
      this.#recording?.streams.settleLanding();
      this.#regions.forgetPage(page);
      this.#cache.forgetPage(page);
    };
    this.#run = this.#join(handlers);
  }

  /** Told of threads, signals and mappings by the machine. */
  get observer(): Observer {
    return this.#recording ?? NOBODY;
  }

  /** Regions made so far, for those who want to know. */
  get statistics(): { readonly regions: number; readonly blocks: number } {
    return { regions: this.#regions.made, blocks: this.#regions.blocks };
  }

  instructions(): number {
    this.#look();
    return this.#retired;
  }

  /** Joins interpreter and regions to each other and to this. */
  #join(handlers: HandlerTable): () => number {
    const { ring, heating } = this.#options;
    const memory = this.#memory;
    const { table } = this.#regions;
    this.#regions.importing({
      engine: {
        memory: memory.memory,
        table,
        refuel: () => this.#refuel(),
        link: (site: number, target: number) =>
          this.#linkSite(site >>> 0, target >>> 0, FUEL_SLACK),
        returned: (block: number, site: number) => {
          this.#look(FUEL_SLACK);
          return this.#regions.returned(block >>> 0, site >>> 0);
        },
      },
    });
    const interpreter = new ThreadedInterpreter({
      memory,
      table,
      cache: this.#cache,
      handlers,
      hooks: {
        slow: () => this.#slow(),
        link: (source, target) => this.#link(source, target),
        begin: () => this.#begin(),
        returned: (site, target) => this.#linkSite(site, target, 0),
      },
      record: ring !== null,
      heatLimit: heating.limit,
    });
    return interpreter.run;
  }

  /**
   * Brings the counters up to the account in memory.
   * @param heldBack what a region does not see of its fuel.
   */
  #look(heldBack = 0): void {
    const fuel = this.#memory.view.getInt32(STATE.fuel, true) + heldBack;
    const done = this.#fuel - fuel;
    this.#fuel = fuel;
    this.#retired += done;
    if (this.#recording !== null) this.#recording.streams.running.instructions += done;
  }

  #retireOne(): void {
    this.#retired++;
    if (this.#recording !== null) this.#recording.streams.running.instructions++;
  }

  /**
   * Instructions that may run from pc on (-1: from where the last transfer led); 0: a tick is due.
   */
  #affordable(pc: number): number {
    const machine = this.#machine;
    if (machine === null || this.#options.wanted()) return 0;
    const places = this.#recording?.places(pc) ?? FUEL_MAX;
    return Math.max(0, Math.min(places, FUEL_MAX, machine.deadline() - this.#retired));
  }

  #setFuel(fuel: number, heldBack = 0): void {
    this.#memory.view.setInt32(STATE.fuel, fuel - heldBack, true);
    this.#fuel = fuel;
  }

  /** Regions hold back FUEL_SLACK of what there is: the interpreter stops at exact instructions. */
  #refuel(): number {
    this.#look(FUEL_SLACK);
    // In total, as the interpreter has it, while the machine may ask for the time.
    this.#setFuel(this.#fuel);
    const machine = this.#machine;
    const left = machine === null ? 0 : machine.deadline() - this.#retired;
    if (left < 2 * FUEL_SLACK || this.#mustReenter() || this.#options.wanted()) {
      this.#setFuel(this.#fuel, FUEL_SLACK);
      return 1;
    }
    const fuel = this.#affordable(Number(this.#hart.pc));
    this.#setFuel(fuel, FUEL_SLACK);
    return fuel < 2 * FUEL_SLACK ? 1 : 0;
  }

  #mustReenter(): boolean {
    if (this.#retired < this.#reenterAt) return false;
    this.#reenterStep *= 2;
    const isLast = this.#reenterStep > REENTER_LAST;
    this.#reenterAt = isLast ? Number.POSITIVE_INFINITY : this.#retired + this.#reenterStep;
    return true;
  }

  #trapped(error: unknown): number {
    if (!(error instanceof Trap)) throw error;
    this.#trap = error;
    return EXIT.trap;
  }

  #begin(): void {
    this.#look();
    this.#recording?.blockFor(Number(this.#hart.pc), 0);
  }

  #link(source: number, target: number): number {
    this.#look();
    return this.#recording?.link(source, target) ?? 0;
  }

  #linkSite(number: number, target: number, heldBack: number): number {
    this.#look(heldBack);
    return this.#regions.link(number, target);
  }

  /** The plain interpreter runs one instruction. */
  #slow(): number {
    const machine = this.#machine;
    if (machine === null) throw new Error('an instruction ran before the machine');
    this.#look();
    try {
      const { pc } = this.#hart;
      const instruction = fetch(this.#hart);
      // Not thrown: to unwind takes longer than most system calls.
      if (instruction.op === 'ecall') return this.#trapped(new Trap(machine.ecallCause(), 0n));
      step(this.#hart, machine, instruction);
      const isReturn = instruction.op === 'mret' || instruction.op === 'sret';
      const next = this.#hart.pc;
      if (isReturn) this.#recording?.jumped(pc, next, 'trap-return');
      else {
        const transfer = transferOf(instruction, Number(pc));
        const isTaken = next !== pc + BigInt(instruction.size) || transfer?.kind !== 'branch';
        if (transfer !== null && isTaken) this.#recording?.jumped(pc, next, transfer.kind);
      }
      if (machine.isPending()) this.#stopAfterThis();
      return 0;
    } catch (error) {
      return this.#trapped(error);
    }
  }

  /** The tank is empty once this instruction has been counted. */
  #stopAfterThis(): void {
    this.#isWanted = true;
    this.#setFuel(1);
  }

  /** Runs the guest to its end. */
  run(machine: Machine): Exclude<Next, { how: 'run' }> {
    this.#machine = machine;
    for (;;) {
      const next = this.#stretch(machine);
      if (next.how === 'run') continue;
      this.#recording?.finish(this.#callPc, machine.ending);
      return next;
    }
  }

  #stretch(machine: Machine): Next {
    const pc = Number(this.#hart.pc);
    const fuel = this.#isWanted ? 0 : this.#affordable(pc);
    if (fuel === 0) {
      this.#isWanted = false;
      this.#setFuel(0);
      return machine.tick();
    }
    this.#setFuel(fuel);
    const exit = this.#run();
    this.#look();
    if (exit === EXIT.trap) return this.#handle(machine);
    if (exit === EXIT.hot) this.#heat(Number(this.#hart.pc));
    return { how: 'run' };
  }

  #handle(machine: Machine): Next {
    const trap = this.#trap;
    if (trap === null) throw new Error('generated code left by a trap that nobody raised');
    this.#trap = null;
    this.#setFuel(0);
    const isCall = this.#options.callsRetire && trap.isCall;
    const { pc } = this.#hart;
    if (isCall) this.#retireOne();
    const { running } = machine;
    const next = machine.handle(trap);
    // Another thread may have been woken and killed meanwhile: the call was not its own.
    const isOwn = isCall && machine.running === running;
    if (next.how !== 'run') this.#callPc = isOwn ? pc : null;
    return next;
  }

  #heat(pc: number): void {
    if (!this.#regions.heated(pc)) return;
    this.#reenterStep = this.#options.reenterAfter;
    this.#reenterAt = Math.min(this.#reenterAt, this.#retired + this.#reenterStep);
  }
}
