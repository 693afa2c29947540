/**
 * Places to come back to, the newest first. They are numbers in one array: as objects they are what
 * outlives a step, and copying those is most of what collecting its garbage takes.
 */
import type { Place } from './types.ts';

/** vCPU, seq, index. */
const PLACE_NUMBERS = 3;
const PLACES_FIRST = 64;

export class History {
  readonly #placesMax: number;
  #numbers = new Float64Array(PLACES_FIRST * PLACE_NUMBERS);
  /** Where the next one goes; the one before it is the newest. */
  #next = 0;
  #count = 0;

  /** @param placesMax then the oldest is forgotten; at least 64. */
  constructor(placesMax: number) {
    this.#placesMax = placesMax;
  }

  push({ vcpu, seq, index }: Place): void {
    const places = this.#numbers.length / PLACE_NUMBERS;
    if (this.#next === places) {
      if (places < this.#placesMax) this.#grow();
      else this.#next = 0;
    }
    const at = this.#next * PLACE_NUMBERS;
    this.#numbers[at] = vcpu;
    this.#numbers[at + 1] = seq;
    this.#numbers[at + 2] = index;
    this.#next++;
    this.#count = Math.min(this.#count + 1, this.#placesMax);
  }

  /** The newest, which is in it no more. */
  pop(): Place | undefined {
    if (this.#count === 0) return undefined;
    if (this.#next === 0) this.#next = this.#placesMax;
    this.#next--;
    this.#count--;
    const at = this.#next * PLACE_NUMBERS;
    const [vcpu = 0, seq = 0, index = 0] = this.#numbers.subarray(at, at + PLACE_NUMBERS);
    return { vcpu, seq, index };
  }

  clear(): void {
    this.#next = 0;
    this.#count = 0;
  }

  #grow(): void {
    const numbers = Math.min(this.#numbers.length * 2, this.#placesMax * PLACE_NUMBERS);
    const grown = new Float64Array(numbers);
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
