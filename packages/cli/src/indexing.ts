/** The index of a trace, with a line about it on a terminal while it is built. */
import { type OpenedIndex, openIndex } from '@backtrail/analyzer';
import type { Trace } from '@backtrail/recorder/trace';
import type { Io } from './io.ts';
import { indexText, StatusLine } from './progress.ts';

export interface Indexed extends OpenedIndex {
  readonly elapsedMs: number;
}

/** @param isRenewed build it even if there is one */
export async function indexOf(trace: Trace, io: Io, isRenewed = false): Promise<Indexed> {
  const line = new StatusLine(io.err);
  const started = performance.now();
  const elapsedMs = (): number => performance.now() - started;
  try {
    const opened = await openIndex(trace, {
      isRenewed,
      progress: (done) => line.update(elapsedMs(), () => indexText(done, elapsedMs())),
    });
    return { ...opened, elapsedMs: elapsedMs() };
  } finally {
    line.clear();
  }
}
