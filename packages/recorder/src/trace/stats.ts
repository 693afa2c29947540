/** Numbers a trace tells about itself. Loss is data: each kind of it is explained here. */
import type { Losses, Manifest } from './manifest.ts';

/** `data-loss`: something that happened is not in the trace. */
export type Severity = 'info' | 'warning' | 'data-loss';

export interface LossCounter {
  readonly name: keyof Losses;
  readonly severity: Severity;
  /** One sentence; the count goes before it. */
  readonly says: string;
  readonly advice: string;
}

export const LOSS_COUNTERS: readonly LossCounter[] = [
  {
    name: 'overwritten',
    severity: 'info',
    says: 'transfers were older than the ring is long, as --keep last means it.',
    advice: 'For a longer past: --ring with a larger size, or --keep all.',
  },
  {
    name: 'unrecorded',
    severity: 'data-loss',
    says: 'transfers ran after recording had stopped.',
    advice: 'The line "stopped" says why: mend that, then record again.',
  },
  {
    name: 'damaged',
    severity: 'data-loss',
    says: 'transfers were in segments that can no longer be read.',
    advice: 'Check the disk; the gap marks say where they were.',
  },
  {
    name: 'vcpusUnrecorded',
    severity: 'data-loss',
    says: 'vCPUs found no free slot in the ring and are not in the trace.',
    advice: 'Run the program with fewer threads at a time.',
  },
  {
    name: 'forksUnrecorded',
    severity: 'warning',
    says: 'child processes ran unrecorded.',
    advice: 'Leave out --follow none; or there was no room in /dev/shm for their rings.',
  },
  {
    name: 'execsUnrecorded',
    severity: 'warning',
    says: 'programs replaced the guest by exec and ran unrecorded.',
    advice: 'The exec marks name them: record those by themselves.',
  },
];

export interface Loss extends LossCounter {
  readonly count: number;
}

/** The counters that are not 0, worst first. */
export function describeLosses(manifest: Manifest): Loss[] {
  const order: readonly Severity[] = ['data-loss', 'warning', 'info'];
  return LOSS_COUNTERS.map((counter) => ({ ...counter, count: manifest.losses[counter.name] }))
    .filter((loss) => loss.count > 0)
    .sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** Bits of the whole directory (but the manifest) for each transfer; null without transfers. */
export function bitsPerTransfer(manifest: Manifest): number | null {
  const { bytes, transfers } = manifest.totals;
  return transfers === 0 ? null : (8 * bytes) / transfers;
}
