/** The cursor on a long trace, in one process: searches to the very beginning, single steps. */
import { Cursor, openIndex } from '@backtrail/analyzer';
import { openTrace } from '@backtrail/recorder/trace';
import { median } from './measure.ts';

const REPEATS = 5;
const STEPS = 100_000;
/** Boundaries of segments stepped over, spread over the trace. */
const BOUNDARIES = 500;

function milliseconds(action: () => unknown): number {
  const started = performance.now();
  action();
  return performance.now() - started;
}

function shown(what: string, times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(4);
  return `${what}: median ${at(0.5)} ms, 99.9 % ${at(0.999)} ms, longest ${at(1)} ms`;
}

/** Prints figures of a trace that has an index beside it. */
export async function cursorFigures(directory: string): Promise<void> {
  const opened: number[] = [];
  const oldest: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const started = performance.now();
    const trace = openTrace(directory);
    const { index } = await openIndex(trace);
    const cursor = new Cursor(trace, { index });
    opened.push(performance.now() - started);
    // Only the very first transfer arrives there.
    const [first = 0] = trace.readSegment(trace.segmentsOf(cursor.position.vcpu)[0] ?? 0);
    const pc = trace.edges.target[first] ?? 0n;
    oldest.push(milliseconds(() => cursor.address('backward', pc)));
    if (cursor.position.seq !== 0) throw new Error(`found seq ${cursor.position.seq}, expected 0`);
  }
  console.log(`trace, index and cursor opened: ${median(opened).toFixed(0)} ms`);
  console.log(`previous execution, the whole trace back: ${median(oldest).toFixed(1)} ms`);
  await steps(directory);
}

async function steps(directory: string): Promise<void> {
  const trace = openTrace(directory);
  const { index } = await openIndex(trace);
  const cursor = new Cursor(trace, { index });
  const { vcpu, seq } = cursor.position;
  cursor.to(Math.floor(seq / 2));
  for (const direction of ['backward', 'forward'] as const) {
    for (const step of ['instruction', 'transfer', 'over'] as const) {
      const times = Array.from({ length: STEPS }, () =>
        milliseconds(() => cursor[step](direction)),
      );
      console.log(shown(`${step} ${direction}`, times));
    }
  }
  const segments = trace.segmentsOf(vcpu);
  const times: number[] = [];
  for (let i = 1; i <= BOUNDARIES && i < segments.length; i++) {
    const which = Math.floor((i * (segments.length - 1)) / BOUNDARIES);
    cursor.to(trace.segments.firstSeq[segments[which] ?? 0] ?? 0);
    times.push(milliseconds(() => cursor.instruction('backward')));
  }
  console.log(shown('instruction backward into another segment', times));
}
