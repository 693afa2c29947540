/** A thread that goes through segments for an index; threads.ts starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { openTrace } from '@backtrail/recorder/trace';
import { SegmentCollector } from './collect.ts';
import type { Answer, Job } from './threads.ts';

function serve(directory: string): void {
  const port = parentPort;
  if (port === null) return;
  const collector = new SegmentCollector(openTrace(directory));
  const answer = (message: Answer, memory: ArrayBuffer[] = []): void => {
    port.postMessage(message, memory);
  };
  port.on('message', ({ number, firstPlace, endPlace }: Job) => {
    const collected = collector.collect(firstPlace, endPlace, (transfers) => {
      answer({ is: 'seen', transfers });
    });
    const { from, to, stretches, unreadable, summaries } = collected;
    const columns = summaries.flatMap(({ lengths, words }) => [lengths, words]);
    const memory = [from, to, stretches, unreadable, ...columns].map(({ buffer }) => buffer);
    answer({ is: 'done', number, collected }, memory);
  });
  answer({ is: 'ready', places: collector.places.segment.length });
}

serve(String(workerData));
