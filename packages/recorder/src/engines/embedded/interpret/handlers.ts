/**
 * Numbers of the threaded interpreter's handlers: what ENTRY.handler holds. An instruction has one
 * handler, or one for each rounding mode that has code of its own; transfers have one for targets
 * in their own page, whose entries are a fixed way off, and one for others.
 */
import type { Handlers } from '../core/code-cache.ts';
import { ENTRY_BYTES, GUEST_PAGE_SHIFT } from '../core/layout.ts';
import { FLOAT_EMIT, floatVariant, floatVariants } from '../emit/float.ts';
import { emitters } from '../emit/index.ts';
import { branchCompare } from '../emit/integer.ts';
import type { Emit } from '../emit/operands.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, type OpName } from '../isa/table.ts';
import type { Opcode } from '../wasm/opcodes.ts';

export type Handler =
  | { readonly kind: 'undecoded' | 'slow' | 'past-page' }
  | { readonly kind: 'branch'; readonly compare: Opcode; readonly isNear: boolean }
  /** Without a link, rd is x0: the most usual ones, and they save half of the work. */
  | { readonly kind: 'jal'; readonly isLink: boolean; readonly isNear: boolean }
  | { readonly kind: 'jalr'; readonly isLink: boolean }
  | { readonly kind: 'op'; readonly emit: Emit; readonly roundingMode: number };

const GUEST_ADDRESSES = 2 ** 32;

export class HandlerTable implements Handlers {
  /** By number. */
  readonly list: readonly Handler[];
  readonly slow: number;
  readonly pastPage: number;
  readonly #numbers = new Map<string, number>();
  readonly #fusedMultiplyAdd: boolean;

  /** @param fusedMultiplyAdd whether relaxed_madd rounds once on this machine. */
  constructor(fusedMultiplyAdd: boolean) {
    this.#fusedMultiplyAdd = fusedMultiplyAdd;
    const list: Handler[] = [];
    const add = (name: string, handler: Handler): number => {
      this.#numbers.set(name, list.length);
      return list.push(handler) - 1;
    };
    add('undecoded', { kind: 'undecoded' });
    this.slow = add('slow', { kind: 'slow' });
    this.pastPage = add('past-page', { kind: 'past-page' });
    for (const isLink of [false, true]) {
      add(`jalr ${isLink}`, { kind: 'jalr', isLink });
      for (const isNear of [false, true]) {
        add(`jal ${isLink} ${isNear}`, { kind: 'jal', isLink, isNear });
      }
    }
    for (const op of OP_NAMES) this.#addOp(op, add);
    this.list = list;
  }

  #addOp(op: OpName, add: (name: string, handler: Handler) => number): void {
    const compare = branchCompare(op);
    if (compare !== null) {
      for (const isNear of [false, true]) {
        add(`${op} ${isNear}`, { kind: 'branch', compare, isNear });
      }
    }
    const emit = emitters(op);
    if (emit === null) return;
    for (const roundingMode of this.#variants(op)) {
      add(`${op} ${roundingMode}`, { kind: 'op', emit, roundingMode });
    }
  }

  #variants(op: OpName): readonly number[] {
    return isFloat(op) ? floatVariants(op, this.#fusedMultiplyAdd) : [0];
  }

  #number(name: string): number {
    return this.#numbers.get(name) ?? this.slow;
  }

  of(instruction: Instruction, pc: number): number {
    const { op, rd, rm, imm } = instruction;
    const isLink = rd !== 0;
    if (op === 'jalr') return this.#number(`jalr ${isLink}`);
    const isBranch = branchCompare(op) !== null;
    if (isBranch || op === 'jal') {
      const target = pc + imm;
      if (target < 0 || target >= GUEST_ADDRESSES) return this.slow;
      const near = isNear(instruction, pc);
      return this.#number(isBranch ? `${op} ${near}` : `jal ${isLink} ${near}`);
    }
    if (!isFloat(op)) return this.#number(`${op} 0`);
    return this.#number(`${op} ${floatVariant(op, rm, this.#fusedMultiplyAdd)}`);
  }

  immediate(instruction: Instruction, pc: number): number {
    const { op, imm } = instruction;
    const isDirect = op === 'jal' || branchCompare(op) !== null;
    return isDirect && isNear(instruction, pc) ? imm * (ENTRY_BYTES / 2) : imm;
  }
}

const isFloat = (op: OpName): boolean => FLOAT_EMIT[op] !== undefined;

const isNear = ({ imm }: Instruction, pc: number): boolean =>
  (pc + imm) >>> GUEST_PAGE_SHIFT === pc >>> GUEST_PAGE_SHIFT;
