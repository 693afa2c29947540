/**
 * Which accesses of a block need a check of their address. Accesses near to each other, relative to
 * one value, are checked together at the first of them: if that check refuses, one of them would
 * fault or needs the plain interpreter, unless control leaves before it.
 */
import { SPAN_BYTES } from '../core/layout.ts';
import type { Format } from '../isa/formats.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';
import { SHAPE, shapeOf } from './effects.ts';

const REGISTERS = 32;
export const SP = 2;
export const FP = 8;

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

/** What is checked before an access. */
export interface Check {
  /** From the value of the access's base register to where the span begins. */
  readonly first: number;
  readonly bytes: number;
  readonly isWrite: boolean;
  /** Whether it is likely on the stack. */
  readonly isStack: boolean;
}

/** By place of the instruction in its block; null: its address was checked before. */
export type Plan = readonly (Check | null | undefined)[];

/** The memory operand of one instruction; offsets count from a value. */
export interface Access {
  /** Place of the instruction in its block. */
  readonly index: number;
  /**
   * What the base register is relative to: what a register held at the start of the block (its
   * number), or something made in between (a larger number).
   */
  readonly value: number;
  /** Where its base register is, and its first byte and the one behind its last. */
  readonly base: number;
  readonly low: number;
  readonly high: number;
  /** The range of the stack may be written as a whole: there, a check is always one for writing. */
  readonly isWrite: boolean;
  readonly isStack: boolean;
}

/** A block as far as its addresses go. */
export interface Addresses {
  readonly accesses: readonly Access[];
  /** Registers that are relative to nothing that was there at the start. */
  readonly made: number;
  /** Of others that moved: register, the register whose value it is relative to, how far. */
  readonly moves: readonly (readonly [register: number, value: number, moved: number])[];
}

export const isRegister = (value: number): boolean => value < REGISTERS;

const NO_MOVES: Addresses['moves'] = [];
const OFFSET_MAX = 2 ** 30;

/** Looks at one block after the other. */
export class AddressReader {
  readonly #usesFramePointer: boolean;
  /** Of each register: the value that it is relative to, and how far from it. */
  readonly #values = new Int32Array(REGISTERS);
  readonly #offsets = new Int32Array(REGISTERS);
  #nextValue = REGISTERS;

  /** @param usesFramePointer whether x8 is relative to the stack. */
  constructor(usesFramePointer: boolean) {
    this.#usesFramePointer = usesFramePointer;
  }

  read(instructions: readonly Instruction[]): Addresses {
    for (let r = 0; r < REGISTERS; r++) this.#values[r] = r;
    this.#offsets.fill(0);
    this.#nextValue = REGISTERS;
    const accesses: Access[] = [];
    for (let index = 0; index < instructions.length; index++) {
      const instruction = instructions[index];
      if (instruction === undefined) continue;
      const shape = MEMORY_SHAPES.get(instruction.op);
      if (shape !== undefined) accesses.push(this.#access(instruction, index, shape));
      if (instruction.rd !== 0 && (shapeOf(instruction.op) & SHAPE.rdX) !== 0) {
        this.#write(instruction);
      }
    }
    return this.#end(accesses);
  }

  #access({ rs1, imm }: Instruction, index: number, shape: MemoryShape): Access {
    const value = at(this.#values, rs1);
    const base = at(this.#offsets, rs1);
    const isStack = value === SP || rs1 === SP || (this.#usesFramePointer && value === FP);
    const low = base + (shape.isPlain ? 0 : imm);
    const isWrite = shape.isWrite || isStack;
    return { index, value, base, low, high: low + shape.bytes, isWrite, isStack };
  }

  #write({ op, rd, rs1, rs2, imm }: Instruction): void {
    let from = 0;
    if (op === 'addi') from = rs1;
    else if (op === 'add' && (rs1 === 0 || rs2 === 0)) from = rs1 + rs2;
    const moved = at(this.#offsets, from) + (op === 'addi' ? imm : 0);
    const isNear = from !== 0 && Math.abs(moved) < OFFSET_MAX;
    this.#values[rd] = isNear ? at(this.#values, from) : this.#nextValue++;
    this.#offsets[rd] = isNear ? moved : 0;
  }

  #end(accesses: readonly Access[]): Addresses {
    let made = 0;
    let moves: (readonly [number, number, number])[] | null = null;
    for (let r = 1; r < REGISTERS; r++) {
      const value = at(this.#values, r);
      if (!isRegister(value)) made |= 1 << r;
      else if (value !== r || at(this.#offsets, r) !== 0) {
        moves ??= [];
        moves.push([r, value, at(this.#offsets, r)]);
      }
    }
    return { accesses, made, moves: moves ?? NO_MOVES };
  }
}

const at = (array: Int32Array, index: number): number => array[index] ?? 0;

interface Group {
  readonly leader: Access;
  low: number;
  high: number;
  isWrite: boolean;
}

/** @param isKnown whether the access was checked in a block before. */
export function planBlock({ accesses }: Addresses, isKnown: (access: Access) => boolean): Plan {
  const plan: (Check | null)[] = [];
  const groups: Group[] = [];
  for (const access of accesses) {
    plan[access.index] = null;
    if (!isKnown(access)) join(groups, access);
  }
  for (const { leader, low, high, isWrite } of groups) {
    const { index, base, isStack } = leader;
    plan[index] = { first: low - base, bytes: high - low, isWrite, isStack };
  }
  return plan;
}

/** Into a group that it is near to, or into one of its own. */
function join(groups: Group[], access: Access): void {
  for (const group of groups) {
    const { leader } = group;
    if (leader.value !== access.value || leader.isStack !== access.isStack) continue;
    const low = Math.min(group.low, access.low);
    const high = Math.max(group.high, access.high);
    if (high - low > SPAN_BYTES) continue;
    group.low = low;
    group.high = high;
    group.isWrite ||= access.isWrite;
    return;
  }
  groups.push({ leader: access, low: access.low, high: access.high, isWrite: access.isWrite });
}
