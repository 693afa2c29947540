/**
 * What a run leaves in the ring: names of blocks and edges, streams of transfers, marks. The
 * interpreters and regions ask here for the number of a transfer they make for the first time; the
 * machine tells here what only it knows.
 */
import type { NewMark } from '../../../ring/log-writer.ts';
import { CAUSE, KIND, MARK } from '../../../ring/words.ts';
import type { RingWriter } from '../../../ring/writer.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { TransferKind } from '../translate/region.ts';
import type { Hart } from './hart.ts';
import type { MachineMark, Observer } from './machine.ts';
import { howCode, kindCode, Names } from './names.ts';
import { SievedStreams, type SieveRules } from './sieve.ts';
import { type Stream, Streams, type TransferStreams } from './streams.ts';

/** What is known of the code that runs; core/code.ts. */
export interface CodeBook {
  /** The instructions of the block that begins at pc; null: none can be decoded there. */
  blockSizes(pc: number): Uint8Array | null;
  /** Number of the block that begins at pc where control arrives there now; -1: not named yet. */
  blockAt(pc: number): number;
  /** From now on control that arrives at pc runs this block. */
  setBlock(pc: number, block: number): void;
  /** The block that holds the instruction at pc, of those named last; -1: none. */
  blockAround(pc: number): number;
  instruction(pc: number): Instruction | null;
  /** Kind of the transfer that this instruction makes. */
  kindOf(instruction: Instruction, pc: number): TransferKind | 'trap-return';
}

/** A transfer that leaves a region and is named when it is first taken. */
export interface LinkSite {
  readonly kind: TransferKind;
  readonly source: number;
  readonly sourceBlock: number;
  readonly hostSource: bigint;
  readonly hostHow: 'direct-jump' | 'indirect-jump' | 'main-loop';
}

const NO_BYTES = new Uint8Array(0);
const GUEST_ADDRESSES = 2 ** 32;

export class Recording implements Observer {
  readonly ring: RingWriter;
  readonly names: Names;
  readonly streams: TransferStreams;
  readonly #hart: Hart;
  readonly #code: CodeBook;
  readonly #byId = new Map<number, Stream>();

  /** @param sieve what is recorded; null: all. */
  constructor(
    ring: RingWriter,
    hart: Hart,
    code: CodeBook,
    sink: number,
    sieve: SieveRules | null = null,
  ) {
    this.ring = ring;
    this.#hart = hart;
    this.#code = code;
    this.names = new Names(ring.log);
    const { names } = this;
    this.streams =
      sieve === null
        ? new Streams(ring, names, hart.memory, sink)
        : new SievedStreams(ring, names, hart.memory, sink, sieve);
  }

  /** Before generated code runs: transfers it may make. */
  places(pc: number): number {
    const { running } = this.streams;
    if (!running.hasBegun && running.writer !== null) this.#begin(running);
    return this.streams.places(pc);
  }

  /** The first instruction of a vCPU is about to run. */
  #begin(stream: Stream): void {
    const { pc } = this.#hart;
    this.streams.places(Number(pc));
    stream.hasBegun = true;
    this.#log({ kind: MARK['thread-start'], pc, number: BigInt(stream.id) });
    const target = this.blockFor(Number(pc));
    this.streams.store(
      this.names.edge({
        source: null,
        target: pc,
        cause: CAUSE.start,
        kind: null,
        sourceBlock: null,
        targetBlock: target < 0 ? null : target,
        hostSource: 0n,
        hostHow: null,
        retired: false,
      }),
      Number(pc),
    );
  }

  #log(mark: Omit<NewMark, 'vcpu' | 'seq'>): void {
    const { writer } = this.streams.running;
    if (writer === null) return;
    this.ring.log.mark({ ...mark, vcpu: writer.vcpu, seq: this.streams.seqOfMark() });
  }

  /**
   * The block that control runs when it arrives at pc, named and logged if it was not. It runs
   * after `transfersBefore` more transfers, by default the one that leads there. -1: nothing can
   * run there.
   */
  blockFor(pc: number, transfersBefore = 1): number {
    if (pc >= GUEST_ADDRESSES) return -1;
    const known = this.#code.blockAt(pc);
    if (known >= 0) return known;
    const instructionSizes = this.#code.blockSizes(pc);
    if (instructionSizes === null) return -1;
    let size = 0;
    for (const bytes of instructionSizes) size += bytes;
    const block = this.names.nextBlock();
    const facts = {
      pc,
      instructionSizes,
      code: this.#hart.memory.raw(pc, size).slice(),
      hostPc: 0n,
      hostSize: 0,
      hostCode: NO_BYTES,
    };
    const vcpu = this.streams.running.writer?.vcpu ?? 0;
    this.names.tellBlock(block, facts, vcpu, this.streams.seq() + transfersBefore);
    this.#code.setBlock(pc, block);
    return block;
  }

  /** The interpreter makes a transfer that it knows no edge of. */
  link(source: number, target: number): number {
    const instruction = this.#code.instruction(source);
    if (instruction === null) throw new Error(`transfer from ${source}, where no code is`);
    const sourceBlock = this.#code.blockAround(source);
    const targetBlock = this.blockFor(target);
    return this.names.edge({
      source: BigInt(source),
      target: BigInt(target),
      cause: CAUSE.jump,
      kind: kindCode(this.#code.kindOf(instruction, source)),
      sourceBlock: sourceBlock < 0 ? null : sourceBlock,
      targetBlock: targetBlock < 0 ? null : targetBlock,
      hostSource: 0n,
      hostHow: howCode('main-loop'),
      retired: true,
    });
  }

  /**
   * A region makes a transfer that it knows no edge of. @param targetBlock -1: nothing runs there.
   */
  linkFrom(site: LinkSite, target: number, targetBlock: number): number {
    return this.names.edge({
      source: BigInt(site.source),
      target: BigInt(target),
      cause: CAUSE.jump,
      kind: kindCode(site.kind),
      sourceBlock: site.sourceBlock,
      targetBlock: targetBlock < 0 ? null : targetBlock,
      hostSource: site.hostHow === 'main-loop' ? 0n : site.hostSource,
      hostHow: howCode(site.hostHow),
      retired: true,
    });
  }

  /** A jump that the plain interpreter made by itself: a trap return, or one out of slow code. */
  jumped(source: bigint, target: bigint, kind: TransferKind | 'trap-return'): void {
    this.#transfer(CAUSE.jump, KIND[kind], source, target, true);
  }

  transfer(
    cause: 'exception' | 'interrupt' | 'signal',
    kind: 'syscall' | 'signal-return' | null,
    source: bigint,
    target: bigint,
  ): void {
    const isCall = kind === 'signal-return';
    this.#transfer(CAUSE[cause], kind === null ? null : KIND[kind], source, target, isCall);
  }

  #transfer(
    cause: number,
    kind: number | null,
    source: bigint,
    target: bigint,
    retired: boolean,
  ): void {
    if (!this.streams.running.hasBegun) this.places(Number(source));
    const from = source < BigInt(GUEST_ADDRESSES) ? this.#code.blockAround(Number(source)) : -1;
    const targetBlock = target < BigInt(GUEST_ADDRESSES) ? this.blockFor(Number(target)) : -1;
    const edge = this.names.edge({
      source,
      target,
      cause,
      kind,
      sourceBlock: from < 0 ? null : from,
      targetBlock: targetBlock < 0 ? null : targetBlock,
      hostSource: 0n,
      hostHow: howCode('main-loop'),
      retired,
    });
    this.streams.store(edge, Number(source));
  }

  mark({ kind, ...values }: MachineMark): void {
    if (!this.streams.running.hasBegun) this.places(Number(this.#hart.pc));
    this.#log({ kind: MARK[kind], ...values });
  }

  started(id: number): void {
    const writer = this.ring.stopped === 'running' ? this.ring.startVcpu() : null;
    this.#byId.set(id, this.streams.add(id, writer));
  }

  switched(id: number): void {
    const stream = this.#byId.get(id);
    if (stream === undefined) throw new Error(`no thread ${id} was started`);
    this.streams.settleLanding();
    this.streams.switchTo(stream);
  }

  /** Of one that does not run now, the end mark tells no place. */
  ended(id: number, why: string | null = null): void {
    const stream = this.#byId.get(id);
    if (stream === undefined || stream.writer === null) return;
    this.#byId.delete(id);
    const { running } = this.streams;
    if (stream !== running) this.streams.switchTo(stream);
    if (stream.hasBegun) {
      const here = stream === running ? { pc: this.#hart.pc } : {};
      const detail = why === null ? {} : { detail: why };
      this.#log({ kind: MARK.end, ...here, number: BigInt(stream.instructions), ...detail });
      this.#log({ kind: MARK['thread-exit'] });
    }
    this.streams.publish();
    this.ring.endVcpu(stream.writer);
    if (stream !== running) this.streams.switchTo(running);
    else this.streams.switchTo(this.streams.add(-1, null));
  }

  /** The guest's clock does not go back: only what the trace counts. */
  restarted(): void {
    this.streams.running.instructions--;
  }

  /**
   * The run is over: every vCPU ends where it is.
   * @param call where the running one made the system call that ended it; null: none did.
   * @param why what ended it, if not the guest; null: the guest did.
   */
  finish(call: bigint | null, why: string | null): void {
    if (call !== null) this.#hart.pc = call;
    const { id: last } = this.streams.running;
    const others = Array.from(this.#byId.keys()).filter((id) => id !== last);
    // The one that ended the run is the last to end: that is where people begin to read.
    for (const id of [...others, last]) this.ended(id, why);
    this.ring.end();
  }
}
