/**
 * Which accesses of a block need a check of their address. Accesses near to each other, relative to
 * one value, are checked together at the first of them: if that check refuses, one of them would
 * fault or needs the plain interpreter, unless control leaves before it.
 */
import { SPAN_BYTES } from '../core/layout.ts';
import type { Format } from '../isa/formats.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';
import { shapeOf, writesX } from './effects.ts';

const REGISTERS = 32;
const SP = 2;
const FP = 8;

interface MemoryShape {
  readonly bytes: number;
  readonly isWrite: boolean;
  /** The address is rs1 alone. */
  readonly isPlain: boolean;
}

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, d: 8 };
const MEMORY_FORMATS: ReadonlySet<Format> = new Set<Format>([
  'load',
  'store',
  'fload',
  'fstore',
  'lr',
  'amo',
]);

/** The last letter tells the size, but for the u of unsigned loads. */
function memoryShape(op: OpName): MemoryShape | null {
  const { format } = opInfo(op);
  if (!MEMORY_FORMATS.has(format)) return null;
  const bytes = SIZES[op.replace(/u$/, '').slice(-1)];
  if (bytes === undefined) throw new Error(`no size of ${op}`);
  const isAtomic = format === 'lr' || format === 'amo';
  const isRead = format === 'load' || format === 'fload' || format === 'lr';
  return { bytes, isWrite: !isRead, isPlain: isAtomic };
}

const MEMORY_SHAPES: ReadonlyMap<OpName, MemoryShape> = new Map(
  OP_NAMES.flatMap((op) => {
    const shape = memoryShape(op);
    return shape === null ? [] : [[op, shape] as const];
  }),
);

/** What an access must check before it; null in a plan: something before it did. */
export interface Check {
  /** From the value of the access's base register to where the span begins. */
  readonly first: number;
  readonly bytes: number;
  readonly isWrite: boolean;
  /** Whether it is likely on the stack. */
  readonly isStack: boolean;
}

/** By place of the instruction in its block. */
export type Plan = ReadonlyMap<number, Check | null>;

/**
 * Addresses known to be accessible where a block begins, relative to registers: reading from
 * [readLow, readHigh), writing likewise; empty where low >= high.
 */
export class Facts {
  readonly readLow = new Int16Array(REGISTERS);
  readonly readHigh = new Int16Array(REGISTERS);
  readonly writeLow = new Int16Array(REGISTERS);
  readonly writeHigh = new Int16Array(REGISTERS);

  copyFrom(other: Facts): void {
    this.readLow.set(other.readLow);
    this.readHigh.set(other.readHigh);
    this.writeLow.set(other.writeLow);
    this.writeHigh.set(other.writeHigh);
  }

  forget(register: number): void {
    this.readLow[register] = 0;
    this.readHigh[register] = 0;
    this.writeLow[register] = 0;
    this.writeHigh[register] = 0;
  }

  forgetAllBut(register: number): void {
    for (let r = 0; r < REGISTERS; r++) if (r !== register) this.forget(r);
  }

  knows(register: number, low: number, high: number, isWrite: boolean): boolean {
    const lows = isWrite ? this.writeLow : this.readLow;
    const highs = isWrite ? this.writeHigh : this.readHigh;
    return at(lows, register) <= low && high <= at(highs, register);
  }

  /** Keeps what the other knows, too; whether that made a difference. */
  meet(other: Facts): boolean {
    const read = meetSpans(this.readLow, this.readHigh, other.readLow, other.readHigh);
    const write = meetSpans(this.writeLow, this.writeHigh, other.writeLow, other.writeHigh);
    return read || write;
  }
}

const at = (array: Int16Array | Int32Array, index: number): number => array[index] ?? 0;

function meetSpans(
  lows: Int16Array,
  highs: Int16Array,
  otherLows: Int16Array,
  otherHighs: Int16Array,
): boolean {
  let changed = false;
  for (let r = 0; r < REGISTERS; r++) {
    if (at(lows, r) >= at(highs, r)) continue;
    const low = Math.max(at(lows, r), at(otherLows, r));
    const high = Math.min(at(highs, r), at(otherHighs, r));
    if (low === at(lows, r) && high === at(highs, r)) continue;
    changed = true;
    lows[r] = low < high ? low : 0;
    highs[r] = low < high ? high : 0;
  }
  return changed;
}

/** The memory operand of one instruction; offsets count from a value (see Walk). */
interface Access extends MemoryShape {
  readonly index: number;
  readonly value: number;
  /** Where its base register is, and its first byte. */
  readonly base: number;
  readonly offset: number;
  readonly isStack: boolean;
}

interface Group {
  readonly leader: Access;
  low: number;
  high: number;
  isWrite: boolean;
}

/**
 * A block as far as its addresses go. A *value* is what a register held at the start of the block
 * (its number), or something made in between (a number of its own); registers are that far from it.
 */
export class Walk {
  readonly #accesses: Access[] = [];
  readonly #values = Int32Array.from({ length: REGISTERS }, (_, r) => r);
  readonly #offsets = new Int32Array(REGISTERS);

  /** @param usesFramePointer whether x8 is relative to the stack. */
  constructor(instructions: readonly Instruction[], usesFramePointer: boolean) {
    let made = REGISTERS;
    instructions.forEach((instruction, index) => {
      this.#access(instruction, index, usesFramePointer);
      const { rd } = instruction;
      if (writesX(instruction, shapeOf(instruction.op)) === 0) return;
      const from = copiedFrom(instruction);
      const moved = from === 0 ? 0 : at(this.#offsets, from) + movedBy(instruction);
      if (from !== 0 && Math.abs(moved) < 2 ** 30) {
        this.#values[rd] = at(this.#values, from);
        this.#offsets[rd] = moved;
      } else {
        this.#values[rd] = made++;
        this.#offsets[rd] = 0;
      }
    });
  }

  #access({ op, rs1, imm }: Instruction, index: number, usesFramePointer: boolean): void {
    const shape = MEMORY_SHAPES.get(op);
    if (shape === undefined) return;
    const value = at(this.#values, rs1);
    const base = at(this.#offsets, rs1);
    const isStack = value === SP || rs1 === SP || (usesFramePointer && value === FP);
    this.#accesses.push({
      ...shape,
      index,
      value,
      base,
      offset: base + (shape.isPlain ? 0 : imm),
      isStack,
    });
  }

  /** @returns what is checked where; `facts` become those at the end of the block. */
  plan(facts: Facts): Plan {
    const plan = new Map<number, Check | null>();
    const groups: Group[] = [];
    for (const access of this.#accesses) {
      const { value, offset, bytes, index } = access;
      // The range of the stack may be written as a whole.
      const isWrite = access.isWrite || access.isStack;
      plan.set(index, null);
      const isKnown = value < REGISTERS && facts.knows(value, offset, offset + bytes, isWrite);
      if (!isKnown) join(groups, access, isWrite);
    }
    for (const { leader, low, high, isWrite } of groups) {
      plan.set(leader.index, {
        first: low - leader.base,
        bytes: high - low,
        isWrite,
        isStack: leader.isStack,
      });
    }
    this.#learn(facts, groups);
    return plan;
  }

  #learn(facts: Facts, groups: readonly Group[]): void {
    if (this.#accesses.length === 0 && isUnmoved(this.#values, this.#offsets)) return;
    for (const { leader, low, high, isWrite } of groups) {
      if (leader.value >= REGISTERS) continue;
      widen(facts.readLow, facts.readHigh, leader.value, low, high);
      if (isWrite) widen(facts.writeLow, facts.writeHigh, leader.value, low, high);
    }
    const before = new Facts();
    before.copyFrom(facts);
    for (let r = 1; r < REGISTERS; r++) {
      const value = at(this.#values, r);
      const moved = at(this.#offsets, r);
      facts.forget(r);
      if (value >= REGISTERS) continue;
      shift(facts.readLow, facts.readHigh, before.readLow, before.readHigh, r, value, moved);
      shift(facts.writeLow, facts.writeHigh, before.writeLow, before.writeHigh, r, value, moved);
    }
  }
}

const isUnmoved = (values: Int32Array, offsets: Int32Array): boolean =>
  values.every((value, r) => value === r && offsets[r] === 0);

/** The register whose value rd is near to afterwards; 0: it is a new value. */
function copiedFrom({ op, rs1, rs2 }: Instruction): number {
  if (op === 'addi') return rs1;
  if (op !== 'add') return 0;
  if (rs1 === 0) return rs2;
  return rs2 === 0 ? rs1 : 0;
}

const movedBy = ({ op, imm }: Instruction): number => (op === 'addi' ? imm : 0);

/** Into a group that it is near to, or into one of its own. */
function join(groups: Group[], access: Access, isWrite: boolean): void {
  const { value, offset, bytes, isStack } = access;
  for (const group of groups) {
    if (group.leader.value !== value || group.leader.isStack !== isStack) continue;
    const low = Math.min(group.low, offset);
    const high = Math.max(group.high, offset + bytes);
    if (high - low > SPAN_BYTES) continue;
    group.low = low;
    group.high = high;
    group.isWrite ||= isWrite;
    return;
  }
  groups.push({ leader: access, low: offset, high: offset + bytes, isWrite });
}

/** What fits an i16 with room to spare, and spans two pages at most. */
const OFFSET_MAX = 2 ** 13;
const WIDTH_MAX = 4096;

/**
 * What lies between two accessible parts is accessible, too, as long as all of it is on their pages.
 */
function widen(lows: Int16Array, highs: Int16Array, r: number, low: number, high: number): void {
  if (Math.abs(low) > OFFSET_MAX || Math.abs(high) > OFFSET_MAX) return;
  const isEmpty = at(lows, r) >= at(highs, r);
  const from = isEmpty ? low : Math.min(low, at(lows, r));
  const to = isEmpty ? high : Math.max(high, at(highs, r));
  lows[r] = to - from > WIDTH_MAX ? low : from;
  highs[r] = to - from > WIDTH_MAX ? high : to;
}

/** What was known relative to `value` is known relative to r, which is `moved` from it. */
function shift(
  lows: Int16Array,
  highs: Int16Array,
  fromLows: Int16Array,
  fromHighs: Int16Array,
  r: number,
  value: number,
  moved: number,
): void {
  const low = at(fromLows, value) - moved;
  const high = at(fromHighs, value) - moved;
  if (low >= high || Math.abs(low) > OFFSET_MAX || Math.abs(high) > OFFSET_MAX) return;
  lows[r] = low;
  highs[r] = high;
}
