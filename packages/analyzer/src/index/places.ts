/** Segments in the order of an index: vCPU by vCPU, each by first seq. Their number is a place. */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';

export interface Places {
  /** Segment of each place. */
  readonly segment: Uint32Array;
  /** Place of each segment; NO_ROW for one without transfers, or overlapping another. */
  readonly place: Uint32Array;
  /** Of each place: 1 if the next place goes on where it ends, no transfer lost between. */
  readonly isContinued: Uint8Array;
}

export function placesOf(trace: Trace): Places {
  const { firstSeq, rows, count } = trace.segments;
  const list: number[] = [];
  const continued: number[] = [];
  for (const vcpu of trace.vcpus) {
    let end = 0;
    let isFirst = true;
    for (const segment of trace.segmentsOf(vcpu)) {
      const first = firstSeq[segment] ?? 0;
      const length = rows[segment] ?? 0;
      if (length === 0 || first < end) continue;
      if (!isFirst) continued[list.length - 1] = first === end ? 1 : 0;
      list.push(segment);
      continued.push(0);
      end = first + length;
      isFirst = false;
    }
  }
  const place = new Uint32Array(count).fill(NO_ROW);
  list.forEach((segment, i) => {
    place[segment] = i;
  });
  return { segment: Uint32Array.from(list), place, isContinued: Uint8Array.from(continued) };
}
