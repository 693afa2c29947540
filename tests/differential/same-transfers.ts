/** Two traces of one program, transfer by transfer, in guest terms: host terms are an engine's own. */
import { CAUSES, KINDS, type Trace } from '@backtrail/recorder/trace';

/** Where two traces part. */
export interface Difference {
  readonly vcpu: number;
  readonly seq: number;
  /** What each has there, or null where it has ended. */
  readonly first: string | null;
  readonly second: string | null;
}

/** Canonical numbers of edges that are the same in guest terms, shared by two traces. */
class Canon {
  readonly #numbers = new Map<string, number>();

  of(trace: Trace): Uint32Array {
    const { edges } = trace;
    const numbers = new Uint32Array(edges.count);
    for (let edge = 0; edge < edges.count; edge++) {
      const text = edgeText(trace, edge);
      const number = this.#numbers.get(text) ?? this.#numbers.size;
      this.#numbers.set(text, number);
      numbers[edge] = number;
    }
    return numbers;
  }
}

/** `jump/call 0x1000 → 0x2000`. */
export function edgeText({ edges }: Trace, edge: number): string {
  const cause = CAUSES[edges.cause[edge] ?? 255] ?? 'null';
  const kind = KINDS[edges.kind[edge] ?? 255] ?? 'null';
  const source = edges.hasSource[edge] === 1 ? `0x${edges.source[edge]?.toString(16)}` : 'none';
  return `${cause}/${kind} ${source} → 0x${edges.target[edge]?.toString(16)}`;
}

/** One vCPU's transfers as canonical numbers, segment by segment. */
function* numbered(trace: Trace, vcpu: number, canon: Uint32Array): Generator<Uint32Array> {
  for (const segment of trace.segmentsOf(vcpu)) {
    yield Uint32Array.from(trace.readSegment(segment), (edge) => canon[edge] ?? 0);
  }
}

/** Reads two streams of arrays in step, however they are cut. */
class Stream {
  readonly #parts: Generator<Uint32Array>;
  #part = new Uint32Array(0);
  #at = 0;

  constructor(parts: Generator<Uint32Array>) {
    this.#parts = parts;
  }

  /** The rest of the part at hand; empty at the end. */
  peek(): Uint32Array {
    while (this.#at === this.#part.length) {
      const next = this.#parts.next();
      if (next.done === true) return this.#part.subarray(this.#at);
      this.#part = next.value as Uint32Array<ArrayBuffer>;
      this.#at = 0;
    }
    return this.#part.subarray(this.#at);
  }

  skip(count: number): void {
    this.#at += count;
  }
}

/** Where the transfers of a vCPU part for the first time; null: they are the same to the end. */
export function firstDifference(first: Trace, second: Trace, vcpu = 0): Difference | null {
  const canon = new Canon();
  const [numbersOfFirst, numbersOfSecond] = [canon.of(first), canon.of(second)];
  const one = new Stream(numbered(first, vcpu, numbersOfFirst));
  const other = new Stream(numbered(second, vcpu, numbersOfSecond));
  for (let seq = 0; ; ) {
    const [a, b] = [one.peek(), other.peek()];
    const count = Math.min(a.length, b.length);
    let same = 0;
    while (same < count && a[same] === b[same]) same++;
    if (same < count || count === 0) {
      if (count === 0 && a.length === b.length) return null;
      const text = (trace: Trace): string | null => transferText(trace, vcpu, seq + same);
      return { vcpu, seq: seq + same, first: text(first), second: text(second) };
    }
    one.skip(count);
    other.skip(count);
    seq += count;
  }
}

function transferText(trace: Trace, vcpu: number, seq: number): string | null {
  if (seq >= trace.seqEnd(vcpu)) return null;
  const segment = trace.segmentAt(vcpu, seq);
  const edge = trace.readSegment(segment)[seq - (trace.segments.firstSeq[segment] ?? 0)];
  return edge === undefined ? null : edgeText(trace, edge);
}
