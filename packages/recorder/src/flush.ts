/**
 * Ring → trace. Takes published segments in order, writes what they name before them, gives them
 * back only when they are on disk, and at the end takes what a vCPU had not published.
 */
import { availableParallelism } from 'node:os';
import { blockRows, edgeRows, type MarkRow, markRows } from './flush-rows.ts';
import { decodeLog, type LogBatch, type LogBlock, type LogGuest } from './ring/log.ts';
import type { Ring, RingSegment, RingVcpu, WriterState } from './ring/ring.ts';
import type { SegmentSource } from './trace/transfers-writer.ts';
import { MARK_KINDS, type MarkKind } from './trace/vocabulary.ts';
import type { TraceWriter } from './trace/writer.ts';

/** Segments taken in one call of poll(), so that the caller stays responsive. */
const SEGMENTS_PER_POLL = 16;
/** For fewer segments in the end nobody is called to help: before he is here, it is done. */
const HELP_SEGMENTS_MIN = 128;
/** When this share of the ring waits to be drained, the guest is about to wait as well. */
const BEHIND_SHARE = 0.75;

const markKind = (kind: MarkKind): number => MARK_KINDS.indexOf(kind);

/** What the plugin calls a block, and what the trace needs to tell where a run ended. */
class BlockHandles {
  readonly #byHandle = new Map<bigint, number>();
  #pc = new BigUint64Array(1024);
  #last = new Uint32Array(1024);
  #instructions = new Uint32Array(1024);

  add(block: LogBlock): void {
    const index = this.#byHandle.size;
    if (index === this.#last.length) this.#grow();
    this.#pc[index] = block.pc;
    this.#last[index] = block.lastOffset;
    this.#instructions[index] = block.instructions;
    this.#byHandle.set(block.handle, index);
  }

  #grow(): void {
    const grown = { pc: this.#pc, last: this.#last, instructions: this.#instructions };
    this.#pc = new BigUint64Array(grown.pc.length * 2);
    this.#last = new Uint32Array(grown.pc.length * 2);
    this.#instructions = new Uint32Array(grown.pc.length * 2);
    this.#pc.set(grown.pc);
    this.#last.set(grown.last);
    this.#instructions.set(grown.instructions);
  }

  find(handle: bigint): { pc: bigint; lastPc: bigint; instructions: number } | null {
    const index = this.#byHandle.get(handle);
    if (index === undefined) return null;
    const pc = this.#pc[index] ?? 0n;
    return {
      pc,
      lastPc: pc + BigInt(this.#last[index] ?? 0),
      instructions: this.#instructions[index] ?? 0,
    };
  }
}

/** A block that ran first after its ring was copied did not run in the copy: born at the end. */
function bornBy(block: LogBlock, ends: ReadonlyMap<number, number>): LogBlock {
  return { ...block, bornSeq: Math.min(block.bornSeq, ends.get(block.bornVcpu) ?? 0) };
}

/** What ended a recording early, and where. */
export interface TriggerMark {
  readonly vcpu: number;
  readonly seq: number;
  readonly timeNs: bigint;
  readonly pc: bigint | null;
  /** As the user said it. */
  readonly detail: string;
}

export class Flusher {
  /** What the guest said of itself; null until its plugin spoke. */
  guest: LogGuest | null = null;
  /** map and unmap marks, kept for the module map. */
  readonly maps: MarkRow[] = [];
  /** Instructions retired, as told by the end marks so far. */
  instructions = 0;
  /** Programs that were put in the guest's place, less those that failed to. */
  execs = 0;
  /** The last one of them; null if nobody could read its name. */
  execPath: string | null = null;
  /** Children that the guest was told of. */
  forks = 0;
  /** Why no more is to be recorded; a mark tells. */
  trigger: () => TriggerMark | null = () => null;
  /** Is shown each stretch of the log. */
  onLog: (batch: LogBatch) => void = () => {};
  #ring: Ring;
  readonly #writer: TraceWriter;
  readonly #blocks = new BlockHandles();
  /** By vCPU: seq after its last segment that was taken. */
  readonly #seqEnd = new Map<number, number>();
  readonly #ended = new Set<number>();
  /** By vCPU that has ended: seq after its last transfer. */
  readonly #endSeq = new Map<number, number>();
  /** `vcpu seq` of each gap mark, so that a recovery does not tell it again. */
  readonly #gapsTold = new Set<string>();
  /** Transfers in the gaps that were told, but those of damaged files. */
  #gapTransfers = 0;
  #isStopTold = false;
  #isFrozen = false;
  #marksOnDisk = 0;
  #drained: number;
  #logTail: number;
  /** Published segments from which on others help. */
  readonly #behindMin: number;

  /** Goes on where the ring says the last recorder had come; a new ring says 0. */
  constructor(ring: Ring, writer: TraceWriter) {
    this.#ring = ring;
    this.#writer = writer;
    this.#behindMin = Math.ceil(ring.shape.segmentBudget * BEHIND_SHARE);
    const { drained, logTail } = ring.progress();
    this.#drained = drained;
    this.#logTail = logTail;
  }

  /**
   * For a resumed trace: how far each vCPU had come on disk and the marks that are there, so that
   * nothing is written twice.
   * @param hasHandles whether the log still says what it said of blocks that are on disk
   */
  resume(seqEnd: ReadonlyMap<number, number>, marks: readonly MarkRow[], hasHandles = true): void {
    // Of these the writer numbered all but what a recorder adds before the log is at its end.
    this.#marksOnDisk = marks.filter(({ kind }) => kind !== markKind('gap')).length;
    for (const [vcpu, seq] of seqEnd) this.#seqEnd.set(vcpu, seq);
    this.#noteMarks(marks);
    if (hasHandles) this.#findBlocksAgain();
  }

  /** Handles are in the log only. What was taken of its last round is there until it is reused. */
  #findBlocksAgain(): void {
    const { logBytes } = this.#ring.shape;
    const round = this.#logTail - (this.#logTail % logBytes);
    if (this.#ring.writerState().logHead > round + logBytes) return;
    for (const block of decodeLog(this.#ring.readLog(round, this.#logTail)).blocks) {
      this.#blocks.add(block);
    }
  }

  /**
   * Takes what is there. True if there was anything.
   * In `keep last` only the log is taken; segments stay in the ring until finish().
   */
  poll(): boolean {
    const state = this.#ring.writerState();
    const logged = this.#takeLog(state.logHead);
    if (this.#ring.keep === 'last') return logged;
    const end = Math.min(state.published, this.#drained + SEGMENTS_PER_POLL);
    const published = end > this.#drained;
    // One processor is the guest's. With fewer than three a helper would only slow it down.
    const isBehind = state.published - this.#drained >= this.#behindMin;
    this.#takeSegments(end, isBehind ? availableParallelism() - 2 : 0);
    return logged || published;
  }

  /** @param helpers Processors besides this one that have nothing to do. */
  #takeSegments(end: number, helpers: number): void {
    const sources: SegmentSource[] = [];
    for (let n = this.#drained; n < end; n++) {
      const segment = this.#ring.publishedSegment(n);
      const source = this.#sourceOf(segment, segment.segmentSlot, () => this.#giveBack(n + 1));
      if (source !== null) sources.push(source);
    }
    this.#writer.addSegments(sources, helpers);
    if (this.#drained < end) this.#giveBack(end);
  }

  #giveBack(drained: number): void {
    this.#drained = drained;
    this.#ring.setDrained(drained);
  }

  /**
   * What is to be written of a segment; the gap before it is told now.
   * Null: it is on disk already. The last recorder was killed between writing it and giving it
   * back, or the writer between publishing it and letting go.
   */
  #sourceOf(segment: RingSegment, slot: number, written: () => void): SegmentSource | null {
    const { vcpu, firstSeq, rows } = segment;
    const seqEnd = this.#seqEnd.get(vcpu) ?? 0;
    if (firstSeq + rows <= seqEnd) return null;
    this.#gap(vcpu, seqEnd, firstSeq, segment.timeFirstNs);
    this.#seqEnd.set(vcpu, firstSeq + rows);
    const read = (place: Uint32Array): void => this.#ring.readTransfers(slot, place);
    return { info: segment, transfers: rows, read, written };
  }

  /** Transfers that were there and are not any more: a row, never silence. */
  #gap(vcpu: number, seq: number, end: number, timeNs: bigint): void {
    if (end <= seq) return;
    this.#seqEnd.set(vcpu, end);
    if (this.#gapsTold.has(`${vcpu} ${seq}`)) return;
    this.#addMark(vcpu, seq, timeNs, 'gap', { number: BigInt(end - seq) });
  }

  #addMark(
    vcpu: number,
    seq: number,
    timeNs: bigint,
    kind: MarkKind,
    values: Partial<MarkRow>,
  ): void {
    const none = { pc: null, number: null, code: null, address: null, size: null, detail: null };
    const mark = { ...none, vcpu, seq, timeNs, kind: markKind(kind), ...values };
    this.#writer.addMarks(markRows([mark]));
    this.#noteMarks([mark]);
  }

  #takeLog(head: number): boolean {
    if (head === this.#logTail) return false;
    const batch = decodeLog(this.#ring.readLog(this.#logTail, head));
    this.guest ??= batch.guest;
    this.#writeLog(batch);
    this.onLog(batch);
    this.#logTail = head;
    this.#ring.setLogTail(head);
    return true;
  }

  #writeLog(batch: LogBatch): void {
    const { counts } = this.#writer;
    for (const block of batch.blocks) this.#blocks.add(block);
    const ends = this.#isFrozen ? this.#frozenEnds() : null;
    const blocks = batch.blocks
      .filter((block) => block.block >= counts.blocks)
      .map((block) => (ends === null ? block : bornBy(block, ends)));
    const edges = batch.edges.filter((edge) => edge.edge >= counts.edges);
    const isHeld = ({ vcpu, seq }: MarkRow): boolean =>
      ends === null || seq <= (ends.get(vcpu) ?? 0);
    const marks = batch.marks.filter((mark) => mark.mark >= this.#marksOnDisk && isHeld(mark));
    if (blocks.length > 0) this.#writer.addBlocks(blockRows(blocks));
    if (edges.length > 0) this.#writer.addEdges(edgeRows(edges));
    if (marks.length > 0) this.#writer.addMarks(markRows(marks));
    this.#noteMarks(marks);
  }

  /** By vCPU: seq after its last transfer; the log of a copied ring is a little later than that. */
  #frozenEnds(): Map<number, number> {
    const ends = new Map(this.#seqEnd);
    const add = ({ vcpu, firstSeq, rows }: RingSegment): void => {
      ends.set(vcpu, Math.max(ends.get(vcpu) ?? 0, firstSeq + rows));
    };
    const { published } = this.#ring.writerState();
    for (let n = this.#drained; n < published; n++) add(this.#ring.publishedSegment(n));
    for (const vcpu of this.#ring.liveVcpus()) add(vcpu);
    return ends;
  }

  #noteMarks(marks: readonly MarkRow[]): void {
    for (const mark of marks) {
      const kind = MARK_KINDS[mark.kind];
      if (kind === 'map' || kind === 'unmap') this.maps.push(mark);
      if (kind === 'end') this.instructions += Number(mark.number ?? 0n);
      if (kind === 'end') this.#ended.add(mark.vcpu);
      if (kind === 'gap') this.#noteGap(mark);
      if (kind === 'thread-exit') this.#endSeq.set(mark.vcpu, mark.seq);
      if (kind === 'stop') this.#isStopTold = true;
      if (kind === 'exec') this.execs += mark.code === null ? 1 : -1;
      if (kind === 'exec' && mark.code === null) this.execPath = mark.detail;
      if (kind === 'fork') this.forks++;
    }
  }

  #noteGap(mark: MarkRow): void {
    this.#gapsTold.add(`${mark.vcpu} ${mark.seq}`);
    if (mark.detail === null) this.#gapTransfers += Number(mark.number ?? 0n);
  }

  /** From now on the ring is what a copy of it is; its writer goes on. */
  useFrozen(ring: Ring): void {
    this.#ring = ring;
    this.#isFrozen = true;
    this.#drained = Math.max(this.#drained, ring.progress().drained);
  }

  /**
   * Takes everything that is left; call when the writer is gone. `nowNs` dates the marks that the
   * recorder adds. Returns the writer's last words.
   */
  finish(nowNs: bigint): WriterState {
    const state = this.#ring.writerState();
    this.#takeLog(state.logHead);
    if (this.#ring.keep === 'last') this.#drained = Math.max(this.#drained, state.oldest);
    const left = state.published - this.#drained;
    this.#takeSegments(state.published, left >= HELP_SEGMENTS_MIN ? availableParallelism() - 1 : 0);
    let unrecorded = state.unrecorded;
    this.instructions += state.instructionsAtStop;
    for (const vcpu of this.#ring.liveVcpus()) {
      unrecorded += vcpu.unrecorded;
      this.#takeOpen(vcpu, nowNs);
    }
    // A vCPU of which nothing is left has no later segment that would show what is missing.
    for (const [vcpu, seq] of this.#endSeq) {
      if (this.#ring.keep === 'last') this.#gap(vcpu, this.#seqEnd.get(vcpu) ?? 0, seq, nowNs);
    }
    if (state.stopped !== 'running' && !this.#isStopTold) {
      this.#addMark(0, this.#seqEnd.get(0) ?? 0, nowNs, 'stop', {
        number: BigInt(unrecorded),
        detail: state.stopped,
      });
    }
    const trigger = this.trigger();
    if (trigger !== null) {
      const { vcpu, seq, timeNs, pc, detail } = trigger;
      this.#addMark(vcpu, seq, timeNs, 'trigger', { pc, detail });
    }
    // A writer that was killed while it reused a segment may have counted that one or not.
    const wasKilled = !state.ended && state.stopped === 'running';
    const overwritten = wasKilled ? this.#gapTransfers : state.overwritten;
    return { ...state, unrecorded, overwritten };
  }

  #takeOpen(vcpu: RingVcpu, nowNs: bigint): void {
    if (vcpu.open && vcpu.rows > 0) {
      const segment = { ...vcpu, timeLastNs: nowNs };
      const source = this.#sourceOf(segment, vcpu.segmentSlot, () => {});
      if (source !== null) this.#writer.addSegments([source], 0);
    } else if (this.#ring.keep === 'last') {
      this.#gap(vcpu.vcpu, this.#seqEnd.get(vcpu.vcpu) ?? 0, vcpu.firstSeq, nowNs);
    }
    if (vcpu.unrecorded > 0) {
      // It ran on unrecorded: where its recorded part ends, no block tells.
      this.instructions += vcpu.instructionsAtStop;
      return;
    }
    if (this.#ended.has(vcpu.vcpu)) return;
    const seq = this.#seqEnd.get(vcpu.vcpu) ?? 0;
    const block = vcpu.settled ? this.#blocks.find(vcpu.prev) : null;
    if (block === null && seq === 0) return; // it never ran
    if (this.#isFrozen && (block === null || seq !== vcpu.firstSeq + vcpu.rows)) {
      // It goes on, or went on to what is on disk: nobody knows at which instruction it was.
      this.instructions += vcpu.instructions;
      return;
    }
    if (block === null) {
      // Killed between its last transfer and the note of where that led: the transfer tells.
      this.#addMark(vcpu.vcpu, seq, nowNs, 'end', { number: BigInt(vcpu.instructions) });
      return;
    }
    const retired = vcpu.instructions + (vcpu.inSyscall ? block.instructions : 0);
    this.#addMark(vcpu.vcpu, seq, nowNs, 'end', {
      pc: vcpu.inSyscall ? block.lastPc : block.pc,
      number: BigInt(retired),
    });
  }

  /** seq after the last transfer of each vCPU that was taken. */
  get seqEnd(): ReadonlyMap<number, number> {
    return this.#seqEnd;
  }
}
