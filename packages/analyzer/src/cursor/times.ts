/**
 * Time and position of a vCPU. Only segments are stamped: between their first and last time a
 * position is estimated from how far it lies in the segment.
 */
import type { Streams } from './streams.ts';

/** Estimate of the host's monotonic clock when a transfer landed, and how far off it may be. */
export function timeAt(
  streams: Streams,
  vcpu: number,
  seq: number,
): { timeNs: bigint; errorNs: bigint } {
  const segment = streams.segmentAt(vcpu, seq);
  const { timeFirstNs, timeLastNs, rows } = streams.segments;
  const first = timeFirstNs[segment] ?? 0n;
  const last = timeLastNs[segment] ?? 0n;
  const part = (seq - streams.firstSeq(segment)) / Math.max(1, rows[segment] ?? 1);
  // A damaged stamp must not become a time before both.
  const span = last > first ? last - first : 0n;
  const into = BigInt(Math.round(Number(span) * part));
  const rest = span - into;
  return { timeNs: first + into, errorNs: into > rest ? into : rest };
}

/** The transfer of a vCPU that landed at about that time; the nearest one, if it had none then. */
export function seqAtTime(streams: Streams, vcpu: number, timeNs: bigint): number {
  const { timeFirstNs, timeLastNs, rows } = streams.segments;
  const segments = streams.segmentsOf(vcpu);
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((timeFirstNs[segments[middle] ?? 0] ?? 0n) <= timeNs) low = middle + 1;
    else high = middle;
  }
  const segment = segments[Math.max(0, low - 1)] ?? 0;
  const first = timeFirstNs[segment] ?? 0n;
  const last = timeLastNs[segment] ?? 0n;
  const count = rows[segment] ?? 1;
  if (timeNs <= first || last <= first) return streams.firstSeq(segment);
  const part = Number(timeNs - first) / Number(last - first);
  return streams.firstSeq(segment) + Math.min(count - 1, Math.floor(part * count));
}
