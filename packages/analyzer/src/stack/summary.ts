/**
 * What one segment does to a call stack, whatever the stack was when it began. A call and its
 * return inside the segment cancel out; what cannot be told without the frames below is kept, in
 * order, for a StackMachine to apply:
 *
 *   word 2i      transfers from the one before it to this one; from the segment's first one
 *   word 2i + 1  its edge
 *
 * So the summary of a segment is a shorter segment with the same effect, and summaries of segments
 * that follow each other, one behind the other, are the summary of them all. Segments can be
 * summarized in any order and in parallel. A segment of well-behaved code leaves as many pairs as
 * it returns below its beginning, and as it leaves frames open.
 */
import type { Trace } from '@backtrail/recorder/trace';
import { EVENT, OPENS_MAX, StackTables } from './tables.ts';

/** Raised when rules or words change. */
export const SUMMARY_VERSION = 4;
/** Words of a summary worth keeping; what has more is made again when it is needed. */
const KEPT_WORDS_MAX = 2048;
const NOT_KEPT = 0xffff_ffff;

/** The pass of an index that goes over segments in any order. */
export function keptSummaries(trace: Trace): (edges: Uint32Array) => Uint32Array {
  const summarizer = new Summarizer(new StackTables(trace));
  return (edges) => {
    const words = summarizer.summarize(edges);
    return words.length > KEPT_WORDS_MAX ? Uint32Array.of(NOT_KEPT) : words;
  };
}

/** Whether words are the summary of a segment, not one that was left away. */
export function isSummary(words: Uint32Array, rows: number, edges: number): boolean {
  if (words.length % 2 !== 0) return false;
  let offset = 0;
  for (let i = 0; i < words.length; i += 2) {
    offset += words[i] ?? 0;
    if ((words[i + 1] ?? 0) >= edges) return false;
  }
  return words.length === 0 || offset < rows;
}

export class Summarizer {
  readonly #tables: StackTables;
  #offsets = new Uint32Array(1024);
  #edges = new Uint32Array(1024);
  #count = 0;
  /** Entries before this one stay: something after them may depend on what lies below. */
  #fixed = 0;

  constructor(tables: StackTables) {
    this.#tables = tables;
  }

  /** @param edges edge numbers of transfers that follow each other. */
  summarize(edges: Uint32Array): Uint32Array {
    const { known, resumeWords, targetWords } = this.#tables;
    this.#count = 0;
    this.#fixed = 0;
    // What is below lives in local variables while nothing but calls and their returns comes.
    let count = 0;
    let fixed = 0;
    let opened = this.#edges;
    let offsets = this.#offsets;
    const { length } = edges;
    for (let i = 0; i < length; i++) {
      const edge = edges[i] ?? 0;
      const event = known[edge] ?? 0;
      if (event === EVENT.quiet) continue;
      if (event === EVENT.leave) {
        const opening = count > fixed ? (opened[count - 1] ?? 0) : edge;
        const isBack =
          resumeWords[opening * 2] === targetWords[edge * 2] &&
          resumeWords[opening * 2 + 1] === targetWords[edge * 2 + 1] &&
          (known[opening] ?? 0) <= OPENS_MAX;
        if (isBack) {
          count--;
          continue;
        }
      } else if (event === EVENT.call && count < opened.length) {
        offsets[count] = i;
        opened[count++] = edge;
        continue;
      }
      this.#count = count;
      this.#add(this.#tables.event(edge), edge, i);
      count = this.#count;
      fixed = this.#fixed;
      opened = this.#edges;
      offsets = this.#offsets;
    }
    this.#count = count;
    const words = new Uint32Array(this.#count * 2);
    for (let i = 0; i < this.#count; i++) {
      words[i * 2] = (this.#offsets[i] ?? 0) - (i === 0 ? 0 : (this.#offsets[i - 1] ?? 0));
      words[i * 2 + 1] = this.#edges[i] ?? 0;
    }
    return words;
  }

  #add(event: number, edge: number, offset: number): void {
    if (event === EVENT.quiet) return;
    if (event <= OPENS_MAX) this.#push(edge, offset);
    else if (event === EVENT.tail) this.#goOn(edge, offset);
    else if (event === EVENT.swapTail) this.#keep(edge, offset);
    else if (event === EVENT.restorer && this.#openedBy(EVENT.signal)) this.#goOn(edge, offset);
    else if (!this.#close(event, edge)) this.#keep(edge, offset);
  }

  #keep(edge: number, offset: number): void {
    this.#push(edge, offset);
    this.#fixed = this.#count;
  }

  #push(edge: number, offset: number): void {
    if (this.#count === this.#edges.length) {
      const grow = (old: Uint32Array): Uint32Array<ArrayBuffer> => {
        const grown = new Uint32Array(old.length * 2);
        grown.set(old);
        return grown;
      };
      this.#offsets = grow(this.#offsets);
      this.#edges = grow(this.#edges);
    }
    this.#offsets[this.#count] = offset;
    this.#edges[this.#count++] = edge;
  }

  /** Of jumps that follow each other in one frame only the last is seen afterwards. */
  #goOn(edge: number, offset: number): void {
    if (this.#count > this.#fixed && !this.#opens(this.#count - 1)) this.#count--;
    this.#push(edge, offset);
  }

  #opens(entry: number): boolean {
    return this.#tables.event(this.#edges[entry] ?? 0) <= OPENS_MAX;
  }

  /** Entry that opened the innermost frame of this segment; -1 where it is not known. */
  #innermost(): number {
    const last = this.#count - 1;
    if (last < this.#fixed) return -1;
    if (this.#opens(last)) return last;
    return last > this.#fixed ? last - 1 : -1;
  }

  #openedBy(event: number): boolean {
    const entry = this.#innermost();
    return entry >= 0 && this.#tables.event(this.#edges[entry] ?? 0) === event;
  }

  /** Takes the innermost frame away, if the edge goes back to where it was opened. */
  #close(event: number, edge: number): boolean {
    const entry = this.#innermost();
    if (entry < 0) return false;
    const opening = this.#edges[entry] ?? 0;
    const opened = this.#tables.event(opening);
    if (event === EVENT.other || event === EVENT.swap) return false;
    if (event === EVENT.trapReturn && opened !== EVENT.trap) return false;
    if (event === EVENT.signalReturn && opened !== EVENT.signal) return false;
    if (!this.#tables.isBack(opening, edge)) return false;
    this.#count = entry;
    return true;
  }
}
