/**
 * The streams of transfers: one for each vCPU, in segments of the ring that generated code fills.
 * The running vCPU's place is STATE.write; those of the others are kept here.
 */
import type { RingWriter, WriterVcpu } from '../../../ring/writer.ts';
import { STATE } from './layout.ts';
import type { GuestMemory } from './memory.ts';
import type { Names } from './names.ts';

/** Places that are never promised to generated code: for traps and signals, which are no jumps. */
export const PLACES_KEPT = 16;
/** A segment with less room than this is published and the next one opened. */
const PLACES_WANTED = 8192;
/** Transfers that are counted and not kept, between two looks. */
export const SINK_BYTES = 256 * 1024;

/** Instructions in [from, to), which run in order. */
export function instructionsBetween(memory: GuestMemory, from: number, to: number): number {
  const { view, guestBase, guestLimit } = memory;
  let count = 0;
  for (let pc = from; pc < to && pc + 2 <= guestLimit; count++) {
    // Unprivileged specification, 1.5: two low bits set mean 32 bits.
    pc += (view.getUint16(pc + guestBase, true) & 3) === 3 ? 4 : 2;
  }
  return count;
}

/** Where transfers of the vCPUs go, as generated code stores them. */
export interface TransferStreams {
  readonly ring: RingWriter;
  readonly running: Stream;
  /** A stream without a place in the ring is counted, not kept. */
  add(id: number, writer: WriterVcpu | null): Stream;
  switchTo(stream: Stream): void;
  /** seq of the next transfer of the running vCPU. */
  seq(): number;
  /** The seq of a mark that is to tell where the vCPU is. */
  seqOfMark(): number;
  /**
   * Transfers that generated code may store now: publishes a segment that is nearly full, opens the
   * next, waits for room.
   * @param pc where the vCPU is.
   */
  places(pc: number): number;
  /** Publishes the running vCPU's segment, if it has one. */
  publish(): void;
  /** What depends on code must be found out before that changes. */
  settleLanding(): void;
  /** Stores one transfer of the running vCPU, which is at pc; there is always room for a few. */
  store(edge: number, pc: number): void;
}

export interface Stream {
  /** The guest's number for it. */
  readonly id: number;
  /** Null: the ring had no slot for it. */
  readonly writer: WriterVcpu | null;
  hasBegun: boolean;
  /** Instructions retired. */
  instructions: number;
  /** STATE.write while another vCPU runs. */
  write: number;
  /** Where it was when the open segment was opened, and how many instructions had retired. */
  openedPc: number;
  openedInstructions: number;
  /** Instructions retired when the first transfer of the segment landed; -1 not known yet. */
  landed: number;
}

/** All transfers, right where generated code stores them. */
export class Streams implements TransferStreams {
  readonly ring: RingWriter;
  readonly #names: Names;
  readonly #memory: GuestMemory;
  readonly #sink: number;
  #running: Stream;

  /** @param sink where transfers go that are not recorded: SINK_BYTES of the buffer. */
  constructor(ring: RingWriter, names: Names, memory: GuestMemory, sink: number) {
    this.ring = ring;
    this.#names = names;
    this.#memory = memory;
    this.#sink = sink;
    this.#running = this.add(-1, null);
    this.write = sink;
  }

  get running(): Stream {
    return this.#running;
  }

  add(id: number, writer: WriterVcpu | null): Stream {
    return {
      id,
      writer,
      hasBegun: false,
      instructions: 0,
      write: this.#sink,
      openedPc: 0,
      openedInstructions: 0,
      landed: -1,
    };
  }

  get write(): number {
    return this.#memory.view.getUint32(STATE.write, true);
  }

  set write(address: number) {
    this.#memory.view.setUint32(STATE.write, address, true);
  }

  seqOfMark(): number {
    return this.seq();
  }

  seq(): number {
    const { writer } = this.#running;
    if (writer === null) return 0;
    const kept = writer.segment < 0 ? 0 : (this.write - writer.data) / 4;
    return writer.firstSeq + kept;
  }

  switchTo(stream: Stream): void {
    this.#running.write = this.write;
    this.#running = stream;
    this.write = stream.write;
  }

  places(pc: number): number {
    const { writer, instructions } = this.#running;
    if (writer === null || (writer.segment < 0 && !this.#open(pc))) return this.#drainSink();
    const room = (writer.limit - this.write) / 4;
    const wanted = Math.min(PLACES_WANTED, this.ring.shape.segmentTransfers / 2);
    if (room > wanted) {
      this.ring.settle(writer, this.write, instructions);
      return room - PLACES_KEPT;
    }
    // What --max-transfers leaves is used to its end.
    const isShort = writer.limit - writer.data < this.ring.shape.segmentTransfers * 4;
    if (isShort && room > 0) return Math.max(1, room - PLACES_KEPT);
    this.publish();
    return this.#open(pc) ? this.places(pc) : this.#drainSink();
  }

  #open(pc: number): boolean {
    const stream = this.#running;
    const { writer } = stream;
    if (writer === null) return false;
    this.#drainSink();
    if (!this.ring.openSegment(writer, stream.instructions)) {
      this.write = this.#sink;
      return false;
    }
    this.write = writer.data;
    stream.openedPc = pc;
    stream.openedInstructions = stream.instructions;
    stream.landed = -1;
    return true;
  }

  /** Counts what went to the sink and empties it; how much fits in. */
  #drainSink(): number {
    const stream = this.#running;
    const { writer } = stream;
    const inSink = this.write >= this.#sink && this.write <= this.#sink + SINK_BYTES;
    if (inSink) {
      const count = (this.write - this.#sink) / 4;
      if (writer !== null && count > 0) {
        this.ring.countUnrecorded(writer, count, stream.instructions);
      }
      this.write = this.#sink;
    }
    return SINK_BYTES / 4 - PLACES_KEPT;
  }

  publish(): void {
    const stream = this.#running;
    const { writer } = stream;
    if (writer === null || writer.segment < 0) return;
    this.settleLanding();
    this.ring.publish(writer, this.write, Math.max(0, stream.landed));
    this.write = this.#sink;
  }

  /**
   * Finds out how many instructions had retired when the segment's first transfer landed: those
   * from where the vCPU was at its opening to the source, in order. To be called before code
   * changes.
   */
  settleLanding(): void {
    const stream = this.#running;
    const { writer } = stream;
    if (writer === null || writer.segment < 0 || stream.landed >= 0) return;
    if (this.write === writer.data) return;
    const first = this.#memory.view.getUint32(writer.data, true);
    const source = this.#names.source(first);
    const between = source < 0 ? 0 : instructionsBetween(this.#memory, stream.openedPc, source);
    const own = source >= 0 && this.#names.retired(first) ? 1 : 0;
    stream.landed = stream.openedInstructions + between + own;
  }

  store(edge: number, pc: number): void {
    const { writer } = this.#running;
    const isKept = writer !== null && writer.segment >= 0;
    if (isKept && this.write >= writer.limit) this.places(pc);
    const at = this.write;
    this.#memory.view.setUint32(at, edge, true);
    this.write = at + 4;
  }
}
