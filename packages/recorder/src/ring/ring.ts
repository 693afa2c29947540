/**
 * The recorder's side of the ring. Twin: engines/qemu/plugin/ring_writer.c. Guarantees and
 * protocol: docs/ring.md. Nothing here waits: the caller polls.
 */
import assert from 'node:assert/strict';
import { BacktrailError } from '../errors.ts';
import { checkSpace, newHeader, newRingFile, type RingOptions } from './create.ts';
import { ByteFile, type RingStore, readField, readNumber, readText } from './file.ts';
import {
  fieldBytes,
  HEADER,
  HEADER_BYTES,
  RING_MAGIC,
  RING_VERSION,
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
import { processStart } from './process.ts';

/** What the writer says of itself at one moment; counters since the ring was made. */
export interface WriterState {
  readonly pid: number;
  readonly published: number;
  /** First segment that is still there. */
  readonly oldest: number;
  readonly overwritten: number;
  readonly logHead: number;
  readonly waitNs: number;
  readonly stopped: StopReason;
  readonly unrecorded: number;
  readonly vcpusUnrecorded: number;
  readonly vcpus: number;
  readonly forks: number;
  /** Rings made for forked children. */
  readonly children: number;
  readonly ended: boolean;
  /** What the guest asked to exit with; null: it did not, or nobody noted it. */
  readonly exitStatus: number | null;
  /** Of ended vCPUs that did not record to their end. */
  readonly instructionsAtStop: number;
}

/** A segment's header; its transfers are read apart, into the caller's buffer. */
export interface RingSegment {
  readonly vcpu: number;
  readonly firstSeq: number;
  readonly rows: number;
  readonly instructionsBefore: number;
  readonly timeFirstNs: bigint;
  readonly timeLastNs: bigint;
}

/** One vCPU as its slot shows it, for what a run leaves unpublished. */
export interface RingVcpu extends RingSegment {
  readonly segmentSlot: number;
  readonly open: boolean;
  /** Handle of the block it was in. */
  readonly prev: bigint;
  /** False: it was just leaving that block, the last transfer tells where to. */
  readonly settled: boolean;
  readonly inSyscall: boolean;
  readonly unrecorded: number;
  readonly instructions: number;
  /** Instructions retired when the first transfer was not recorded. */
  readonly instructionsAtStop: number;
}

export class Ring {
  readonly path: string;
  readonly shape: RingShape;
  readonly keep: 'all' | 'last';
  readonly traceDirectory: string;
  /** When the process that drains was started, clock ticks since boot. */
  readonly recorderStart: bigint;
  /** The process that drains. */
  readonly recorderPid: number;
  /** Process that forked the one that writes; 0: nobody did. */
  readonly parentPid: number;
  readonly #file: RingStore;
  readonly #offsets: RingOffsets;
  readonly #words = new Uint8Array(HEADER.exitStatus.at + 8 - HEADER.writerPid.at);
  readonly #wordsAgain = new Uint8Array(this.#words.byteLength);

  private constructor(path: string, file: RingStore, header: Uint8Array) {
    const view = new DataView(header.buffer);
    this.path = path;
    this.#file = file;
    this.shape = {
      segmentTransfers: readNumber(view, 0, HEADER.segmentTransfers),
      segmentBudget: readNumber(view, 0, HEADER.segmentBudget),
      vcpuSlots: readNumber(view, 0, HEADER.vcpuSlots),
      logBytes: readNumber(view, 0, HEADER.logBytes),
    };
    this.#offsets = ringOffsets(this.shape);
    this.keep = readNumber(view, 0, HEADER.keep) === 0 ? 'all' : 'last';
    this.traceDirectory = readText(header, 0, HEADER.traceDirectory);
    this.recorderStart = readField(view, 0, HEADER.recorderStart);
    this.recorderPid = readNumber(view, 0, HEADER.recorderPid);
    this.parentPid = readNumber(view, 0, HEADER.parentPid);
  }

  /**
   * Makes a new ring file; its pages are taken only when they are used.
   * @throws BacktrailError E_RING_FILE, E_RING_SPACE, E_PATH_LONG; no file is left then
   */
  static create(path: string, options: RingOptions): Ring {
    const header = newHeader(options);
    checkSpace(path, options.shape);
    newRingFile(path, header, ringOffsets(options.shape).fileBytes);
    return Ring.open(path);
  }

  /** @throws BacktrailError if the file is no ring, of another version, or cut. */
  static open(path: string): Ring {
    return Ring.over(new ByteFile(path, 'r+'));
  }

  /** The ring in these bytes; closes them if there is none. @throws BacktrailError as `open`. */
  static over(file: RingStore): Ring {
    const { path } = file;
    try {
      const header = new Uint8Array(HEADER_BYTES);
      file.read(0, header);
      const view = new DataView(header.buffer);
      const magic = readField(view, 0, HEADER.magic);
      const version = readField(view, 0, HEADER.version);
      if (magic !== RING_MAGIC || version !== BigInt(RING_VERSION)) {
        throw new BacktrailError(
          'E_RING_VERSION',
          `${path}: found magic 0x${magic.toString(16)} version ${version}, expected ` +
            `0x${RING_MAGIC.toString(16)} version ${RING_VERSION}. It is no ring of this build.`,
        );
      }
      const ring = new Ring(path, file, header);
      ring.#checkOffsets(view);
      return ring;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Its bytes, to be read. */
  get store(): RingStore {
    return this.#file;
  }

  #checkOffsets(view: DataView): void {
    for (const [name, expected] of Object.entries(this.#offsets)) {
      const found = readNumber(view, 0, HEADER[name as keyof RingOffsets]);
      if (found === expected) continue;
      throw new BacktrailError(
        'E_RING_DAMAGED',
        `${this.path}: found ${name} ${found}, expected ${expected}. The header is damaged.`,
      );
    }
    if (this.#file.bytes < this.#offsets.fileBytes) {
      throw new BacktrailError(
        'E_RING_SHORT',
        `${this.path}: found ${this.#file.bytes} bytes, expected ${this.#offsets.fileBytes}. ` +
          'The ring file was cut.',
      );
    }
  }

  /**
   * The writer's words, all of one moment: read until two readings agree, so that a word is never
   * half old and half new however the kernel copies it.
   */
  writerState(): WriterState {
    const base = HEADER.writerPid.at;
    this.#file.read(base, this.#words);
    do {
      this.#wordsAgain.set(this.#words);
      this.#file.read(base, this.#words);
    } while (Buffer.compare(this.#words, this.#wordsAgain) !== 0);
    const view = new DataView(this.#words.buffer);
    const word = (field: (typeof HEADER)[keyof typeof HEADER]): number =>
      readNumber(view, -base, field);
    return {
      pid: word(HEADER.writerPid),
      published: word(HEADER.published),
      oldest: word(HEADER.oldest),
      overwritten: word(HEADER.overwritten),
      logHead: word(HEADER.logHead),
      waitNs: word(HEADER.waitNs),
      stopped: STOP_REASONS[word(HEADER.stopped)] ?? 'running',
      unrecorded: word(HEADER.unrecorded),
      vcpusUnrecorded: word(HEADER.vcpusUnrecorded),
      vcpus: word(HEADER.vcpus),
      forks: word(HEADER.forks),
      children: word(HEADER.children),
      ended: word(HEADER.ended) !== 0,
      exitStatus: word(HEADER.exitStatus) === 0 ? null : word(HEADER.exitStatus) - 1,
      instructionsAtStop: word(HEADER.instructionsAtStop),
    };
  }

  /** Whether the process that attached as the writer is still the one that runs. */
  writerAlive(): boolean {
    const bytes = new Uint8Array(16);
    this.#file.read(HEADER.writerPid.at, bytes);
    const view = new DataView(bytes.buffer);
    const pid = Number(view.getBigUint64(0, true));
    return pid !== 0 && processStart(pid) === view.getBigUint64(8, true);
  }

  /** The same for the process that drains. */
  recorderAlive(): boolean {
    const bytes = new Uint8Array(16);
    this.#file.read(HEADER.recorderPid.at, bytes);
    const view = new DataView(bytes.buffer);
    const pid = Number(view.getBigUint64(0, true));
    return processStart(pid) === view.getBigUint64(8, true);
  }

  #segmentAt(view: DataView): RingSegment {
    return {
      vcpu: readNumber(view, 0, SEGMENT_HEADER.vcpu),
      firstSeq: readNumber(view, 0, SEGMENT_HEADER.firstSeq),
      rows: readNumber(view, 0, SEGMENT_HEADER.rows),
      instructionsBefore: readNumber(view, 0, SEGMENT_HEADER.instructionsBefore),
      timeFirstNs: readField(view, 0, SEGMENT_HEADER.timeFirstNs),
      timeLastNs: readField(view, 0, SEGMENT_HEADER.timeLastNs),
    };
  }

  /** The n-th published segment, n from `oldest` (or drained) to `published` - 1. */
  publishedSegment(n: number): RingSegment & { readonly segmentSlot: number } {
    const entry = new Uint8Array(4);
    const { segmentSlots, queueOffset, segmentOffset } = this.#offsets;
    this.#file.read(queueOffset + (n % segmentSlots) * 4, entry);
    const segmentSlot = new DataView(entry.buffer).getUint32(0, true);
    if (segmentSlot >= segmentSlots) {
      throw new BacktrailError(
        'E_RING_DAMAGED',
        `${this.path}: found segment slot ${segmentSlot}, expected less than ${segmentSlots}.`,
      );
    }
    const header = new Uint8Array(SEGMENT_HEADER_BYTES);
    this.#file.read(segmentOffset + segmentSlot * SEGMENT_HEADER_BYTES, header);
    const segment = this.#segmentAt(new DataView(header.buffer));
    if (segment.rows > this.shape.segmentTransfers) {
      throw new BacktrailError(
        'E_RING_DAMAGED',
        `${this.path}: found ${segment.rows} transfers in a segment, expected at most ` +
          `${this.shape.segmentTransfers}.`,
      );
    }
    return { ...segment, segmentSlot };
  }

  /** Fills `into` with the first transfers of a segment slot. */
  readTransfers(segmentSlot: number, into: Uint32Array): void {
    const at = this.#offsets.dataOffset + segmentSlot * this.shape.segmentTransfers * 4;
    this.#file.read(at, new Uint8Array(into.buffer, into.byteOffset, into.byteLength));
  }

  /** Every vCPU that had not ended, as its slot stands; stable only once the writer is gone. */
  liveVcpus(): RingVcpu[] {
    const bytes = new Uint8Array(this.shape.vcpuSlots * VCPU_SLOT_BYTES);
    this.#file.read(this.#offsets.vcpuOffset, bytes);
    const view = new DataView(bytes.buffer);
    const found: RingVcpu[] = [];
    for (let base = 0; base < bytes.byteLength; base += VCPU_SLOT_BYTES) {
      if (readNumber(view, base, VCPU_SLOT.live) !== 0) found.push(this.#vcpuAt(view, base));
    }
    return found;
  }

  #vcpuAt(view: DataView, base: number): RingVcpu {
    const open = readNumber(view, base, VCPU_SLOT.open) !== 0;
    const write = readField(view, base, VCPU_SLOT.write);
    const instructions = readField(view, base, VCPU_SLOT.instructions);
    const settled = readField(view, base, VCPU_SLOT.settled);
    const bytes = write - readField(view, base, VCPU_SLOT.data);
    const rows = open ? Number(bytes / 4n) : 0;
    if (rows < 0 || rows > this.shape.segmentTransfers) {
      throw new BacktrailError(
        'E_RING_DAMAGED',
        `${this.path}: found ${rows} transfers in an open segment, expected 0 to ` +
          `${this.shape.segmentTransfers}.`,
      );
    }
    const timeFirstNs = readField(view, base, VCPU_SLOT.timeFirstNs);
    return {
      vcpu: readNumber(view, base, VCPU_SLOT.vcpu),
      firstSeq: readNumber(view, base, VCPU_SLOT.firstSeq),
      rows,
      instructionsBefore: readNumber(view, base, VCPU_SLOT.instructionsBefore),
      timeFirstNs,
      timeLastNs: timeFirstNs,
      segmentSlot: readNumber(view, base, VCPU_SLOT.segment),
      open,
      prev: readField(view, base, VCPU_SLOT.prev),
      settled: BigInt.asUintN(64, write + instructions) === settled,
      inSyscall: readNumber(view, base, VCPU_SLOT.inSyscall) !== 0,
      unrecorded: readNumber(view, base, VCPU_SLOT.unrecorded),
      instructions: readNumber(view, base, VCPU_SLOT.instructions),
      instructionsAtStop: readNumber(view, base, VCPU_SLOT.instructionsAtStop),
    };
  }

  /** Log bytes [from, to), absolute positions; whole records as long as both are record starts. */
  readLog(from: number, to: number): Uint8Array {
    const { logBytes } = this.shape;
    const bytes = new Uint8Array(to - from);
    if (bytes.byteLength > logBytes) {
      throw new BacktrailError(
        'E_RING_DAMAGED',
        `${this.path}: found ${bytes.byteLength} bytes of log, expected at most ${logBytes}.`,
      );
    }
    const at = from % logBytes;
    const first = Math.min(bytes.byteLength, logBytes - at);
    this.#file.read(this.#offsets.logOffset + at, bytes.subarray(0, first));
    this.#file.read(this.#offsets.logOffset, bytes.subarray(first));
    return bytes;
  }

  #writeChecked(field: (typeof HEADER)['drained' | 'logTail'], value: number): void {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(value), true);
    view.setBigUint64(8, BigInt.asUintN(64, ~BigInt(value)), true);
    this.#file.write(field.at, bytes);
  }

  #readChecked(field: (typeof HEADER)['drained' | 'logTail']): number {
    const bytes = new Uint8Array(8);
    this.#file.read(field.at, bytes);
    return Number(new DataView(bytes.buffer).getBigUint64(0, true));
  }

  /** How far the recorder had come: segments and log bytes that are on disk. */
  progress(): { readonly drained: number; readonly logTail: number } {
    return {
      drained: this.#readChecked(HEADER.drained),
      logTail: this.#readChecked(HEADER.logTail),
    };
  }

  /** Gives the segments before `count` back to the writer; call when they are on disk. */
  setDrained(count: number): void {
    this.#writeChecked(HEADER.drained, count);
  }

  /** The same for log bytes. */
  setLogTail(position: number): void {
    this.#writeChecked(HEADER.logTail, position);
  }

  /** Where its trace is, if that is another place than its writer chose. */
  moveTrace(directory: string): void {
    const field = HEADER.traceDirectory;
    const bytes = new Uint8Array(fieldBytes(field));
    const { written } = new TextEncoder().encodeInto(directory, bytes.subarray(0, -1));
    assert(written === Buffer.byteLength(directory), 'a longer path than the writer chose');
    this.#file.write(field.at, bytes);
  }

  #writeOne(at: number): void {
    const one = new Uint8Array(8);
    one[0] = 1;
    this.#file.write(at, one);
  }

  /** Asks the writer to record no more: it stops when its open segments are full. */
  requestStop(): void {
    this.#writeOne(HEADER.stopRequest.at);
  }

  /** Tells the writer that nobody drains any more: it stops recording and the guest runs on. */
  leave(): void {
    this.#writeOne(HEADER.recorderGone.at);
  }

  close(): void {
    this.#file.close();
  }

  /** Closes the ring and gives up its bytes. */
  remove(): void {
    this.#file.remove();
  }
}
