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
import type { Packed } from './packer.ts';
import { frameBytesMax } from './zstd.ts';

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

export class PackThread {
  private readonly worker: Worker;
  private readonly data: WorkerData;
  private edges = new Uint32Array(new SharedArrayBuffer(0));
  private out = new Uint8Array(new SharedArrayBuffer(0));
  private ready = false;
  private busy = false;
  private packs = 0;

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

  /** Whether it has been loaded and has nothing to do. */
  get isIdle(): boolean {
    if (!this.ready && this.look()?.is === 'ready') this.ready = true;
    return this.ready && !this.busy;
  }

  /** Where the segment for start() goes. */
  place(transfers: number): Uint32Array<SharedArrayBuffer> {
    if (this.edges.length < transfers) {
      this.edges = new Uint32Array(new SharedArrayBuffer(4 * transfers));
      this.out = new Uint8Array(new SharedArrayBuffer(frameBytesMax(4 * transfers)));
    }
    return this.edges.subarray(0, transfers);
  }

  /** Begins with what stands in place(). @param limit As for SegmentPacker.pack(). */
  start(transfers: number, limit: number): void {
    this.busy = true;
    this.packs++;
    this.ask({ is: 'pack', edges: this.place(transfers), limit, out: this.out });
  }

  /** The packed segment if it is; null: not yet. @throws as SegmentPacker.pack() does. */
  poll(): Packed | null {
    const answer = this.look();
    return answer === null ? null : this.packed(answer);
  }

  /** The packed segment; waits for it. @throws as SegmentPacker.pack() does. */
  take(): Packed {
    return this.packed(this.wait());
  }

  /** How often it has seen each edge. */
  counts(edges: number): Float64Array {
    const into = new Float64Array(new SharedArrayBuffer(8 * edges));
    if (this.packs === 0) return into;
    this.ask({ is: 'counts', into });
    this.wait();
    return into;
  }

  stop(): void {
    void this.worker.terminate();
    this.data.port.close();
  }

  private packed(answer: Answer): Packed {
    if (answer.is !== 'pack') throw new BacktrailError('E_INTERNAL', `found ${answer.is}`);
    this.busy = false;
    const { isNarrow, contentBytes, frameBytes } = answer;
    return { isNarrow, contentBytes, frame: this.out.subarray(0, frameBytes) };
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
