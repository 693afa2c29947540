/**
 * What is known to be accessible at the start of each node of a region: a span of addresses
 * relative to each integer register, for reading and for writing. A span that is not known has no
 * bit.
 */
import { type Access, type Addresses, isRegister } from './spans.ts';

const REGISTERS = 32;
/** What fits an i16 with room to spare. */
const OFFSET_MAX = 2 ** 13;
/** What lies between two accessible parts is accessible, too, if all of it is on their pages. */
const WIDTH_MAX = 4096;

/** Registers that accesses are relative to; no other's spans are kept. */
class Bases {
  readonly mask: number;
  readonly count: number;
  /** Of each register: its place among them. */
  readonly #places = new Uint8Array(REGISTERS);

  constructor(all: readonly Addresses[]) {
    let [mask, count] = [0, 0];
    for (const { accesses } of all) {
      for (const { value } of accesses) {
        if (!isRegister(value) || (mask & (1 << value)) !== 0) continue;
        mask |= 1 << value;
        this.#places[value] = count++;
      }
    }
    this.mask = mask;
    this.count = count;
  }

  slot(node: number, register: number): number {
    return node * this.count + (this.#places[register] ?? 0);
  }
}

class Spans {
  readonly low: Int16Array;
  readonly high: Int16Array;
  /** Of each node: registers that have a span. */
  readonly known: Int32Array;
  readonly #bases: Bases;

  constructor(nodes: number, bases: Bases) {
    this.low = new Int16Array(nodes * bases.count);
    this.high = new Int16Array(nodes * bases.count);
    this.known = new Int32Array(nodes);
    this.#bases = bases;
  }

  has(node: number, register: number, low: number, high: number): boolean {
    if ((at(this.known, node) & (1 << register)) === 0) return false;
    const slot = this.#bases.slot(node, register);
    return at(this.low, slot) <= low && high <= at(this.high, slot);
  }

  set(node: number, register: number, low: number, high: number): void {
    if (Math.abs(low) > OFFSET_MAX || Math.abs(high) > OFFSET_MAX) return;
    if ((this.#bases.mask & (1 << register)) === 0) return;
    const slot = this.#bases.slot(node, register);
    this.low[slot] = low;
    this.high[slot] = high;
    this.known[node] = at(this.known, node) | (1 << register);
  }

  widen(node: number, register: number, low: number, high: number): void {
    const slot = this.#bases.slot(node, register);
    if ((at(this.known, node) & (1 << register)) !== 0) {
      const from = Math.min(low, at(this.low, slot));
      const to = Math.max(high, at(this.high, slot));
      if (to - from <= WIDTH_MAX) {
        this.set(node, register, from, to);
        return;
      }
    }
    this.set(node, register, low, high);
  }

  copy(from: number, to: number): void {
    const known = at(this.known, from);
    this.known[to] = known;
    for (let rest = known; rest !== 0; rest &= rest - 1) {
      const register = 31 - Math.clz32(rest & -rest);
      const slot = this.#bases.slot(to, register);
      const other = this.#bases.slot(from, register);
      this.low[slot] = at(this.low, other);
      this.high[slot] = at(this.high, other);
    }
  }

  /** Only what both know stays at `to`; whether that is less than before. */
  meet(from: number, to: number): boolean {
    const before = at(this.known, to);
    let known = before & at(this.known, from);
    let changed = known !== before;
    for (let rest = known; rest !== 0; rest &= rest - 1) {
      const register = 31 - Math.clz32(rest & -rest);
      const slot = this.#bases.slot(to, register);
      const other = this.#bases.slot(from, register);
      const low = Math.max(at(this.low, slot), at(this.low, other));
      const high = Math.min(at(this.high, slot), at(this.high, other));
      if (low === at(this.low, slot) && high === at(this.high, slot)) continue;
      changed = true;
      if (low >= high) known &= ~(1 << register);
      this.low[slot] = low;
      this.high[slot] = high;
    }
    this.known[to] = known;
    return changed;
  }

  /** Registers that are no longer what they were. */
  move(node: number, { made, moves }: Addresses, beside: number): void {
    if (at(this.known, node) === 0) return;
    this.known[node] = at(this.known, node) & ~made;
    if (moves.length === 0) return;
    this.copy(node, beside);
    for (const [register] of moves) this.known[node] = at(this.known, node) & ~(1 << register);
    for (const [register, value, moved] of moves) {
      if ((at(this.known, beside) & (1 << value)) === 0) continue;
      const slot = this.#bases.slot(beside, value);
      this.set(node, register, at(this.low, slot) - moved, at(this.high, slot) - moved);
    }
  }
}

const at = (array: Int16Array | Int32Array, index: number): number => array[index] ?? 0;

export class Facts {
  readonly #reading: Spans;
  readonly #writing: Spans;
  readonly #seen: Uint8Array;
  /** 1: what is known there was not carried on yet. */
  readonly #isNews: Uint8Array;
  /** Two rows behind the nodes' are for work. */
  readonly #work: number;

  /**
   * @param first the node where control begins: nothing is known there.
   * @param addresses of all blocks.
   */
  constructor(nodes: number, first: number, addresses: readonly Addresses[]) {
    const bases = new Bases(addresses);
    this.#reading = new Spans(nodes + 2, bases);
    this.#writing = new Spans(nodes + 2, bases);
    this.#seen = new Uint8Array(nodes);
    this.#seen[first] = 1;
    this.#isNews = new Uint8Array(nodes);
    this.#isNews[first] = 1;
    this.#work = nodes;
  }

  isKnown(node: number, { value, low, high, isWrite }: Access): boolean {
    if (!isRegister(value)) return false;
    return (isWrite ? this.#writing : this.#reading).has(node, value, low, high);
  }

  /** Whether anything is known relative to the register. */
  hasAny(node: number, register: number): boolean {
    return (at(this.#reading.known, node) & (1 << register)) !== 0;
  }

  /**
   * Carries what is known at the end of the node to the next ones, if that is news since the last
   * time; whether it was.
   * @param kept the only registers that stay what they are behind the node.
   */
  carry(
    node: number,
    addresses: Addresses | undefined,
    kept: number,
    successors: readonly number[],
  ): boolean {
    if (this.#isNews[node] === 0) return false;
    this.#isNews[node] = 0;
    this.#leave(this.#reading, node, addresses, kept, false);
    this.#leave(this.#writing, node, addresses, kept, true);
    for (const next of successors) this.#arrive(next);
    return true;
  }

  /** Leaves in the row for work what is known at the end of the node. */
  #leave(
    spans: Spans,
    node: number,
    addresses: Addresses | undefined,
    kept: number,
    isWriting: boolean,
  ): void {
    const work = this.#work;
    spans.copy(node, work);
    if (addresses !== undefined) {
      for (const { value, low, high, isWrite } of addresses.accesses) {
        if (!isRegister(value) || (isWriting && !isWrite)) continue;
        spans.widen(work, value, low, high);
      }
      spans.move(work, addresses, work + 1);
    }
    spans.known[work] = at(spans.known, work) & kept;
  }

  #arrive(next: number): void {
    const work = this.#work;
    if (this.#seen[next] === 0) {
      this.#seen[next] = 1;
      this.#reading.copy(work, next);
      this.#writing.copy(work, next);
      this.#isNews[next] = 1;
      return;
    }
    if (this.#reading.meet(work, next)) this.#isNews[next] = 1;
    if (this.#writing.meet(work, next)) this.#isNews[next] = 1;
  }
}
