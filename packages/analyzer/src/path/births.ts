/** When blocks were translated first, and which of them existed at a moment. */
import type { Trace } from '@backtrail/recorder/trace';

const NO_BLOCKS = new Uint32Array();

/** When a hop ended: which blocks existed then. */
export interface Moment {
  readonly vcpu: number;
  /** seq of the transfer that ended the hop. */
  readonly seq: number;
  /** Latest possible time of it, host clock, ns. */
  readonly timeNs: bigint;
}

export class Births {
  readonly #trace: Trace;
  /** One list for each vCPU: together as long as the table of blocks. */
  #byVcpu: Map<number, Uint32Array> | null = null;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Blocks born on a vCPU, in order; so their bornSeq rises. */
  on(vcpu: number): Uint32Array {
    if (this.#byVcpu === null) {
      const { bornVcpu } = this.#trace.blocks;
      const counts = new Map<number, number>();
      for (const other of bornVcpu) counts.set(other, (counts.get(other) ?? 0) + 1);
      this.#byVcpu = new Map();
      for (const [other, count] of counts) this.#byVcpu.set(other, new Uint32Array(count));
      // Filled from the back, so that the counts also say where the next one goes.
      for (let block = bornVcpu.length - 1; block >= 0; block--) {
        const other = bornVcpu[block] ?? 0;
        const place = (counts.get(other) ?? 1) - 1;
        counts.set(other, place);
        const list = this.#byVcpu.get(other);
        if (list !== undefined) list[place] = block;
      }
    }
    return this.#byVcpu.get(vcpu) ?? NO_BLOCKS;
  }

  /** Whether a block was there already. */
  existed(block: number, moment: Moment): boolean {
    const { bornVcpu, bornSeq } = this.#trace.blocks;
    const vcpu = bornVcpu[block] ?? 0;
    const seq = bornSeq[block] ?? 0;
    if (vcpu === moment.vcpu) return seq <= moment.seq;
    // Another vCPU's positions compare by the clock only, as finely as segments are stamped.
    return this.#earliestNs(vcpu, seq) <= moment.timeNs;
  }

  /** When a transfer was made at the earliest; one that is not in the trace, after those before. */
  #earliestNs(vcpu: number, seq: number): bigint {
    const { segments } = this.#trace;
    const segment = this.#trace.segmentAt(vcpu, seq);
    if (segment >= 0) return segments.timeFirstNs[segment] ?? 0n;
    const all = this.#trace.segmentsOf(vcpu);
    const before = all.findLast((other) => (segments.firstSeq[other] ?? 0) < seq);
    return before === undefined ? 0n : (segments.timeLastNs[before] ?? 0n);
  }
}
