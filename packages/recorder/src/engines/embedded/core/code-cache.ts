/**
 * Predecoded code: what the threaded interpreter runs, and what it learned while it ran (ENTRY and
 * JUMPS in layout.ts). Where room ends, everything is forgotten and decoded again: no choice of a
 * victim is worth its cost when programs have less code than there is room.
 */
import { endsBlock } from '../isa/decode.ts';
import { FORMATS } from '../isa/formats.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';
import type { Profile } from '../translate/region.ts';
import { Fetcher } from './fetch.ts';
import { JumpTable } from './jump-table.ts';
import {
  CODE_CACHE,
  CODE_MAP,
  CODE_PAGE_BYTES,
  ENTRIES_PER_PAGE,
  ENTRY,
  ENTRY_BYTES,
  GUEST_PAGE_BYTES,
  GUEST_PAGE_SHIFT,
} from './layout.ts';
import type { GuestMemory } from './memory.ts';

/** A block is cut after so many instructions (docs/embedded-engine.md, rule 6). */
const BLOCK_INSTRUCTIONS_MAX = 512;
/** Direct transfers remembered; a full cache of usual code has fewer. */
const LINKS_MAX = 1 << 19;
/** The source and the target of a transfer, and pages that an instruction of each crosses into. */
const PAGES_MIN = 4;
const GUEST_ADDRESSES = 2 ** 32;
const X0_PLACE = 32;

const WRITES_INTEGER: ReadonlySet<OpName> = new Set(
  OP_NAMES.filter((op) => FORMATS[opInfo(op).format].rd === 'x'),
);

/** The interpreter's numbers for its handlers; interpret/handlers.ts. */
export interface Handlers {
  of(instruction: Instruction, pc: number): number;
  /** ENTRY.imm. */
  immediate(instruction: Instruction, pc: number): number;
  /** The handler that goes on in the next page. */
  readonly pastPage: number;
}

export interface CodeCacheOptions {
  readonly memory: GuestMemory;
  /** Entries lie in [CODE_CACHE, limit). */
  readonly limit: number;
  readonly handlers: Handlers;
  /** What heat becomes where a region is: arrivals beyond it look for one. */
  readonly heatLimit: number;
}

const pageOf = (pc: number): number => pc >>> GUEST_PAGE_SHIFT;

export class CodeCache implements Profile {
  readonly #memory: GuestMemory;
  readonly #handlers: Handlers;
  readonly #heatLimit: number;
  readonly #fetcher: Fetcher;
  readonly #jumps: JumpTable;
  readonly #pagesMax: number;
  /** Places of pages, those that were given back first. */
  readonly #free: number[] = [];
  #used = 0;
  /** Page to place: the same as CODE_MAP, to be walked. */
  readonly #places = new Map<number, number>();
  /** By place: number + 1 of the block that holds each entry's instruction; 0 none. */
  readonly #owners: Uint32Array[] = [];
  /** By page of their targets: addresses of ENTRY.edge words that are set, and the targets. */
  readonly #links = new Map<number, Map<number, number>>();
  #linkCount = 0;
  /** Regions by where they are entered: their places in the function table. */
  readonly #regions = new Map<number, number>();
  /** The block that was decoded last: it is asked for several times when it is begun. */
  #last: { readonly pc: number; readonly sizes: Uint8Array } | null = null;
  /** How often everything was forgotten for want of room. */
  overflows = 0;

  constructor({ memory, limit, handlers, heatLimit }: CodeCacheOptions) {
    this.#memory = memory;
    this.#handlers = handlers;
    this.#heatLimit = heatLimit;
    const fetcher = new Fetcher(memory);
    this.#fetcher = fetcher;
    memory.holdsCode = (address, bytes) => fetcher.holdsCode(address, bytes);
    this.#jumps = new JumpTable(memory);
    this.#pagesMax = Math.floor((limit - CODE_CACHE) / CODE_PAGE_BYTES);
    if (this.#pagesMax < PAGES_MIN) throw new RangeError(`room for ${this.#pagesMax} code pages`);
  }

  #map(page: number): number {
    return this.#memory.view.getUint32(CODE_MAP + 4 * page, true);
  }

  /** Address of the entry at pc; 0 if its page has none. pc must be even and below 2^32. */
  entryAt(pc: number): number {
    const base = this.#map(pageOf(pc));
    return base === 0 ? 0 : base + ((pc & (GUEST_PAGE_BYTES - 1)) / 2) * ENTRY_BYTES;
  }

  #isDecoded(entry: number): boolean {
    return entry !== 0 && this.#memory.view.getUint16(entry + ENTRY.handler, true) !== 0;
  }

  #word(pc: number, field: number): number {
    const entry = this.entryAt(pc);
    return entry === 0 ? 0 : this.#memory.view.getUint32(entry + field, true);
  }

  /**
   * Decodes the block that begins at pc: to the first instruction that ends one, the page's end, or
   * 512 instructions. An instruction that crosses into the next page is a block of its own.
   * @returns sizes of its instructions, in bytes; null: there is no instruction at pc.
   */
  blockSizes(pc: number): Uint8Array | null {
    if (pc % 2 !== 0 || pc >= GUEST_ADDRESSES) return null;
    if (this.#last?.pc === pc) return this.#last.sizes;
    const first = this.#fetcher.instruction(pc);
    if (first === null) return null;
    const entry = this.#entryFor(pc);
    const pageEnd = (pageOf(pc) + 1) * GUEST_PAGE_BYTES;
    if (pc + first.size > pageEnd) this.#memory.markCode(pageOf(pc) + 1);
    const sizes: number[] = [];
    let at = pc;
    for (let next: Instruction | null = first; next !== null; ) {
      this.#fill(entry + ((at - pc) / 2) * ENTRY_BYTES, next, at);
      sizes.push(next.size);
      at += next.size;
      if (endsBlock(next) || at >= pageEnd || sizes.length === BLOCK_INSTRUCTIONS_MAX) break;
      next = this.#fetcher.instruction(at);
      if (next !== null && at + next.size > pageEnd) break;
    }
    this.#last = { pc, sizes: Uint8Array.from(sizes) };
    return this.#last.sizes;
  }

  #fill(entry: number, instruction: Instruction, pc: number): void {
    const { view } = this.#memory;
    if (this.#isDecoded(entry)) return;
    const { op, rd, rs1, rs2, rs3, size } = instruction;
    const isDropped = rd === 0 && WRITES_INTEGER.has(op);
    view.setUint8(entry + ENTRY.step, (size / 2) * ENTRY_BYTES);
    view.setUint16(entry + ENTRY.rd, 8 * (isDropped ? X0_PLACE : rd), true);
    view.setUint16(entry + ENTRY.rs1, 8 * rs1, true);
    view.setUint16(entry + ENTRY.rs2, 8 * rs2, true);
    view.setUint16(entry + ENTRY.rs3, 8 * rs3, true);
    view.setInt32(entry + ENTRY.imm, this.#handlers.immediate(instruction, pc), true);
    view.setUint16(entry + ENTRY.handler, this.#handlers.of(instruction, pc), true);
    const region = this.#regions.get(pc);
    if (region !== undefined) this.#enterRegion(entry, region);
  }

  #entryFor(pc: number): number {
    if (this.#map(pageOf(pc)) === 0) this.#addPage(pageOf(pc));
    return this.entryAt(pc);
  }

  #addPage(page: number): void {
    if (this.#free.length === 0 && this.#used === this.#pagesMax) this.#overflow();
    const place = this.#free.pop() ?? this.#used++;
    const base = CODE_CACHE + place * CODE_PAGE_BYTES;
    const { bytes, view } = this.#memory;
    bytes.fill(0, base, base + CODE_PAGE_BYTES);
    for (const past of [ENTRIES_PER_PAGE, ENTRIES_PER_PAGE + 1]) {
      view.setUint16(base + past * ENTRY_BYTES + ENTRY.handler, this.#handlers.pastPage, true);
    }
    view.setUint32(CODE_MAP + 4 * page, base, true);
    this.#places.set(page, place);
    const owners = this.#owners[place];
    if (owners === undefined) this.#owners[place] = new Uint32Array(ENTRIES_PER_PAGE);
    else owners.fill(0);
    this.#memory.markCode(page);
  }

  /** Room has ended. Regions stay: they are told to entries as these are decoded again. */
  #overflow(): void {
    this.overflows++;
    for (const page of this.#places.keys()) this.#dropPage(page);
    this.#links.clear();
    this.#linkCount = 0;
    this.#jumps.clear();
  }

  /** Stores to the page stay watched: a region may hold code of it. */
  #dropPage(page: number): void {
    this.#last = null;
    const place = this.#places.get(page);
    if (place === undefined) return;
    this.#places.delete(page);
    this.#free.push(place);
    this.#memory.view.setUint32(CODE_MAP + 4 * page, 0, true);
  }

  /**
   * Code in the page changes or is no longer: forgets its entries, the regions entered there, and
   * every remembered edge that leads there. The page may then be written freely.
   */
  forgetPage(page: number): void {
    const last = page * GUEST_PAGE_BYTES - 2;
    const crosses = page > 0 && this.#word(last, ENTRY.step) % 256 === 2 * ENTRY_BYTES;
    this.#dropPage(page);
    for (const pc of this.#regions.keys()) if (pageOf(pc) === page) this.#regions.delete(pc);
    for (const word of this.#links.get(page)?.keys() ?? []) this.#unlink(word);
    this.#linkCount -= this.#links.get(page)?.size ?? 0;
    this.#links.delete(page);
    this.#jumps.forgetPage(page);
    this.#fetcher.forgetPage(page);
    this.#memory.unmarkCode(page);
    if (crosses) this.forgetPage(page - 1);
  }

  /** The word may be in a page that was forgotten since, and stand for another edge: no harm. */
  #unlink(word: number): void {
    this.#memory.view.setUint32(word, 0, true);
  }

  /** What leads to pc leads elsewhere from now on: remembered edges to it are forgotten. */
  forgetTargets(pc: number): void {
    const links = this.#links.get(pageOf(pc));
    for (const [word, target] of links ?? []) {
      if (target !== pc) continue;
      this.#unlink(word);
      links?.delete(word);
      this.#linkCount--;
    }
    this.#jumps.forgetTarget(pc);
  }

  /** The transfer from source to target has this edge number; the interpreter remembers it. */
  remember(source: number, target: number, edge: number): void {
    const entry = this.entryAt(source);
    const instruction = this.#isDecoded(entry) ? this.instruction(source) : null;
    if (instruction === null) return;
    if (instruction.op === 'jalr') {
      this.#jumps.set(source, target, edge);
      return;
    }
    if (this.#linkCount === LINKS_MAX) {
      this.#overflow();
      return;
    }
    const word = entry + ENTRY.edge;
    this.#memory.view.setUint32(word, edge + 1, true);
    let links = this.#links.get(pageOf(target));
    if (links === undefined) {
      links = new Map();
      this.#links.set(pageOf(target), links);
    }
    const before = links.size;
    links.set(word, target);
    this.#linkCount += links.size - before;
  }

  /** Number of the block that begins at pc, -1 if none was begun. */
  blockAt(pc: number): number {
    return this.#word(pc, ENTRY.block) - 1;
  }

  /** The block at pc is begun; it is as long as `blockSizes` says. */
  setBlock(pc: number, block: number): void {
    const sizes = this.blockSizes(pc);
    const owners = this.#owners[this.#places.get(pageOf(pc)) ?? -1];
    if (sizes === null || owners === undefined) return;
    this.#memory.view.setUint32(this.entryAt(pc) + ENTRY.block, block + 1, true);
    let place = (pc & (GUEST_PAGE_BYTES - 1)) / 2;
    for (const size of sizes) {
      owners[place] = block + 1;
      place += size / 2;
    }
  }

  /** Number of the block that holds the instruction at pc, of several the last begun; -1: none. */
  blockAround(pc: number): number {
    const owners = this.#owners[this.#places.get(pageOf(pc)) ?? -1];
    return (owners?.[(pc & (GUEST_PAGE_BYTES - 1)) / 2] ?? 0) - 1;
  }

  /** @param place in the function table of the region entered at pc; 0: there is none any more. */
  setRegion(pc: number, place: number): void {
    const entry = this.entryAt(pc);
    if (place === 0) this.#regions.delete(pc);
    else this.#regions.set(pc, place);
    if (!this.#isDecoded(entry)) return;
    if (place !== 0) this.#enterRegion(entry, place);
    else {
      this.#memory.view.setUint32(entry + ENTRY.region, 0, true);
      this.#memory.view.setUint32(entry + ENTRY.heat, 0, true);
    }
  }

  #enterRegion(entry: number, place: number): void {
    const { view } = this.#memory;
    view.setUint32(entry + ENTRY.region, place, true);
    const heat = view.getUint32(entry + ENTRY.heat, true);
    view.setUint32(entry + ENTRY.heat, Math.max(heat, this.#heatLimit), true);
  }

  cool(pc: number): void {
    const entry = this.entryAt(pc);
    if (entry !== 0) this.#memory.view.setUint32(entry + ENTRY.heat, 0, true);
  }

  instruction(pc: number): Instruction | null {
    return this.#fetcher.instruction(pc);
  }

  hasRun(pc: number): boolean {
    return this.#isDecoded(this.entryAt(pc));
  }

  wasTaken(pc: number): boolean {
    return this.#word(pc, ENTRY.edge) !== 0;
  }

  targets(pc: number): readonly number[] {
    return this.#jumps.targets(pc);
  }

  isRegion(pc: number): boolean {
    return this.#regions.has(pc);
  }
}
