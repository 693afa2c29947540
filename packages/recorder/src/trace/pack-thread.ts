/**
 * A thread that packs segments while this one reads and writes others. Its other end is
 * pack-worker.ts. Everything is asked for and waited for without events: the recorder's calls
 * return when what they wrote is on disk.
 */
import { extname } from 'node:path';
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from 'node:worker_threads';
import { BacktrailError } from '../errors.ts';
import { frameRoom } from './encoder/layout.ts';
import type { Packed } from './packer.ts';

/** Words of the signal: how often each side has been called. */
export const SIGNAL = { worker: 0, owner: 1 } as const;

export interface WorkerData {
  readonly port: MessagePort;
  readonly signal: Int32Array<SharedArrayBuffer>;
}

export type Job =
  | {
      readonly is: 'pack';
      readonly edges: Uint32Array<SharedArrayBuffer>;
      readonly limit: number;
      readonly out: Uint8Array<SharedArrayBuffer>;
    }
  | { readonly is: 'counts'; readonly into: Float64Array<SharedArrayBuffer> };

export type Answer =
  | { readonly is: 'ready' | 'counts' }
  | {
      readonly is: 'pack';
      readonly isNarrow: boolean;
      readonly contentBytes: number;
      readonly frameBytes: number;
    }
  | { readonly is: 'error'; readonly code: string; readonly message: string };

/** A segment takes a millisecond, on a busy machine some more; then something is wrong. */
const ANSWER_MS_MAX = 60_000;

/** Puts a message where the other thread looks, and wakes it. */
export function send(data: WorkerData, to: number, message: Job | Answer): void {
  data.port.postMessage(message);
  Atomics.add(data.signal, to, 1);
  Atomics.notify(data.signal, to);
}

/** It has the next segment while this thread is busy with one of its own. */
export const JOBS_MAX = 2;

/** Memory for one segment and its frame. */
interface Bench {
  readonly edges: Uint32Array<SharedArrayBuffer>;
  readonly out: Uint8Array<SharedArrayBuffer>;
}

const makeBench = (transfers: number): Bench => ({
  edges: new Uint32Array(new SharedArrayBuffer(4 * transfers)),
  out: new Uint8Array(new SharedArrayBuffer(frameRoom(4 * transfers))),
});

export class PackThread {
  private readonly worker: Worker;
  private readonly data: WorkerData;
  private readonly benches = Array.from({ length: JOBS_MAX }, () => makeBench(0));
  private ready = false;
  /** Segments given to it, and taken back. */
  private started = 0;
  private taken = 0;
  /** What it answered to the next one, before that is taken. */
  private done: Answer | null = null;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    const signal = new Int32Array(new SharedArrayBuffer(8));
    this.data = { port: port1, signal };
    const workerData: WorkerData = { port: port2, signal };
    const file = new URL(`./pack-worker${extname(import.meta.url)}`, import.meta.url);
    this.worker = new Worker(file, { workerData, transferList: [port2] });
    // One that cannot start never is ready, and everything goes on without it.
    this.worker.on('error', () => {});
    this.worker.unref();
  }

  /** Whether it is loaded. */
  get isReady(): boolean {
    if (!this.ready && this.look()?.is === 'ready') this.ready = true;
    return this.ready;
  }

  /** Segments that it may be given now. */
  get room(): number {
    return JOBS_MAX - (this.started - this.taken);
  }

  /** Where the segment for start() goes, if there is room for it. */
  place(transfers: number): Uint32Array<SharedArrayBuffer> {
    const next = this.started % JOBS_MAX;
    if (this.benchOf(next).edges.length < transfers) this.benches[next] = makeBench(transfers);
    return this.benchOf(next).edges.subarray(0, transfers);
  }

  /** Begins with what stands in place(). @param limit As for SegmentPacker.pack(). */
  start(transfers: number, limit: number): void {
    const edges = this.place(transfers);
    const { out } = this.benchOf(this.started % JOBS_MAX);
    this.started++;
    this.ask({ is: 'pack', edges, limit, out });
  }

  /** Whether take() has one and need not wait. @throws as SegmentPacker.pack() does. */
  get isDone(): boolean {
    if (this.started > this.taken) this.done ??= this.look();
    return this.done !== null;
  }

  /** The first segment of those begun; waits for it. @throws as SegmentPacker.pack() does. */
  take(): Packed {
    const answer = this.done ?? this.wait();
    this.done = null;
    if (answer.is !== 'pack') throw new BacktrailError('E_INTERNAL', `found ${answer.is}`);
    const { out } = this.benchOf(this.taken % JOBS_MAX);
    this.taken++;
    const { isNarrow, contentBytes, frameBytes } = answer;
    return { isNarrow, contentBytes, frame: out.subarray(0, frameBytes) };
  }

  /** How often it has seen each edge. */
  counts(edges: number): Float64Array {
    const into = new Float64Array(new SharedArrayBuffer(8 * edges));
    if (this.started === 0) return into;
    this.ask({ is: 'counts', into });
    this.wait();
    return into;
  }

  stop(): void {
    void this.worker.terminate();
    this.data.port.close();
  }

  private benchOf(index: number): Bench {
    const bench = this.benches[index];
    if (bench === undefined) throw new RangeError(`found no bench ${index}`);
    return bench;
  }

  private ask(job: Job): void {
    send(this.data, SIGNAL.worker, job);
  }

  private look(): Answer | null {
    const found: { message: Answer } | undefined = receiveMessageOnPort(this.data.port);
    if (found === undefined) return null;
    const { message } = found;
    if (message.is === 'error') throw new BacktrailError(message.code, message.message);
    return message;
  }

  private wait(): Answer {
    for (;;) {
      const seen = Atomics.load(this.data.signal, SIGNAL.owner);
      const answer = this.look();
      if (answer?.is === 'ready') this.ready = true;
      else if (answer !== null) return answer;
      else if (Atomics.wait(this.data.signal, SIGNAL.owner, seen, ANSWER_MS_MAX) === 'timed-out') {
        throw new BacktrailError('E_INTERNAL', 'the thread that packs segments does not answer');
      }
    }
  }
}
