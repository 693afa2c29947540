/**
 * Transfers of a filtered recording. Generated code stores all of them, into a buffer of its own;
 * from there those go into the ring that begin or end inside of the filter. What lies between two
 * of these becomes one transfer of cause `filtered`, from where the first began to where the last
 * ended.
 */
import { CAUSE } from '../../../ring/words.ts';
import type { RingWriter, WriterVcpu } from '../../../ring/writer.ts';
import { STATE } from './layout.ts';
import type { GuestMemory } from './memory.ts';
import { howCode, type Names } from './names.ts';
import {
  instructionsBetween,
  PLACES_KEPT,
  SINK_BYTES,
  type Stream,
  type TransferStreams,
} from './streams.ts';

/** Guest addresses from `low` to before `high`. */
export interface SieveRange {
  readonly low: number;
  readonly high: number;
}

/** What is recorded, by address. */
export interface SieveRules {
  readonly included: readonly SieveRange[];
  readonly excluded: readonly SieveRange[];
  /** Whether all is included. */
  readonly includesAll: boolean;
}

const holds = (ranges: readonly SieveRange[], pc: number): boolean =>
  ranges.some(({ low, high }) => pc >= low && pc < high);

function isInside({ included, excluded, includesAll }: SieveRules, pc: number): boolean {
  return (includesAll || holds(included, pc)) && !holds(excluded, pc);
}

/** Of an edge; 0: it was not looked at yet. */
const PASSES = 1;
const LEFT_OUT = 2;
/** No edge. */
const NONE = -1;
const EDGES_AT_FIRST = 4096;
/** Numbers of edges are 32 bits wide; a pair of them must be one exact number. */
const PAIR_FACTOR = 2 ** 26;

interface SievedStream extends Stream {
  /** Where its next transfer goes in its segment. */
  at: number;
  /** The first and the last transfer that was left out since one passed. */
  leftFirst: number;
  leftLast: number;
}

export class SievedStreams implements TransferStreams {
  readonly ring: RingWriter;
  readonly #names: Names;
  readonly #memory: GuestMemory;
  readonly #words: Uint32Array;
  readonly #buffer: number;
  readonly #rules: SieveRules;
  #running: SievedStream;
  readonly #streams = new WeakMap<Stream, SievedStream>();
  /** PASSES or LEFT_OUT of each edge that was met. */
  #places = new Uint8Array(EDGES_AT_FIRST);
  /** Edges that stand for what was left out, by its first and last one. */
  readonly #standing = new Map<number, number>();
  /** Up to here the buffer was looked through. */
  #siftedTo: number;
  /** How many transfers the buffer will give, up to where they were counted. */
  readonly #counted = { to: 0, transfers: 0, isOutside: false };
  /** Where the vCPU was when the buffer was empty, -1 unknown, and how much had retired. */
  #emptiedPc = -1;
  #emptiedInstructions = 0;

  /** @param buffer where generated code stores transfers: SINK_BYTES. */
  constructor(
    ring: RingWriter,
    names: Names,
    memory: GuestMemory,
    buffer: number,
    rules: SieveRules,
  ) {
    this.ring = ring;
    this.#names = names;
    this.#memory = memory;
    this.#buffer = buffer;
    this.#words = new Uint32Array(memory.buffer, buffer, SINK_BYTES / 4);
    this.#rules = rules;
    this.#siftedTo = buffer;
    this.#running = this.add(-1, null);
    this.#write = buffer;
  }

  get running(): Stream {
    return this.#running;
  }

  get #write(): number {
    return this.#memory.view.getUint32(STATE.write, true);
  }

  set #write(address: number) {
    this.#memory.view.setUint32(STATE.write, address, true);
  }

  add(id: number, writer: WriterVcpu | null): SievedStream {
    const stream: SievedStream = {
      id,
      writer,
      hasBegun: false,
      instructions: 0,
      write: 0,
      openedPc: 0,
      openedInstructions: 0,
      landed: -1,
      at: 0,
      leftFirst: NONE,
      leftLast: NONE,
    };
    this.#streams.set(stream, stream);
    return stream;
  }

  switchTo(stream: Stream): void {
    const sieved = this.#streams.get(stream);
    if (sieved === undefined) throw new Error('a stream of another recording');
    this.#sift();
    this.#running = sieved;
    this.#empty(-1);
  }

  /** Names no edge: others may have been given numbers and are not told yet. */
  seq(): number {
    const { writer, at } = this.#running;
    if (writer === null) return 0;
    const kept = writer.segment < 0 ? 0 : (at - writer.data) / 4;
    return writer.firstSeq + kept + this.#waiting();
  }

  seqOfMark(): number {
    this.#sift();
    this.#tellLeftOut((this.#write - this.#buffer) / 4);
    return this.seq();
  }

  /** Transfers that the buffer will give before what comes next. */
  #waiting(): number {
    const waiting = this.#counted;
    if (waiting.to < this.#siftedTo) {
      waiting.to = this.#siftedTo;
      waiting.transfers = 0;
      waiting.isOutside = this.#running.leftFirst !== NONE;
    }
    for (; waiting.to < this.#write; waiting.to += 4) {
      const passes = this.#placeOf(this.#words[(waiting.to - this.#buffer) / 4] ?? 0) === PASSES;
      if (passes) waiting.transfers += waiting.isOutside ? 2 : 1;
      waiting.isOutside = !passes;
    }
    return waiting.transfers;
  }

  places(pc: number): number {
    this.#sift();
    this.#empty(pc);
    const { writer, at, instructions } = this.#running;
    if (writer !== null && writer.segment >= 0) this.ring.settle(writer, at, instructions);
    return SINK_BYTES / 4 - PLACES_KEPT;
  }

  publish(): void {
    this.seqOfMark();
    const { writer, at, landed } = this.#running;
    if (writer === null || writer.segment < 0) return;
    this.ring.publish(writer, at, Math.max(0, landed));
  }

  settleLanding(): void {
    this.#sift();
    // The code that led here is about to change.
    this.#emptiedPc = -1;
  }

  store(edge: number, pc: number): void {
    if (this.#write >= this.#buffer + SINK_BYTES) this.places(pc);
    const at = this.#write;
    this.#memory.view.setUint32(at, edge, true);
    this.#write = at + 4;
  }

  #empty(pc: number): void {
    this.#write = this.#buffer;
    this.#siftedTo = this.#buffer;
    this.#counted.to = 0;
    this.#emptiedPc = pc;
    this.#emptiedInstructions = this.#running.instructions;
  }

  #sift(): void {
    const stream = this.#running;
    const end = (this.#write - this.#buffer) / 4;
    for (let i = (this.#siftedTo - this.#buffer) / 4; i < end; i++) {
      const edge = this.#words[i] ?? 0;
      if (this.#placeOf(edge) === PASSES) {
        if (stream.leftFirst !== NONE) this.#tellLeftOut(i);
        this.#keep(edge, i);
        continue;
      }
      if (stream.leftFirst === NONE) stream.leftFirst = edge;
      stream.leftLast = edge;
    }
    this.#siftedTo = this.#write;
    this.#counted.to = 0;
  }

  /** PASSES or LEFT_OUT. */
  #placeOf(edge: number): number {
    return this.#places[edge] || this.#look(edge);
  }

  /** The start of a vCPU always passes. */
  #look(edge: number): number {
    if (edge >= this.#places.length) {
      const grown = new Uint8Array(Math.max(edge + 1, this.#places.length * 2));
      grown.set(this.#places);
      this.#places = grown;
    }
    const source = this.#names.source(edge);
    const passes =
      source < 0 ||
      isInside(this.#rules, source) ||
      isInside(this.#rules, this.#names.target(edge));
    const place = passes ? PASSES : LEFT_OUT;
    this.#places[edge] = place;
    return place;
  }

  /** @param before how many transfers of the buffer had been made. */
  #tellLeftOut(before: number): void {
    const stream = this.#running;
    const { leftFirst, leftLast } = stream;
    if (leftFirst === NONE) return;
    stream.leftFirst = NONE;
    this.#keep(this.#standingFor(leftFirst, leftLast), before - 1);
  }

  #standingFor(first: number, last: number): number {
    const pair = first * PAIR_FACTOR + last;
    const known = this.#standing.get(pair);
    if (known !== undefined) return known;
    const targetBlock = this.#names.targetBlock(last);
    const edge = this.#names.edge({
      source: BigInt(this.#names.source(first)),
      target: BigInt(this.#names.target(last)),
      cause: CAUSE.filtered,
      kind: null,
      sourceBlock: null,
      targetBlock: targetBlock < 0 ? null : targetBlock,
      hostSource: 0n,
      hostHow: howCode('main-loop'),
      retired: false,
    });
    this.#standing.set(pair, edge);
    return edge;
  }

  /** @param index of the transfer in the buffer; before it: one that was told in its place. */
  #keep(edge: number, index: number): void {
    const stream = this.#running;
    const { writer } = stream;
    if (writer === null) return;
    if (writer.segment >= 0 && stream.at >= writer.limit) {
      this.ring.publish(writer, stream.at, Math.max(0, stream.landed));
    }
    if (writer.segment < 0) {
      if (!this.ring.openSegment(writer, stream.instructions)) {
        this.ring.countUnrecorded(writer, 1, stream.instructions);
        return;
      }
      stream.at = writer.data;
      stream.landed = this.#landing(index);
    }
    this.#memory.view.setUint32(stream.at, edge, true);
    stream.at += 4;
  }

  /** Instructions that had retired when that transfer of the buffer landed. */
  #landing(index: number): number {
    if (this.#emptiedPc < 0) return this.#running.instructions;
    let pc = this.#emptiedPc;
    let count = this.#emptiedInstructions;
    for (let i = 0; i <= index; i++) {
      const edge = this.#words[i] ?? 0;
      const source = this.#names.source(edge);
      if (source >= 0) count += instructionsBetween(this.#memory, pc, source);
      if (source >= 0 && this.#names.retired(edge)) count++;
      pc = this.#names.target(edge);
    }
    return count;
  }
}
