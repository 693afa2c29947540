/**
 * Which blocks belong to a region: those that have run and that its entry reaches by branches,
 * jumps, falls, seen targets of indirect jumps, and behind calls.
 */
import { GUEST_PAGE_SHIFT } from '../core/layout.ts';
import { hasCode } from '../emit/index.ts';
import { endsBlock, type Transfer, transferOf } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { Profile, RegionOptions } from './region.ts';

/** A block without a branch ends after so many (docs/embedded-engine.md, rule 6). */
export const BLOCK_INSTRUCTIONS_MAX = 512;

/** Of one indirect jump, inside its region. */
const CASES_MAX = 16;

export interface FormedBlock {
  readonly pc: number;
  /** Those that the region runs; the last one is the transfer if there is one. */
  readonly instructions: readonly Instruction[];
  /** The instruction behind the last one. */
  readonly next: number;
  /**
   * `transfer`: the last instruction moves control. `fall`: control goes on at `next`, where
   * another block begins. `leave`: the instruction at `next` is not for regions.
   */
  readonly ends: 'transfer' | 'fall' | 'leave';
  readonly transfer: Transfer | null;
}

/** Numbers of blocks in their region; -1: not in it. */
export interface Links {
  /** Where a direct branch or jump goes if taken. */
  taken: number;
  /** The block at `next`: of a fall, a branch not taken, a call that returned. */
  fall: number;
  /** Targets of an indirect jump. */
  cases: readonly { readonly target: number; readonly block: number }[];
}

export interface FormedRegion {
  readonly entry: number;
  /** The first is the entry. */
  readonly blocks: readonly FormedBlock[];
  readonly links: readonly Links[];
}

/** How many of the instructions from pc on a region can run, as one block. */
export function formBlock(pc: number, profile: Profile, options: RegionOptions): FormedBlock {
  const instructions: Instruction[] = [];
  const page = pc >>> GUEST_PAGE_SHIFT;
  let next = pc;
  while (instructions.length < BLOCK_INSTRUCTIONS_MAX && next >>> GUEST_PAGE_SHIFT === page) {
    const instruction = profile.instruction(next);
    if (instruction === null) return { pc, instructions, next, ends: 'leave', transfer: null };
    // What crosses into the next page is a block of its own, as where it is decoded.
    const isCrossing = (next + instruction.size - 1) >>> GUEST_PAGE_SHIFT !== page;
    if (isCrossing && instructions.length > 0) break;
    const transfer = transferOf(instruction, next);
    if (transfer !== null) {
      instructions.push(instruction);
      return { pc, instructions, next: next + instruction.size, ends: 'transfer', transfer };
    }
    if (endsBlock(instruction) || !hasCode(instruction, options.fusedMultiplyAdd)) {
      return { pc, instructions, next, ends: 'leave', transfer: null };
    }
    instructions.push(instruction);
    next += instruction.size;
  }
  return { pc, instructions, next, ends: 'fall', transfer: null };
}

/** Blocks that were formed for another region of the same module, by address. */
export type KnownBlocks = Map<number, FormedBlock>;

class Formation {
  readonly blocks: FormedBlock[] = [];
  readonly #number = new Map<number, number>();
  readonly #profile: Profile;
  readonly #options: RegionOptions;
  readonly #known: KnownBlocks;
  readonly #isWanted: (pc: number) => boolean;
  #instructions = 0;
  #isFull = false;

  constructor(
    profile: Profile,
    options: RegionOptions,
    known: KnownBlocks,
    isWanted: (pc: number) => boolean,
  ) {
    this.#profile = profile;
    this.#options = options;
    this.#isWanted = isWanted;
    this.#known = known;
  }

  /** Blocks as they are before they are cut. */
  #blockAt(pc: number): FormedBlock {
    const known = this.#known.get(pc);
    if (known !== undefined) return known;
    const block = formBlock(pc, this.#profile, this.#options);
    this.#known.set(pc, block);
    return block;
  }

  /** Takes the block in, unless it has not run or there is no room. */
  take(pc: number, isEntry: boolean): void {
    if (this.#number.has(pc) || this.#isFull) return;
    if (!isEntry && !(this.#profile.hasRun(pc) && this.#isWanted(pc))) return;
    const block = this.#blockAt(pc);
    const count = block.instructions.length;
    if (!isEntry) {
      if (count === 0) return;
      const { instructionsMax, blocksMax } = this.#options;
      this.#isFull =
        this.#instructions + count > instructionsMax || this.blocks.length >= blocksMax;
      if (this.#isFull) return;
    }
    this.#instructions += count;
    this.#number.set(pc, this.blocks.length);
    this.blocks.push(block);
  }

  follow({ transfer, next, ends, instructions }: FormedBlock): void {
    if (ends === 'leave') return;
    if (transfer === null) {
      this.take(next, false);
      return;
    }
    switch (transfer.kind) {
      case 'branch':
        this.take(next, false);
        if (transfer.target !== null) this.take(transfer.target, false);
        break;
      case 'jump':
        if (transfer.target !== null) this.take(transfer.target, false);
        break;
      case 'call':
      case 'indirect-call':
        this.take(next, false);
        break;
      case 'indirect-jump': {
        const pc = next - (instructions.at(-1)?.size ?? 0);
        for (const target of this.#profile.targets(pc).slice(0, CASES_MAX)) {
          this.take(target, false);
        }
        break;
      }
      case 'return':
        break;
    }
  }

  /**
   * Ends each block where another begins: the head of a loop that control first falls into from
   * above would else have a copy there, and nested loops of that kind would have several entries.
   */
  cut(): void {
    this.blocks.forEach((block, number) => {
      let next = block.pc;
      const count = block.instructions.findIndex(({ size }, index) => {
        if (index > 0 && this.#number.has(next)) return true;
        next += size;
        return false;
      });
      if (count < 0) return;
      const instructions = block.instructions.slice(0, count);
      this.blocks[number] = { ...block, instructions, next, ends: 'fall', transfer: null };
    });
  }

  links({ transfer, next, ends, instructions }: FormedBlock): Links {
    const links: Links = { taken: -1, fall: -1, cases: [] };
    if (ends === 'leave') return links;
    const kind = transfer?.kind;
    if (kind === 'branch' || kind === 'jump') links.taken = this.#numberOf(transfer?.target);
    if (kind === 'indirect-jump') {
      const pc = next - (instructions.at(-1)?.size ?? 0);
      links.cases = this.#profile
        .targets(pc)
        .slice(0, CASES_MAX)
        .map((target) => ({ target, block: this.#numberOf(target) }))
        .filter(({ block }) => block >= 0);
    }
    if (kind !== 'jump' && kind !== 'return' && kind !== 'indirect-jump') {
      links.fall = this.#numberOf(next);
    }
    return links;
  }

  #numberOf(pc: number | null | undefined): number {
    return pc === null || pc === undefined ? -1 : (this.#number.get(pc) ?? -1);
  }
}

/**
 * From a function's start: all of it that has run. From the head of a loop: the loop alone; what
 * comes behind it belongs to the function, which has a region of its own if it is called often.
 */
export function formRegion(
  entry: number,
  profile: Profile,
  options: RegionOptions,
  known: KnownBlocks = new Map(),
): FormedRegion {
  const whole = collect(entry, new Formation(profile, options, known, () => true));
  const loop = loopOf(whole);
  if (loop.size === 0) return whole;
  return collect(entry, new Formation(profile, options, known, (pc) => loop.has(pc)));
}

function collect(entry: number, formation: Formation): FormedRegion {
  formation.take(entry, true);
  // Breadth first: what is near the entry comes in before the room is full.
  for (let number = 0; number < formation.blocks.length; number++) {
    const block = formation.blocks[number];
    if (block !== undefined) formation.follow(block);
  }
  formation.cut();
  return {
    entry,
    blocks: formation.blocks,
    links: formation.blocks.map((block) => formation.links(block)),
  };
}

/** Addresses of the blocks from which control comes back to the entry; empty: it is no loop. */
function loopOf(region: FormedRegion): Set<number> {
  const before: number[][] = region.blocks.map(() => []);
  for (const [number, successors] of successorsOf(region).entries()) {
    for (const successor of successors) before[successor]?.push(number);
  }
  const found = new Set<number>(before[0]);
  for (const number of found) for (const one of before[number] ?? []) found.add(one);
  return new Set([...found].map((number) => region.blocks[number]?.pc ?? -1));
}

/** Control flow inside a region: successors of each block, once for each way to them. */
export function successorsOf({ blocks, links }: FormedRegion): number[][] {
  return blocks.map((_, number) => {
    const link = links[number];
    if (link === undefined) return [];
    const next: number[] = [];
    if (link.taken >= 0) next.push(link.taken);
    if (link.fall >= 0) next.push(link.fall);
    for (const { block } of link.cases) next.push(block);
    return next;
  });
}
