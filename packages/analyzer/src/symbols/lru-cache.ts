/** A map that forgets the quarter of its entries not used for longest when it is full. */
export class LruCache<Key, Value> {
  readonly #entries = new Map<Key, Value>();
  readonly #entriesMax: number;

  /** @param entriesMax at least 1. */
  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    // A Map keeps the order of insertion: the oldest entry comes first.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** `undefined` cannot be told from a missing value: keep something else. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#entriesMax) return;
    // A quarter at a time: to find the first key a Map steps over all that were deleted before it.
    let left = Math.max(1, this.#entriesMax >>> 2);
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      left--;
      if (left === 0) break;
    }
  }
}
