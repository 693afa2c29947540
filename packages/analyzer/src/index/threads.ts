/**
 * Collects the hops of a whole trace in several threads. Each opens the trace by itself and is
 * given rows of segments until none are left; what it found comes back without being copied.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Collected } from './collect.ts';

/** Places `firstPlace` to before `endPlace`. */
export interface Job {
  readonly number: number;
  readonly firstPlace: number;
  readonly endPlace: number;
}

export type Answer =
  | { readonly is: 'ready'; readonly places: number }
  | { readonly is: 'seen'; readonly transfers: number }
  | { readonly is: 'done'; readonly number: number; readonly collected: Collected };

/** Segments of a job: as many as a file of transfers has, fewer where there are few. */
const JOB_PLACES_MAX = 64;

export function jobsOf(placeCount: number, threads: number): Job[] {
  const share = Math.ceil(placeCount / (4 * Math.max(1, threads)));
  const size = Math.max(1, Math.min(JOB_PLACES_MAX, share));
  const jobs: Job[] = [];
  for (let firstPlace = 0; firstPlace < placeCount; firstPlace += size) {
    const endPlace = Math.min(placeCount, firstPlace + size);
    jobs.push({ number: jobs.length, firstPlace, endPlace });
  }
  return jobs;
}

/**
 * @returns what was collected, in order of the jobs; null if a thread could not do its part: then
 * it is to be done without threads.
 */
export async function collectInThreads(
  directory: string,
  placeCount: number,
  jobs: readonly Job[],
  threads: number,
  seen: (transfers: number) => void,
): Promise<Collected[] | null> {
  const extension = extname(import.meta.url);
  const file = new URL(`./worker${extension}`, import.meta.url);
  // A thread resolves packages by itself: from sources, if this is one.
  const execArgv = extension === '.ts' ? ['--conditions=backtrail-source'] : [];
  const count = Math.min(threads, jobs.length);
  const workers = Array.from(
    { length: count },
    () => new Worker(file, { workerData: directory, execArgv }),
  );
  const found: Collected[] = [];
  let next = 0;
  const serve = async (worker: Worker): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const give = (): void => {
      const job = jobs[next++];
      if (job === undefined) resolve(true);
      else worker.postMessage(job);
    };
    worker.on('message', (answer: Answer) => {
      if (answer.is === 'seen') {
        seen(answer.transfers);
      } else if (answer.is === 'ready') {
        if (answer.places === placeCount) give();
        else resolve(false);
      } else {
        found[answer.number] = answer.collected;
        give();
      }
    });
    worker.on('error', () => resolve(false));
    worker.on('exit', () => resolve(false));
    return promise;
  };
  const done = await Promise.all(workers.map(serve));
  await Promise.all(workers.map(async (worker) => worker.terminate()));
  return done.every(Boolean) ? found : null;
}
