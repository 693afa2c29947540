/**
 * Checks of the streams: every hop legal, every edge taken as often as it says, instructions
 * counted as the recorder counted them. Pairs of edges repeat, so each is worked out once: a small
 * table of pairs is tried first, then a large one, and only then the code.
 */
import { CAUSES, NO_CODE, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { type Classifier, classifierAt, PASSES } from '../disassembly/classify.ts';
import type { HopResolver } from '../path/hops.ts';
import { PairTable } from '../path/pair-table.ts';
import { endHasRun, endMark } from '../path.ts';
import { type Findings, hex, reasonOf } from './findings.ts';
import { checkRows } from './totals.ts';

const PAIRS_MAX = 1 << 22;
/** In the table of pairs, for a hop that is not legal. Counts of instructions are smaller. */
const UNREACHABLE = 0xffff_fffe;
const PASSING = 0xffff_fffd;
/** Pairs in the first, quick table: 1 MiB, to stay in the processor's cache. */
const RECENT_BITS = 16;
const recentSlot = (from: number, to: number): number =>
  ((Math.imul(from, 0x9e37_79b1) + Math.imul(to, 0x85eb_ca6b)) >>> (32 - RECENT_BITS)) << 2;

/** A count that cannot be known. */
const UNKNOWN = -1;

export interface StreamTotals {
  /** How often each edge was taken. */
  readonly taken: Float64Array;
  /** Instructions of all vCPUs, or -1 where some are unknown. */
  instructions: number;
}

export class HopCheck {
  readonly totals: StreamTotals;
  readonly #trace: Trace;
  readonly #resolver: HopResolver;
  readonly #classifier: Classifier | null;
  readonly #findings: Findings;
  readonly #pairs = new PairTable(PAIRS_MAX);
  /** Legal pairs met lately: first edge + 1, second edge, instructions between, unused. */
  readonly #recent = new Uint32Array(4 << RECENT_BITS);
  /** First instruction of each block that cannot be passed over; -1 not looked at yet. */
  readonly #barrier: Int32Array;
  #timeNs = 0n;

  constructor(
    trace: Trace,
    resolver: HopResolver,
    classifier: Classifier | null,
    findings: Findings,
  ) {
    this.#trace = trace;
    this.#resolver = resolver;
    this.#classifier = classifier;
    this.#findings = findings;
    const { count } = trace.edges;
    this.totals = { taken: new Float64Array(count), instructions: 0 };
    this.#barrier = new Int32Array(trace.blocks.count).fill(-1);
  }

  /** Goes over all transfers of one vCPU. */
  checkVcpu(vcpu: number): void {
    const { segments } = this.#trace;
    let known = NO_ROW;
    let knownSeq = -1;
    let instructions = UNKNOWN;
    let isWhole = true;
    for (const segment of this.#trace.segmentsOf(vcpu)) {
      const first = segments.firstSeq[segment] ?? 0;
      const edges = this.#read(segment);
      if (edges === null || edges.length === 0) {
        known = NO_ROW;
        instructions = UNKNOWN;
        isWhole = false;
        continue;
      }
      if (first !== knownSeq + 1) {
        isWhole = false;
        known = NO_ROW;
        instructions = UNKNOWN;
      }
      this.#timeNs = segments.timeLastNs[segment] ?? 0n;
      const before = this.#addHop(vcpu, first, known, edges[0] ?? 0, instructions);
      this.#compareInstructions(vcpu, segment, before);
      if (known === NO_ROW && first === 0) this.#checkFirst(vcpu, edges[0] ?? 0);
      // The recorder's count goes on from here, so that one mismatch is reported once.
      instructions = segments.instructionsBefore[segment] ?? 0;
      instructions = this.#checkSegment(vcpu, first, edges, instructions);
      known = edges[edges.length - 1] ?? 0;
      knownSeq = first + edges.length - 1;
    }
    const tail = known === NO_ROW ? UNKNOWN : this.#checkTail(vcpu, known, knownSeq, instructions);
    const isKnown = isWhole && instructions !== UNKNOWN && tail !== UNKNOWN;
    if (this.totals.instructions === UNKNOWN || !isKnown) this.totals.instructions = UNKNOWN;
    else this.totals.instructions += instructions + tail;
  }

  #read(segment: number): Uint32Array | null {
    try {
      const edges = this.#trace.readSegment(segment);
      checkRows(this.#trace, segment, edges.length, this.#findings);
      return edges;
    } catch (thrown) {
      this.#findings.add('segment-unreadable', () => `segment ${segment}: ${reasonOf(thrown)}`);
      return null;
    }
  }

  /** The hot loop. Returns the instructions that had run when the last transfer landed. */
  #checkSegment(vcpu: number, first: number, edges: Uint32Array, before: number): number {
    const recent = this.#recent;
    const { taken } = this.totals;
    const length = edges.length;
    let instructions = before;
    let isKnown = true;
    let previous = edges[0] ?? 0;
    for (let i = 1; i < length; i++) {
      const edge = edges[i] ?? 0;
      const slot = recentSlot(previous, edge);
      if (recent[slot] === previous + 1 && recent[slot + 1] === edge) {
        instructions += recent[slot + 2] ?? 0;
        taken[edge] = (taken[edge] ?? 0) + 1;
      } else {
        const after = this.#addHop(vcpu, first + i, previous, edge, instructions);
        if (after === UNKNOWN) isKnown = false;
        else instructions = after;
      }
      previous = edge;
    }
    return isKnown ? instructions : UNKNOWN;
  }

  /** One transfer that the fast way does not know; returns the instructions before it landed. */
  #addHop(vcpu: number, seq: number, from: number, to: number, before: number): number {
    const { taken } = this.totals;
    if (to >= taken.length) {
      this.#findings.add(
        'transfer-edge',
        () => `${vcpu}:${seq}: edge ${to}, there are ${taken.length} edges`,
        { vcpu, seq },
      );
      return UNKNOWN;
    }
    taken[to] = (taken[to] ?? 0) + 1;
    if (from >= taken.length) return UNKNOWN;
    if (CAUSES[this.#trace.edges.cause[to] ?? 0] === 'start') {
      const message = () => `${vcpu}:${seq}: edge ${to} is a start, expected only at seq 0`;
      this.#findings.add('transfer-start', message, { vcpu, seq });
      return UNKNOWN;
    }
    let count = this.#pairs.get(from, to);
    let isLasting = true;
    if (count < 0) {
      count = this.#resolve(vcpu, seq, from, to);
      isLasting = !this.#resolver.momentary;
      if (isLasting) this.#pairs.set(from, to, count);
    }
    if (count === UNREACHABLE || count === PASSING) {
      this.#report(count, vcpu, seq, from, to);
      return UNKNOWN;
    }
    // How many instructions a filter left out is not known.
    if (this.#isFiltered(to)) return UNKNOWN;
    if (isLasting) {
      const slot = recentSlot(from, to);
      this.#recent[slot] = from + 1;
      this.#recent[slot + 1] = to;
      this.#recent[slot + 2] = count;
    }
    return before === UNKNOWN ? UNKNOWN : before + count;
  }

  #isFiltered(edge: number): boolean {
    return CAUSES[this.#trace.edges.cause[edge] ?? NO_CODE] === 'filtered';
  }

  /** Instructions of a hop, or why it is not legal. */
  #resolve(vcpu: number, seq: number, from: number, to: number): number {
    const resolver = this.#resolver;
    const status = resolver.resolve(from, to, { vcpu, seq, timeNs: this.#timeNs });
    if (status !== 'reached') return UNREACHABLE;
    const passed = this.#passedOver(resolver.ends.retired[to] === 1);
    return passed === null ? resolver.instructionCount : PASSING;
  }

  /** What is wrong is worked out once more for the few findings that are kept. */
  #report(what: number, vcpu: number, seq: number, from: number, to: number): void {
    const resolver = this.#resolver;
    const code = what === PASSING ? 'hop-passes' : 'hop-unreachable';
    const message = (): string => {
      const { edges } = this.#trace;
      const status = resolver.resolve(from, to, { vcpu, seq, timeNs: this.#timeNs });
      const passed = this.#passedOver(resolver.ends.retired[to] === 1) ?? 0n;
      const why = {
        reached: `passes over the transfer at ${hex(passed)}`,
        'no-target-block': `edge ${from} has no target block`,
        missed: `the block at ${hex(resolver.stuckAt)} does not lead there`,
        'no-block': `no recorded block goes on at ${hex(resolver.stuckAt)}`,
      }[status];
      return (
        `${vcpu}:${seq}: from target ${hex(edges.target[from] ?? 0n)} of edge ${from} ` +
        `to source ${hex(edges.source[to] ?? 0n)} of edge ${to}: ${why}`
      );
    };
    this.#findings.add(code, message, { vcpu, seq });
  }

  /** Address of an instruction in the resolver's runs that never goes on to the next; or null. */
  #passedOver(isRetired: boolean): bigint | null {
    if (this.#classifier === null) return null;
    const resolver = this.#resolver;
    for (let run = 0; run < resolver.runCount; run++) {
      const block = resolver.runBlock[run] ?? 0;
      const first = resolver.runFirst[run] ?? 0;
      const length = resolver.runLength[run] ?? 0;
      // The source itself is a transfer, of course.
      const isLast = run === resolver.runCount - 1 && isRetired;
      const barrier = this.#barrierOf(block, this.#classifier);
      if (barrier < first || barrier >= first + length - (isLast ? 1 : 0)) continue;
      const { code } = resolver;
      const offset = code.offsetBytes[(code.firstRow[block] ?? 0) + barrier] ?? 0;
      return (this.#trace.blocks.pc[block] ?? 0n) + BigInt(offset);
    }
    return null;
  }

  /** First instruction of a block after which the next one never just runs. */
  #barrierOf(block: number, classifier: Classifier): number {
    const known = this.#barrier[block] ?? 0;
    if (known >= 0) return known;
    const sizes = this.#trace.blocks.instructionSizes(block);
    const own = classifierAt(classifier, this.#trace.blocks, block);
    const code = this.#trace.blocks.code(block);
    let at = 0;
    let barrier = own === null ? sizes.length : 0;
    for (; own !== null && barrier < sizes.length; barrier++) {
      const size = sizes[barrier] ?? 0;
      if ((own.flow(code, at, size) & PASSES) === 0) break;
      at += size;
    }
    this.#barrier[block] = barrier;
    return barrier;
  }

  #checkFirst(vcpu: number, edge: number): void {
    const cause = CAUSES[this.#trace.edges.cause[edge] ?? 0];
    if (cause === 'start' || edge >= this.totals.taken.length) return;
    const message = () => `${vcpu}:0: edge ${edge} has cause ${cause ?? 'null'}, expected start`;
    this.#findings.add('transfer-start', message, { vcpu, seq: 0 });
  }

  #compareInstructions(vcpu: number, segment: number, found: number): void {
    const { segments } = this.#trace;
    const seq = segments.firstSeq[segment] ?? 0;
    const counted = segments.instructionsBefore[segment] ?? 0;
    const expected = seq === 0 ? 0 : found;
    if (expected === UNKNOWN || expected === counted) return;
    this.#findings.add(
      'segment-instructions',
      () =>
        `segment ${segment} (${vcpu}:${seq}): the recorder counted ${counted} instructions ` +
        `before it, the path has ${expected}`,
      { vcpu, seq },
    );
  }

  #hasNoBlock(edge: number): boolean {
    return this.#trace.edges.targetBlock[edge] === NO_ROW;
  }

  /** Instructions after the last transfer, or UNKNOWN without an end mark. */
  #checkTail(vcpu: number, edge: number, seq: number, before: number): number {
    const mark = endMark(this.#trace, vcpu, seq + 1);
    if (mark < 0 || edge >= this.totals.taken.length) return UNKNOWN;
    const pc = this.#trace.marks.pc[mark] ?? 0n;
    const resolver = this.#resolver;
    const moment = { vcpu, seq: seq + 1, timeNs: 0xffff_ffff_ffff_ffffn };
    if (pc === this.#trace.edges.target[edge] && this.#hasNoBlock(edge)) {
      // A jump to where no code is: it was the last thing that happened.
      return this.#compareEnd(vcpu, seq, mark, before, 0);
    }
    const status = resolver.resolveTo(edge, pc, true, moment);
    const passed = status === 'reached' ? this.#passedOver(true) : null;
    if (status === 'reached' && passed === null) {
      const count = resolver.instructionCount;
      const isAll = before === UNKNOWN || endHasRun(this.#trace, mark, before + count);
      return this.#compareEnd(vcpu, seq, mark, before, isAll ? count : count - 1);
    }
    if (resolver.resolveTo(edge, pc, false, moment) === 'reached') {
      // Control ran to where no code is: the end is behind the last block, in none.
      const ran = resolver.instructionCount;
      if (this.#passedOver(false) === null) return this.#compareEnd(vcpu, seq, mark, before, ran);
    }
    const why = passed === null ? `no way past ${hex(resolver.stuckAt)}` : `passes ${hex(passed)}`;
    this.#findings.add(
      'end-unreachable',
      () =>
        `${vcpu}:${seq}: from target ${hex(this.#trace.edges.target[edge] ?? 0n)} ` +
        `of edge ${edge} to the end at ${hex(pc)}: ${why}`,
      { vcpu, seq },
    );
    return UNKNOWN;
  }

  /** The recorder's count at the end against that of the path; returns what ran after `seq`. */
  #compareEnd(vcpu: number, seq: number, mark: number, before: number, ran: number): number {
    const { marks, manifest } = this.#trace;
    // Where it ended may be outside of a filter, after instructions that are not in the path.
    if (before === UNKNOWN || manifest.filter !== undefined) return UNKNOWN;
    const counted = Number(marks.number[mark] ?? 0n);
    if (marks.hasNumber[mark] !== 1 || counted === before + ran) return ran;
    this.#findings.add(
      'end-instructions',
      () =>
        `${vcpu}:${seq}: the recorder counted ${counted} instructions at the end, ` +
        `the path has ${before + ran}`,
      { vcpu, seq },
    );
    return ran;
  }
}
