/** Which vCPU says most about how a run ended. */
import { MARK_KINDS, type MarkKind, type Trace } from '@backtrail/recorder/trace';

/** The newest mark of a kind that `accept` takes; -1 if there is none. */
function lastMark(trace: Trace, kind: MarkKind, accept: (mark: number) => boolean): number {
  const { marks } = trace;
  let best = -1;
  for (let mark = 0; mark < marks.count; mark++) {
    if (MARK_KINDS[marks.kind[mark] ?? 0] !== kind || !accept(mark)) continue;
    if (best < 0 || (marks.timeNs[mark] ?? 0n) > (marks.timeNs[best] ?? 0n)) best = mark;
  }
  return best;
}

/** That of the fatal signal, else the one that ended last. */
export function lastVcpu(trace: Trace): number {
  const { end } = trace.manifest;
  const { marks, vcpus } = trace;
  const isOpen = (mark: number): boolean => vcpus.includes(marks.vcpu[mark] ?? 0);
  if (end?.how === 'signal') {
    const fatal = lastMark(
      trace,
      'signal',
      (mark) => isOpen(mark) && marks.number[mark] === BigInt(end.number),
    );
    if (fatal >= 0) return marks.vcpu[fatal] ?? 0;
  }
  const ended = lastMark(trace, 'end', isOpen);
  return ended >= 0 ? (marks.vcpu[ended] ?? 0) : (vcpus[0] ?? 0);
}
