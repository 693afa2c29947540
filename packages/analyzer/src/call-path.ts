/**
 * How control got from one moment of a vCPU to a later one, told in calls: the frames that were
 * left on the way, those that were entered and are still open, and beside each what it called that
 * came back in between, each function once with how often. A run of any length comes down to a few
 * lines.
 *
 * Which frames were left and entered is what the two call stacks say (docs/stack.md). What was
 * called beside is found by going through the transfers, in slices, since that may take seconds: a
 * return ends the frame that it goes back to, and each frame that is known to have been entered
 * puts right what went wrong before it.
 */
import { BacktrailError, KINDS, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { EVENT, OPENS_MAX, StackTables } from './stack/tables.ts';
import type { CallStacks, OpenFrameList } from './stack.ts';

export interface CallPathRow {
  /**
   * `return`: the frame that control was in is left. `enter`: a frame is entered that is still open
   * at the end. `call`: a function was called, and came back. `switch`: control went to another
   * stack (of a coroutine, of a task). `gap`: transfers are lost. `more`: rows that are not told,
   * since there are too many.
   */
  readonly what: 'return' | 'enter' | 'call' | 'switch' | 'gap' | 'more';
  /** Of the transfer; of the first one where there are several. */
  readonly seq: number;
  /** Of that transfer; NO_ROW where no transfer is meant, or where it is not known which. */
  readonly edge: number;
  /** Of a call, how often; of `more`, how many rows; of `return`, how many frames; else 1. */
  readonly times: number;
  /** In these calls together, with the call and the return; of a gap, how many are lost. */
  readonly transfers: number;
  /** Frames between the outermost one that the path was in and that of this row. */
  readonly depth: number;
}

/** What a frame called, or lost while it was the innermost. */
interface Called {
  readonly seq: number;
  readonly edge: number;
  times: number;
  transfers: number;
}

interface LeftFrame {
  readonly called: readonly Called[];
  readonly seq: number;
  readonly edge: number;
  readonly frames: number;
}

const RETURN = KINDS.indexOf('return');
/** What opened the frames that an event closes. */
const OPENED_BY: Readonly<Record<number, number>> = {
  [EVENT.trapReturn]: EVENT.trap,
  [EVENT.signalReturn]: EVENT.signal,
};
/** Frames up from the innermost that a return may end: what lies between was unwound. */
const RETURN_LOOK_MAX = 64;
/** Functions told apart beside one frame; what is called besides is counted with the last one. */
const CALLED_MAX = 40;
/** Frames deeper than this are entered and left, but what they call is not told. */
const DEPTH_TOLD_MAX = 1 << 16;
/** Frames told at either end of many that were left, or entered. */
const FRAMES_TOLD_MAX = 100;

/** Numbers that grow at one end. */
class Numbers {
  #values = new Float64Array(64);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Float64Array(this.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length++] = value;
  }

  at(i: number): number {
    return this.#values[i] ?? 0;
  }
}

export class CallPath {
  readonly vcpu: number;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly #trace: Trace;
  readonly #tables: StackTables;
  /** Frames entered that are open at the end, and how many of them the path has come to. */
  readonly #entered: OpenFrameList;
  #enteredCount = 0;
  /** Frames that are left on the way, and how many of them the path has come to leave. */
  readonly #leftTotal: number;
  #leftCount = 0;
  readonly #isSwitch: boolean;
  /** Calls that are open, outermost first: edge and seq. Those entered for good come first. */
  readonly #openEdge = new Numbers();
  readonly #openSeq = new Numbers();
  /** What the outermost frame of the path called, then what each open one did. */
  readonly #called: Called[][] = [[]];
  /** Frames left: the first ones, and the last ones. */
  readonly #leftFirst: LeftFrame[] = [];
  readonly #leftLast: LeftFrame[] = [];
  #next: number;

  /**
   * What happened after one transfer landed up to when another did; in either order.
   * @throws BacktrailError E_SEQ where one of them is not in the trace.
   */
  constructor(stacks: CallStacks, vcpu: number, oneSeq: number, otherSeq: number) {
    const { trace } = stacks;
    this.#trace = trace;
    this.vcpu = vcpu;
    this.fromSeq = Math.min(oneSeq, otherSeq);
    this.toSeq = Math.max(oneSeq, otherSeq);
    this.#tables = new StackTables(trace);
    const from = stacks.openAt(vcpu, this.fromSeq);
    const to = stacks.openAt(vcpu, this.toSeq);
    let common = 0;
    while (common < from.seq.length && from.seq[common] === to.seq[common]) common++;
    this.#isSwitch = common === 0 && from.seq.length > 0;
    const isNew = (to.seq[0] ?? 0) > this.fromSeq;
    const skipped =
      this.#isSwitch && !isNew ? to.seq.findIndex((seq) => seq > this.fromSeq) : common;
    const first = skipped < 0 ? to.seq.length : skipped;
    this.#leftTotal = this.#isSwitch ? 0 : from.seq.length - common;
    this.#entered = { seq: to.seq.subarray(first), edge: to.edge.subarray(first) };
    this.#next = this.fromSeq + 1;
  }

  /** Transfers of the path, and how many of them were gone through. */
  get progress(): { readonly transfers: number; readonly totalTransfers: number } {
    const totalTransfers = this.toSeq - this.fromSeq;
    return { transfers: this.#next - this.fromSeq - 1, totalTransfers };
  }

  /** Goes on through about so many transfers. @returns whether it is through. */
  advance(transfersMax: number): boolean {
    const until = this.#next + transfersMax;
    while (this.#next <= this.toSeq && this.#next < until) this.#advanceSegment();
    const isThrough = this.#next > this.toSeq;
    if (isThrough) this.#leaveRest(this.toSeq);
    return isThrough;
  }

  #advanceSegment(): void {
    const { segments } = this.#trace;
    const segment = this.#trace.segmentAt(this.vcpu, this.#next);
    const first = segments.firstSeq[segment] ?? 0;
    const edges = segment < 0 ? null : this.#read(segment);
    if (edges === null) {
      const rows = segments.rows[segment] ?? 1;
      const end = segment < 0 ? this.#recordedFrom(this.#next) : first + rows;
      this.#lose(Math.max(this.#next + 1, Math.min(end, this.toSeq + 1)));
      return;
    }
    const end = Math.min(first + edges.length, this.toSeq + 1);
    const { known } = this.#tables;
    let entered = this.#entered.seq[this.#enteredCount] ?? -1;
    for (let i = this.#next - first; i < end - first; i++) {
      const edge = edges[i] ?? 0;
      if (first + i === entered) {
        this.#enterUpTo(entered);
        entered = this.#entered.seq[this.#enteredCount] ?? -1;
      } else if (known[edge] !== EVENT.quiet) this.#take(edge, first + i);
    }
    this.#next = end;
  }

  #read(segment: number): Uint32Array | null {
    try {
      return this.#trace.readSegment(segment);
    } catch (error) {
      if (error instanceof BacktrailError && error.code === 'E_TRACE_DAMAGED') return null;
      throw error;
    }
  }

  #recordedFrom(seq: number): number {
    const { firstSeq } = this.#trace.segments;
    const next = this.#trace.segmentsOf(this.vcpu).find((one) => (firstSeq[one] ?? 0) > seq);
    return next === undefined ? this.toSeq + 1 : (firstSeq[next] ?? 0);
  }

  #lose(endSeq: number): void {
    const transfers = endSeq - this.#next;
    // Frames that were entered there are told as entered where the record goes on.
    this.#enterUpTo(endSeq - 1);
    // Beside a frame that stays: of those above it nobody knows whether they do.
    const called = this.#calledAt(this.#enteredCount);
    called?.push({ seq: this.#next, edge: NO_ROW, times: 1, transfers });
    this.#next = endSeq;
  }

  /** Frames that stay: below each all is as it will be at the end. */
  #enterUpTo(seqLast: number): void {
    const { seq: seqs, edge: edges } = this.#entered;
    for (;;) {
      const seq = seqs[this.#enteredCount];
      if (seq === undefined || seq > seqLast) return;
      if (this.#openEdge.length > this.#enteredCount) this.#close(this.#enteredCount, seq - 1);
      if (this.#enteredCount === 0) this.#leaveRest(seq);
      this.#open(edges[this.#enteredCount++] ?? NO_ROW, seq);
    }
  }

  #take(edge: number, seq: number): void {
    const event = this.#tables.event(edge);
    if (event > EVENT.quiet && event <= OPENS_MAX) {
      if (!this.#tables.isTrick(edge)) this.#open(edge, seq);
      return;
    }
    const isReturn = event === EVENT.trapReturn || event === EVENT.signalReturn;
    if (!isReturn && event !== EVENT.leave && event !== EVENT.swap) return;
    const frame = this.#frameLeftBy(edge, event);
    if (frame >= this.#enteredCount) this.#close(frame, seq);
    else if (isReturn || this.#trace.edges.kind[edge] === RETURN) this.#leave(edge, seq);
  }

  #open(edge: number, seq: number): void {
    this.#openEdge.push(edge);
    this.#openSeq.push(seq);
    const called = this.#called[this.#openEdge.length];
    if (called !== undefined) called.length = 0;
  }

  /** Which of the open frames an edge ends; -1 for none of them. */
  #frameLeftBy(edge: number, event: number): number {
    const top = this.#openEdge.length - 1;
    const lowest = Math.max(this.#enteredCount, top - RETURN_LOOK_MAX);
    for (let at = top; at >= lowest; at--) {
      if (this.#tables.isBack(this.#openEdge.at(at), edge)) return at;
    }
    // A handler may make control go on elsewhere than where it was interrupted.
    const opening = OPENED_BY[event];
    if (opening !== undefined) {
      for (let at = top; at >= lowest; at--) {
        if (this.#tables.event(this.#openEdge.at(at)) === opening) return at;
      }
      return -1;
    }
    // Behind a call that was made before the path began; or else into the weeds.
    const isReturn = this.#trace.edges.kind[edge] === RETURN;
    return !isReturn || this.#tables.arrivesBehindCall(edge) ? -1 : top;
  }

  #close(frame: number, seq: number): void {
    const edge = this.#openEdge.at(frame);
    const seqCalled = this.#openSeq.at(frame);
    this.#openEdge.length = frame;
    this.#openSeq.length = frame;
    const called = this.#calledAt(frame);
    if (called === null) return;
    const { target } = this.#trace.edges;
    const isSame = (one: Called): boolean =>
      one.edge !== NO_ROW && target[one.edge] === target[edge];
    const last = called.length > CALLED_MAX ? called.at(-1) : undefined;
    const known = called.find(isSame) ?? last;
    const transfers = seq - seqCalled + 1;
    if (known === undefined) called.push({ seq: seqCalled, edge, times: 1, transfers });
    else {
      known.times++;
      known.transfers += transfers;
    }
  }

  /** The outermost frame is left, if the stacks say that it was. */
  #leave(edge: number, seq: number): void {
    if (this.#enteredCount > 0 || this.#leftCount >= this.#leftTotal) return;
    if (this.#openEdge.length > 0) this.#close(0, seq - 1);
    this.#tellLeft({ called: this.#called[0] ?? [], seq, edge, frames: 1 });
  }

  /** Frames that were left, nobody knows when: unwound, or in a gap. */
  #leaveRest(seq: number): void {
    const frames = this.#leftTotal - this.#leftCount;
    if (frames <= 0) return;
    this.#tellLeft({ called: this.#called[0] ?? [], seq, edge: NO_ROW, frames });
  }

  #tellLeft(left: LeftFrame): void {
    this.#called[0] = [];
    this.#leftCount += left.frames;
    if (this.#leftFirst.length < FRAMES_TOLD_MAX) this.#leftFirst.push(left);
    else {
      this.#leftLast.push(left);
      if (this.#leftLast.length > FRAMES_TOLD_MAX) this.#leftLast.shift();
    }
  }

  /** What is told of the calls of the frame at a depth; null where nothing is. */
  #calledAt(depth: number): Called[] | null {
    if (depth > DEPTH_TOLD_MAX) return null;
    while (this.#called.length <= depth) this.#called.push([]);
    return this.#called[depth] ?? null;
  }

  /** The path as far as it was gone through, oldest first. */
  rows(): CallPathRow[] {
    const rows = this.#leftRows();
    rows.push(...(this.#called[0] ?? []).map((one) => callRow(one, 0)));
    if (this.#isSwitch) {
      const seq = this.#entered.seq[0] ?? this.toSeq;
      rows.push({ what: 'switch', seq, edge: NO_ROW, times: 1, transfers: 0, depth: 0 });
    }
    const entered = this.#enteredCount;
    const isTold = (at: number): boolean => at < FRAMES_TOLD_MAX || at >= entered - FRAMES_TOLD_MAX;
    for (let at = 0; at < entered; at++) {
      const seq = this.#openSeq.at(at);
      if (!isTold(at)) {
        rows.push(more(entered - 2 * FRAMES_TOLD_MAX, seq, at + 1));
        at = entered - FRAMES_TOLD_MAX - 1;
        continue;
      }
      const edge = this.#openEdge.at(at);
      rows.push({ what: 'enter', seq, edge, times: 1, transfers: 1, depth: at + 1 });
      rows.push(...(this.#called[at + 1] ?? []).map((one) => callRow(one, at + 1)));
    }
    return rows;
  }

  #leftRows(): CallPathRow[] {
    const rows: CallPathRow[] = [];
    let depth = this.#leftTotal;
    const add = ({ called, seq, edge, frames }: LeftFrame): void => {
      rows.push(...called.map((one) => callRow(one, depth)));
      depth -= frames;
      rows.push({ what: 'return', seq, edge, times: frames, transfers: 1, depth });
    };
    this.#leftFirst.forEach(add);
    const told = [...this.#leftFirst, ...this.#leftLast].reduce(
      (sum, { frames }) => sum + frames,
      0,
    );
    const out = this.#leftCount - told;
    if (out > 0) {
      rows.push(more(out, this.#leftLast[0]?.seq ?? 0, depth));
      depth -= out;
    }
    this.#leftLast.forEach(add);
    return rows;
  }
}

const more = (times: number, seq: number, depth: number): CallPathRow => {
  return { what: 'more', seq, edge: NO_ROW, times, transfers: 0, depth };
};

function callRow({ seq, edge, times, transfers }: Called, depth: number): CallPathRow {
  return { what: edge === NO_ROW ? 'gap' : 'call', seq, edge, times, transfers, depth };
}
