/** Which segment holds (vcpu, seq). */
import type { SegmentTable } from './trace.ts';

export class SegmentIndex {
  /** Sorted numbers of the vCPUs that have a segment. */
  readonly vcpus: readonly number[];
  private readonly table: SegmentTable;
  private readonly byVcpu = new Map<number, Uint32Array>();

  constructor(table: SegmentTable) {
    this.table = table;
    const lists = new Map<number, number[]>();
    for (let segment = 0; segment < table.count; segment++) {
      const vcpu = table.vcpu[segment] ?? 0;
      const list = lists.get(vcpu);
      if (list === undefined) lists.set(vcpu, [segment]);
      else list.push(segment);
    }
    const seq = (segment: number): number => table.firstSeq[segment] ?? 0;
    for (const [vcpu, list] of lists) {
      this.byVcpu.set(
        vcpu,
        Uint32Array.from(list).sort((a, b) => seq(a) - seq(b)),
      );
    }
    this.vcpus = [...lists.keys()].sort((a, b) => a - b);
  }

  /** In order of first_seq; empty for a vCPU without segments. */
  of(vcpu: number): Uint32Array {
    return this.byVcpu.get(vcpu) ?? new Uint32Array(0);
  }

  /** seq after the last transfer of a segment. */
  private end(segment: number): number {
    return (this.table.firstSeq[segment] ?? 0) + (this.table.rows[segment] ?? 0);
  }

  /** @returns -1 where no segment holds it. */
  at(vcpu: number, seq: number): number {
    const segments = this.of(vcpu);
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.table.firstSeq[segments[middle] ?? 0] ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    const segment = segments[low - 1];
    return segment !== undefined && seq < this.end(segment) ? segment : -1;
  }

  /** seq after the last transfer of a vCPU; 0 where it has none. */
  seqEnd(vcpu: number): number {
    const last = this.of(vcpu).at(-1);
    return last === undefined ? 0 : this.end(last);
  }
}
