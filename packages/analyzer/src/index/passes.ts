/**
 * What an index keeps of each segment besides its hops: summaries, made by passes over its edges in
 * the threads that build the index. A pass whose name or version changed is made anew, and so is
 * the whole index.
 */
import type { Trace } from '@backtrail/recorder/trace';
import { levelSteps, summarizeLevels } from '../cursor/levels.ts';
import { keptRuns } from '../stack/kept.ts';
import { STACK_RUN_VERSION } from '../stack/run.ts';
import { keptSummaries, SUMMARY_VERSION } from '../stack/summary.ts';

/** @returns words that say all that will be asked of the segment; none is no summary. */
export type Summarize = (edges: Uint32Array, segment: number) => Uint32Array;

export interface SummaryPass {
  /** Under which a summary is asked for. */
  readonly name: string;
  /** Raised whenever the words change. */
  readonly version: number;
  /** Called once in each thread, with the trace as it is open there. */
  open(trace: Trace): Summarize;
  /**
   * For what depends on the segments before: called once, in one thread, when all others are done;
   * what it says is kept in place of what `open` made. `summary` is null for a segment that cannot
   * be read.
   */
  readonly finish?: (
    trace: Trace,
    summary: (name: string, segment: number) => Uint32Array | null,
  ) => (segment: number) => Uint32Array;
}

/** For `Levels`: the sum of the steps of a segment, and how far it goes below its beginning. */
const LEVELS: SummaryPass = {
  name: 'levels',
  version: 1,
  open(trace) {
    const steps = levelSteps(trace);
    return (edges) => {
      const { net, lowest } = summarizeLevels(edges, steps);
      return Uint32Array.of(zigzag(net), zigzag(lowest));
    };
  },
};

/** For `CallStacks`: what a segment does to the stack, whatever that was. */
const STACK: SummaryPass = { name: 'stack', version: SUMMARY_VERSION, open: keptSummaries };

/** For `CallStacks` too: stacks at chosen moments of a whole vCPU, with its first segment. */
const STACK_RUN: SummaryPass = {
  name: 'stack-run',
  version: STACK_RUN_VERSION,
  open: () => () => new Uint32Array(),
  finish: (trace, summary) => keptRuns(trace, (segment) => summary('stack', segment)),
};

/** Every pass, in the order in which the file has their summaries. */
export const SUMMARY_PASSES: readonly SummaryPass[] = [LEVELS, STACK, STACK_RUN];

/** Small numbers of either sign as small words: 0, -1, 1, -2 … are 0, 1, 2, 3 … */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(word: number): number {
  return word % 2 === 0 ? word / 2 : -(word + 1) / 2;
}
