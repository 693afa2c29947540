/**
 * The last part of the run as charts show it: which functions its instructions ran in, as a tree of
 * calls and as stays in the order of time.
 */
import { BacktrailError, NO_ROW } from '@backtrail/recorder/trace';
import type { StackMachine } from '../stack/machine.ts';
import type { CrashFlame, CrashRecent, CrashSpan } from './report.ts';
import type { Scene } from './scene.ts';

/** Deeper frames count as the one that is this deep. */
const DEPTH_MAX = 96;
/** Transfers of the timeline: more would be a blur. */
const SPAN_TRANSFERS = 4096;
const SPANS_MAX = 1200;
const NODES_MAX = 800;
/** Hops that do not fit their code, before it is given up to count instructions. */
const MISFITS_MAX = 64;

interface Node {
  readonly name: string;
  calls: number;
  /** Without what it called. */
  own: number;
  /** With it; known when all is counted. */
  total: number;
  readonly children: Map<string, Node>;
}

const nodeOf = (name: string): Node => ({ name, calls: 0, own: 0, total: 0, children: new Map() });

/** An open frame as it was seen last. */
interface Open {
  readonly edge: number;
  readonly moved: number;
  readonly enteredSeq: number;
  readonly node: Node;
  /** Of its span: where it begins, and by which transfer. */
  readonly from: number;
  readonly seq: number;
}

/** @param machineAt the call stack at a moment, to be gone on from. */
export function recentPart(
  scene: Scene,
  machineAt: (seq: number) => StackMachine,
): CrashRecent | null {
  const firstSeq = scene.lastFrom;
  const spansFrom = spansBegin(scene);
  const charts = new Charts(scene, machineAt(firstSeq), spansFrom);
  const counts = instructionCounts(scene, firstSeq);
  for (const { seq, edges } of scene.lastPieces(firstSeq)) {
    charts.arrive(seq);
    for (let i = 0; i < edges.length; i++) {
      charts.step(edges[i] ?? 0, seq + i, counts[seq + i - firstSeq] ?? 0);
    }
  }
  return charts.finish(firstSeq);
}

/** Where the timeline begins: at a transfer that was not lost. */
function spansBegin({ trace, vcpu, seqEnd, lastFrom }: Scene): number {
  return Math.max(lastFrom, trace.recordedFrom(vcpu, seqEnd - SPAN_TRANSFERS));
}

class Charts {
  readonly #scene: Scene;
  readonly #machine: StackMachine;
  readonly #spansFrom: number;
  readonly #root = nodeOf('');
  readonly #names = new Map<number, string>();
  /** A summary of one transfer: offset 0 and its edge. */
  readonly #event = new Uint32Array(2);
  #open: Open[] = [];
  #spans: CrashSpan[] = [];
  /** seq after the last transfer. */
  #next: number;
  /** Instructions since the first transfer of the timeline. */
  #at = 0;

  constructor(scene: Scene, machine: StackMachine, spansFrom: number) {
    this.#scene = scene;
    this.#machine = machine;
    this.#spansFrom = spansFrom;
    this.#next = scene.lastFrom;
  }

  /** Before the transfers of a piece. */
  arrive(seq: number): void {
    if (seq > this.#next) this.#machine.lose(seq);
    this.#next = seq;
  }

  step(edge: number, seq: number, instructions: number): void {
    // The machine stands at the first moment already.
    if (seq > this.#scene.lastFrom) {
      this.#event[1] = edge;
      this.#machine.apply(this.#event, seq);
    }
    if (seq === this.#spansFrom) {
      this.#open = this.#open.map((open) => ({ ...open, from: 0, seq }));
      this.#spans = [];
      this.#at = 0;
    }
    this.#follow(seq);
    const top = this.#open.at(-1);
    if (top !== undefined) top.node.own += instructions;
    this.#at += instructions;
    this.#next = seq + 1;
  }

  /** Opens and closes frames until they are those of the machine. */
  #follow(seq: number): void {
    const stack = this.#machine.current;
    const depth = Math.min(stack.depth, DEPTH_MAX);
    let same = Math.min(this.#open.length, depth);
    for (; same > 0; same--) {
      const open = this.#open[same - 1];
      const at = same - 1;
      if (
        open?.edge === stack.edge[at] &&
        open?.moved === stack.movedEdge[at] &&
        open?.enteredSeq === stack.seq[at]
      ) {
        break;
      }
    }
    while (this.#open.length > same) this.#close();
    for (let at = same; at < depth; at++) {
      const edge = stack.edge[at] ?? NO_ROW;
      const moved = stack.movedEdge[at] ?? NO_ROW;
      const name = this.#name(moved === NO_ROW ? edge : moved);
      const parent = this.#open.at(-1)?.node ?? this.#root;
      const node = parent.children.get(name) ?? nodeOf(name);
      parent.children.set(name, node);
      node.calls++;
      const enteredSeq = stack.seq[at] ?? 0;
      this.#open.push({ edge, moved, enteredSeq, node, from: this.#at, seq });
    }
  }

  #close(): void {
    const open = this.#open.pop();
    if (open === undefined || this.#next <= this.#spansFrom) return;
    const { node, from, seq } = open;
    this.#spans.push({ name: node.name, depth: this.#open.length, from, to: this.#at, seq });
  }

  /** Name of the function that an edge arrives in. */
  #name(edge: number): string {
    const known = this.#names.get(edge);
    if (known !== undefined) return known;
    const { edges } = this.#scene.trace;
    const made = edge === NO_ROW ? '?' : this.#scene.functionName(edges.target[edge] ?? 0n);
    this.#names.set(edge, made);
    return made;
  }

  finish(firstSeq: number): CrashRecent | null {
    while (this.#open.length > 0) this.#close();
    addUp(this.#root);
    const instructions = this.#root.total;
    if (instructions === 0) return null;
    return {
      firstSeq,
      seqEnd: this.#scene.seqEnd,
      instructions,
      flame: pruned(this.#root),
      spansFrom: this.#spansFrom,
      spanInstructions: this.#at,
      spans: longest(this.#spans, this.#at),
    };
  }
}

function addUp(node: Node): void {
  node.total = node.own;
  for (const child of node.children.values()) {
    addUp(child);
    node.total += child.total;
  }
}

/** The tree without what is too small, so that it has at most NODES_MAX nodes. */
function pruned(root: Node): CrashFlame {
  for (let least = root.total / 1000; ; least *= 2) {
    let count = 0;
    const cut = (node: Node): CrashFlame => {
      count++;
      const large = [...node.children.values()].filter(({ total }) => total >= least && total > 0);
      const children = large.sort((a, b) => b.total - a.total).map(cut);
      return { name: node.name, calls: node.calls, instructions: node.total, children };
    };
    const flame = cut(root);
    if (count <= NODES_MAX) return flame;
  }
}

/** Spans that are long enough to be seen, at most SPANS_MAX, in order of time. */
function longest(spans: readonly CrashSpan[], instructions: number): CrashSpan[] {
  let kept = [...spans];
  // Not from 0, which doubles to 0: in code that is not known no instructions are counted.
  for (let least = Math.max(1, instructions / 4000); kept.length > SPANS_MAX; least *= 2) {
    kept = kept.filter(({ from, to }) => to - from >= least);
  }
  return kept.sort((a, b) => a.from - b.from || a.depth - b.depth);
}

/** Instructions that ran after each transfer from a seq on; 0 where that is not known. */
function instructionCounts({ path, vcpu, seqEnd }: Scene, firstSeq: number): Float64Array {
  const counts = new Float64Array(seqEnd - firstSeq);
  let from = firstSeq;
  for (let misfits = 0; from < seqEnd && misfits <= MISFITS_MAX; misfits++) {
    let last = from - 1;
    try {
      path.visitRuns(vcpu, from, seqEnd, (_block, _row, length, seq) => {
        counts[seq - firstSeq] = (counts[seq - firstSeq] ?? 0) + length;
        last = seq;
        return false;
      });
      break;
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      // The hop after the last one that was visited does not fit its code.
      from = last + 2;
    }
  }
  return counts;
}
