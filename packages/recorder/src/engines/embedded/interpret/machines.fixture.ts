/** The same program in the plain interpreter and in the threaded one, to be compared. */

import { type WasmTable, wasm } from '../../../wasm/host.ts';
import { CodeCache } from '../core/code-cache.ts';
import { Hart, type Platform } from '../core/hart.ts';
import { CODE_CACHE, CODE_PAGE_BYTES, EXIT, PERM, STATE } from '../core/layout.ts';
import { GuestMemory } from '../core/memory.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { transferOf } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import { fetch, step } from '../plain/step.ts';
import { HandlerTable } from './handlers.ts';
import { ThreadedInterpreter } from './interpreter.ts';
import { below, CODE_REGISTER, DATA_REGISTER, type Random } from './programs.fixture.ts';

const CODE_PAGES_DEFAULT = 16;
const CODE_PAGES_MAX = 64;
/** Transfers that a machine may make between two looks at them. */
const RING_TRANSFERS = 65_536;
const RING = CODE_CACHE + CODE_PAGES_MAX * CODE_PAGE_BYTES;
const GUEST_BASE = Math.ceil((RING + 4 * RING_TRANSFERS) / 65_536) * 65_536;
const GUEST_LIMIT = 0x10_0000;
const DATA = 0x4_0000;
const DATA_BYTES = 0x4000;
const FUEL_MAX = RING_TRANSFERS - 16;

/** A bare process: no CSRs but those of the hart, no devices. */
export const PLATFORM: Platform = {
  readCsr(csr) {
    throw new Trap(TRAP.illegal, BigInt(csr));
  },
  writeCsr(csr) {
    throw new Trap(TRAP.illegal, BigInt(csr));
  },
  system() {
    throw new Trap(TRAP.illegal, 0n);
  },
  ecallCause: () => TRAP.ecallUser,
  readDevice: () => 0n,
  writeDevice() {},
};

export interface Program {
  readonly start: number;
  readonly bytes: Uint8Array;
  /** Whether the code may be written. */
  readonly isWritable: boolean;
}

export type TransferSeen = readonly [source: number, target: number];

class TestMachine {
  readonly memory = new GuestMemory({ guestBase: GUEST_BASE, guestLimit: GUEST_LIMIT });
  readonly hart = new Hart(this.memory);

  load(program: Program): void {
    const { memory } = this;
    const write = program.isWritable ? PERM.write : 0;
    const first = program.start & -4096;
    const bytes = Math.ceil((program.start - first + program.bytes.length) / 4096) * 4096;
    memory.protect(first, bytes, PERM.mapped | PERM.read | PERM.execute | write);
    memory.protect(DATA, DATA_BYTES, PERM.mapped | PERM.read | PERM.write);
    memory.raw(program.start, program.bytes.length).set(program.bytes);
    this.hart.pc = BigInt(program.start);
    this.hart.reserve(null, 0n);
  }

  /** Registers and data that depend on the seed alone. */
  fill(random: Random, program: Program): void {
    const word = (): bigint => BigInt(below(random, 2 ** 32));
    for (let x = 1; x < 32; x++) {
      const small = random() < 0.4;
      this.hart.x[x] = BigInt.asIntN(64, small ? word() >> 26n : (word() << 32n) | word());
    }
    this.hart.x[DATA_REGISTER] = BigInt(DATA + 0x800);
    this.hart.x[CODE_REGISTER] = BigInt(program.start);
    for (let f = 0; f < 32; f++) this.hart.f[f] = (word() << 32n) | word();
    for (let at = 0; at < DATA_BYTES; at += 4) {
      this.memory.view.setUint32(GUEST_BASE + DATA + at, below(random, 2 ** 32), true);
    }
  }

  /** Everything that a guest can see, but memory. */
  state(): string {
    const { hart } = this;
    const hex = (values: Iterable<bigint>): string =>
      [...values].map((value) => value.toString(16)).join(' ');
    const rest = [hart.pc, BigInt(hart.fcsr), hart.reserved ?? -1n, hart.reservedValue];
    return `pc, fcsr, reserved ${hex(rest)}\nx ${hex(hart.xUnsigned)}\nf ${hex(hart.f)}`;
  }

  guest(): Uint8Array {
    return this.memory.bytes.subarray(GUEST_BASE);
  }

  /** Control goes somewhere else, as by a signal, to any multiple of 2; most loops end so. */
  kick(random: Random, program: Program): void {
    const anywhere = (): bigint =>
      BigInt(program.start + 2 * below(random, program.bytes.length / 2));
    this.hart.pc = anywhere();
    for (const link of [1, 5]) this.hart.x[link] = anywhere();
    for (let count = 0; count < 4; count++) {
      this.hart.x[10 + below(random, 8)] = BigInt(below(random, 1000));
    }
  }

  /** What a kernel might do about a fault: goes on behind it, or at the start again. */
  passOver(program: Program): void {
    const { hart, memory } = this;
    const pc = Number(hart.pc);
    const isInside = pc >= program.start && pc < program.start + program.bytes.length;
    if (!isInside) hart.pc = BigInt(program.start);
    else hart.pc += (memory.view.getUint8(GUEST_BASE + pc) & 3) === 3 ? 4n : 2n;
  }
}

export class PlainMachine extends TestMachine {
  readonly transfers: TransferSeen[] = [];

  /** One instruction; the trap if it raised one. */
  step(): Trap | null {
    const { hart } = this;
    const pc = Number(hart.pc);
    try {
      const instruction = fetch(hart);
      const makesTransfer = isTaken(hart, instruction);
      step(hart, PLATFORM, instruction);
      if (makesTransfer) this.transfers.push([pc, Number(hart.pc)]);
      return null;
    } catch (error) {
      if (error instanceof Trap) return error;
      throw error;
    }
  }
}

/** Conditions of branches, written anew: a taken branch to the next instruction shows in no pc. */
const TAKEN: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  beq: (a, b) => a === b,
  bne: (a, b) => a !== b,
  blt: (a, b) => a < b,
  bge: (a, b) => a >= b,
  bltu: (a, b) => BigInt.asUintN(64, a) < BigInt.asUintN(64, b),
  bgeu: (a, b) => BigInt.asUintN(64, a) >= BigInt.asUintN(64, b),
};

export function isTaken({ x }: Hart, { op, rs1, rs2 }: Instruction): boolean {
  return op === 'jal' || op === 'jalr' || TAKEN[op]?.(x[rs1] ?? 0n, x[rs2] ?? 0n) === true;
}

export interface ThreadedOptions {
  readonly record?: boolean;
  readonly heatLimit?: number;
  readonly codePages?: number;
  readonly fused?: boolean;
}

export class ThreadedMachine extends TestMachine {
  readonly cache: CodeCache;
  readonly table: WasmTable = new wasm.Table({ element: 'anyfunc', initial: 16 });
  readonly interpreter: ThreadedInterpreter;
  /** By number. */
  readonly edges: TransferSeen[] = [];
  readonly blocks: number[] = [];
  readonly transfers: TransferSeen[] = [];
  /** Where the instructions of begun blocks begin. */
  readonly inBlocks = new Set<number>();
  /** Sources of returns out of regions, by their site less 1. */
  readonly returns: number[] = [];
  trap: Trap | null = null;
  slowCount = 0;
  readonly isRecording: boolean;
  readonly #dead = new Set<number>();

  constructor({ record = true, heatLimit = 0, codePages, fused = false }: ThreadedOptions = {}) {
    super();
    this.isRecording = record;
    const { memory, table } = this;
    const handlers = new HandlerTable(fused);
    const limit = CODE_CACHE + (codePages ?? CODE_PAGES_DEFAULT) * CODE_PAGE_BYTES;
    this.cache = new CodeCache({ memory, limit, handlers, heatLimit });
    memory.onCodeChange = (page) => this.#forget(page);
    this.interpreter = new ThreadedInterpreter({
      memory,
      table,
      cache: this.cache,
      handlers,
      record,
      heatLimit,
      hooks: {
        slow: () => this.#slow(),
        begin: () => this.begin(Number(this.hart.pc)),
        link: (source, target) => this.#link(source, target),
        returned: (site, target) => this.#returned(site, target),
      },
    });
  }

  /** Edges from and to code that changes must not be used again: its blocks are others then. */
  #forget(page: number): void {
    this.#drain();
    for (const [edge, pcs] of this.edges.entries()) {
      if (pcs.some((pc) => pc >>> 12 === page)) this.#dead.add(edge);
    }
    this.cache.forgetPage(page);
  }

  /** Takes the transfers that were stored. */
  #drain(): void {
    const { view } = this.memory;
    const end = view.getUint32(STATE.write, true);
    for (let at = RING; at < end; at += 4) {
      const number = view.getUint32(at, true);
      const edge = this.edges[number];
      if (edge === undefined) throw new Error(`no edge ${number}`);
      if (this.#dead.has(number))
        throw new Error(`edge ${number} of code that changed: ${edge.join(' to ')}`);
      this.transfers.push(edge);
    }
    view.setUint32(STATE.write, RING, true);
  }

  newEdge(source: number, target: number): number {
    return this.edges.push([source, target]) - 1;
  }

  begin(pc: number): void {
    const sizes = this.cache.blockSizes(pc);
    if (sizes === null) return;
    this.cache.setBlock(pc, this.blocks.push(pc) - 1);
    let at = pc;
    for (const size of sizes) {
      this.inBlocks.add(at);
      at += size;
    }
  }

  #link(source: number, target: number): number {
    if (Number(this.hart.pc) !== source) throw new Error('pc is not the source');
    if (this.cache.blockAround(source) < 0) throw new Error(`no block around ${source}`);
    if (this.cache.blockAt(target) < 0) this.begin(target);
    return this.newEdge(source, target);
  }

  /** A return site is the number of the instruction that returned. */
  #returned(site: number, target: number): number {
    return this.newEdge(this.returns[site - 1] ?? -1, target);
  }

  #slow(): number {
    this.slowCount++;
    const { hart, memory } = this;
    const pc = Number(hart.pc);
    try {
      const instruction = fetch(hart);
      step(hart, PLATFORM, instruction);
      if (this.isRecording && transferOf(instruction, pc) !== null) {
        const at = memory.view.getUint32(STATE.write, true);
        memory.view.setUint32(at, this.newEdge(pc, Number(hart.pc)), true);
        memory.view.setUint32(STATE.write, at + 4, true);
      }
      return 0;
    } catch (error) {
      if (!(error instanceof Trap)) throw error;
      this.trap = error;
      return EXIT.trap;
    }
  }

  /** Runs at most so many instructions; the EXIT value, and how many ran. */
  run(fuel: number): { readonly exit: number; readonly ran: number } {
    if (fuel > FUEL_MAX) throw new RangeError('more fuel than places');
    const { view } = this.memory;
    view.setUint32(STATE.write, RING, true);
    view.setInt32(STATE.fuel, fuel, true);
    const exit = this.interpreter.run();
    this.#drain();
    return { exit, ran: fuel - view.getInt32(STATE.fuel, true) };
  }
}
