/**
 * Code written as formulas: operands stand inside their operation, as in any language, where a
 * CodeWriter wants them before it. A formula is a function that writes itself.
 */
import type { CodeWriter } from './code.ts';
import type { LoadOpcode, Opcode, PrefixedOpcode, StoreOpcode, ValueType } from './opcodes.ts';

/** Leaves one value on the stack. */
export type Formula = (code: CodeWriter) => void;

export const i32 =
  (value: number): Formula =>
  (code) =>
    code.i32(value);

export const i64 =
  (value: bigint): Formula =>
  (code) =>
    code.i64(value);

/** An operation of formulas, in the order of the specification. */
export const op =
  (name: Opcode, ...operands: readonly Formula[]): Formula =>
  (code) => {
    for (const operand of operands) operand(code);
    code.op(name);
  };

export const prefixed =
  (name: PrefixedOpcode, ...operands: readonly Formula[]): Formula =>
  (code) => {
    for (const operand of operands) operand(code);
    code.prefixed(name);
  };

const binary =
  (name: Opcode) =>
  (a: Formula, b: Formula): Formula =>
    op(name, a, b);

export const add = binary('i32.add');
export const sub = binary('i32.sub');
export const and = binary('i32.and');
export const or = binary('i32.or');
export const shl = binary('i32.shl');
export const shr = binary('i32.shr_u');
export const below = binary('i32.lt_u');
export const above = binary('i32.gt_u');
export const equal = binary('i32.eq');

/** `condition ? a : b`, both worked out: no branch that could be guessed wrong. */
export const select = (condition: Formula, a: Formula, b: Formula): Formula =>
  op('select', a, b, condition);

export const minimum = (a: Variable, b: Variable): Formula =>
  select(below(a.get, b.get), a.get, b.get);

export const load =
  (name: LoadOpcode, address: Formula, offset = 0): Formula =>
  (code) => {
    address(code);
    code.load(name, offset);
  };

export const loadVector =
  (address: Formula, offset = 0): Formula =>
  (code) => {
    address(code);
    code.loadVector(offset);
  };

/** One number of a vector. */
export const lane64 =
  (vector: Formula, lane: number): Formula =>
  (code) => {
    vector(code);
    code.extractLane('i64x2', lane);
  };

/** A local variable. */
export interface Variable {
  readonly get: Formula;
  readonly index: number;
}

/** Writes statements into the body of one function. */
export class Statements {
  readonly code: CodeWriter;

  constructor(code: CodeWriter) {
    this.code = code;
  }

  parameter(index: number): Variable {
    return { index, get: (code) => code.get(index) };
  }

  local(type: ValueType): Variable {
    return this.parameter(this.code.local(type));
  }

  set(to: Variable, value: Formula): void {
    value(this.code);
    this.code.set(to.index);
  }

  store(name: StoreOpcode, address: Formula, value: Formula, offset = 0): void {
    address(this.code);
    value(this.code);
    this.code.store(name, offset);
  }

  storeVector(address: Formula, value: Formula, offset = 0): void {
    address(this.code);
    value(this.code);
    this.code.storeVector(offset);
  }

  if(condition: Formula, then: () => void, otherwise: (() => void) | null = null): void {
    condition(this.code);
    this.code.if();
    then();
    if (otherwise !== null) {
      this.code.else();
      otherwise();
    }
    this.code.end();
  }

  /** Repeats while the condition holds, which is looked at before each round. */
  while(condition: Formula, round: () => void): void {
    this.if(condition, () => this.doWhile(round, condition));
  }

  /** As while(), but looks at the condition after each round. */
  doWhile(round: () => void, condition: Formula): void {
    this.code.loop();
    round();
    condition(this.code);
    this.code.brIf(0).end();
  }
}
