/**
 * The executed path: every block and every instruction a vCPU ran, in order, rebuilt from its
 * transfers and the recorded code. Nothing but sequential execution lies between two transfers, so
 * no register and no memory is needed.
 *
 * Moment `seq` means here: after transfer `seq` landed, until the next one left. Instructions are
 * named by row numbers of a CodeIndex: `path.code.pcOf(row)` gives the address. A `rep` instruction
 * of x86 counts once, however often it ran over.
 */
import { BacktrailError, MARK_KINDS, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { CodeIndex } from './path/code-index.ts';
import { HopResolver, type HopStatus } from './path/hops.ts';
import { PairTable } from './path/pair-table.ts';

export { CodeIndex } from './path/code-index.ts';

export type Direction = 'forward' | 'backward';

/** Part of a block that ran: `length` instructions from row `firstRow`. Returns true to stop. */
export type RunVisitor = (block: number, firstRow: number, length: number, seq: number) => boolean;
/** One instruction that ran. Returns true to stop. */
export type RowVisitor = (row: number, seq: number) => boolean;

/** One block, or the part of it that ran. */
export interface PathRun {
  /** seq of the transfer after which it ran. */
  readonly seq: number;
  readonly block: number;
  /** Guest address of the first instruction that ran. */
  readonly pc: bigint;
  /** Row of that instruction in the code index. */
  readonly firstRow: number;
  /** Instructions that ran. */
  readonly length: number;
}

export interface PathInstruction {
  readonly seq: number;
  readonly block: number;
  /** Row in the code index. */
  readonly row: number;
  readonly pc: bigint;
}

/** The runs between two transfers that follow each other, oldest first, as columns. */
export interface HopRuns {
  readonly block: Uint32Array;
  readonly firstRow: Uint32Array;
  readonly length: Uint32Array;
  /** Whether these two edges have these runs at any moment: no code changed under them. */
  readonly isLasting: boolean;
}

/** Hops kept resolved, and runs of those; beyond either the cache starts anew. */
const HOPS_MAX = 1 << 20;
const RUNS_MAX = 1 << 22;

const TIME_NS_MAX = 0xffff_ffff_ffff_ffffn;

/** Why a hop has no runs, in words for a message. */
const WHY: Readonly<Record<Exclude<HopStatus, 'reached'>, string>> = {
  'no-target-block': 'found no block at the target, expected one',
  missed: 'found a source that sequential execution does not reach',
  'no-block': 'found no block to go on with, expected one',
};

/** Resolved hops, as runs in flat arrays. */
class RunStore {
  readonly #pairs = new PairTable(HOPS_MAX);
  #hopEnd = new Uint32Array(1024);
  #hopCount = 0;
  block = new Uint32Array(4096);
  firstRow = new Uint32Array(4096);
  length = new Uint32Array(4096);
  runCount = 0;

  get(from: number, to: number): number {
    return this.#pairs.get(from, to);
  }

  start(hop: number): number {
    return hop === 0 ? 0 : (this.#hopEnd[hop - 1] ?? 0);
  }

  end(hop: number): number {
    return this.#hopEnd[hop] ?? 0;
  }

  /** Keeps the runs of the resolver and returns their hop; a momentary one only for now. */
  add(from: number, to: number, resolver: HopResolver): number {
    if (this.#hopCount >= HOPS_MAX || this.runCount + resolver.runCount > RUNS_MAX) {
      this.#pairs.clear();
      this.#hopCount = 0;
      this.runCount = 0;
    }
    this.#reserve(resolver.runCount);
    for (let i = 0; i < resolver.runCount; i++) {
      const block = resolver.runBlock[i] ?? 0;
      this.block[this.runCount] = block;
      this.firstRow[this.runCount] =
        (resolver.code.firstRow[block] ?? 0) + (resolver.runFirst[i] ?? 0);
      this.length[this.runCount] = resolver.runLength[i] ?? 0;
      this.runCount++;
    }
    const hop = this.#hopCount++;
    this.#hopEnd[hop] = this.runCount;
    if (!resolver.momentary && to !== NO_ROW) this.#pairs.set(from, to, hop);
    return hop;
  }

  #reserve(runs: number): void {
    const grow = (old: Uint32Array<ArrayBuffer>, wanted: number): Uint32Array<ArrayBuffer> => {
      if (wanted <= old.length) return old;
      const grown = new Uint32Array(Math.max(wanted, old.length * 2));
      grown.set(old);
      return grown;
    };
    this.#hopEnd = grow(this.#hopEnd, this.#hopCount + 1);
    this.block = grow(this.block, this.runCount + runs);
    this.firstRow = grow(this.firstRow, this.runCount + runs);
    this.length = grow(this.length, this.runCount + runs);
  }
}

/** The path of one trace. Making it reads edges and blocks; transfers are read when asked for. */
export class ExecutedPath {
  readonly trace: Trace;
  readonly code: CodeIndex;
  readonly #resolver: HopResolver;
  readonly #runs = new RunStore();

  constructor(trace: Trace) {
    this.trace = trace;
    this.code = new CodeIndex(trace);
    this.#resolver = new HopResolver(trace, this.code);
  }

  /**
   * What ran from moment `fromSeq` to before moment `toSeq` of a vCPU, as runs. Moments that are
   * lost (in a gap, or past the end) are left out.
   * @throws BacktrailError E_PATH where transfers and code do not fit together.
   */
  visitRuns(
    vcpu: number,
    fromSeq: number,
    toSeq: number,
    visit: RunVisitor,
    direction: Direction = 'forward',
  ): void {
    this.#visitHops(vcpu, fromSeq, toSeq, direction, (hop, seq) => {
      const runs = this.#runs;
      const start = runs.start(hop);
      const end = runs.end(hop);
      for (let i = 0; i < end - start; i++) {
        const run = direction === 'forward' ? start + i : end - 1 - i;
        const first = runs.firstRow[run] ?? 0;
        if (visit(runs.block[run] ?? 0, first, runs.length[run] ?? 0, seq)) return true;
      }
      return false;
    });
  }

  /** As visitRuns, each instruction by itself. */
  visitInstructions(
    vcpu: number,
    fromSeq: number,
    toSeq: number,
    visit: RowVisitor,
    direction: Direction = 'forward',
  ): void {
    const forward: RunVisitor = (_block, firstRow, length, seq) => {
      const end = firstRow + length;
      for (let row = firstRow; row < end; row++) if (visit(row, seq)) return true;
      return false;
    };
    const backward: RunVisitor = (_block, firstRow, length, seq) => {
      for (let row = firstRow + length - 1; row >= firstRow; row--) {
        if (visit(row, seq)) return true;
      }
      return false;
    };
    this.visitRuns(vcpu, fromSeq, toSeq, direction === 'forward' ? forward : backward, direction);
  }

  /** The runs of one moment, oldest first; empty if it is lost. @throws BacktrailError E_PATH */
  runsAt(vcpu: number, seq: number): PathRun[] {
    const list: PathRun[] = [];
    this.visitRuns(vcpu, seq, seq + 1, (block, firstRow, length) => {
      list.push({ seq, block, pc: this.code.pcOf(firstRow), firstRow, length });
      return false;
    });
    return list;
  }

  /**
   * What runsAt() finds, for a reader that has transfer `seq` and the next one at hand: two edges.
   * @throws BacktrailError E_PATH
   */
  runsBetween(vcpu: number, seq: number, from: number, to: number): HopRuns {
    const segment = this.trace.segmentAt(vcpu, seq + 1);
    const hop = this.#hop(vcpu, seq, from, to, segment);
    const runs = this.#runs;
    const part = (column: Uint32Array): Uint32Array => column.slice(runs.start(hop), runs.end(hop));
    return {
      block: part(runs.block),
      firstRow: part(runs.firstRow),
      length: part(runs.length),
      isLasting: runs.get(from, to) === hop,
    };
  }

  /**
   * Goes over the transfers of the segments in question with one step of overlap, because a hop
   * needs the transfer that began it and the one that ended it.
   */
  #visitHops(
    vcpu: number,
    fromSeq: number,
    toSeq: number,
    direction: Direction,
    visit: (hop: number, seq: number) => boolean,
  ): void {
    const { trace } = this;
    const step = direction === 'forward' ? 1 : -1;
    const segments = trace.segmentsOf(vcpu);
    let known = NO_ROW;
    let knownSeq = Number.NaN;
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[step === 1 ? i : segments.length - 1 - i] ?? 0;
      const first = trace.segments.firstSeq[segment] ?? 0;
      const rows = trace.segments.rows[segment] ?? 0;
      const low = Math.max(fromSeq, first);
      // One past toSeq, so as to see the transfer that ended the last hop.
      const high = Math.min(toSeq + 1, first + rows);
      if (low >= high) continue;
      const edges = trace.readSegment(segment);
      const end = step === 1 ? high : low - 1;
      for (let seq = step === 1 ? low : high - 1; seq !== end; seq += step) {
        const edge = edges[seq - first] ?? 0;
        let hop = -1;
        let at = seq;
        if (step === 1) {
          if (known !== NO_ROW) {
            at = knownSeq;
            hop =
              seq === knownSeq + 1
                ? this.#hop(vcpu, at, known, edge, segment)
                : this.#lastHop(vcpu, at, known);
          }
        } else if (seq < toSeq) {
          hop =
            seq === knownSeq - 1
              ? this.#hop(vcpu, seq, edge, known, segment)
              : this.#lastHop(vcpu, seq, edge);
        }
        if (hop >= 0 && visit(hop, at)) return;
        known = edge;
        knownSeq = seq;
      }
    }
    if (step === 1 && known !== NO_ROW && knownSeq < toSeq) {
      visit(this.#lastHop(vcpu, knownSeq, known), knownSeq);
    }
  }

  /** The hop between two transfers that follow each other. */
  #hop(vcpu: number, seq: number, from: number, to: number, segment: number): number {
    const kept = this.#runs.get(from, to);
    if (kept >= 0) return kept;
    const timeNs = this.trace.segments.timeLastNs[segment] ?? 0n;
    const status = this.#resolver.resolve(from, to, { vcpu, seq: seq + 1, timeNs });
    if (status !== 'reached') throw this.#error(vcpu, seq, to, status);
    return this.#runs.add(from, to, this.#resolver);
  }

  /** What ran after a transfer that no other is known to follow. */
  #lastHop(vcpu: number, seq: number, from: number): number {
    const { marks } = this.trace;
    const resolver = this.#resolver;
    const mark = endMark(this.trace, vcpu, seq + 1);
    if (mark < 0) {
      resolver.resolveArrival(from);
      return this.#runs.add(from, NO_ROW, resolver);
    }
    const pc = marks.pc[mark] ?? 0n;
    // Counting goes through the whole segment: only for a mark that has a count to compare.
    const isCounted = marks.hasNumber[mark] === 1;
    const before = isCounted ? this.#instructionsBefore(vcpu, seq) : Number.NaN;
    const moment = { vcpu, seq: seq + 1, timeNs: TIME_NS_MAX };
    if (resolver.resolveTo(from, pc, true, moment) === 'reached') {
      if (!endHasRun(this.trace, mark, before + resolver.instructionCount)) {
        resolver.resolveTo(from, pc, false, moment);
      }
      // Else control may have run to where no code is: then the end is in no block.
    } else if (resolver.resolveTo(from, pc, false, moment) !== 'reached') {
      resolver.resolveArrival(from);
    }
    return this.#runs.add(from, NO_ROW, resolver);
  }

  /** Instructions that had run when a transfer landed; NaN if that transfer is lost. */
  #instructionsBefore(vcpu: number, seq: number): number {
    const { segments } = this.trace;
    const segment = this.trace.segmentAt(vcpu, seq);
    if (segment < 0) return Number.NaN;
    const first = segments.firstSeq[segment] ?? 0;
    const edges = this.trace.readSegment(segment);
    let sum = segments.instructionsBefore[segment] ?? 0;
    for (let i = 1; i <= seq - first; i++) {
      const hop = this.#hop(vcpu, first + i - 1, edges[i - 1] ?? 0, edges[i] ?? 0, segment);
      const end = this.#runs.end(hop);
      for (let run = this.#runs.start(hop); run < end; run++) sum += this.#runs.length[run] ?? 0;
    }
    return sum;
  }

  #error(
    vcpu: number,
    seq: number,
    to: number,
    status: Exclude<HopStatus, 'reached'>,
  ): BacktrailError {
    const stuck = this.#resolver.stuckAt.toString(16);
    const source = (this.trace.edges.source[to] ?? 0n).toString(16);
    return new BacktrailError(
      'E_PATH',
      `${this.trace.directory}: vCPU ${vcpu}, after transfer ${seq}: ${WHY[status]} ` +
        `(at 0x${stuck}, next source 0x${source}). Run: backtrail check`,
    );
  }
}

/**
 * Row of the `end` mark of a vCPU, which tells where it was last; -1 if it has none, or if
 * transfers are missing between `seqEnd` and the mark.
 */
export function endMark(trace: Trace, vcpu: number, seqEnd: number): number {
  const { marks } = trace;
  const end = MARK_KINDS.indexOf('end');
  for (let mark = marks.count - 1; mark >= 0; mark--) {
    if (marks.kind[mark] !== end || marks.vcpu[mark] !== vcpu) continue;
    return marks.hasPc[mark] === 1 && marks.seq[mark] === seqEnd ? mark : -1;
  }
  return -1;
}

/** Address in the `end` mark of a vCPU: the last instruction it is known to have met; or null. */
export function endPc(trace: Trace, vcpu: number, seqEnd: number): bigint | null {
  const mark = endMark(trace, vcpu, seqEnd);
  return mark < 0 ? null : (trace.marks.pc[mark] ?? null);
}

/**
 * Whether the instruction at the `end` mark has run. Of a vCPU that was killed only the block is
 * known in which it was; then the mark counts one instruction less than the path through it.
 * @param counted instructions of the path, that one included; NaN where not known.
 */
export function endHasRun(trace: Trace, mark: number, counted: number): boolean {
  const { marks } = trace;
  return marks.hasNumber[mark] !== 1 || Number(marks.number[mark] ?? 0n) !== counted - 1;
}

/** The blocks that ran, one by one; for tests and for short stretches. */
export function* blockPath(
  path: ExecutedPath,
  vcpu: number,
  fromSeq: number,
  toSeq: number,
  direction: Direction = 'forward',
): Generator<PathRun> {
  const count = Math.max(0, toSeq - fromSeq);
  for (let i = 0; i < count; i++) {
    const seq = direction === 'forward' ? fromSeq + i : toSeq - 1 - i;
    const runs = path.runsAt(vcpu, seq);
    yield* direction === 'forward' ? runs : runs.reverse();
  }
}

/** The instructions that ran, one by one; for tests and for short stretches. */
export function* instructionPath(
  path: ExecutedPath,
  vcpu: number,
  fromSeq: number,
  toSeq: number,
  direction: Direction = 'forward',
): Generator<PathInstruction> {
  for (const run of blockPath(path, vcpu, fromSeq, toSeq, direction)) {
    for (let i = 0; i < run.length; i++) {
      const row = run.firstRow + (direction === 'forward' ? i : run.length - 1 - i);
      yield { seq: run.seq, block: run.block, row, pc: path.code.pcOf(row) };
    }
  }
}
