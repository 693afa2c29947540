/**
 * A ring as it is at one moment, copied while its writer goes on. Nothing is taken from it and
 * nobody is stopped: what was copied is believed only if it was still there afterwards. In this
 * order, which is that of what names what, backward:
 *
 *   1 published segments   each was still there when it had been copied
 *   2 open segments        each until its vCPU has the same one before and after
 *   3 segments published meanwhile, the header, the log   named edges come before their use
 */
import { BacktrailError } from '../errors.ts';
import { type RingStore, readField, readNumber, writeField } from './file.ts';
import {
  type Field,
  HEADER,
  HEADER_BYTES,
  type RingOffsets,
  type RingShape,
  ringOffsets,
  SEGMENT_HEADER_BYTES,
  VCPU_SLOT,
  VCPU_SLOT_BYTES,
} from './layout.ts';
import { Ring } from './ring.ts';

/** Tries to copy the open segment of a vCPU before it has another. */
const ATTEMPTS_MAX = 50;

export interface FrozenRing {
  readonly ring: Ring;
  /** Whether what the log says of blocks that are on disk is there, too: the handles of vCPUs. */
  readonly hasHandles: boolean;
}

interface Segment {
  readonly header: Uint8Array;
  readonly data: Uint8Array;
}

/** Bytes of a ring that were copied; the rest is 0. */
class FrozenBytes implements RingStore {
  readonly path: string;
  readonly bytes: number;
  readonly #regions: { readonly at: number; readonly bytes: Uint8Array }[] = [];

  constructor(path: string, bytes: number) {
    this.path = path;
    this.bytes = bytes;
  }

  put(at: number, bytes: Uint8Array): void {
    this.#regions.push({ at, bytes });
  }

  read(at: number, into: Uint8Array): void {
    into.fill(0);
    for (const region of this.#regions) {
      const from = Math.max(at, region.at);
      const to = Math.min(at + into.byteLength, region.at + region.bytes.byteLength);
      if (from < to) into.set(region.bytes.subarray(from - region.at, to - region.at), from - at);
    }
  }

  /** Of the header only: how far a reader has come. */
  write(at: number, from: Uint8Array): void {
    this.#regions[0]?.bytes.set(from, at);
  }

  close(): void {}
  remove(): void {}
}

class Freezer {
  readonly #file: RingStore;
  readonly #shape: RingShape;
  readonly #offsets: RingOffsets;
  readonly #keep: number;
  readonly #segments = new Map<number, Segment>();
  /** Data of open segments, and where the slots are of the vCPUs that have them. */
  readonly #open: { readonly base: number; readonly data: Uint8Array }[] = [];
  #vcpus = new Uint8Array(new ArrayBuffer(0));

  constructor(file: RingStore) {
    this.#file = file;
    const view = this.#header();
    const number = (field: Field): number => readNumber(view, 0, field);
    this.#shape = {
      segmentTransfers: number(HEADER.segmentTransfers),
      segmentBudget: number(HEADER.segmentBudget),
      vcpuSlots: number(HEADER.vcpuSlots),
      logBytes: number(HEADER.logBytes),
    };
    this.#offsets = ringOffsets(this.#shape);
    this.#keep = number(HEADER.keep);
  }

  /** As the file has it now. Read until two readings agree. */
  #header(): DataView {
    let [bytes, again] = [new Uint8Array(HEADER_BYTES), new Uint8Array(HEADER_BYTES)];
    this.#file.read(0, bytes);
    do {
      [bytes, again] = [again, bytes];
      this.#file.read(0, bytes);
    } while (Buffer.compare(bytes, again) !== 0);
    return new DataView(bytes.buffer);
  }

  #word(view: DataView, field: Field): number {
    return readNumber(view, 0, field);
  }

  /** The first published segment that nobody has taken back. */
  #first(view: DataView): number {
    return this.#word(view, this.#keep === 0 ? HEADER.drained : HEADER.oldest);
  }

  freeze(logFrom: number | null): FrozenRing {
    const begin = this.#header();
    const next = this.#copyPublished(this.#first(begin), this.#word(begin, HEADER.published));
    this.#vcpus = new Uint8Array(this.#shape.vcpuSlots * VCPU_SLOT_BYTES);
    this.#file.read(this.#offsets.vcpuOffset, this.#vcpus);
    for (let base = 0; base < this.#vcpus.byteLength; base += VCPU_SLOT_BYTES) {
      const view = new DataView(this.#vcpus.buffer, base, VCPU_SLOT_BYTES);
      if (readNumber(view, 0, VCPU_SLOT.live) !== 0) this.#copyVcpu(base);
    }
    const published = this.#word(this.#header(), HEADER.published);
    return this.#frozen(this.#copyPublished(next, published), logFrom);
  }

  #tooFast(): BacktrailError {
    return new BacktrailError(
      'E_RING_FAST',
      `${this.#file.path}: found more new code in a moment than the log of the ring holds, ` +
        'expected less. Try again.',
    );
  }

  /** @returns the first one that was not copied. */
  #copyPublished(from: number, end: number): number {
    const { segmentSlots, queueOffset, segmentOffset } = this.#offsets;
    for (let n = Math.max(from, this.#firstNow()); n < end; n++) {
      const entry = new Uint8Array(4);
      this.#file.read(queueOffset + (n % segmentSlots) * 4, entry);
      const slot = new DataView(entry.buffer).getUint32(0, true);
      const header = new Uint8Array(SEGMENT_HEADER_BYTES);
      const data = slot < segmentSlots ? this.#data(slot) : null;
      if (data !== null) this.#file.read(segmentOffset + slot * SEGMENT_HEADER_BYTES, header);
      // If it was taken back meanwhile, what is older than those that are there is of no use.
      const first = this.#firstNow();
      if (first > n || data === null) this.#segments.clear();
      else this.#segments.set(n, { header, data });
      n = Math.max(n, first - 1);
    }
    return Math.max(from, end);
  }

  #firstNow(): number {
    const word = new DataView(new ArrayBuffer(8));
    const { at } = this.#keep === 0 ? HEADER.drained : HEADER.oldest;
    this.#file.read(at, new Uint8Array(word.buffer));
    return Number(word.getBigUint64(0, true));
  }

  #data(slot: number): Uint8Array {
    const bytes = new Uint8Array(this.#shape.segmentTransfers * 4);
    this.#file.read(this.#offsets.dataOffset + slot * bytes.byteLength, bytes);
    return bytes;
  }

  #readSlot(base: number): DataView {
    const bytes = new Uint8Array(VCPU_SLOT_BYTES);
    this.#file.read(this.#offsets.vcpuOffset + base, bytes);
    return new DataView(bytes.buffer);
  }

  /**
   * A vCPU and its open segment. Its slot is read three times: if it has the same segment open in
   * the first and the last, that of the second is whole, for `firstSeq` only rises. One that is too
   * fast is taken as if none were open; what it published is copied afterwards.
   */
  #copyVcpu(base: number): void {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const before = this.#readSlot(base);
      const now = this.#readSlot(base);
      const owned = ownedBy(now);
      const data = owned === null ? null : this.#data(owned.segment);
      const after = this.#readSlot(base);
      const [one, other] = [ownedBy(before), ownedBy(after)];
      if (one?.segment !== other?.segment || one?.firstSeq !== other?.firstSeq) continue;
      if (!isStill(before, after)) unsettle(now);
      if (data !== null) this.#open.push({ base, data });
      this.#vcpus.set(new Uint8Array(now.buffer), base);
      return;
    }
    const now = this.#readSlot(base);
    writeField(now, 0, VCPU_SLOT.open, 0n);
    unsettle(now);
    this.#vcpus.set(new Uint8Array(now.buffer), base);
  }

  #frozen(published: number, logFrom: number | null): FrozenRing {
    const { logBytes } = this.#shape;
    const view = this.#header();
    const head = this.#word(view, HEADER.logHead);
    const taken = logFrom ?? this.#word(view, HEADER.logTail);
    // From where the log began its last round before what was taken; no more: this takes time.
    const round = taken - (taken % logBytes);
    const log = new Uint8Array(Math.min(logBytes, head - round));
    this.#file.read(this.#offsets.logOffset, log);
    const end = this.#header();
    // What the recorder took meanwhile is on disk, and may have been written over here.
    const tail = logFrom ?? Math.min(head, this.#word(end, HEADER.logTail));
    if (this.#word(end, HEADER.logHead) > tail + logBytes) throw this.#tooFast();
    const first = Math.min(...this.#segments.keys(), published);
    const hasHandles = this.#word(end, HEADER.logHead) <= round + logBytes;
    this.#set(view, HEADER.published, published);
    this.#set(view, HEADER.oldest, Math.min(first, published));
    this.#setChecked(view, HEADER.drained, HEADER.drainedCheck, first);
    this.#setChecked(view, HEADER.logTail, HEADER.logTailCheck, tail);
    const bytes = new FrozenBytes(this.#file.path, this.#offsets.fileBytes);
    bytes.put(0, new Uint8Array(view.buffer));
    this.#putSegments(bytes);
    bytes.put(this.#offsets.vcpuOffset, this.#vcpus);
    bytes.put(this.#offsets.logOffset, log);
    return { ring: Ring.over(bytes), hasHandles };
  }

  /** Into slots of their own: one may have been used again since it was copied. */
  #putSegments(bytes: FrozenBytes): void {
    const { queueOffset, segmentOffset, segmentSlots, dataOffset } = this.#offsets;
    let slot = 0;
    for (const { base, data } of this.#open) {
      const view = new DataView(this.#vcpus.buffer, base, VCPU_SLOT_BYTES);
      writeField(view, 0, VCPU_SLOT.segment, BigInt(slot));
      bytes.put(dataOffset + slot++ * data.byteLength, data);
    }
    for (const [n, { header, data }] of this.#segments) {
      const entry = new Uint8Array(4);
      new DataView(entry.buffer).setUint32(0, slot, true);
      bytes.put(queueOffset + (n % segmentSlots) * 4, entry);
      bytes.put(segmentOffset + slot * SEGMENT_HEADER_BYTES, header);
      bytes.put(dataOffset + slot++ * data.byteLength, data);
    }
  }

  #set(view: DataView, field: Field, value: number): void {
    writeField(view, 0, field, BigInt(value));
  }

  #setChecked(view: DataView, field: Field, check: Field, value: number): void {
    writeField(view, 0, field, BigInt(value));
    writeField(view, 0, check, BigInt.asUintN(64, ~BigInt(value)));
  }
}

/** Words that say in which block a vCPU is; they belong together only while it does not move. */
const BLOCK_WORDS = [
  VCPU_SLOT.prev,
  VCPU_SLOT.instructions,
  VCPU_SLOT.write,
  VCPU_SLOT.settled,
] as const;

const isStill = (one: DataView, other: DataView): boolean =>
  BLOCK_WORDS.every((field) => readField(one, 0, field) === readField(other, 0, field));

/** Makes it look as one that is just leaving its block: nobody knows which it is in. */
function unsettle(slot: DataView): void {
  const sum = readField(slot, 0, VCPU_SLOT.write) + readField(slot, 0, VCPU_SLOT.instructions);
  writeField(slot, 0, VCPU_SLOT.settled, BigInt.asUintN(64, sum + 1n));
}

/** The segment that a live vCPU has open; null if it has none. */
function ownedBy(slot: DataView): { readonly segment: number; readonly firstSeq: number } | null {
  const number = (field: Field): number => readNumber(slot, 0, field);
  if (number(VCPU_SLOT.live) === 0 || number(VCPU_SLOT.open) === 0) return null;
  return { segment: number(VCPU_SLOT.segment), firstSeq: number(VCPU_SLOT.firstSeq) };
}

/**
 * A ring as it is now.
 * @param logFrom where its log is to begin; where the recorder is by now if left out
 * @throws BacktrailError E_RING_FAST if the log was written over meanwhile.
 */
export const freezeRing = (ring: Ring, logFrom: number | null = null): FrozenRing =>
  new Freezer(ring.store).freeze(logFrom);
