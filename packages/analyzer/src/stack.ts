/**
 * The call stack at any past moment, from calls and returns alone: no register and no memory is
 * needed, so it survives whatever happened to the stack's memory. docs/stack.md has the rules, and
 * says what is exact and what is inferred.
 *
 * Moment `seq` means here, as for a path: after transfer `seq` landed, until the next one left.
 */
import {
  BacktrailError,
  CAUSES,
  KINDS,
  type Kind,
  NO_CODE,
  NO_ROW,
  type Trace,
} from '@backtrail/recorder/trace';
import { endPc } from './path.ts';
import { type FrameStack, MOVED, OPENED } from './stack/frames.ts';
import { StackMachine } from './stack/machine.ts';
import { NearStacks } from './stack/near-stacks.ts';
import type { Oddity } from './stack/oddities.ts';
import { type OddTransfers, StackRun } from './stack/run.ts';
import { isSummary, Summarizer } from './stack/summary.ts';
import { NO_ADDRESS, StackTables } from './stack/tables.ts';

export { ODDITIES, type Oddity } from './stack/oddities.ts';
export type { OddTransfer, OddTransfers } from './stack/run.ts';

/** How a frame was entered. */
export type FrameEntry =
  | 'call'
  | 'indirect-call'
  | 'exception'
  | 'syscall'
  | 'interrupt'
  | 'signal'
  /** By a transfer whose cause is not known to a function's start: most likely a signal. */
  | 'other'
  /** The first instruction of the vCPU. */
  | 'start'
  /** Control came to a stack that was not seen before: a coroutine, a task, a program. */
  | 'switch'
  /** Before anything is known. */
  | 'unknown';

/**
 * How control came into the function that a frame is in now, where that is not the one that was
 * entered. `tail-jump`: a jump to another function. `broken-return`: a return that did not go back
 * to its caller. `restorer`: a signal handler returned to the code that ends the signal.
 * `return`: a frame whose caller is not known returned. `redirect`: a signal or trap handler made
 * control go on elsewhere.
 */
export type FrameMove = 'tail-jump' | 'broken-return' | 'restorer' | 'return' | 'redirect';

export interface Frame {
  /** 0 is the innermost. */
  readonly level: number;
  /**
   * Where control is in it: of the innermost frame the instruction that is next, of others the
   * call, or the instruction that was interrupted.
   */
  readonly pc: bigint;
  readonly entered: FrameEntry;
  /** Of the transfer that entered it; of `unknown` where what is known begins. */
  readonly seq: number;
  /** Address at which it was entered; null for `unknown`. */
  readonly entry: bigint | null;
  /** Address of the call, or of what was interrupted; null where there is none. */
  readonly callSite: bigint | null;
  /** Where its return is to go; null where nobody called. */
  readonly returnAddress: bigint | null;
  /** Null: control is in the function that was entered. */
  readonly moved: {
    readonly how: FrameMove;
    readonly seq: number;
    readonly source: bigint;
    readonly target: bigint;
  } | null;
}

export interface CallStack {
  readonly vcpu: number;
  readonly seq: number;
  /** Number of open frames. */
  readonly depth: number;
  /** Innermost first; some in the middle are left out if there are more than was asked for. */
  readonly frames: readonly Frame[];
  /** Frames left out, between the last `framesOuter` of `frames` and those before. */
  readonly omitted: number;
  /** Whether the outermost frame is where the vCPU, or this stack, began. */
  readonly isBottomKnown: boolean;
  /** Other stacks of the vCPU that wait to be gone on with: coroutines, tasks. */
  readonly parked: number;
}

/** A return that went where no open frame was called from. */
export interface BrokenReturn {
  readonly seq: number;
  readonly source: bigint;
  /** Where it went. */
  readonly target: bigint;
  /** Where it should have gone; null where that is not known. */
  readonly expected: bigint | null;
  /** Where the frame that was left had been called, and when. */
  readonly callSite: bigint | null;
  readonly calledSeq: number;
}

export interface BrokenReturns {
  readonly count: number;
  readonly first: readonly BrokenReturn[];
  readonly last: readonly BrokenReturn[];
}

export interface StackAtOptions {
  /** Where control is at the moment; the target of the transfer if left out, or the end's pc. */
  readonly pc?: bigint;
  /** Frames wanted at most, at least 2; 256 if left out. A quarter of them, up to 16, are outer. */
  readonly framesMax?: number;
}

export interface CallStacksOptions {
  /** What `words` said of a vCPU before, as `kept` of an index does; null if nothing did. */
  readonly load?: (vcpu: number) => Uint32Array | null;
  /** Summary of a segment, where it is at hand; null if it is not. */
  readonly summary?: (segment: number) => Uint32Array | null;
  /** Transfers between moments that are kept, to go on from; 2,097,152 if left out. */
  readonly saveTransfers?: number;
  /** Is told how many transfers of the vCPU were gone through, now and then. */
  readonly progress?: (done: number, total: number) => void;
}

/** Of each frame, outermost first. */
export interface OpenFrameList {
  readonly seq: Float64Array;
  /** NO_ROW where none opened it. */
  readonly edge: Uint32Array;
}

const FRAMES_MAX = 256;
const OUTER_MAX = 16;

const MOVES: Readonly<Record<number, FrameMove>> = {
  [MOVED.jump]: 'tail-jump',
  [MOVED.broken]: 'broken-return',
  [MOVED.restorer]: 'restorer',
  [MOVED.beyond]: 'return',
  [MOVED.redirected]: 'redirect',
};

export class CallStacks {
  readonly trace: Trace;
  readonly #tables: StackTables;
  readonly #summarizer: Summarizer;
  readonly #runs = new Map<number, StackRun>();
  readonly #near = new NearStacks();
  readonly #options: CallStacksOptions;

  constructor(trace: Trace, options: CallStacksOptions = {}) {
    this.trace = trace;
    this.#options = options;
    this.#tables = new StackTables(trace);
    this.#summarizer = new Summarizer(this.#tables);
  }

  /** @throws BacktrailError E_SEQ where that transfer is not in the trace. */
  at(vcpu: number, seq: number, options: StackAtOptions = {}): CallStack {
    const stack = this.#machineAt(vcpu, seq);
    const { current, parked } = stack;
    const places = this.#places(current);
    const { length: depth } = places;
    const wanted = Math.max(2, options.framesMax ?? FRAMES_MAX);
    const outer = depth <= wanted ? 0 : Math.min(OUTER_MAX, wanted >>> 2) || 1;
    const inner = depth <= wanted ? depth : wanted - outer;
    const pc = options.pc ?? this.#pcAt(vcpu, seq);
    const frames: Frame[] = [];
    for (let level = 0; level < inner; level++)
      frames.push(this.#frame(current, places, level, pc));
    for (let level = depth - outer; level < depth; level++) {
      frames.push(this.#frame(current, places, level, pc));
    }
    return {
      vcpu,
      seq,
      depth,
      frames,
      omitted: depth - frames.length,
      isBottomKnown: current.isBottomKnown,
      parked: parked.list.length,
    };
  }

  /**
   * The stack itself at a moment, for a reader that goes on from there transfer by transfer.
   * @throws BacktrailError E_SEQ where that transfer is not in the trace.
   */
  machineAt(vcpu: number, seq: number): StackMachine {
    return this.#machineAt(vcpu, seq);
  }

  /**
   * Frames that are open at a moment, outermost first: seq and edge of what opened each.
   * @throws BacktrailError E_SEQ where that transfer is not in the trace.
   */
  openAt(vcpu: number, seq: number): OpenFrameList {
    const { current } = this.#machineAt(vcpu, seq);
    const places = this.#places(current).reverse();
    return {
      seq: Float64Array.from(places, (place) => current.seq[place] ?? 0),
      edge: Uint32Array.from(places, (place) => current.edge[place] ?? NO_ROW),
    };
  }

  /** Returns of the whole run that went where no open frame was called from. */
  brokenReturns(vcpu: number): BrokenReturns {
    const { count, first, last } = this.odd(vcpu, 'broken');
    const tell = ({ seq, edge }: { seq: number; edge: number }) => this.#broken(vcpu, seq, edge);
    return { count, first: first.map(tell), last: last.map(tell) };
  }

  /** What is to be given to `load` another time. Goes through the whole run. */
  words(vcpu: number): Uint32Array {
    return this.#runTo(vcpu, Number.POSITIVE_INFINITY).toWords();
  }

  /** What was out of the ordinary in the whole run of a vCPU. */
  odd(vcpu: number, oddity: Oddity): OddTransfers {
    return this.#runTo(vcpu, Number.POSITIVE_INFINITY).odd(oddity);
  }

  #broken(vcpu: number, seq: number, edge: number): BrokenReturn {
    const { edges } = this.trace;
    const { current } = this.#machineAt(vcpu, seq - 1);
    const left = this.#frame(current, this.#places(current), 0, 0n);
    return {
      seq,
      source: edges.source[edge] ?? 0n,
      target: edges.target[edge] ?? 0n,
      expected: left.returnAddress,
      callSite: left.callSite,
      calledSeq: left.seq,
    };
  }

  /** The run of a vCPU, up to the segment that holds `seq` at least. */
  #runTo(vcpu: number, seq: number): StackRun {
    const known = this.#runs.get(vcpu);
    const run = known ?? new StackRun(this.#tables, vcpu, this.#options.saveTransfers);
    if (known === undefined) {
      this.#runs.set(vcpu, run);
      const words = this.#options.load?.(vcpu) ?? null;
      if (words !== null) run.takeWords(words);
    }
    const { firstSeq } = this.trace.segments;
    const total = this.trace.seqEnd(vcpu);
    for (let segment = run.nextSegment; segment >= 0; segment = run.nextSegment) {
      if ((firstSeq[segment] ?? 0) > seq) break;
      run.add(this.#summary(segment));
      this.#options.progress?.(run.seqEnd, total);
    }
    return run;
  }

  /** Null for a segment whose bytes are damaged: its transfers are lost. */
  #summary(segment: number): Uint32Array | null {
    const { edges: table, segments } = this.trace;
    const known = this.#options.summary?.(segment) ?? null;
    if (known !== null && isSummary(known, segments.rows[segment] ?? 0, table.count)) return known;
    const edges = this.#read(segment);
    return edges === null ? null : this.#summarizer.summarize(edges);
  }

  #read(segment: number): Uint32Array | null {
    try {
      return this.trace.readSegment(segment);
    } catch (error) {
      if (error instanceof BacktrailError && error.code === 'E_TRACE_DAMAGED') return null;
      throw error;
    }
  }

  #machineAt(vcpu: number, seq: number): StackMachine {
    const { trace } = this;
    const { firstSeq, rows } = trace.segments;
    const last = trace.segmentAt(vcpu, seq);
    if (last < 0 || this.#read(last) === null) throw this.#noSuchMoment(vcpu, seq);
    const lastFirst = firstSeq[last] ?? 0;
    let machine = new StackMachine(this.#tables);
    let from = this.#near.restore(machine, vcpu, lastFirst);
    if (from < 0) {
      from = this.#runTo(vcpu, seq).restore(machine, seq);
      // Moments are kept between segments. One inside of this segment is spoilt, and of no use.
      if (from > lastFirst) {
        machine = new StackMachine(this.#tables);
        from = -1;
      }
      this.#near.begin(machine, vcpu);
    }
    let next = from;
    for (const segment of trace.segmentsOf(vcpu)) {
      const first = firstSeq[segment] ?? 0;
      if (first < from) continue;
      if (first !== next) machine.lose(first);
      this.#near.keep(machine, first);
      if (segment === last) {
        const edges = trace.readSegment(segment).subarray(0, seq - first + 1);
        machine.apply(this.#summarizer.summarize(edges), first);
        return machine;
      }
      const summary = this.#summary(segment);
      if (summary === null) continue;
      machine.apply(summary, first);
      next = first + (rows[segment] ?? 0);
    }
    throw this.#noSuchMoment(vcpu, seq);
  }

  #noSuchMoment(vcpu: number, seq: number): BacktrailError {
    return new BacktrailError(
      'E_SEQ',
      `${this.trace.directory}: found no transfer ${seq} of vCPU ${vcpu}, expected one from 0 to ` +
        `${this.trace.seqEnd(vcpu) - 1} that was not lost. Run: backtrail info`,
    );
  }

  #pcAt(vcpu: number, seq: number): bigint {
    const { trace } = this;
    const end = seq + 1 === trace.seqEnd(vcpu) ? endPc(trace, vcpu, seq + 1) : null;
    if (end !== null) return end;
    const segment = trace.segmentAt(vcpu, seq);
    const edge = trace.readSegment(segment)[seq - (trace.segments.firstSeq[segment] ?? 0)] ?? 0;
    return trace.edges.target[edge] ?? 0n;
  }

  /** Where frames lie in the stack, innermost first: without calls that only push an address. */
  #places(stack: FrameStack): Uint32Array {
    const places = new Uint32Array(stack.depth);
    let count = 0;
    for (let at = stack.depth - 1; at >= 0; at--) {
      const isTrick = stack.opened[at] === OPENED.edge && this.#tables.isTrick(stack.edge[at] ?? 0);
      if (!isTrick) places[count++] = at;
    }
    return places.subarray(0, count);
  }

  #frame(stack: FrameStack, places: Uint32Array, level: number, pc: bigint): Frame {
    const { edges } = this.trace;
    const at = places[level] ?? 0;
    const edge = stack.edge[at] ?? NO_ROW;
    const opened = stack.opened[at] ?? OPENED.unknown;
    const above = level === 0 ? NO_ROW : (stack.edge[places[level - 1] ?? 0] ?? NO_ROW);
    const isCalled = opened === OPENED.edge;
    return {
      level,
      pc: above === NO_ROW ? pc : (edges.source[above] ?? 0n),
      entered: isCalled ? this.#entry(edge) : (WAYS[opened] ?? 'unknown'),
      seq: stack.seq[at] ?? 0,
      entry: edge === NO_ROW ? null : (edges.target[edge] ?? 0n),
      callSite: edges.hasSource[edge] === 1 ? (edges.source[edge] ?? 0n) : null,
      returnAddress: isCalled ? this.#returnAddress(edge) : null,
      moved: this.#moved(stack, at, level === 0 ? stack.depth : (places[level - 1] ?? 0)),
    };
  }

  /** The last move of a frame; it may have been made while a trick was open above it. */
  #moved(stack: FrameStack, at: number, end: number): Frame['moved'] {
    const { edges } = this.trace;
    let last = at;
    for (let place = at + 1; place < end; place++) {
      if (stack.moved[place] !== MOVED.no) last = place;
    }
    const edge = stack.movedEdge[last] ?? NO_ROW;
    const how = MOVES[stack.moved[last] ?? MOVED.no];
    if (how === undefined || edge === NO_ROW) return null;
    const [source, target] = [edges.source[edge] ?? 0n, edges.target[edge] ?? 0n];
    return { how, seq: stack.movedSeq[last] ?? 0, source, target };
  }

  #returnAddress(edge: number): bigint | null {
    this.#tables.event(edge);
    const resume = this.#tables.resume[edge] ?? NO_ADDRESS;
    return resume === NO_ADDRESS ? null : resume;
  }

  #entry(edge: number): FrameEntry {
    const { edges } = this.trace;
    const kind: Kind | undefined = KINDS[edges.kind[edge] ?? NO_CODE];
    const cause = CAUSES[edges.cause[edge] ?? NO_CODE];
    if (kind === 'call' || kind === 'indirect-call' || kind === 'syscall') return kind;
    if (cause === 'exception' || cause === 'interrupt' || cause === 'signal') return cause;
    return 'other';
  }
}

const WAYS: Readonly<Record<number, FrameEntry>> = {
  [OPENED.start]: 'start',
  [OPENED.unknown]: 'unknown',
  [OPENED.fresh]: 'switch',
};
