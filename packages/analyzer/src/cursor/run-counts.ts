/**
 * How often each instruction ran up to a place, by row of the code index. What is between the last
 * place that was asked for and the next one is added or taken away, so that a step costs little.
 */
import type { Moments } from './moments.ts';
import type { Found } from './search.ts';

export class RunCounts {
  readonly #moments: Moments;
  #counts: Float64Array | null = null;
  #vcpu = -1;
  /** Moments before this one are counted. */
  #seq = 0;

  constructor(moments: Moments) {
    this.#moments = moments;
  }

  /**
   * Times that each row ran before moment `seq`; null if more than `transfersMax` moments have
   * to be gone through for it. The array is this object's own: it changes with the next call.
   * @throws what reading throws; it begins anew then
   */
  before(vcpu: number, seq: number, transfersMax: number): Float64Array | null {
    const isOther = this.#counts === null || vcpu !== this.#vcpu;
    const from = isOther ? 0 : this.#seq;
    // From the beginning may be nearer.
    const isAnew = isOther || seq < Math.abs(seq - from);
    const distance = isAnew ? seq : Math.abs(seq - from);
    if (distance > transfersMax) return null;
    const { path } = this.#moments;
    const counts =
      isAnew || this.#counts === null ? new Float64Array(path.code.rowCount) : this.#counts;
    const start = isAnew ? 0 : from;
    // Half-done counts are of no use to anybody.
    this.#counts = null;
    const by = seq >= start ? 1 : -1;
    path.visitRuns(vcpu, Math.min(start, seq), Math.max(start, seq), (_block, row, length) => {
      for (let i = row; i < row + length; i++) counts[i] = (counts[i] ?? 0) + by;
      return false;
    });
    this.#counts = counts;
    this.#vcpu = vcpu;
    this.#seq = seq;
    return counts;
  }

  /** Times that a row ran up to and with a place, of what `before` gave for its moment. */
  at(counts: Float64Array, vcpu: number, { seq, index }: Found, row: number): number {
    const moment = this.#moments.at(vcpu, seq);
    let count = counts[row] ?? 0;
    if (moment === null) return count;
    let left = Math.min(index + 1, moment.count);
    for (let run = 0; run < moment.length.length && left > 0; run++) {
      const ran = Math.min(left, moment.length[run] ?? 0);
      const first = moment.firstRow[run] ?? 0;
      if (row >= first && row < first + ran) count++;
      left -= ran;
    }
    return count;
  }
}
