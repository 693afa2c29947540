/** An index in memory, and what can be asked of it. */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';
import type { CursorIndex } from '../cursor/types.ts';
import type { Direction } from '../path.ts';
import type { IndexTables } from './merge.ts';
import { SUMMARY_PASSES, unzigzag } from './passes.ts';
import { type Places, placesOf } from './places.ts';

const NOTHING = new Uint32Array();

export class TraceIndex implements CursorIndex {
  readonly #tables: IndexTables;
  readonly #places: Places;
  /** First word of each place's summary, of each pass. */
  readonly #summaryStart: readonly Uint32Array[];

  constructor(trace: Trace, tables: IndexTables) {
    this.#tables = tables;
    this.#places = placesOf(trace);
    this.#summaryStart = tables.summaries.map(({ lengths }) => {
      const start = new Uint32Array(lengths.length + 1);
      for (let i = 0; i < lengths.length; i++) start[i + 1] = (start[i] ?? 0) + (lengths[i] ?? 0);
      return start;
    });
  }

  /** Distinct pairs of edges taken one after the other. */
  get hopCount(): number {
    return this.#tables.from.length;
  }

  /** Segments of which it is known together which hops they hold. */
  get groupSegments(): number {
    return 2 ** this.#tables.groupBits;
  }

  /** Segments that could not be read when it was built. */
  get unreadable(): readonly number[] {
    return Array.from(this.#tables.unreadable, (place) => this.#places.segment[place] ?? NO_ROW);
  }

  placeOf(segment: number): number {
    return this.#places.place[segment] ?? NO_ROW;
  }

  hopsOf(from: Uint32Array, to: Uint32Array): Uint32Array {
    const { from: begins, to: ends } = this.#tables;
    const found = new Uint32Array(begins.length);
    let count = 0;
    for (let hop = 0; hop < begins.length; hop++) {
      if (((from[begins[hop] ?? 0] ?? 0) & (to[ends[hop] ?? 0] ?? 0)) !== 0) found[count++] = hop;
    }
    return found.slice(0, count);
  }

  nearest(hops: Uint32Array, segment: number, direction: Direction): number {
    const place = this.placeOf(segment);
    if (place === NO_ROW) return -1;
    const bits = this.#tables.groupBits;
    const group = place >>> bits;
    let best = -1;
    for (let i = 0; i < hops.length && best !== group; i++) {
      const found = this.#nearestOf(hops[i] ?? 0, group, direction);
      if (found < 0) continue;
      if (best < 0 || (direction === 'forward' ? found < best : found > best)) best = found;
    }
    if (best < 0 || best === group) return best < 0 ? -1 : place;
    const end = direction === 'forward' ? best << bits : ((best + 1) << bits) - 1;
    return Math.min(end, this.#tables.placeCount - 1);
  }

  /** The nearest group that holds a hop: `group` itself, or one after or before it; -1 for none. */
  #nearestOf(hop: number, group: number, direction: Direction): number {
    const { firstStretch, stretches } = this.#tables;
    const begin = firstStretch[hop] ?? 0;
    const end = firstStretch[hop + 1] ?? 0;
    let low = begin;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((stretches[middle * 2] ?? 0) <= group) low = middle + 1;
      else high = middle;
    }
    // `low` is the first stretch that begins after the group.
    const isIn = low > begin && (stretches[low * 2 - 1] ?? 0) > group;
    if (isIn) return group;
    if (direction === 'forward') return low < end ? (stretches[low * 2] ?? 0) : -1;
    return low > begin ? (stretches[low * 2 - 1] ?? 0) - 1 : -1;
  }

  /** What a pass left of a segment; null where it left nothing, or the segment is not known. */
  summary(name: string, segment: number): Uint32Array | null {
    const pass = SUMMARY_PASSES.findIndex((one) => one.name === name);
    const place = this.placeOf(segment);
    const start = this.#summaryStart[pass];
    if (start === undefined || place === NO_ROW) return null;
    if (this.#tables.unreadable.includes(place)) return null;
    const words = this.#tables.summaries[pass]?.words ?? NOTHING;
    return words.subarray(start[place] ?? 0, start[place + 1] ?? 0);
  }

  levelsOf(segment: number): { readonly net: number; readonly lowest: number } | null {
    const [net, lowest] = this.summary('levels', segment) ?? NOTHING;
    if (net === undefined || lowest === undefined) return null;
    return { net: unzigzag(net), lowest: unzigzag(lowest) };
  }
}
