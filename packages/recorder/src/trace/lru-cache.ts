/** Keeps the values used last, up to a limit. */
export class LruCache<K, V> {
  private readonly limit: number;
  /** A Map keeps the order of insertion: the first key is the one not used for longest. */
  private readonly values = new Map<K, V>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The value of a key if it is kept; that does not count as a use. */
  peek(key: K): V | undefined {
    return this.values.get(key);
  }

  /** The value of a key; made if it is not kept. A value that cannot be made is not kept. */
  get(key: K, make: () => V): V {
    const kept = this.values.get(key);
    const value = kept === undefined ? make() : kept;
    this.values.delete(key);
    this.values.set(key, value);
    for (const oldest of this.values.keys()) {
      if (this.values.size <= this.limit) break;
      this.values.delete(oldest);
    }
    return value;
  }
}
