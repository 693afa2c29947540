/**
 * The hops of a row of segments. A hop is a pair of edges taken one after the other; a program
 * makes few distinct ones. For each the places are kept where it occurs, as stretches: most hops
 * occur in many segments that follow each other, or in none.
 */
import { BacktrailError, type Trace } from '@backtrail/recorder/trace';
import { PairTable } from '../path/pair-table.ts';
import { SUMMARY_PASSES, type Summarize } from './passes.ts';
import { type Places, placesOf } from './places.ts';

/** What one row of segments holds; plain arrays, to be handed from thread to thread. */
export interface Collected {
  /** The two edges of each hop, numbered in order of appearance here. */
  readonly from: Uint32Array<ArrayBuffer>;
  /** `edges.count` where no transfer is known to follow. */
  readonly to: Uint32Array<ArrayBuffer>;
  /** Stretches: hop, first place, place after the last; those of one hop rise. */
  readonly stretches: Uint32Array<ArrayBuffer>;
  /** Places whose segment cannot be read. */
  readonly unreadable: Uint32Array<ArrayBuffer>;
  /** Of each pass: words of each place, and how many each has. */
  readonly summaries: readonly Summaries[];
}

export interface Summaries {
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
}

/** More pairs than this in one row of segments would not fit into memory anyway. */
const HOPS_MAX = 1 << 27;
/** Pairs seen lately in this segment, to be passed over quickly: 512 KiB, half of a usual cache. */
const RECENT_BITS = 16;
const RECENT_BITS_MIN = 4;
const NONE = 0xffff_ffff;

/** Words that are added one by one. */
class Words {
  #words = new Uint32Array(4096);
  count = 0;

  push(word: number): void {
    if (this.count === this.#words.length) this.#grow(this.count + 1);
    this.#words[this.count++] = word;
  }

  add(words: Uint32Array): void {
    if (this.count + words.length > this.#words.length) this.#grow(this.count + words.length);
    this.#words.set(words, this.count);
    this.count += words.length;
  }

  take(): Uint32Array<ArrayBuffer> {
    return this.#words.slice(0, this.count);
  }

  #grow(atLeast: number): void {
    const grown = new Uint32Array(Math.max(atLeast, this.#words.length * 2));
    grown.set(this.#words);
    this.#words = grown;
  }
}

/** Hops and where they occur, one row of places at a time. */
class HopCollector {
  readonly #pairs = new PairTable(HOPS_MAX);
  readonly #from = new Words();
  readonly #to = new Words();
  readonly #stretches = new Words();
  readonly #recent = new Uint32Array(2 << RECENT_BITS);
  /** The stretch that each hop is in: its first place, and its last one so far. */
  #first = new Uint32Array(4096);
  #last = new Uint32Array(4096);

  /** @param after edge that followed the last one */
  add(place: number, edges: Uint32Array, after: number): void {
    // A short segment has few hops: emptying a large table would take longer than going over it.
    const bits = Math.min(RECENT_BITS, Math.max(RECENT_BITS_MIN, 31 - Math.clz32(edges.length)));
    const recent = this.#recent.fill(NONE, 0, 2 << bits);
    const shift = 32 - bits;
    const last = edges.length - 1;
    let from = edges[0] ?? 0;
    for (let i = 1; i <= last; i++) {
      const to = edges[i] ?? 0;
      const mixed = Math.imul(from, 0x9e37_79b1) + Math.imul(to, 0x85eb_ca6b);
      const slot = (mixed >>> shift) << 1;
      if (recent[slot] !== from || recent[slot + 1] !== to) {
        recent[slot] = from;
        recent[slot + 1] = to;
        this.#note(place, from, to);
      }
      from = to;
    }
    this.#note(place, from, after);
  }

  #note(place: number, from: number, to: number): void {
    let hop = this.#pairs.get(from, to);
    if (hop < 0) {
      hop = this.#from.count;
      this.#pairs.set(from, to, hop);
      this.#from.push(from);
      this.#to.push(to);
      this.#reserve(hop);
      this.#first[hop] = place;
    } else if ((this.#last[hop] ?? 0) + 1 < place) {
      this.#end(hop);
      this.#first[hop] = place;
    }
    this.#last[hop] = place;
  }

  #end(hop: number): void {
    this.#stretches.push(hop);
    this.#stretches.push(this.#first[hop] ?? 0);
    this.#stretches.push((this.#last[hop] ?? 0) + 1);
  }

  #reserve(hop: number): void {
    if (hop < this.#first.length) return;
    const grow = (old: Uint32Array): Uint32Array<ArrayBuffer> => {
      const grown = new Uint32Array(old.length * 2);
      grown.set(old);
      return grown;
    };
    this.#first = grow(this.#first);
    this.#last = grow(this.#last);
  }

  finish(): Pick<Collected, 'from' | 'to' | 'stretches'> {
    for (let hop = 0; hop < this.#from.count; hop++) this.#end(hop);
    const stretches = this.#stretches.take();
    return { from: this.#from.take(), to: this.#to.take(), stretches };
  }
}

/** Goes through segments for an index; one for each thread. */
export class SegmentCollector {
  readonly places: Places;
  readonly #trace: Trace;
  readonly #passes: readonly Summarize[];

  constructor(trace: Trace) {
    this.#trace = trace;
    this.places = placesOf(trace);
    this.#passes = SUMMARY_PASSES.map((pass) => pass.open(trace));
  }

  /** @param seen is told the transfers of each segment when it is done */
  collect(firstPlace: number, endPlace: number, seen: (transfers: number) => void): Collected {
    const { places } = this;
    const hops = new HopCollector();
    const unreadable = new Words();
    const lengths = this.#passes.map(() => new Words());
    const words = this.#passes.map(() => new Words());
    let next = this.#read(firstPlace);
    for (let place = firstPlace; place < endPlace; place++) {
      const edges = next;
      const isContinued = places.isContinued[place] === 1;
      next = place + 1 < endPlace || isContinued ? this.#read(place + 1) : null;
      const after = (isContinued ? next?.[0] : undefined) ?? this.#trace.edges.count;
      const segment = places.segment[place] ?? 0;
      if (edges === null) unreadable.push(place);
      else hops.add(place, edges, after);
      this.#passes.forEach((summarize, i) => {
        const summary = edges === null ? new Uint32Array() : summarize(edges, segment);
        lengths[i]?.push(summary.length);
        words[i]?.add(summary);
      });
      seen(this.#trace.segments.rows[segment] ?? 0);
    }
    const summaries = lengths.map((list, i) => ({
      lengths: list.take(),
      words: words[i]?.take() ?? new Uint32Array(),
    }));
    return { ...hops.finish(), unreadable: unreadable.take(), summaries };
  }

  #read(place: number): Uint32Array | null {
    const segment = this.places.segment[place];
    if (segment === undefined) return null;
    try {
      return this.#trace.readSegment(segment);
    } catch (error) {
      if (error instanceof BacktrailError) return null;
      throw error;
    }
  }
}
