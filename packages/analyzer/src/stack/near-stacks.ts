/**
 * Stacks at the beginnings of the segments that were gone through last: who steps asks for moments
 * near each other, and goes through one part of a segment for each instead of through eight.
 */
import { type FrameStack, UNSAVED } from './frames.ts';
import type { StackMachine } from './machine.ts';
import { SavedStacks } from './saved-stacks.ts';

/** More of them, and it begins anew: frames add up. */
const SEGMENTS_MAX = 64;
/** Transfers that it may be gone on through from the last one. */
const AHEAD_MAX = 1 << 19;

export class NearStacks {
  #saved = new SavedStacks();
  #vcpu = -1;
  #count = 0;
  #firstSeq = -1;
  #lastSeq = -1;

  /**
   * Brings a machine to the nearest beginning that is kept, not after `seq`.
   * @returns seq of the next transfer there; -1 if none is near
   */
  restore(machine: StackMachine, vcpu: number, seq: number): number {
    const isNear =
      vcpu === this.#vcpu &&
      this.#count > 0 &&
      this.#count < SEGMENTS_MAX &&
      seq >= this.#firstSeq &&
      seq - this.#lastSeq <= AHEAD_MAX;
    return isNear ? this.#saved.restore(machine, seq) : -1;
  }

  /** From here on beginnings are kept; the machine comes from elsewhere. */
  begin(machine: StackMachine, vcpu: number): void {
    this.#saved = new SavedStacks();
    this.#vcpu = vcpu;
    this.#count = 0;
    this.#lastSeq = -1;
    // Its frames have the numbers that they have elsewhere.
    const forget = (stack: FrameStack): void => {
      stack.saved.fill(UNSAVED);
      stack.before?.inner.saved.fill(UNSAVED);
    };
    forget(machine.current);
    machine.parked.list.forEach(forget);
  }

  /** Keeps how the machine stands before a segment that begins with `seq`, if that is new. */
  keep(machine: StackMachine, seq: number): void {
    if (seq <= this.#lastSeq) return;
    this.#saved.save(machine, seq);
    if (this.#count === 0) this.#firstSeq = seq;
    this.#lastSeq = seq;
    this.#count++;
  }
}
