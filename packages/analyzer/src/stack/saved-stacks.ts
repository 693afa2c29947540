/**
 * Stacks at chosen moments, to go on from later. Frames that two moments share are kept once: a
 * saved frame names the one below it, so that saved frames are a tree, and a stack is its tip.
 *
 *   frame   parent | edge | seq low | seq high | moved edge | moved seq low | moved seq high |
 *           opened + 256 × moved
 *   moment  seq low | seq high | current tip | parked stacks | whether they take turns |
 *           tip of how the current one stood before, or NO_ROW | by | index | left | depth |
 *           resumed | of each parked stack its tip | edge that left it
 *
 * All are 32-bit words; a parent of NO_ROW is below the outermost frame. A moment's seq is that of
 * the next transfer.
 */
import { NO_ROW } from '@backtrail/recorder/trace';
import { FrameStack, UNSAVED } from './frames.ts';
import type { StackMachine } from './machine.ts';

const FRAME_WORDS = 8;
const MOMENT_WORDS = 11;
const SPLIT = 0x1_0000_0000;

/** A list of words that grows. */
export class Words {
  #words: Uint32Array<ArrayBuffer>;
  count: number;

  constructor(words: Uint32Array = new Uint32Array(64)) {
    this.#words = Uint32Array.from(words);
    this.count = words.length;
  }

  static empty(): Words {
    const made = new Words();
    made.count = 0;
    return made;
  }

  add(...values: readonly number[]): void {
    if (this.count + values.length > this.#words.length) {
      const grown = new Uint32Array(Math.max(this.#words.length * 2, this.count + values.length));
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words.set(values, this.count);
    this.count += values.length;
  }

  at(index: number): number {
    return this.#words[index] ?? NO_ROW;
  }

  seqAt(index: number): number {
    return this.at(index) + this.at(index + 1) * SPLIT;
  }

  addSeq(seq: number): void {
    this.add(seq % SPLIT, Math.floor(seq / SPLIT));
  }

  get view(): Uint32Array {
    return this.#words.subarray(0, this.count);
  }
}

export class SavedStacks {
  readonly #frames: Words;
  readonly #moments: Words;
  /** Where each moment begins among the words of moments. */
  readonly #starts: number[] = [];

  constructor(frames: Words = Words.empty(), moments: Words = Words.empty()) {
    this.#frames = frames;
    this.#moments = moments;
    // Words may come from a file that anybody can write: a moment that is not whole is none.
    for (let at = 0; ; ) {
      const end = at + MOMENT_WORDS + 2 * moments.at(at + 3);
      if (end > moments.count) break;
      this.#starts.push(at);
      at = end;
    }
  }

  get frameWords(): Uint32Array {
    return this.#frames.view;
  }

  get momentWords(): Uint32Array {
    return this.#moments.view;
  }

  /** @param seq that of the next transfer; not before that of the moment saved last. */
  save(machine: StackMachine, seq: number): void {
    this.#starts.push(this.#moments.count);
    this.#moments.addSeq(seq);
    this.#moments.add(this.#tip(machine.current), machine.parked.list.length);
    const { before } = machine.current;
    this.#moments.add(machine.parked.takesTurns ? 1 : 0);
    this.#moments.add(before === null ? NO_ROW : this.#tip(before.inner));
    this.#moments.add(before?.by ?? 0, before?.index ?? 0, before?.left ?? 0, before?.depth ?? 0);
    this.#moments.add(before?.resumed ?? 0);
    for (const stack of machine.parked.list) this.#moments.add(this.#tip(stack), stack.left);
  }

  /**
   * Brings a machine to the last saved moment that is not after `seq`.
   * @returns seq of the next transfer there; -1 if there is no such moment.
   */
  restore(machine: StackMachine, seq: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#moments.seqAt(this.#starts[middle] ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    const at = this.#starts[low - 1];
    if (at === undefined) return -1;
    const word = (offset: number): number => this.#moments.at(at + offset);
    machine.current = this.#stack(word(2));
    machine.parked.takesTurns = word(4) === 1;
    if (word(5) !== NO_ROW) {
      machine.current.before = {
        by: word(6),
        index: word(7),
        left: word(8),
        depth: word(9),
        resumed: word(10),
        inner: this.#stack(word(5)),
      };
    }
    machine.parked.list = [];
    for (let i = 0; i < this.#moments.at(at + 3); i++) {
      const entry = at + MOMENT_WORDS + 2 * i;
      const stack = this.#stack(this.#moments.at(entry));
      stack.left = this.#moments.at(entry + 1);
      machine.parked.list.push(stack);
    }
    return this.#moments.seqAt(at);
  }

  /** Number of the innermost frame; frames that are not there yet are added. */
  #tip(stack: FrameStack): number {
    let frame = stack.depth;
    while (frame > 0 && stack.saved[frame - 1] === UNSAVED) frame--;
    for (; frame < stack.depth; frame++) {
      stack.saved[frame] = this.#frames.count / FRAME_WORDS;
      this.#frames.add(frame === 0 ? NO_ROW : (stack.saved[frame - 1] ?? NO_ROW));
      this.#frames.add(stack.edge[frame] ?? NO_ROW);
      this.#frames.addSeq(stack.seq[frame] ?? 0);
      this.#frames.add(stack.movedEdge[frame] ?? NO_ROW);
      this.#frames.addSeq(stack.movedSeq[frame] ?? 0);
      this.#frames.add((stack.opened[frame] ?? 0) + 256 * (stack.moved[frame] ?? 0));
    }
    return stack.saved[stack.depth - 1] ?? NO_ROW;
  }

  #stack(tip: number): FrameStack {
    const path: number[] = [];
    const count = this.#frames.count / FRAME_WORDS;
    // Parents come before their children: damaged words cannot make this go round.
    for (let frame = tip, above = count; frame < above; ) {
      path.push(frame);
      above = frame;
      frame = this.#frames.at(frame * FRAME_WORDS);
    }
    const stack = new FrameStack();
    for (let i = path.length - 1; i >= 0; i--) {
      const saved = path[i] ?? 0;
      const at = saved * FRAME_WORDS;
      const how = this.#frames.at(at + 7);
      stack.push(this.#frames.at(at + 1), this.#frames.seqAt(at + 2), how & 0xff);
      const top = stack.depth - 1;
      stack.movedEdge[top] = this.#frames.at(at + 4);
      stack.movedSeq[top] = this.#frames.seqAt(at + 5);
      stack.moved[top] = how >>> 8;
      stack.saved[top] = saved;
    }
    return stack;
  }
}
