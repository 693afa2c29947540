/** What the index of a trace keeps of call stacks, and stacks that are told by it. */
import type { Trace } from '@backtrail/recorder/trace';
import { CallStacks } from '../stack.ts';

/** What an index keeps of stacks: of each vCPU its words, with its first segment. */
export function keptRuns(
  trace: Trace,
  summary: (segment: number) => Uint32Array | null,
): (segment: number) => Uint32Array {
  const stacks = new CallStacks(trace, { summary });
  const firstSegments = new Map(trace.vcpus.map((vcpu) => [trace.segmentsOf(vcpu)[0], vcpu]));
  return (segment) => {
    const vcpu = firstSegments.get(segment);
    return vcpu === undefined ? new Uint32Array() : stacks.words(vcpu);
  };
}

/** What an index answers of summaries. */
interface SummaryIndex {
  summary(name: string, segment: number): Uint32Array | null;
}

/** What an index keeps of a vCPU's stacks: words for `load`; null if nothing. */
export function keptRun(
  trace: Trace,
  vcpu: number,
  index: SummaryIndex | null,
): Uint32Array | null {
  const first = trace.segmentsOf(vcpu)[0];
  const words = first === undefined ? null : (index?.summary('stack-run', first) ?? null);
  return words === null || words.length === 0 ? null : words;
}

/** Stacks of a trace by its index, where that keeps them. */
export function stacksBy(trace: Trace, index: SummaryIndex | null): CallStacks {
  return new CallStacks(trace, {
    load: (vcpu) => keptRun(trace, vcpu, index),
    summary: (segment) => index?.summary('stack', segment) ?? null,
  });
}
