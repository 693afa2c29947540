/**
 * Calls matched with their returns, for moves over and out of them. Counting is quick and goes
 * wrong where frames are left without returning, so what it finds is only believed if control came
 * back to where the call was made; else the stack itself is asked, which takes some milliseconds.
 */
import { BacktrailError, NO_ROW } from '@backtrail/recorder/trace';
import type { Moments } from './moments.ts';

interface FrameSeqs {
  readonly depth: number;
  /** Of the transfer that opened each frame; rising from the outermost. */
  readonly seq: ArrayLike<number>;
}

/** What of CallStacks a cursor asks. */
export interface OpenFrames {
  at(
    vcpu: number,
    seq: number,
    options: { readonly framesMax: number },
  ): { readonly frames: readonly { readonly seq: number; readonly callSite: bigint | null }[] };
  machineAt(
    vcpu: number,
    seq: number,
  ): { readonly current: FrameSeqs; readonly parked: { readonly list: readonly FrameSeqs[] } };
}

export class CallFrames {
  readonly #moments: Moments;
  readonly #stacks: OpenFrames;

  constructor(moments: Moments, stacks: OpenFrames) {
    this.#moments = moments;
    this.#stacks = stacks;
  }

  /** seq of the transfer that opened the innermost frame; null where nothing is known to have. */
  innermost(vcpu: number, seq: number): number | null {
    const frame = this.#stacks.at(vcpu, seq, { framesMax: 2 }).frames[0];
    return frame === undefined || frame.callSite === null ? null : frame.seq;
  }

  /** The first recorded moment when the frame that a transfer opened is gone; null if none is. */
  closedAfter(vcpu: number, opened: number): number | null {
    const { streams } = this.#moments;
    const last = streams.seqEnd(vcpu) - 1;
    let held = opened;
    let gone = -1;
    for (let step = 1; gone < 0; step *= 2) {
      const at = streams.recordedFrom(vcpu, Math.min(last, opened + step));
      if (!this.#isOpen(vcpu, at, opened)) gone = at;
      else if (at >= last) return null;
      else held = at;
    }
    for (;;) {
      const middle = streams.recordedFrom(vcpu, held + Math.floor((gone - held) / 2));
      if (middle <= held || middle >= gone) {
        const next = streams.seqBy(vcpu, held, 1).seq;
        if (next >= gone || !this.#isOpen(vcpu, next, opened)) return Math.min(next, gone);
        held = next;
      } else if (this.#isOpen(vcpu, middle, opened)) {
        held = middle;
      } else {
        gone = middle;
      }
    }
  }

  /** seq of the transfer that opened the outermost frame that a transfer left; null for none. */
  closedBy(vcpu: number, seq: number): number | null {
    const before = this.#moments.streams.seqBy(vcpu, seq, -1);
    if (before.steps === 0) return null;
    const { current } = this.#stacks.machineAt(vcpu, before.seq);
    for (let i = 0; i < current.depth; i++) {
      const opened = current.seq[i] ?? 0;
      if (!this.#isOpen(vcpu, seq, opened)) return opened;
    }
    return null;
  }

  /** Whether a transfer arrived where the one that opened a frame is to be come back to. */
  comesBack(vcpu: number, opened: number, seq: number): boolean {
    const { streams } = this.#moments;
    const { edges } = streams;
    const opening = streams.edgeAt(vcpu, opened);
    const landing = streams.edgeAt(vcpu, seq);
    if (opening === NO_ROW || landing === NO_ROW || edges.hasSource[opening] !== 1) return false;
    const source = edges.source[opening] ?? 0n;
    const target = edges.target[landing] ?? 0n;
    return target === source || target === source + BigInt(this.#sizeAt(opening, source));
  }

  /** Bytes of the instruction that an edge leaves; 0 where they are not known. */
  #sizeAt(edge: number, source: bigint): number {
    const { edges, blocks } = this.#moments.streams;
    const block = edges.sourceBlock[edge] ?? NO_ROW;
    if (block >= blocks.count) return 0;
    let left = Number(source - (blocks.pc[block] ?? 0n));
    for (const size of blocks.instructionSizes(block)) {
      if (left === 0) return size;
      left -= size;
    }
    return 0;
  }

  #isOpen(vcpu: number, seq: number, opened: number): boolean {
    const { current, parked } = this.#stacks.machineAt(vcpu, seq);
    return holds(current, opened) || parked.list.some((stack) => holds(stack, opened));
  }
}

function holds({ depth, seq }: FrameSeqs, opened: number): boolean {
  for (let i = depth - 1; i >= 0; i--) {
    const at = seq[i] ?? 0;
    if (at <= opened) return at === opened;
  }
  return false;
}

/** The answer, or null if the stack cannot be told there: part of the trace cannot be read. */
export function attempted<Answer>(ask: () => Answer): Answer | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof BacktrailError) return null;
    throw error;
  }
}
