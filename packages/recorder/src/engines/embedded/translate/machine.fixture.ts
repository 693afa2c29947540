/**
 * Two machines that run the same program: one by the plain interpreter alone, one by regions where
 * there are any and the plain interpreter elsewhere. Both tell what transfers were made.
 */

import { type WasmFunction, type WasmTable, wasm } from '../../../wasm/host.ts';
import { Hart, type Platform } from '../core/hart.ts';
import {
  CODE_CACHE,
  CODE_MAP,
  CODE_PAGE_BYTES,
  ENTRY,
  ENTRY_BYTES,
  FUEL_SLACK,
  GUEST_PAGE_BYTES,
  PERM,
  STATE,
} from '../core/layout.ts';
import { GuestMemory } from '../core/memory.ts';
import { Trap } from '../core/trap.ts';
import { decode, transferOf } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import { step } from '../plain/step.ts';
import { forgetEdge, rememberEdge } from './cells.ts';
import type {
  Naming,
  Profile,
  RegionModule,
  RegionOptions,
  RegionSite,
  TransferKind,
} from './region.ts';
import { translate } from './translate.ts';

const CELLS_AT = 0x55_0000;
const RING_AT = CODE_CACHE + 64 * CODE_PAGE_BYTES;
const RING_BYTES = 1 << 20;
export const GUEST_BASE = 0x240_0000;

/** What was transferred, as one string: kind source target. */
export type Transfers = string[];

const nameOf = (kind: TransferKind, source: number, target: number): string =>
  `${kind} ${source.toString(16)} ${target.toString(16)}`;

const refuse = (): never => {
  throw new Error('no platform here');
};
export const NO_PLATFORM: Platform = {
  readCsr: refuse,
  writeCsr: refuse,
  system: refuse,
  ecallCause: refuse,
  readDevice: refuse,
  writeDevice: refuse,
};

/** Whether it is a branch that will be taken; the pc does not tell if it goes to the next one. */
function branches({ op, rs1, rs2 }: Instruction, { x, xUnsigned }: Hart): boolean {
  const signed = [x[rs1] ?? 0n, x[rs2] ?? 0n] as const;
  const unsigned = [xUnsigned[rs1] ?? 0n, xUnsigned[rs2] ?? 0n] as const;
  switch (op) {
    case 'beq':
      return signed[0] === signed[1];
    case 'bne':
      return signed[0] !== signed[1];
    case 'blt':
      return signed[0] < signed[1];
    case 'bge':
      return signed[0] >= signed[1];
    case 'bltu':
      return unsigned[0] < unsigned[1];
    case 'bgeu':
      return unsigned[0] >= unsigned[1];
    default:
      return false;
  }
}

export class PlainMachine {
  readonly memory: GuestMemory;
  readonly hart: Hart;
  readonly transfers: Transfers = [];
  /** Instructions that retired. */
  retired = 0;
  /** Where it goes on if a jump went where no code is. */
  restart = 0n;
  readonly #decoded = new Map<number, Instruction | null>();

  constructor(guestLimit: number) {
    this.memory = new GuestMemory({ guestBase: GUEST_BASE, guestLimit });
    this.hart = new Hart(this.memory);
  }

  get pc(): number {
    return Number(this.hart.pc);
  }

  load(address: number, bytes: Uint8Array, perm: number, size = bytes.length): void {
    const pages = Math.ceil(size / GUEST_PAGE_BYTES) * GUEST_PAGE_BYTES;
    this.memory.protect(address, pages, perm | PERM.mapped);
    this.memory.raw(address, bytes.length).set(bytes);
  }

  instruction(pc: number): Instruction | null {
    const known = this.#decoded.get(pc);
    if (known !== undefined) return known;
    let instruction: Instruction | null = null;
    if (this.memory.allows(BigInt(pc), 4, PERM.execute)) {
      instruction = decode(this.memory.view.getUint32(pc + GUEST_BASE, true));
    }
    this.#decoded.set(pc, instruction);
    return instruction;
  }

  /** One instruction. One that faults is skipped and does not retire; from nowhere, it restarts. */
  step(): void {
    const { pc } = this;
    const instruction = this.instruction(pc);
    if (instruction === null) {
      this.hart.pc = this.restart;
      return;
    }
    const isTaken = branches(instruction, this.hart);
    try {
      step(this.hart, NO_PLATFORM, instruction);
    } catch (error) {
      if (!(error instanceof Trap)) throw error;
      this.hart.pc = BigInt(pc + instruction.size);
      return;
    }
    this.retired++;
    const transfer = transferOf(instruction, pc);
    if (transfer === null || (transfer.kind === 'branch' && !isTaken)) return;
    this.transfers.push(nameOf(transfer.kind, pc, this.pc));
  }
}

/** What a plain run has seen. */
export class SeenProfile implements Profile {
  readonly #ran = new Set<number>();
  readonly #taken = new Set<number>();
  readonly #targets = new Map<number, Set<number>>();
  readonly #regions = new Set<number>();
  readonly #machine: PlainMachine;

  constructor(machine: PlainMachine) {
    this.#machine = machine;
  }

  /** Runs so many instructions on the machine and remembers what happened. */
  watch(instructions: number): void {
    const machine = this.#machine;
    this.#ran.add(machine.pc);
    for (let n = 0; n < instructions; n++) {
      const { pc } = machine;
      const instruction = machine.instruction(pc);
      const before = machine.transfers.length;
      machine.step();
      if (instruction === null) continue;
      const transfer = transferOf(instruction, pc);
      if (transfer?.kind === 'branch') this.#ran.add(machine.pc);
      if ((machine.pc ^ pc) >>> 12 !== 0) this.#ran.add(machine.pc);
      if (machine.transfers.length === before) continue;
      this.#ran.add(machine.pc);
      this.#taken.add(pc);
      if (transfer?.target !== null) continue;
      const targets = this.#targets.get(pc);
      if (targets === undefined) this.#targets.set(pc, new Set([machine.pc]));
      else targets.add(machine.pc);
    }
  }

  instruction = (pc: number): Instruction | null => this.#machine.instruction(pc);
  hasRun = (pc: number): boolean => this.#ran.has(pc);
  wasTaken = (pc: number): boolean => this.#taken.has(pc);
  targets = (pc: number): readonly number[] => [...(this.#targets.get(pc) ?? [])].slice(0, 16);
  isRegion = (pc: number): boolean => this.#regions.has(pc);
}

/** What a function of two i64 results gives. */
function words(result: unknown): [bigint, bigint] {
  const list: readonly unknown[] = Array.isArray(result) ? result : [];
  const [word, account] = list;
  if (typeof word !== 'bigint' || typeof account !== 'bigint') throw new Error('no words');
  return [word, account];
}

export interface Mood {
  /** What the next fuel is, at least 0; called when control enters a region and at refuel. */
  fuel(): number;
  /** Whether refuel makes control leave. */
  leaves(): boolean;
  depth(): number;
}

export class RegionMachine extends PlainMachine {
  readonly options: RegionOptions;
  readonly modules: RegionModule[] = [];
  readonly #mood: Mood;
  readonly #table: WasmTable = new wasm.Table({ element: 'anyfunc', initial: 256 });
  readonly #functions = new Map<number, WasmFunction>();
  readonly #places = new Map<number, number>();
  readonly #edges = new Map<number, string>();
  readonly #sites = new Map<number, RegionSite>();
  readonly #returnEdges = new Map<string, number>();
  readonly #blockPc = new Map<number, number>();
  #cellsAt = CELLS_AT;
  #nextEdge = 0;
  #nextBlock = 0;
  #nextSite = 1;
  #nextPlace = 1;
  #pages = 0;
  #fuel = 0;
  /** In `refuel`: everything is in the state block as it is at STATE.pc. */
  onRefuel: () => void = () => {};
  /** Transfers that were named: which sites remember which targets. */
  readonly links: { readonly site: RegionSite; readonly target: number }[] = [];
  /** Times that control entered a region, instructions run there, and calls of the engine. */
  entered = 0;
  retiredInRegions = 0;
  named = 0;

  constructor(options: Omit<RegionOptions, 'guestBase' | 'memoryPages'>, mood: Mood) {
    super(options.guestLimit);
    this.#mood = mood;
    const memoryPages = (GUEST_BASE + options.guestLimit) / 65_536;
    this.options = { ...options, guestBase: GUEST_BASE, memoryPages };
  }

  /** Makes regions in one module. */
  make(entries: readonly number[], profile: Profile): void {
    const made = translate(entries, profile, this.options, this.#naming());
    if (!wasm.validate(made.module.bytes)) throw new Error('the module is not valid');
    const engine = {
      memory: this.memory.memory,
      table: this.#table,
      refuel: () => this.#refuel(),
      link: (site: number, target: number) => this.#link(site, target >>> 0),
      returned: (block: number, site: number) => this.#returned(block, site),
    };
    const instance = new wasm.Instance(new wasm.Module(made.module.bytes), { engine });
    this.modules.push(made);
    for (const region of made.regions) {
      for (const { block, pc } of region.blocks) this.#blockPc.set(block, pc);
      for (const site of region.sites) this.#sites.set(site.site, site);
      for (const { edge, kind, source, target, returnSite } of region.edges) {
        this.#edges.set(edge, nameOf(kind, source, target));
        if (returnSite !== 0) this.#returnEdges.set(`${returnSite} ${target}`, edge);
      }
      const compiled = instance.exports[region.entry.toString(16)];
      if (compiled === undefined) throw new Error('a region is not exported');
      this.#install(region.entry, compiled);
    }
  }

  #install(entry: number, compiled: WasmFunction): void {
    const place = this.#nextPlace++;
    this.#table.set(place, compiled);
    this.#functions.set(entry, compiled);
    const { view } = this.memory;
    view.setUint32(this.#placeCell(entry), place, true);
    const map = CODE_MAP + 4 * (entry >>> 12);
    if (view.getUint32(map, true) === 0) {
      view.setUint32(map, CODE_CACHE + this.#pages++ * CODE_PAGE_BYTES, true);
    }
    const at = view.getUint32(map, true) + ((entry & 4095) / 2) * ENTRY_BYTES;
    view.setUint32(at + ENTRY.region, place, true);
  }

  #placeCell(pc: number): number {
    const known = this.#places.get(pc);
    if (known !== undefined) return known;
    const cell = this.#cells(1);
    this.#places.set(pc, cell);
    return cell;
  }

  #cells(count: number): number {
    const at = this.#cellsAt;
    this.#cellsAt += (count * 4 + 7) & ~7;
    return at;
  }

  #naming(): Naming {
    return {
      block: () => this.#nextBlock++,
      edge: () => this.#nextEdge++,
      site: () => this.#nextSite++,
      cells: (count) => this.#cells(count),
      place: (pc) => this.#placeCell(pc),
    };
  }

  /** Takes what was recorded out of the ring, and counts what ran since the last fuel. */
  #drain(): void {
    const { view } = this.memory;
    const end = view.getUint32(STATE.write, true);
    for (let at = RING_AT; at < end; at += 4) {
      const edge = view.getUint32(at, true);
      const transfer = this.#edges.get(edge);
      if (transfer === undefined) throw new Error(`edge ${edge} has no name`);
      this.transfers.push(transfer);
    }
    if (end > RING_AT + RING_BYTES) throw new Error('the ring overflowed');
    view.setUint32(STATE.write, RING_AT, true);
    const fuel = view.getInt32(STATE.fuel, true);
    if (fuel < -FUEL_SLACK) throw new Error(`fuel was overdrawn: ${fuel}`);
    this.retired += this.#fuel - fuel;
    this.retiredInRegions += this.#fuel - fuel;
    this.#fuel = fuel;
  }

  #refuel(): number {
    this.#drain();
    if (this.#fuel >= 0) throw new Error(`refuel with ${this.#fuel} left`);
    this.onRefuel();
    if (this.#mood.leaves()) return 1;
    this.#setFuel();
    return 0;
  }

  #setFuel(): void {
    this.#fuel = this.#mood.fuel();
    this.memory.view.setInt32(STATE.fuel, this.#fuel, true);
  }

  #link(number: number, target: number): number {
    const site = this.#sites.get(number);
    if (site === undefined) throw new Error(`no site ${number}`);
    const edge = this.#nextEdge++;
    this.#edges.set(edge, nameOf(site.kind, site.source, target));
    rememberEdge(this.memory.view, site, target, edge);
    this.links.push({ site, target });
    this.named++;
    return edge;
  }

  /** The code at the target of a named transfer changes place. */
  forget(index: number): void {
    const link = this.links[index];
    if (link !== undefined) forgetEdge(this.memory.view, link.site, link.target);
  }

  #returned(block: number, site: number): number {
    const target = this.#blockPc.get(block);
    if (target === undefined) throw new Error(`no block ${block}`);
    this.named++;
    return this.#returnEdge(site, target);
  }

  #returnEdge(number: number, target: number): number {
    const key = `${number} ${target}`;
    const known = this.#returnEdges.get(key);
    if (known !== undefined) return known;
    const site = this.#sites.get(number);
    if (site?.kind !== 'return') throw new Error(`site ${number} is no return`);
    const edge = this.#nextEdge++;
    this.#edges.set(edge, nameOf('return', site.source, target));
    this.#returnEdges.set(key, edge);
    return edge;
  }

  /** Until control leaves a region, or one instruction where there is none. */
  advance(): void {
    const region = this.#functions.get(this.pc);
    if (region === undefined) {
      this.step();
      return;
    }
    const { view } = this.memory;
    view.setUint32(STATE.write, RING_AT, true);
    this.#setFuel();
    view.setInt32(STATE.bail, 0, true);
    this.entered++;
    const before = this.retired;
    const [word, account] = words(
      region(view.getBigInt64(STATE.account, true), this.#mood.depth()),
    );
    view.setBigInt64(STATE.account, account, true);
    this.#drain();
    const pc = Number(word & 0xffff_ffffn);
    const site = Number(word >> 32n);
    this.hart.pc = BigInt(pc);
    if (site !== 0) {
      const transfer = this.#edges.get(this.#returnEdge(site, pc));
      if (transfer !== undefined) this.transfers.push(transfer);
    }
    const isBail = view.getInt32(STATE.bail, true) !== 0;
    if (isBail || this.retired === before) this.step();
  }
}
