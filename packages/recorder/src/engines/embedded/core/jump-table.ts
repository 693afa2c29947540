/** Indirect transfers that the threaded interpreter has made: their edges, and where they went. */
import { GUEST_PAGE_SHIFT, JUMP_COUNT, JUMPS, JUMPS_BYTES } from './layout.ts';
import type { GuestMemory } from './memory.ts';

/** Targets kept for one source; with more it is no place to guess at. */
const TARGETS_MAX = 16;
/** Pages whose sources are kept; beyond, all are forgotten. */
const PAGES_MAX = 4096;
const EMPTY = 0xffff_ffff;

/** Twin of the threaded interpreter's code for jalr: bytes from JUMPS to the place of a pair. */
export const JUMP_SOURCE_SHIFT = 3;
export const JUMP_MASK = (JUMP_COUNT - 1) * 2;
export const JUMP_PLACE_SHIFT = 3;
const placeOf = (source: number, target: number): number =>
  (((source << JUMP_SOURCE_SHIFT) ^ target) & JUMP_MASK) << JUMP_PLACE_SHIFT;

const pageOf = (pc: number): number => pc >>> GUEST_PAGE_SHIFT;

export class JumpTable {
  readonly #words: Uint32Array;
  /** By page: places in #words of transfers out of it or into it. As large as the table at most. */
  readonly #places = new Map<number, Set<number>>();
  /** By page of the source, by source: targets, the last that missed first. */
  readonly #targets = new Map<number, Map<number, number[]>>();

  constructor(memory: GuestMemory) {
    this.#words = new Uint32Array(memory.buffer, JUMPS, JUMPS_BYTES / 4);
    this.clear();
  }

  clear(): void {
    this.#words.fill(EMPTY);
    this.#places.clear();
    this.#targets.clear();
  }

  set(source: number, target: number, edge: number): void {
    const place = placeOf(source, target) / 4;
    this.#empty(place);
    this.#words.set([source, target, edge + 1], place);
    for (const page of [pageOf(source), pageOf(target)]) {
      const places = this.#places.get(page);
      if (places === undefined) this.#places.set(page, new Set([place]));
      else places.add(place);
    }
    this.#learn(source, target);
  }

  #empty(place: number): void {
    const words = this.#words;
    const source = words[place] ?? EMPTY;
    if (source === EMPTY) return;
    words[place] = EMPTY;
    for (const page of [pageOf(source), pageOf(words[place + 1] ?? 0)]) {
      const places = this.#places.get(page);
      places?.delete(place);
      if (places?.size === 0) this.#places.delete(page);
    }
  }

  #learn(source: number, target: number): void {
    const page = pageOf(source);
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
    return this.#targets.get(pageOf(source))?.get(source) ?? [];
  }

  /** Transfers out of the page and into it. */
  forgetPage(page: number): void {
    for (const place of this.#places.get(page) ?? []) this.#empty(place);
    this.#targets.delete(page);
  }

  forgetTarget(pc: number): void {
    for (const place of this.#places.get(pageOf(pc)) ?? []) {
      if (this.#words[place + 1] === pc) this.#empty(place);
    }
  }
}
