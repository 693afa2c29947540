/**
 * The writer's side of a ring in memory: segments are taken, filled by generated code, published;
 * rare facts go to the log. Twin: engines/qemu/plugin/ring_writer.c; here one thread writes for all
 * vCPUs. Protocol and guarantees: docs/ring.md.
 */
import { readField, readNumber, readText, writeField } from './file.ts';
import {
  type Field,
  HEADER,
  HEADER_BYTES,
  RECORD_HEADER,
  RECORD_TYPES,
  type RingOffsets,
  type RingShape,
  ringOffsets,
  SEGMENT_HEADER,
  SEGMENT_HEADER_BYTES,
  STOP_REASONS,
  type StopReason,
  VCPU_SLOT,
  VCPU_SLOT_BYTES,
} from './layout.ts';
import { type LogSpace, LogWriter } from './log-writer.ts';
import { processStart } from './process.ts';

/** How long one wait for the recorder lasts before it is asked whether it is there. */
const WAIT_MS = 20;

/** One vCPU's place in the ring. Addresses are byte offsets in the buffer. */
export interface WriterVcpu {
  readonly vcpu: number;
  readonly slot: number;
  firstSeq: number;
  /** Segment slot that is open; -1 none. */
  segment: number;
  data: number;
  limit: number;
  timeFirstNs: bigint;
  /** Transfers after recording stopped. */
  unrecorded: number;
  instructionsAtStop: number;
}

export class RingWriter implements LogSpace {
  readonly shape: RingShape;
  readonly keep: 'all' | 'last';
  readonly traceDirectory: string;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly log: LogWriter;
  readonly #offsets: RingOffsets;
  readonly #words: BigInt64Array;
  readonly #halves: Int32Array;
  readonly #base: number;
  readonly #maxTransfers: number;
  readonly #freeSegments: number[] = [];
  readonly #freeSlots: number[] = [];
  /** Segments the recorder has given back and that are free again. */
  #reclaimed = 0;
  #allotted = 0;
  #logTail = 0;

  /** @param base byte offset of the ring in the buffer, a multiple of 4,096. */
  constructor(buffer: SharedArrayBuffer, base: number) {
    this.view = new DataView(buffer, base);
    this.bytes = new Uint8Array(buffer, base);
    this.#base = base;
    this.#words = new BigInt64Array(buffer, base, HEADER_BYTES / 8);
    this.#halves = new Int32Array(buffer, base, HEADER_BYTES / 4);
    const number = (field: Field): number => readNumber(this.view, 0, field);
    this.shape = {
      segmentTransfers: number(HEADER.segmentTransfers),
      segmentBudget: number(HEADER.segmentBudget),
      vcpuSlots: number(HEADER.vcpuSlots),
      logBytes: number(HEADER.logBytes),
    };
    this.#offsets = ringOffsets(this.shape);
    this.keep = number(HEADER.keep) === 0 ? 'all' : 'last';
    this.traceDirectory = readText(this.bytes.slice(0, HEADER_BYTES), 0, HEADER.traceDirectory);
    this.#maxTransfers = number(HEADER.maxTransfers);
    // The lowest on top: few pages are ever touched.
    for (let slot = this.#offsets.segmentSlots; slot > 0; slot--) this.#freeSegments.push(slot - 1);
    for (let slot = this.shape.vcpuSlots; slot > 0; slot--) this.#freeSlots.push(slot - 1);
    this.log = new LogWriter(this);
    this.#set(HEADER.writerStart, processStart(process.pid) ?? 0n);
    this.#set(HEADER.writerPid, BigInt(process.pid));
  }

  #get(field: Field): number {
    return Number(Atomics.load(this.#words, field.at / 8));
  }

  #set(field: Field, value: bigint | number): void {
    Atomics.store(this.#words, field.at / 8, BigInt(value));
  }

  #add(field: Field, value: number): void {
    this.#set(field, this.#get(field) + value);
  }

  get stopped(): StopReason {
    if (this.#get(HEADER.stopRequest) !== 0) this.stop('trigger');
    return STOP_REASONS[this.#get(HEADER.stopped)] ?? 'running';
  }

  /** Recording ends here; the first reason given stays. */
  stop(reason: Exclude<StopReason, 'running'>): void {
    if (this.#get(HEADER.stopped) !== 0) return;
    this.#set(HEADER.stopped, STOP_REASONS.indexOf(reason));
  }

  /** The guest has ended in order. */
  end(): void {
    this.#set(HEADER.ended, 1);
  }

  /** Waits until the word is no longer `value`, a little at most. False once nobody drains. */
  #wait(field: Field, value: number): boolean {
    const before = process.hrtime.bigint();
    Atomics.wait(this.#halves, field.at / 4, value | 0, WAIT_MS);
    this.#add(HEADER.waitNs, Number(process.hrtime.bigint() - before));
    if (this.#get(HEADER.recorderGone) === 0) return true;
    this.stop('recorder-gone');
    return false;
  }

  /** A new vCPU; null: all slots are taken, and it is counted. */
  startVcpu(): WriterVcpu | null {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) {
      this.#add(HEADER.vcpusUnrecorded, 1);
      return null;
    }
    const vcpu = this.#get(HEADER.vcpus);
    const base = this.#slotAt(slot);
    this.bytes.fill(0, base, base + VCPU_SLOT_BYTES);
    writeField(this.view, base, VCPU_SLOT.vcpu, BigInt(vcpu));
    writeField(this.view, base, VCPU_SLOT.live, 1n);
    this.#set(HEADER.vcpus, vcpu + 1);
    return {
      vcpu,
      slot,
      firstSeq: 0,
      segment: -1,
      data: 0,
      limit: 0,
      timeFirstNs: 0n,
      unrecorded: 0,
      instructionsAtStop: 0,
    };
  }

  /** Its last segment must be published. */
  endVcpu(vcpu: WriterVcpu): void {
    this.#add(HEADER.unrecorded, vcpu.unrecorded);
    this.#add(HEADER.instructionsAtStop, vcpu.unrecorded > 0 ? vcpu.instructionsAtStop : 0);
    writeField(this.view, this.#slotAt(vcpu.slot), VCPU_SLOT.live, 0n);
    this.#freeSlots.push(vcpu.slot);
  }

  #slotAt(slot: number): number {
    return this.#offsets.vcpuOffset + slot * VCPU_SLOT_BYTES;
  }

  /**
   * Transfers that a vCPU made after recording had stopped. @param instructions retired by then.
   */
  countUnrecorded(vcpu: WriterVcpu, transfers: number, instructions: number): void {
    if (vcpu.unrecorded === 0) vcpu.instructionsAtStop = instructions;
    vcpu.unrecorded += transfers;
    const base = this.#slotAt(vcpu.slot);
    writeField(this.view, base, VCPU_SLOT.unrecorded, BigInt(vcpu.unrecorded));
    writeField(this.view, base, VCPU_SLOT.instructionsAtStop, BigInt(vcpu.instructionsAtStop));
  }

  /** What a vCPU's slot says, for a recorder that finds the writer gone. */
  settle(vcpu: WriterVcpu, write: number, instructions: number): void {
    const base = this.#slotAt(vcpu.slot);
    const sum = BigInt(write) + BigInt(instructions);
    writeField(this.view, base, VCPU_SLOT.write, BigInt(write));
    writeField(this.view, base, VCPU_SLOT.instructions, BigInt(instructions));
    writeField(this.view, base, VCPU_SLOT.settled, sum);
  }

  /** Opens a segment for a vCPU that has none; false: recording has stopped. Waits for room. */
  openSegment(vcpu: WriterVcpu, instructionsBefore: number): boolean {
    while (this.stopped === 'running' && !this.#makeRoom()) {
      this.#wait(HEADER.drained, this.#reclaimed);
    }
    if (this.stopped !== 'running') return false;
    let room = this.shape.segmentTransfers;
    if (this.#maxTransfers !== 0) room = Math.min(room, this.#maxTransfers - this.#allotted);
    const segment = this.#freeSegments.pop();
    if (room === 0 || segment === undefined) {
      this.stop(room === 0 ? 'max-transfers' : 'no-space');
      return false;
    }
    this.#allotted += room;
    vcpu.segment = segment;
    vcpu.data = this.#base + this.#offsets.dataOffset + segment * this.shape.segmentTransfers * 4;
    vcpu.limit = vcpu.data + room * 4;
    vcpu.timeFirstNs = process.hrtime.bigint();
    const base = this.#slotAt(vcpu.slot);
    writeField(this.view, base, VCPU_SLOT.data, BigInt(vcpu.data));
    writeField(this.view, base, VCPU_SLOT.limit, BigInt(vcpu.limit));
    writeField(this.view, base, VCPU_SLOT.firstSeq, BigInt(vcpu.firstSeq));
    writeField(this.view, base, VCPU_SLOT.timeFirstNs, vcpu.timeFirstNs);
    writeField(this.view, base, VCPU_SLOT.segment, BigInt(segment));
    this.settle(vcpu, vcpu.data, instructionsBefore);
    writeField(this.view, base, VCPU_SLOT.open, 1n);
    return true;
  }

  /** Brings back what was drained, or in `keep last` the oldest. */
  #makeRoom(): boolean {
    const published = this.#get(HEADER.published);
    const { segmentSlots, queueOffset, segmentOffset } = this.#offsets;
    const entry = (n: number): number =>
      this.view.getUint32(queueOffset + (n % segmentSlots) * 4, true);
    if (this.keep === 'all') {
      for (const end = this.#get(HEADER.drained); this.#reclaimed < end; this.#reclaimed++) {
        this.#freeSegments.push(entry(this.#reclaimed));
      }
      return published - this.#reclaimed < this.shape.segmentBudget;
    }
    for (
      let oldest = this.#get(HEADER.oldest);
      published - oldest >= this.shape.segmentBudget;
      this.#set(HEADER.oldest, ++oldest)
    ) {
      const slot = entry(oldest);
      const header = segmentOffset + slot * SEGMENT_HEADER_BYTES;
      this.#add(HEADER.overwritten, readNumber(this.view, header, SEGMENT_HEADER.rows));
      this.#freeSegments.push(slot);
    }
    return true;
  }

  /**
   * Publishes the open segment up to `write`; one without transfers is just given back.
   * @param instructionsBefore retired instructions of the vCPU when its first transfer landed.
   */
  publish(vcpu: WriterVcpu, write: number, instructionsBefore: number): void {
    const rows = (write - vcpu.data) / 4;
    this.#allotted -= (vcpu.limit - write) / 4;
    if (rows === 0) {
      this.#freeSegments.push(vcpu.segment);
    } else {
      const { segmentOffset, queueOffset, segmentSlots } = this.#offsets;
      const base = segmentOffset + vcpu.segment * SEGMENT_HEADER_BYTES;
      const set = (field: Field, value: number | bigint): void =>
        writeField(this.view, base, field, BigInt(value));
      set(SEGMENT_HEADER.firstSeq, vcpu.firstSeq);
      set(SEGMENT_HEADER.instructionsBefore, instructionsBefore);
      set(SEGMENT_HEADER.timeFirstNs, vcpu.timeFirstNs);
      set(SEGMENT_HEADER.timeLastNs, process.hrtime.bigint());
      set(SEGMENT_HEADER.vcpu, vcpu.vcpu);
      set(SEGMENT_HEADER.rows, rows);
      const published = this.#get(HEADER.published);
      const queueAt = queueOffset + (published % segmentSlots) * 4;
      this.view.setUint32(queueAt, vcpu.segment, true);
      this.#set(HEADER.published, published + 1);
    }
    writeField(this.view, this.#slotAt(vcpu.slot), VCPU_SLOT.open, 0n);
    vcpu.firstSeq += rows;
    vcpu.segment = -1;
  }

  /** LogSpace: pads to the log's end where a record does not fit before it; waits for room. */
  begin(bytes: number): number {
    const { logBytes } = this.shape;
    if (bytes > logBytes / 2) this.stop('no-space');
    if (this.stopped !== 'running') return -1;
    const at = this.#get(HEADER.logHead) % logBytes;
    const left = logBytes - at;
    if (left < bytes) {
      if (!this.#logRoom(left)) return -1;
      const padding = this.#offsets.logOffset + at;
      writeField(this.view, padding, RECORD_HEADER.type, BigInt(RECORD_TYPES.indexOf('padding')));
      writeField(this.view, padding, RECORD_HEADER.bytes, BigInt(left));
      this.commit(left);
    }
    if (!this.#logRoom(bytes)) return -1;
    return this.#offsets.logOffset + (this.#get(HEADER.logHead) % logBytes);
  }

  commit(bytes: number): void {
    this.#add(HEADER.logHead, bytes);
  }

  #logRoom(bytes: number): boolean {
    const end = this.#get(HEADER.logHead) + bytes;
    while (end - this.#logTail > this.shape.logBytes) {
      this.#logTail = Number(readField(this.view, 0, HEADER.logTail));
      if (end - this.#logTail <= this.shape.logBytes) break;
      if (!this.#wait(HEADER.logTail, this.#logTail)) return false;
    }
    return true;
  }
}
