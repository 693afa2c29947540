/**
 * Two traces of one program, transfer by transfer, in guest terms: host terms are an engine's own.
 * Where an engine puts what has no address of its own (stack, mappings, a program that can be
 * anywhere) is its own too: pages beyond those of a fixed program are known by the order in which
 * control first comes to them.
 */
import { CAUSES, KINDS, type Trace } from '@backtrail/recorder/trace';

/** A stretch in which two streams differ, and behind which they go on alike. */
export interface Divergence {
  /** seq in either where they part, and how many transfers each has until they meet again. */
  readonly first: { readonly seq: number; readonly count: number };
  readonly second: { readonly seq: number; readonly count: number };
  /** What each has there, as `cause/kind source → target`; null where it has ended. */
  readonly firstHas: string | null;
  readonly secondHas: string | null;
  /** Source of the last transfer that both made before. */
  readonly after: bigint | null;
}

/** Fixed programs are linked below; what engines place themselves lies above. */
const FIXED_END = 0x100_0000n;
const PAGE = 4096n;
/** Transfers in a row that must agree before two streams count as met again. */
const AGREEING = 24;
/** How far ahead they are looked for. */
const AHEAD_MAX = 4096;

/** One vCPU's transfers as numbers that are the same for the same transfer in both traces. */
class Stream {
  readonly trace: Trace;
  readonly numbers: Uint32Array;
  readonly #edges: Uint32Array;
  readonly #pages = new Map<bigint, number>();

  constructor(trace: Trace, vcpu: number, canon: Map<string, number>) {
    this.trace = trace;
    const parts = Array.from(trace.segmentsOf(vcpu), (segment) => trace.readSegment(segment));
    const count = parts.reduce((sum, part) => sum + part.length, 0);
    this.numbers = new Uint32Array(count);
    this.#edges = new Uint32Array(count);
    const known = new Int32Array(trace.edges.count).fill(-1);
    let seq = 0;
    for (const part of parts) {
      for (const edge of part) {
        if (known[edge] === -1) {
          const text = this.#canonical(edge);
          const number = canon.get(text) ?? canon.size;
          canon.set(text, number);
          known[edge] = number;
        }
        this.numbers[seq] = known[edge] ?? 0;
        this.#edges[seq++] = edge;
      }
    }
  }

  #place(address: bigint): string {
    if (address < FIXED_END) return address.toString(16);
    const page = address / PAGE;
    const known = this.#pages.get(page) ?? this.#pages.size;
    this.#pages.set(page, known);
    return `page ${known} + ${address % PAGE}`;
  }

  #canonical(edge: number): string {
    const { edges } = this.trace;
    const source = edges.hasSource[edge] === 1 ? this.#place(edges.source[edge] ?? 0n) : 'none';
    const target = this.#place(edges.target[edge] ?? 0n);
    return `${edges.cause[edge]} ${edges.kind[edge]} ${source} ${target}`;
  }

  text(seq: number): string | null {
    const edge = this.#edges[seq];
    return edge === undefined ? null : edgeText(this.trace, edge);
  }

  source(seq: number): bigint | null {
    const edge = this.#edges[seq];
    return edge === undefined ? null : (this.trace.edges.source[edge] ?? null);
  }
}

/** `jump/call 0x1000 → 0x2000`. */
export function edgeText({ edges }: Trace, edge: number): string {
  const cause = CAUSES[edges.cause[edge] ?? 255] ?? 'null';
  const kind = KINDS[edges.kind[edge] ?? 255] ?? 'null';
  const source = edges.hasSource[edge] === 1 ? `0x${edges.source[edge]?.toString(16)}` : 'none';
  return `${cause}/${kind} ${source} → 0x${edges.target[edge]?.toString(16)}`;
}

/** Whether the streams agree from there on, for long enough or to the end of both. */
function agree(a: Uint32Array, i: number, b: Uint32Array, j: number): boolean {
  for (let k = 0; k < AGREEING; k++) {
    if (i + k === a.length && j + k === b.length) return true;
    if (i + k >= a.length || j + k >= b.length || a[i + k] !== b[j + k]) return false;
  }
  return true;
}

/**
 * The nearest places behind i and j where the streams go on alike; their ends if there are none.
 */
function meet(a: Uint32Array, i: number, b: Uint32Array, j: number): readonly [number, number] {
  for (let ahead = 1; ahead <= AHEAD_MAX; ahead++) {
    for (let k = 0; k <= ahead; k++) {
      if (agree(a, i + k, b, j + ahead - k)) return [i + k, j + ahead - k];
    }
  }
  return [a.length, b.length];
}

/** Where the transfers of a vCPU differ; empty: they are the same to the end. */
export function divergences(first: Trace, second: Trace, vcpu = 0): Divergence[] {
  const canon = new Map<string, number>();
  const [one, other] = [new Stream(first, vcpu, canon), new Stream(second, vcpu, canon)];
  const [a, b] = [one.numbers, other.numbers];
  const found: Divergence[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && a[i] === b[j]) {
      i++;
      j++;
      continue;
    }
    const [nextI, nextJ] = meet(a, i, b, j);
    found.push({
      first: { seq: i, count: nextI - i },
      second: { seq: j, count: nextJ - j },
      firstHas: one.text(i),
      secondHas: other.text(j),
      after: i === 0 ? null : one.source(i - 1),
    });
    [i, j] = [nextI, nextJ];
  }
  return found;
}
