/** Indirect transfers that the threaded interpreter has made: their edges, and where they went. */
import { GUEST_PAGE_SHIFT, JUMP_BYTES, JUMP_COUNT, JUMPS, JUMPS_BYTES } from './layout.ts';
import type { GuestMemory } from './memory.ts';

/** Targets kept for one source; with more it is no place to guess at. */
const TARGETS_MAX = 16;
/** Pages whose sources are kept; beyond, all are forgotten. */
const PAGES_MAX = 4096;
const WORDS = JUMP_BYTES / 4;
const EMPTY = 0xffff_ffff;

/** Twin of the threaded interpreter's code for jalr: bytes from JUMPS to the place of a pair. */
export const JUMP_SOURCE_SHIFT = 3;
export const JUMP_MASK = (JUMP_COUNT - 1) * 2;
export const JUMP_PLACE_SHIFT = 3;
const placeOf = (source: number, target: number): number =>
  (((source << JUMP_SOURCE_SHIFT) ^ target) & JUMP_MASK) << JUMP_PLACE_SHIFT;

export class JumpTable {
  readonly #words: Uint32Array;
  /** By page of the source, by source: targets, the last that missed first. */
  readonly #targets = new Map<number, Map<number, number[]>>();

  constructor(memory: GuestMemory) {
    this.#words = new Uint32Array(memory.buffer, JUMPS, JUMPS_BYTES / 4);
    this.clear();
  }

  clear(): void {
    this.#words.fill(EMPTY);
    this.#targets.clear();
  }

  set(source: number, target: number, edge: number): void {
    this.#words.set([source, target, edge + 1], placeOf(source, target) / 4);
    this.#learn(source, target);
  }

  #learn(source: number, target: number): void {
    const page = source >>> GUEST_PAGE_SHIFT;
    let sources = this.#targets.get(page);
    if (sources === undefined) {
      if (this.#targets.size === PAGES_MAX) this.#targets.clear();
      sources = new Map();
      this.#targets.set(page, sources);
    }
    const others = sources.get(source)?.filter((known) => known !== target) ?? [];
    sources.set(source, [target, ...others].slice(0, TARGETS_MAX));
  }

  targets(source: number): readonly number[] {
    return this.#targets.get(source >>> GUEST_PAGE_SHIFT)?.get(source) ?? [];
  }

  #forget(isGone: (source: number, target: number) => boolean): void {
    const words = this.#words;
    for (let at = 0; at < words.length; at += WORDS) {
      if (isGone(words[at] ?? 0, words[at + 1] ?? 0)) words[at] = EMPTY;
    }
  }

  /** Transfers out of the page and into it. */
  forgetPage(page: number): void {
    const start = page << GUEST_PAGE_SHIFT;
    const mask = -1 << GUEST_PAGE_SHIFT;
    this.#forget((source, target) => (source & mask) === start || (target & mask) === start);
    this.#targets.delete(page);
  }

  forgetTarget(pc: number): void {
    this.#forget((_source, target) => target === pc);
  }
}
