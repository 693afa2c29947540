/** Which transfers of which vCPU `backtrail back` is about. */
import { lastVcpu } from '@backtrail/analyzer';
import { BacktrailError, type Trace } from '@backtrail/recorder/trace';

export interface BackOptions {
  /** Null: the one that ended last. */
  readonly vcpu: number | null;
  /** seq of the newest transfer wanted; null: the last one there is. */
  readonly from: number | null;
  readonly count: number;
  readonly disassembly: boolean;
  /** Whether to read the text of source lines. */
  readonly source: boolean;
}

/** Transfers whose counts are taken at once. */
const STRETCH_TRANSFERS = 4096;

/** Transfers `low` to `high` of a vCPU, all in one segment. */
interface Stretch {
  readonly low: number;
  readonly high: number;
}

/** What of a vCPU is to be shown. */
export interface Range {
  readonly vcpu: number;
  /** Newest first; what lies between two was lost. */
  readonly stretches: readonly Stretch[];
  /** Marks of later moments are not shown; Infinity if the end is. */
  readonly marksUpTo: number;
}

/** The vCPU that is asked for. @throws BacktrailError E_EMPTY, E_VCPU */
export function vcpuOf(trace: Trace, wanted: number | null): number {
  const { vcpus, directory } = trace;
  if (vcpus.length === 0) {
    throw new BacktrailError(
      'E_EMPTY',
      `${directory}: found no transfers that can be read, expected at least one. ` +
        'Run: backtrail info',
    );
  }
  const vcpu = wanted ?? lastVcpu(trace);
  if (vcpus.includes(vcpu)) return vcpu;
  const list = vcpus.length > 16 ? `${vcpus.slice(0, 16).join(', ')}, …` : vcpus.join(', ');
  throw new BacktrailError(
    'E_VCPU',
    `--vcpu: found ${vcpu}, expected one of ${list}. Leave it away for the one that ended last.`,
  );
}

/** The last `count` transfers up to `from` that were not lost. @throws BacktrailError */
export function rangeOf(trace: Trace, options: BackOptions): Range {
  const vcpu = vcpuOf(trace, options.vcpu);
  const { firstSeq, rows } = trace.segments;
  const segments = trace.segmentsOf(vcpu);
  const end = trace.seqEnd(vcpu);
  const from = options.from ?? end - 1;
  if (from >= end) {
    throw new BacktrailError(
      'E_SEQ',
      `--from: found ${from}, but the last transfer of vCPU ${vcpu} is ${end - 1}. ` +
        'Give that or less, or leave it away.',
    );
  }
  const stretches: Stretch[] = [];
  let left = options.count;
  for (let i = segments.length - 1; i >= 0 && left > 0; i--) {
    const first = firstSeq[segments[i] ?? 0] ?? 0;
    let high = Math.min(from, first + (rows[segments[i] ?? 0] ?? 0) - 1);
    // Counts of a whole segment at once would be megabytes for the sake of a few rows.
    while (high >= first && left > 0) {
      const low = Math.max(first, high - Math.min(left, STRETCH_TRANSFERS) + 1);
      stretches.push({ low, high });
      left -= high - low + 1;
      high = low - 1;
    }
  }
  if (stretches.length === 0) {
    const first = firstSeq[segments[0] ?? 0] ?? 0;
    throw new BacktrailError(
      'E_SEQ',
      `--from: found ${from}, but the first transfer of vCPU ${vcpu} that was kept is ${first}. ` +
        'Give that or more.',
    );
  }
  return { vcpu, stretches, marksUpTo: from === end - 1 ? Number.POSITIVE_INFINITY : from };
}
