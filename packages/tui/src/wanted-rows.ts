/**
 * Where in a segment the transfers are that a filter wants. Where they are few, who steps would go
 * through millions of others for each step: so they are remembered.
 */

/** Rows of a segment, rising, and the edge of each; null where there are many of them. */
type Few = { readonly rows: Uint32Array; readonly edges: Uint32Array } | null;

/** More of them fill a screen from one segment or two. */
const FEW_MAX = 2048;
const SEGMENTS_KEPT = 256;

export class WantedRows {
  readonly #kept = new Map<number, Few>();
  /** What those that are kept were found for. */
  #wanted: Uint8Array | null = null;

  /**
   * @param wanted 1 for each edge that is
   * @param read the edges of the segment; null if it is damaged
   * @returns undefined if it is damaged
   */
  of(segment: number, wanted: Uint8Array, read: () => Uint32Array | null): Few | undefined {
    if (wanted !== this.#wanted) this.#kept.clear();
    this.#wanted = wanted;
    const kept = this.#kept.get(segment);
    if (kept !== undefined) return kept;
    const edges = read();
    if (edges === null) return undefined;
    const found = few(edges, wanted);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < SEGMENTS_KEPT) break;
      this.#kept.delete(oldest);
    }
    this.#kept.set(segment, found);
    return found;
  }
}

function few(edges: Uint32Array, wanted: Uint8Array): Few {
  const rows = new Uint32Array(FEW_MAX);
  let count = 0;
  for (let row = 0; row < edges.length; row++) {
    if (wanted[edges[row] ?? 0] !== 1) continue;
    if (count === FEW_MAX) return null;
    rows[count++] = row;
  }
  const found = rows.slice(0, count);
  return { rows: found, edges: found.map((row) => edges[row] ?? 0) };
}
