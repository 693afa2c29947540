/**
 * Numbers of the threaded interpreter's handlers: what ENTRY.handler holds. An instruction has one
 * handler for each size that it comes in, so that the way to the next entry is a constant, and for
 * each rounding mode that has code of its own. Transfers have one for targets in their own page,
 * whose entries are a fixed way off, and one for others.
 */

import type { Opcode } from '../../../wasm/opcodes.ts';
import type { Handlers } from '../core/code-cache.ts';
import { ENTRY_BYTES, GUEST_PAGE_SHIFT } from '../core/layout.ts';
import { FLOAT_EMIT, floatVariant, floatVariants } from '../emit/float.ts';
import { emitters } from '../emit/index.ts';
import { branchCompare } from '../emit/integer.ts';
import type { Emit } from '../emit/operands.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, type OpName, opNumber } from '../isa/table.ts';

export type Handler =
  | { readonly kind: 'undecoded' | 'slow' | 'past-page' }
  | {
      readonly kind: 'branch';
      readonly size: number;
      readonly compare: Opcode;
      readonly isNear: boolean;
    }
  /** Without a link, rd is x0: the most usual ones, and they save half of the work. */
  | {
      readonly kind: 'jal';
      readonly size: number;
      readonly isLink: boolean;
      readonly isNear: boolean;
    }
  | { readonly kind: 'jalr'; readonly size: number; readonly isLink: boolean }
  | {
      readonly kind: 'op';
      readonly size: number;
      readonly emit: Emit;
      readonly roundingMode: number;
    };

/** Instructions that also come in 2 bytes: "C" extension, table of RVC instruction listings. */
const COMPRESSED: ReadonlySet<OpName> = new Set<OpName>([
  ...(['lui', 'jal', 'jalr', 'beq', 'bne', 'lw', 'ld', 'sw', 'sd', 'addi', 'addiw'] as const),
  ...(['andi', 'slli', 'srli', 'srai', 'add', 'sub', 'xor', 'or', 'and', 'addw'] as const),
  ...(['subw', 'fld', 'fsd'] as const),
]);

const GUEST_ADDRESSES = 2 ** 32;
/** Variants of an instruction in one size: rounding modes, or how a transfer goes. */
const VARIANTS = 8;
const FAR = 0;
const NEAR = 1;
const LINK = 2;

/** rd = rs2: what c.mv expands to reads x0, too. */
const move: Emit = (operands) => operands.setX(() => operands.pushX('rs2'));

export class HandlerTable implements Handlers {
  /** By number. */
  readonly list: readonly Handler[];
  readonly slow: number;
  readonly pastPage: number;
  readonly #move: readonly number[];
  /** By instruction, size and variant. */
  readonly #numbers: Uint16Array;
  readonly #fusedMultiplyAdd: boolean;

  /** @param fusedMultiplyAdd whether relaxed_madd rounds once on this machine. */
  constructor(fusedMultiplyAdd: boolean) {
    this.#fusedMultiplyAdd = fusedMultiplyAdd;
    const list: Handler[] = [];
    const add = (handler: Handler): number => list.push(handler) - 1;
    add({ kind: 'undecoded' });
    this.slow = add({ kind: 'slow' });
    this.pastPage = add({ kind: 'past-page' });
    this.#numbers = new Uint16Array(OP_NAMES.length * 2 * VARIANTS).fill(this.slow);
    this.#move = [2, 4].map((size) => add({ kind: 'op', size, emit: move, roundingMode: 0 }));
    for (const op of OP_NAMES) {
      for (const size of COMPRESSED.has(op) ? [2, 4] : [4]) {
        for (const [variant, handler] of this.#handlers(op, size)) {
          this.#numbers[placeOf(op, size, variant)] = add(handler);
        }
      }
    }
    this.list = list;
  }

  #handlers(op: OpName, size: number): [variant: number, Handler][] {
    if (op === 'jalr') {
      return [FAR, LINK].map((link) => [link, { kind: 'jalr', size, isLink: link === LINK }]);
    }
    if (op === 'jal') {
      return [FAR, NEAR, FAR | LINK, NEAR | LINK].map((variant) => {
        const [isLink, isNear] = [(variant & LINK) !== 0, (variant & NEAR) !== 0];
        return [variant, { kind: 'jal', size, isLink, isNear }];
      });
    }
    const compare = branchCompare(op);
    if (compare !== null) {
      const near = (variant: number): boolean => variant === NEAR;
      return [FAR, NEAR].map((variant) => [
        variant,
        { kind: 'branch', size, compare, isNear: near(variant) },
      ]);
    }
    const emit = emitters(op);
    if (emit === null) return [];
    const modes = isFloat(op) ? floatVariants(op, this.#fusedMultiplyAdd) : [0];
    return modes.map((roundingMode) => [roundingMode, { kind: 'op', size, emit, roundingMode }]);
  }

  of(instruction: Instruction, pc: number): number {
    const { op, rd, rs1, rm, imm, size } = instruction;
    const link = rd === 0 ? 0 : LINK;
    let variant = 0;
    if (op === 'addi' && rs1 === 0) return this.#number('lui', size, 0);
    if (op === 'add' && rs1 === 0) return this.#move[size === 2 ? 0 : 1] ?? this.slow;
    if (op === 'jalr') variant = link;
    else if (isDirect(op)) {
      const target = pc + imm;
      if (target < 0 || target >= GUEST_ADDRESSES) return this.slow;
      variant = (isNear(instruction, pc) ? NEAR : FAR) | (op === 'jal' ? link : 0);
    } else if (isFloat(op)) {
      const mode = floatVariant(op, rm, this.#fusedMultiplyAdd);
      if (mode === null) return this.slow;
      variant = mode;
    }
    return this.#number(op, size, variant);
  }

  #number(op: OpName, size: number, variant: number): number {
    return this.#numbers[placeOf(op, size, variant)] ?? this.slow;
  }

  immediate(instruction: Instruction, pc: number): number {
    const { op, imm } = instruction;
    return isDirect(op) && isNear(instruction, pc) ? imm * (ENTRY_BYTES / 2) : imm;
  }
}

const placeOf = (op: OpName, size: number, variant: number): number =>
  (opNumber(op) * 2 + (size === 2 ? 0 : 1)) * VARIANTS + variant;

const isDirect = (op: OpName): boolean => op === 'jal' || branchCompare(op) !== null;

const isFloat = (op: OpName): boolean => FLOAT_EMIT[op] !== undefined;

const isNear = ({ imm }: Instruction, pc: number): boolean =>
  (pc + imm) >>> GUEST_PAGE_SHIFT === pc >>> GUEST_PAGE_SHIFT;
