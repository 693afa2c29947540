/**
 * One vCPU's stack over the whole run: summaries of its segments go in, in order; saved moments and
 * what was out of the ordinary come out. The result is a list of words that can be kept:
 *
 *   version | edges of the trace | segments done | words of saved frames | words of saved moments |
 *   for each oddity: count low | count high | number kept at first | at last |
 *   then those kept: edge | seq low | seq high | … | saved frames | saved moments
 */
import type { Trace } from '@backtrail/recorder/trace';
import { StackMachine } from './machine.ts';
import { ODDITIES, type Oddity } from './oddities.ts';
import { SavedStacks, Words } from './saved-stacks.ts';
import type { StackTables } from './tables.ts';

/** Raised when rules or words change: what was kept before is of no use then. */
export const STACK_RUN_VERSION = 2;
/** Between saved moments; to replay as many takes some 20 ms. */
const SAVE_TRANSFERS = 1 << 21;
const KEPT_MAX = 16;
const HEAD_WORDS = 5;
const KEPT_WORDS = 3;

/** One that was out of the ordinary. */
export interface OddTransfer {
  readonly seq: number;
  readonly edge: number;
}

export interface OddTransfers {
  readonly count: number;
  /** The first ones, oldest first; up to 16. */
  readonly first: readonly OddTransfer[];
  /** The last ones, oldest first, without those in `first`; up to 16. */
  readonly last: readonly OddTransfer[];
}

class OddityLog {
  count = 0;
  readonly first: OddTransfer[] = [];
  readonly last: OddTransfer[] = [];

  add(edge: number, seq: number): void {
    this.count++;
    if (this.first.length < KEPT_MAX) this.first.push({ seq, edge });
    else {
      this.last.push({ seq, edge });
      if (this.last.length > KEPT_MAX) this.last.shift();
    }
  }
}

export class StackRun {
  readonly #trace: Trace;
  readonly #vcpu: number;
  readonly #saveTransfers: number;
  readonly #segments: Uint32Array;
  readonly #machine: StackMachine;
  readonly #logs = new Map<Oddity, OddityLog>(ODDITIES.map((oddity) => [oddity, new OddityLog()]));
  #saved = new SavedStacks();
  #savedSeq = -1;
  /** Segments of the vCPU that went in. */
  segmentsDone = 0;
  /** seq after the last transfer that went in. */
  seqEnd = 0;

  /** @param saveTransfers transfers between saved moments. */
  constructor(tables: StackTables, vcpu: number, saveTransfers = SAVE_TRANSFERS) {
    this.#trace = tables.trace;
    this.#vcpu = vcpu;
    this.#saveTransfers = saveTransfers;
    this.#segments = tables.trace.segmentsOf(vcpu);
    this.#machine = new StackMachine(tables, (oddity, edge, seq) => {
      this.#logs.get(oddity)?.add(edge, seq);
    });
  }

  /** The segment that is to go in next, or -1 after the last one. */
  get nextSegment(): number {
    return this.#segments[this.segmentsDone] ?? -1;
  }

  /** @param summary of `nextSegment`; null if that cannot be read. */
  add(summary: Uint32Array | null): void {
    const { firstSeq, rows } = this.#trace.segments;
    const first = firstSeq[this.nextSegment] ?? 0;
    this.segmentsDone++;
    if (summary === null) return;
    if (first !== this.seqEnd || this.#machine.current.depth === 0) this.#machine.lose(first);
    if (first - this.#savedSeq >= this.#saveTransfers || this.#savedSeq < 0) {
      this.#saved.save(this.#machine, first);
      this.#savedSeq = first;
    }
    this.#machine.apply(summary, first);
    this.seqEnd = first + (rows[this.#segments[this.segmentsDone - 1] ?? 0] ?? 0);
  }

  odd(oddity: Oddity): OddTransfers {
    return this.#logs.get(oddity) ?? new OddityLog();
  }

  /** Brings a machine to a saved moment; returns the seq that is next there, or -1. */
  restore(machine: StackMachine, seq: number): number {
    return this.#saved.restore(machine, seq);
  }

  #isThere({ edge, seq }: OddTransfer): boolean {
    const { edges } = this.#trace;
    return edge < edges.count && seq > 0 && this.#trace.segmentAt(this.#vcpu, seq) >= 0;
  }

  toWords(): Uint32Array {
    const { frameWords, momentWords } = this.#saved;
    const words = new Words(new Uint32Array());
    words.add(STACK_RUN_VERSION, this.#trace.edges.count, this.segmentsDone);
    words.add(frameWords.length, momentWords.length);
    for (const log of this.#logs.values()) {
      words.addSeq(log.count);
      words.add(log.first.length, log.last.length);
      for (const { edge, seq } of [...log.first, ...log.last]) {
        words.add(edge);
        words.addSeq(seq);
      }
    }
    const whole = new Uint32Array(words.count + frameWords.length + momentWords.length);
    whole.set(words.view);
    whole.set(frameWords, words.count);
    whole.set(momentWords, words.count + frameWords.length);
    return whole;
  }

  /** Takes over what toWords() made of all segments of the vCPU; false if it does not fit. */
  takeWords(list: Uint32Array): boolean {
    const words = new Words(list);
    const isOurs =
      words.at(0) === STACK_RUN_VERSION &&
      words.at(1) === this.#trace.edges.count &&
      words.at(2) === this.#segments.length;
    if (!isOurs) return false;
    const logs: { log: OddityLog; count: number; kept: OddTransfer[]; first: number }[] = [];
    let at = HEAD_WORDS;
    for (const oddity of ODDITIES) {
      const [first, last] = [words.at(at + 2), words.at(at + 3)];
      if (first > KEPT_MAX || last > KEPT_MAX) return false;
      const kept: OddTransfer[] = [];
      for (let i = 0; i < first + last; i++) {
        const entry = at + 4 + i * KEPT_WORDS;
        const one = { edge: words.at(entry), seq: words.seqAt(entry + 1) };
        // One that is not in the trace was not written by us.
        if (!this.#isThere(one)) return false;
        kept.push(one);
      }
      const log = this.#logs.get(oddity) ?? new OddityLog();
      logs.push({ log, count: words.seqAt(at), kept, first });
      at += 4 + kept.length * KEPT_WORDS;
    }
    const framesEnd = at + words.at(3);
    if (framesEnd + words.at(4) !== words.count) return false;
    for (const { log, count, kept, first } of logs) {
      log.count = count;
      log.first.push(...kept.slice(0, first));
      log.last.push(...kept.slice(first));
    }
    const moments = new Words(list.subarray(framesEnd));
    this.#saved = new SavedStacks(new Words(list.subarray(at, framesEnd)), moments);
    this.segmentsDone = this.#segments.length;
    return true;
  }
}
