/** Regions that were made: compiled, placed in the function table, named, and forgotten again. */

import { CAUSE } from '../../../ring/words.ts';
import { type WasmImports, type WasmTable, wasm } from '../../../wasm/host.ts';
import type { Instruction } from '../isa/instruction.ts';
import { batch } from '../translate/batch.ts';
import type { FormedRegion } from '../translate/formation.ts';
import type {
  Naming,
  Profile,
  Region,
  RegionModule,
  RegionOptions,
  RegionSite,
} from '../translate/region.ts';
import { translate } from '../translate/translate.ts';
import type { Cells } from './cells.ts';
import { GUEST_PAGE_SHIFT } from './layout.ts';
import type { GuestMemory } from './memory.ts';
import { hostAddress, howCode, kindCode } from './names.ts';
import type { Recording } from './recording.ts';
import { Sites, withEdge } from './sites.ts';

/** Module 1 would be the interpreter, whose code is nobody's in particular. */
const MODULE_FIRST = 2;
/** Functions in the table, ever; then no more regions are made. */
const PLACES_MAX = 65_536;
const CELLS_WANTED = 16_384;

export interface Heating {
  /** Arrivals at a place before a region is thought of; 0: never. */
  readonly limit: number;
  /** Arrivals wanted for each block that the region would have. */
  readonly arrivalsPerBlock: number;
}

/** What regions ask of the predecoded code. */
export interface RegionHost extends Profile {
  /** Enters control that arrives at pc into the region at this place of the table; 0: no longer. */
  setRegion(pc: number, place: number): void;
  /** Sizes of the instructions of the block that begins at pc; null: none can. */
  blockSizes(pc: number): Uint8Array | null;
  /** What leads to pc is to be looked up anew. */
  forgetTargets(pc: number): void;
  /** Arrivals at pc are counted from 0 again. */
  cool(pc: number): void;
}

/** A place that is hot, but not yet as hot as what a region there would cost. */
interface Warm {
  arrivals: number;
  readonly wanted: number;
}

/** Places kept warm; beyond, all begin anew. */
const WARM_MAX = 65_536;

interface Made {
  readonly entries: readonly number[];
  readonly pages: ReadonlySet<number>;
}

/** Edges that a module holds as constants for returns, by return site and target. */
function returnEdges(regions: readonly Region[]): Map<number, Map<number, number>> {
  const returns = new Map<number, Map<number, number>>();
  for (const { edges } of regions) {
    for (const { returnSite, target, edge } of edges) {
      if (returnSite === 0) continue;
      const known = returns.get(returnSite);
      if (known === undefined) returns.set(returnSite, new Map([[target, edge]]));
      else known.set(target, edge);
    }
  }
  return returns;
}

export class Regions {
  readonly table: WasmTable = new wasm.Table({ element: 'anyfunc', initial: 1024 });
  readonly #memory: GuestMemory;
  readonly #host: RegionHost;
  readonly #cells: Cells;
  readonly #recording: Recording | null;
  readonly #options: RegionOptions;
  #imports: WasmImports = {};
  #placesUsed = 1;
  #modules = MODULE_FIRST;
  readonly #sites: Sites;
  /** By entry: the block that begins there. */
  readonly #entryBlock = new Map<number, number>();
  /** By number of a region's block: where it begins. */
  readonly #blockPc: number[] = [];
  readonly #placeCell = new Map<number, number>();
  /** By page of code: what was made from it. */
  readonly #byPage = new Map<number, Set<Made>>();
  readonly #warm = new Map<number, Warm>();
  readonly #heating: Heating;
  /** Regions made, ever, and blocks in them. */
  made = 0;
  blocks = 0;

  constructor(
    memory: GuestMemory,
    host: RegionHost,
    cells: Cells,
    recording: Recording | null,
    options: RegionOptions,
    heating: Heating,
  ) {
    this.#heating = heating;
    this.#memory = memory;
    this.#host = host;
    this.#cells = cells;
    this.#sites = new Sites(memory.buffer);
    this.#recording = recording;
    this.#options = options;
  }

  /** What every module of regions imports; before the first is made. */
  importing(imports: WasmImports): void {
    this.#imports = imports;
  }

  /** Block of the region entered at pc; -1: none is. */
  entryBlock(pc: number): number {
    return this.#entryBlock.get(pc) ?? -1;
  }

  /** A region makes a transfer that it knows no edge of; the edge's number. */
  link(number: number, target: number): number {
    if (this.#recording === null) return 0;
    const site = this.#sites.get(number);
    const known = site.constants?.get(target) ?? site.edges?.get(target);
    if (known !== undefined) return known;
    const inside = site.hostHow === 'direct-jump' ? site.inside.get(target) : undefined;
    const targetBlock = inside ?? this.#recording.blockFor(target);
    const edge = this.#recording.linkFrom(site, target, targetBlock);
    // An edge to where no code is now is another one once there is.
    if (targetBlock >= 0) this.#sites.remember(site, target, edge);
    return edge;
  }

  /** A region returns into a block of another, by an edge that is not known; the edge's number. */
  returned(block: number, number: number): number {
    if (this.#recording === null) return 0;
    const target = this.#blockPc[block];
    if (target === undefined) throw new Error(`region code names block ${block}, there is none`);
    const site = this.#sites.get(number);
    const known = site.constants?.get(target) ?? site.blockEdges?.get(block);
    if (known !== undefined) return known;
    const edge = this.#recording.linkFrom(site, target, block);
    site.blockEdges = withEdge(site.blockEdges, block, edge);
    return edge;
  }

  /**
   * Arrivals at pc have reached the limit once more. Makes a region once as much time was spent
   * there as translating it takes, so that a run of much code that soon ends is not slowed down.
   * @returns whether one was made.
   */
  heated(pc: number): boolean {
    const warm = this.#warm.get(pc);
    const arrivals = (warm?.arrivals ?? 0) + this.#heating.limit;
    if (warm !== undefined && arrivals < warm.wanted) {
      warm.arrivals = arrivals;
      this.#host.cool(pc);
      return false;
    }
    const entries = batch(pc, this.#host, this.#options);
    const wanted = warm?.wanted ?? this.#arrivalsWanted(entries);
    if (arrivals >= wanted) {
      this.#warm.delete(pc);
      return this.#make(entries);
    }
    if (this.#warm.size >= WARM_MAX) this.#warm.clear();
    this.#warm.set(pc, { arrivals, wanted });
    this.#host.cool(pc);
    return false;
  }

  #arrivalsWanted(entries: readonly FormedRegion[]): number {
    const blocks = entries.reduce((sum, region) => sum + region.blocks.length, 0);
    return blocks * this.#heating.arrivalsPerBlock;
  }

  /** Makes one module of them; false: no room for more. */
  #make(entries: FormedRegion[]): boolean {
    if (this.#cells.left < CELLS_WANTED) return false;
    if (this.#placesUsed + entries.length > PLACES_MAX) return false;
    const made = translate(entries, this.#host, this.#options, this.#naming());
    const compiled = new wasm.Module(made.module.bytes);
    const instance = new wasm.Instance(compiled, this.#imports);
    this.#name(made);
    this.#install(made, instance.exports);
    this.made += made.regions.length;
    return true;
  }

  #naming(): Naming {
    const recording = this.#recording;
    const sites = this.#sites;
    return {
      block: () => recording?.names.nextBlock() ?? 0,
      edge: () => recording?.names.nextEdge() ?? 0,
      site: () => sites.take(),
      cells: (count) => this.#cells.take(count),
      place: (pc) => this.#placeCellOf(pc),
    };
  }

  #placeCellOf(pc: number): number {
    const known = this.#placeCell.get(pc);
    if (known !== undefined) return known;
    const cell = this.#cells.take(1);
    this.#placeCell.set(pc, cell);
    return cell;
  }

  /** Logs blocks and edges of a module, and keeps its sites. */
  #name({ module, regions }: RegionModule): void {
    const number = this.#modules++;
    const returns = returnEdges(regions);
    for (const region of regions) {
      const inside = new Map(region.blocks.map(({ pc, block }) => [pc, block]));
      for (const site of region.sites) this.#keepSite(site, number, inside, returns);
    }
    if (this.#recording === null) return;
    const { names, streams } = this.#recording;
    const vcpu = streams.running.writer?.vcpu ?? 0;
    for (const { blocks } of regions) {
      for (const { block, pc, instructionSizes: sizes, hostStart, hostEnd } of blocks) {
        // A region leaves a block in its middle where it has no code for an instruction; the block
        // goes on in the interpreter.
        const instructionSizes = this.#host.blockSizes(pc) ?? Uint8Array.from(sizes);
        const size = instructionSizes.reduce((sum, bytes) => sum + bytes, 0);
        this.#blockPc[block] = pc;
        names.tellBlock(
          block,
          {
            pc,
            instructionSizes,
            code: this.#memory.raw(pc, size).slice(),
            hostPc: hostAddress(number, hostStart),
            hostSize: hostEnd - hostStart,
            hostCode: module.bytes.subarray(hostStart, hostEnd),
          },
          vcpu,
          streams.seq(),
        );
      }
    }
    for (const { edges } of regions) {
      for (const edge of edges) this.#nameEdge(number, edge);
    }
  }

  #nameEdge(module: number, edge: Region['edges'][number]): void {
    const names = this.#recording?.names;
    names?.tellEdge(edge.edge, {
      source: BigInt(edge.source),
      target: BigInt(edge.target),
      cause: CAUSE.jump,
      kind: kindCode(edge.kind),
      sourceBlock: edge.sourceBlock,
      targetBlock: edge.targetBlock,
      hostSource: edge.hostHow === 'main-loop' ? 0n : hostAddress(module, edge.hostSource),
      hostTarget: names.hostOf(edge.targetBlock),
      hostHow: howCode(edge.hostHow),
      retired: true,
    });
  }

  #keepSite(
    told: RegionSite,
    module: number,
    inside: ReadonlyMap<number, number>,
    returns: ReadonlyMap<number, ReadonlyMap<number, number>>,
  ): void {
    const { site, kind, source, sourceBlock, hostHow } = told;
    const hostSource = hostAddress(module, told.hostSource);
    const constants = returns.get(site) ?? null;
    const known = { kind, source, sourceBlock, hostSource, hostHow, told, inside, constants };
    this.#sites.add(site, Object.assign(known, { edges: null, blockEdges: null }));
  }

  #install({ regions }: RegionModule, functions: Readonly<Record<string, unknown>>): void {
    // One that stands elsewhere already stays there: all who know the way would have to learn it.
    const placed = regions.filter(({ entry }) => !this.#entryBlock.has(entry));
    const entries = placed.map(({ entry }) => entry);
    const pages = new Set<number>();
    for (const { blocks } of regions) {
      this.blocks += blocks.length;
      for (const { pc, instructionSizes } of blocks) {
        const size = instructionSizes.reduce((sum, bytes) => sum + bytes, 0);
        pages.add(pc >>> GUEST_PAGE_SHIFT).add((pc + size - 1) >>> GUEST_PAGE_SHIFT);
      }
    }
    const made = { entries, pages };
    for (const page of pages) {
      this.#memory.markCode(page);
      const others = this.#byPage.get(page);
      if (others === undefined) this.#byPage.set(page, new Set([made]));
      else others.add(made);
    }
    for (const { entry, blocks } of placed) {
      const compiled = functions[entry.toString(16)];
      if (typeof compiled !== 'function') throw new Error(`no region at ${entry} was compiled`);
      const place = this.#placesUsed++;
      if (place >= this.table.length) this.table.grow(this.table.length);
      this.table.set(place, compiled as never);
      this.#cells.set(this.#placeCellOf(entry), place);
      this.#host.forgetTargets(entry);
      this.#sites.forgetTarget(entry);
      this.#host.setRegion(entry, place);
      const first = blocks.find(({ pc }) => pc === entry);
      if (first !== undefined) this.#entryBlock.set(entry, first.block);
    }
  }

  /** Before the code on a page changes: no region made from it is entered again. */
  forgetPage(page: number): void {
    for (const made of this.#byPage.get(page) ?? []) this.#forget(made);
    this.#sites.forgetPage(page);
  }

  #forget(made: Made): void {
    for (const page of made.pages) this.#byPage.get(page)?.delete(made);
    for (const entry of made.entries) {
      const cell = this.#placeCellOf(entry);
      const place = this.#cells.get(cell);
      if (place !== 0) this.table.set(place, null);
      this.#cells.set(cell, 0);
      this.#sites.forgetTarget(entry);
      this.#host.setRegion(entry, 0);
      this.#host.forgetTargets(entry);
      this.#entryBlock.delete(entry);
    }
  }

  /** What the instruction is at pc; for the driver, so that it asks one place. */
  instruction(pc: number): Instruction | null {
    return this.#host.instruction(pc);
  }
}
