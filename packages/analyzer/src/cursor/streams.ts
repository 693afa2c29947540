/**
 * What of a trace can be read: the stream of each vCPU, and the gaps in it. A segment whose bytes
 * are damaged is one more gap: it is dropped when that is seen, and what was asked is asked anew.
 */
import { BacktrailError, NO_ROW, type SegmentTable, type Trace } from '@backtrail/recorder/trace';

/** Transfers that are lost: seqs `fromSeq` to before `toSeq`. */
export interface Gap {
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** A segment turned out to be damaged, and is a gap from now on. */
export class SegmentDropped extends Error {}

/** One vCPU's segments, and where each begins and ends. */
interface Stream {
  readonly segments: Uint32Array;
  readonly gaps: readonly Gap[];
  readonly end: number;
}

/** Some transfers of a segment, from row `from` on. */
interface Window {
  readonly segment: number;
  readonly from: number;
  readonly edges: Uint32Array;
}

/** Rows of a window: single transfers are asked for near each other. */
const WINDOW_ROWS = 2048;
const NO_EDGES = new Uint32Array();
const NO_WINDOW: Window = { segment: NO_ROW, from: 0, edges: NO_EDGES };

const NO_STREAM: Stream = { segments: new Uint32Array(), gaps: [], end: 0 };

/** A trace without the segments that cannot be read. */
export class Streams implements Trace {
  readonly #trace: Trace;
  readonly #dropped = new Set<number>();
  readonly #streams = new Map<number, Stream>();
  #hasLostMore = false;
  /** The last two: a step looks at both sides of where a segment ends. */
  #windows: readonly [Window, Window] = [NO_WINDOW, NO_WINDOW];

  /** @param dropped segments that are known to be damaged */
  constructor(trace: Trace, dropped: readonly number[] = []) {
    this.#trace = trace;
    this.drop(dropped);
  }

  /** They are gaps from now on. */
  drop(segments: readonly number[]): void {
    for (const segment of segments) {
      this.#dropped.add(segment);
      this.#windows = [NO_WINDOW, NO_WINDOW];
      this.#streams.delete(this.segments.vcpu[segment] ?? 0);
    }
  }

  /** Whether segments were found damaged that were not known to be: an index may name them. */
  get hasLostMore(): boolean {
    return this.#hasLostMore;
  }

  get directory(): Trace['directory'] {
    return this.#trace.directory;
  }
  get manifest(): Trace['manifest'] {
    return this.#trace.manifest;
  }
  get state(): Trace['state'] {
    return this.#trace.state;
  }
  get problems(): Trace['problems'] {
    return this.#trace.problems;
  }
  get transfers(): Trace['transfers'] {
    return this.#trace.transfers;
  }
  get segments(): SegmentTable {
    return this.#trace.segments;
  }
  get edges(): Trace['edges'] {
    return this.#trace.edges;
  }
  get blocks(): Trace['blocks'] {
    return this.#trace.blocks;
  }
  get marks(): Trace['marks'] {
    return this.#trace.marks;
  }
  get modules(): Trace['modules'] {
    return this.#trace.modules;
  }
  get symbols(): Trace['symbols'] {
    return this.#trace.symbols;
  }
  get sources(): Trace['sources'] {
    return this.#trace.sources;
  }
  get lines(): Trace['lines'] {
    return this.#trace.lines;
  }
  get inlines(): Trace['inlines'] {
    return this.#trace.inlines;
  }

  get vcpus(): readonly number[] {
    return this.#trace.vcpus.filter((vcpu) => this.#stream(vcpu).segments.length > 0);
  }

  /** @throws SegmentDropped if the bytes are damaged. */
  readSegment(segment: number): Uint32Array {
    return this.#read(segment, () => this.#trace.readSegment(segment));
  }

  #read(segment: number, read: () => Uint32Array): Uint32Array {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof BacktrailError) || this.#dropped.has(segment)) throw error;
      this.drop([segment]);
      this.#hasLostMore = true;
      throw new SegmentDropped(error.message);
    }
  }

  /** One transfer of a segment, without all of it where the trace can. */
  #edge(segment: number, row: number): number {
    if (this.#trace.readEdges === undefined) return this.readSegment(segment)[row] ?? NO_ROW;
    const [newest, other] = this.#windows;
    const edge =
      (newest.segment === segment ? newest.edges[row - newest.from] : undefined) ??
      (other.segment === segment ? other.edges[row - other.from] : undefined);
    return edge ?? this.#edgeAnew(segment, row);
  }

  #edgeAnew(segment: number, row: number): number {
    const from = Math.max(0, row - WINDOW_ROWS / 2);
    const to = Math.min(this.segments.rows[segment] ?? 0, from + WINDOW_ROWS);
    const read = (): Uint32Array => this.#trace.readEdges?.(segment, from, to) ?? NO_EDGES;
    const edges = this.#read(segment, read);
    this.#windows = [{ segment, from, edges }, this.#windows[0]];
    return edges[row - from] ?? NO_ROW;
  }

  segmentAt(vcpu: number, seq: number): number {
    const segment = this.#stream(vcpu).segments[this.ordinalAt(vcpu, seq)];
    return segment !== undefined && seq < this.endSeq(segment) ? segment : -1;
  }

  segmentsOf(vcpu: number): Uint32Array {
    return this.#stream(vcpu).segments;
  }

  seqEnd(vcpu: number): number {
    return this.#stream(vcpu).end;
  }

  /** Which of segmentsOf() holds seq; where none does, the last one before it; -1 for none. */
  ordinalAt(vcpu: number, seq: number): number {
    const { firstSeq } = this.segments;
    const { segments } = this.#stream(vcpu);
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((firstSeq[segments[middle] ?? 0] ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** First seq of a segment. */
  firstSeq(segment: number): number {
    return this.segments.firstSeq[segment] ?? 0;
  }

  /** seq after the last one of a segment. */
  endSeq(segment: number): number {
    return this.firstSeq(segment) + (this.segments.rows[segment] ?? 0);
  }

  /** The first recorded seq from one on; past the end, the last recorded one. */
  recordedFrom(vcpu: number, seq: number): number {
    if (this.segmentAt(vcpu, seq) >= 0) return seq;
    const segments = this.segmentsOf(vcpu);
    const next = segments[this.ordinalAt(vcpu, seq) + 1];
    return next === undefined ? this.seqEnd(vcpu) - 1 : this.firstSeq(next);
  }

  /** The edge of a transfer, or NO_ROW if it is lost or past the end. */
  edgeAt(vcpu: number, seq: number): number {
    const segment = this.segmentAt(vcpu, seq);
    if (segment < 0) return NO_ROW;
    return this.#edge(segment, seq - this.firstSeq(segment));
  }

  /** The recorded seq `steps` after one (before it, if negative), or the last on the way there. */
  seqBy(vcpu: number, seq: number, steps: number): { seq: number; steps: number } {
    const segments = this.segmentsOf(vcpu);
    const way = steps < 0 ? -1 : 1;
    let at = seq;
    let left = Math.abs(steps);
    for (let i = this.ordinalAt(vcpu, seq); left > 0; i += way) {
      const segment = segments[i] ?? 0;
      const edge = way < 0 ? this.firstSeq(segment) : this.endSeq(segment) - 1;
      const room = Math.min(left, Math.abs(edge - at));
      at += way * room;
      left -= room;
      const next = segments[i + way];
      if (left === 0 || next === undefined) break;
      at = way < 0 ? this.endSeq(next) - 1 : this.firstSeq(next);
      left--;
    }
    return { seq: at, steps: Math.abs(steps) - left };
  }

  /** Gaps that overlap the seqs from `low` to before `high`; oldest first. */
  gaps(vcpu: number, low: number, high: number): Gap[] {
    const { gaps } = this.#stream(vcpu);
    let first = 0;
    let end = gaps.length;
    while (first < end) {
      const middle = (first + end) >>> 1;
      if ((gaps[middle]?.toSeq ?? 0) <= low) first = middle + 1;
      else end = middle;
    }
    while (end < gaps.length && (gaps[end]?.fromSeq ?? 0) < high) end++;
    return gaps.slice(first, end);
  }

  #stream(vcpu: number): Stream {
    const known = this.#streams.get(vcpu);
    if (known !== undefined) return known;
    const made = this.#makeStream(vcpu);
    this.#streams.set(vcpu, made);
    return made;
  }

  #makeStream(vcpu: number): Stream {
    const { rows } = this.segments;
    // Without rows, or overlapping what is there: a damaged table, and of no use here.
    const kept: number[] = [];
    const gaps: Gap[] = [];
    let end = 0;
    for (const segment of this.#trace.segmentsOf(vcpu)) {
      const first = this.firstSeq(segment);
      if (this.#dropped.has(segment) || (rows[segment] ?? 0) === 0 || first < end) continue;
      if (first > end) gaps.push({ fromSeq: end, toSeq: first });
      kept.push(segment);
      end = this.endSeq(segment);
    }
    if (kept.length === 0) return NO_STREAM;
    return { segments: Uint32Array.from(kept), gaps, end };
  }
}
