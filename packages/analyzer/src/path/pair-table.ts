/**
 * A number for each pair of edges that follow each other, in open-addressed typed arrays. It holds
 * at most `entriesMax` pairs and is emptied when it would grow past that, so it is a cache: the
 * owner must be able to work out every value again.
 */
const FREE = 0xffff_ffff;

export class PairTable {
  #first: Uint32Array;
  #second: Uint32Array;
  #value: Uint32Array;
  #mask: number;
  #count = 0;
  readonly #entriesMax: number;

  /** @param entriesMax pairs, 2 to 2^27; memory is 24 to 48 bytes a pair. */
  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
    const slots = 1024;
    this.#first = new Uint32Array(slots);
    this.#second = new Uint32Array(slots).fill(FREE);
    this.#value = new Uint32Array(slots);
    this.#mask = slots - 1;
  }

  get count(): number {
    return this.#count;
  }

  /** The value of a pair, or -1. `second` is never 2^32 - 1. */
  get(first: number, second: number): number {
    const slot = this.#slot(first, second);
    return this.#second[slot] === FREE ? -1 : (this.#value[slot] ?? 0);
  }

  /** @returns false if the table was emptied to make room: values given out before are void. */
  set(first: number, second: number, value: number): boolean {
    let kept = true;
    if (this.#count >= this.#entriesMax) {
      this.clear();
      kept = false;
    } else if (this.#count * 2 > this.#mask) {
      this.#grow();
    }
    this.#put(first, second, value);
    return kept;
  }

  clear(): void {
    this.#second.fill(FREE);
    this.#count = 0;
  }

  #put(first: number, second: number, value: number): void {
    const slot = this.#slot(first, second);
    if (this.#second[slot] === FREE) this.#count++;
    this.#first[slot] = first;
    this.#second[slot] = second;
    this.#value[slot] = value;
  }

  #slot(first: number, second: number): number {
    let slot = Math.imul(first, 0x9e37_79b1) ^ Math.imul(second, 0x85eb_ca6b);
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    while (
      this.#second[slot] !== FREE &&
      (this.#second[slot] !== second || this.#first[slot] !== first)
    ) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #grow(): void {
    const first = this.#first;
    const second = this.#second;
    const value = this.#value;
    const slots = second.length * 2;
    this.#first = new Uint32Array(slots);
    this.#second = new Uint32Array(slots).fill(FREE);
    this.#value = new Uint32Array(slots);
    this.#mask = slots - 1;
    this.#count = 0;
    for (let i = 0; i < second.length; i++) {
      const key = second[i] ?? FREE;
      if (key !== FREE) this.#put(first[i] ?? 0, key, value[i] ?? 0);
    }
  }
}
