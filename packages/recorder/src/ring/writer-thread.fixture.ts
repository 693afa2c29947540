/**
 * The writer in TypeScript, driven by commands like tests/guests/ring_driver.c, in a thread of its
 * own: it waits for the recorder as an engine does. Twin: that program.
 */
import { once } from 'node:events';
import { extname } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  FRESH_EVERY,
  freshSource,
  INSTRUCTIONS_PER_TRANSFER,
  patternEdge,
} from './driver.fixture.ts';
import { CAUSE, KIND, MARK } from './words.ts';
import { RingWriter, type WriterVcpu } from './writer.ts';

interface Start {
  readonly buffer: SharedArrayBuffer;
  readonly base: number;
}

/** As `Driver` of driver.fixture.ts. */
export class ThreadDriver {
  readonly #worker: Worker;
  readonly #waiting: (() => void)[] = [];

  constructor(start: Start) {
    const file = new URL(`./writer-thread.fixture${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(file, { workerData: start });
    this.#worker.on('message', () => this.#waiting.shift()?.());
  }

  run(command: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage(command);
    });
  }

  async quit(): Promise<void> {
    const gone = once(this.#worker, 'exit');
    this.#worker.postMessage('quit');
    await gone;
  }

  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}

interface Vcpu extends WriterVcpu {
  write: number;
  seq: number;
  instructions: number;
  /** When the first transfer of the open segment landed. */
  landed: number;
}

class Writer {
  readonly #ring: RingWriter;
  readonly #view: DataView;
  readonly #vcpus = new Map<number, Vcpu>();
  #edges = 0;

  constructor({ buffer, base }: Start) {
    this.#ring = new RingWriter(buffer, base);
    this.#view = new DataView(buffer);
  }

  command(name: string, a: number, b: number): void {
    const vcpu = this.#vcpus.get(a);
    if (name === 'start') this.#start(a);
    if (name === 'edges') for (let i = 0; i < a; i++) this.#logEdge(BigInt(this.#edges));
    if (name === 'flow') this.#flow(a, b);
    if (vcpu === undefined) return;
    if (name === 'end') this.#end(a, vcpu);
    if (name === 'store') for (let i = 0; i < b; i++) this.#store(vcpu, this.#pattern(vcpu));
    if (name === 'mark') {
      const detail = 'd'.repeat(b);
      this.#ring.log.mark({ vcpu: vcpu.vcpu, seq: vcpu.seq, kind: MARK.trigger, detail });
    }
  }

  #start(index: number): void {
    const writer = this.#ring.startVcpu();
    if (writer === null) return;
    const fresh = { write: 0, seq: 0, instructions: 0, landed: 0 };
    this.#vcpus.set(index, Object.assign(writer, fresh));
  }

  #end(index: number, vcpu: Vcpu): void {
    this.#publish(vcpu);
    this.#ring.endVcpu(vcpu);
    this.#vcpus.delete(index);
  }

  #publish(vcpu: Vcpu): void {
    if (vcpu.segment >= 0) this.#ring.publish(vcpu, vcpu.write, vcpu.landed);
  }

  #pattern(vcpu: Vcpu): number {
    return patternEdge(vcpu.vcpu, vcpu.seq);
  }

  #store(vcpu: Vcpu, edge: number): void {
    vcpu.instructions += INSTRUCTIONS_PER_TRANSFER;
    if (vcpu.segment < 0 || vcpu.write === vcpu.limit) {
      this.#publish(vcpu);
      if (!this.#ring.openSegment(vcpu, vcpu.instructions)) {
        this.#ring.countUnrecorded(vcpu, 1, vcpu.instructions);
        return;
      }
      vcpu.write = vcpu.data;
      vcpu.landed = vcpu.instructions;
    }
    this.#view.setUint32(vcpu.write, edge, true);
    vcpu.write += 4;
    vcpu.seq++;
    this.#ring.settle(vcpu, vcpu.write, vcpu.instructions);
  }

  #logEdge(source: bigint): boolean {
    return this.#ring.log.edge({
      edge: this.#edges++,
      source,
      target: source + 4n,
      cause: CAUSE.jump,
      kind: KIND.jump,
      sourceBlock: null,
      targetBlock: null,
      hostSource: 0n,
      hostTarget: 0n,
      hostHow: null,
    });
  }

  /** Several vCPUs in turn: an engine of one thread has no other way. */
  #flow(vcpus: number, count: number): void {
    for (let index = 0; index < vcpus; index++) this.#start(index);
    for (let i = 0; i < count; i++) {
      for (const vcpu of this.#vcpus.values()) this.#flowOne(vcpu);
    }
    for (const [index, vcpu] of Array.from(this.#vcpus)) this.#end(index, vcpu);
  }

  #flowOne(vcpu: Vcpu): void {
    const isFresh = vcpu.seq % FRESH_EVERY === FRESH_EVERY - 1;
    const edge = isFresh ? this.#edges : this.#pattern(vcpu);
    if (!isFresh || this.#logEdge(freshSource(vcpu.vcpu, vcpu.seq))) this.#store(vcpu, edge);
  }
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const writer = new Writer(workerData as Start);
  port.on('message', (line: string) => {
    const [name = '', a = '0', b = '0'] = line.split(' ');
    if (name === 'quit') port.close();
    else {
      writer.command(name, Number(a), Number(b));
      port.postMessage('done');
    }
  });
}
