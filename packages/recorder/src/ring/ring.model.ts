/**
 * What a ring must do, in arrays: slow and obvious. Tests drive the C writer and this side by side
 * and compare everything that comes out. Where the writer would wait for the recorder, an operation
 * here returns false and is to be repeated after something was drained.
 */
import { MARK_RECORD_BYTES, type RingShape, type StopReason } from './layout.ts';

export interface ModelSegment {
  readonly vcpu: number;
  readonly firstSeq: number;
  readonly transfers: readonly number[];
}

interface ModelVcpu {
  readonly vcpu: number;
  seq: number;
  unrecorded: number;
  /** The open segment: transfers and how many it may take; null if none is open. */
  open: { readonly firstSeq: number; readonly transfers: number[]; readonly room: number } | null;
}

export interface ModelMark {
  readonly mark: number;
  readonly vcpu: number;
  readonly seq: number;
  readonly detail: string;
}

export class RingModel {
  /** Every segment that was ever published. */
  readonly published: ModelSegment[] = [];
  readonly marks: ModelMark[] = [];
  drained = 0;
  /** `keep last`: segments from here on are still there. */
  oldest = 0;
  stopped: StopReason = 'running';
  vcpus = 0;
  vcpusUnrecorded = 0;
  unrecorded = 0;
  logHead = 0;
  logTail = 0;
  readonly #slots: (ModelVcpu | null)[];
  readonly #shape: RingShape;
  readonly #keep: 'all' | 'last';
  readonly #maxTransfers: number;

  constructor(shape: RingShape, keep: 'all' | 'last', maxTransfers: number) {
    this.#shape = shape;
    this.#keep = keep;
    this.#maxTransfers = maxTransfers;
    this.#slots = Array.from({ length: shape.vcpuSlots }, () => null);
  }

  get live(): readonly ModelVcpu[] {
    return this.#slots.filter((slot) => slot !== null);
  }

  get overwritten(): number {
    return this.published
      .slice(0, this.oldest)
      .reduce((sum, { transfers }) => sum + transfers.length, 0);
  }

  vcpuAt(index: number): ModelVcpu | null {
    return this.#slots[index] ?? null;
  }

  start(index: number): void {
    if (index >= this.#slots.length) {
      this.vcpusUnrecorded++;
      return;
    }
    this.#slots[index] = { vcpu: this.vcpus++, seq: 0, unrecorded: 0, open: null };
  }

  end(index: number): void {
    const vcpu = this.vcpuAt(index);
    if (vcpu === null) return;
    this.#publish(vcpu);
    this.unrecorded += vcpu.unrecorded;
    this.#slots[index] = null;
  }

  /** One transfer; false if the vCPU must wait. What it had filled is published by then. */
  store(index: number, edge: number): boolean {
    const vcpu = this.vcpuAt(index);
    if (vcpu === null) return true;
    if (vcpu.open === null || vcpu.open.transfers.length === vcpu.open.room) {
      this.#publish(vcpu);
      if (this.stopped === 'running' && !this.#makeRoom()) return false;
      if (this.stopped === 'running') this.#open(vcpu);
    }
    if (vcpu.open === null) {
      vcpu.unrecorded++;
    } else {
      vcpu.open.transfers.push(edge);
      vcpu.seq++;
    }
    return true;
  }

  #publish(vcpu: ModelVcpu): void {
    if (vcpu.open !== null && vcpu.open.transfers.length > 0) {
      const { firstSeq, transfers } = vcpu.open;
      this.published.push({ vcpu: vcpu.vcpu, firstSeq, transfers });
    }
    vcpu.open = null;
  }

  #makeRoom(): boolean {
    const waiting = this.published.length - (this.#keep === 'all' ? this.drained : this.oldest);
    if (waiting < this.#shape.segmentBudget) return true;
    if (this.#keep === 'all') return false;
    this.oldest = this.published.length - this.#shape.segmentBudget + 1;
    return true;
  }

  #open(vcpu: ModelVcpu): void {
    let room = this.#shape.segmentTransfers;
    if (this.#maxTransfers !== 0) {
      const given = [
        ...this.published.map(({ transfers }) => transfers.length),
        ...this.live.map(({ open }) => open?.room ?? 0),
      ].reduce((sum, transfers) => sum + transfers, 0);
      room = Math.min(room, this.#maxTransfers - given);
      if (room === 0) {
        this.stopped = 'max-transfers';
        return;
      }
    }
    vcpu.open = { firstSeq: vcpu.seq, transfers: [], room };
  }

  /** One mark; false if the writer must wait for the log to be taken. */
  mark(index: number, detail: string): boolean {
    const vcpu = this.vcpuAt(index);
    if (vcpu === null || this.stopped !== 'running') return true;
    const { logBytes } = this.#shape;
    const bytes = Math.ceil((MARK_RECORD_BYTES + detail.length) / 8) * 8;
    if (bytes > logBytes / 2) {
      this.stopped = 'no-space';
      return true;
    }
    const left = logBytes - (this.logHead % logBytes);
    if (left < bytes) {
      if (this.logHead + left - this.logTail > logBytes) return false;
      this.logHead += left;
    }
    if (this.logHead + bytes - this.logTail > logBytes) return false;
    this.logHead += bytes;
    this.marks.push({ mark: this.marks.length, vcpu: vcpu.vcpu, seq: vcpu.seq, detail });
    return true;
  }
}
