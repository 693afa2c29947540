/** The thread that packs segments for another one; pack-thread.ts starts it. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { BacktrailError } from '../errors.ts';
import { type Answer, type Job, SIGNAL, send, type WorkerData } from './pack-thread.ts';
import { SegmentPacker } from './packer.ts';

function answerTo(job: Job, packer: SegmentPacker): Answer {
  if (job.is === 'counts') {
    job.into.set(packer.histogram.counts(job.into.length));
    return { is: 'counts' };
  }
  try {
    const { isNarrow, contentBytes, frame } = packer.pack(job.edges, job.limit);
    job.out.set(frame);
    return { is: 'pack', isNarrow, contentBytes, frameBytes: frame.length };
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    return { is: 'error', code: error.code, message: error.message };
  }
}

function serve(data: WorkerData): never {
  const packer = new SegmentPacker();
  send(data, SIGNAL.owner, { is: 'ready' });
  for (;;) {
    const seen = Atomics.load(data.signal, SIGNAL.worker);
    const job: { message: Job } | undefined = receiveMessageOnPort(data.port);
    if (job === undefined) Atomics.wait(data.signal, SIGNAL.worker, seen);
    else send(data, SIGNAL.owner, answerTo(job.message, packer));
  }
}

serve(workerData as WorkerData);
