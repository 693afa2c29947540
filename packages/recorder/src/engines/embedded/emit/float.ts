/**
 * The WebAssembly of floating-point instructions, and for which rounding modes there is any. What
 * has none, or what its code refuses, the plain interpreter runs (plain/float.ts).
 */
import { STATE } from '../core/layout.ts';
import { FORMATS } from '../isa/formats.ts';
import type { Instruction } from '../isa/instruction.ts';
import { type OpName, opInfo } from '../isa/table.ts';
import {
  addition,
  division,
  fromInteger,
  multiplication,
  multiplyAdd,
  narrow,
  squareRoot,
  widen,
  wordToDouble,
} from './float-arithmetic.ts';
import { csr, isFloatCsr } from './float-csr.ts';
import {
  choice,
  classification,
  comparison,
  load,
  moveFromX,
  moveToX,
  sign,
  store,
  toInteger,
} from './float-exact.ts';
import { DOUBLE, RM_DYNAMIC, SINGLE } from './float-numbers.ts';
import type { Emit } from './operands.ts';

type Emits = Partial<Record<OpName, Emit>>;

const EMITS: Emits = {
  flw: load(SINGLE),
  fsw: store(SINGLE),
  'fmadd.s': multiplyAdd(SINGLE, '+', '+'),
  'fmsub.s': multiplyAdd(SINGLE, '+', '-'),
  'fnmsub.s': multiplyAdd(SINGLE, '-', '+'),
  'fnmadd.s': multiplyAdd(SINGLE, '-', '-'),
  'fadd.s': addition(SINGLE, 'add'),
  'fsub.s': addition(SINGLE, 'sub'),
  'fmul.s': multiplication(SINGLE),
  'fdiv.s': division(SINGLE),
  'fsqrt.s': squareRoot(SINGLE),
  'fsgnj.s': sign(SINGLE, 'copy'),
  'fsgnjn.s': sign(SINGLE, 'negate'),
  'fsgnjx.s': sign(SINGLE, 'xor'),
  'fmin.s': choice(SINGLE, 'min'),
  'fmax.s': choice(SINGLE, 'max'),
  'fle.s': comparison(SINGLE, 'le'),
  'flt.s': comparison(SINGLE, 'lt'),
  'feq.s': comparison(SINGLE, 'eq'),
  'fclass.s': classification(SINGLE),
  'fcvt.w.s': toInteger(SINGLE, 'w'),
  'fcvt.wu.s': toInteger(SINGLE, 'wu'),
  'fcvt.l.s': toInteger(SINGLE, 'l'),
  'fcvt.lu.s': toInteger(SINGLE, 'lu'),
  'fcvt.s.w': fromInteger(SINGLE, 'w'),
  'fcvt.s.wu': fromInteger(SINGLE, 'wu'),
  'fcvt.s.l': fromInteger(SINGLE, 'l'),
  'fcvt.s.lu': fromInteger(SINGLE, 'lu'),
  'fmv.x.w': moveToX('i64.extend32_s'),
  'fmv.w.x': moveFromX(SINGLE),
  fld: load(DOUBLE),
  fsd: store(DOUBLE),
  'fmadd.d': multiplyAdd(DOUBLE, '+', '+'),
  'fmsub.d': multiplyAdd(DOUBLE, '+', '-'),
  'fnmsub.d': multiplyAdd(DOUBLE, '-', '+'),
  'fnmadd.d': multiplyAdd(DOUBLE, '-', '-'),
  'fadd.d': addition(DOUBLE, 'add'),
  'fsub.d': addition(DOUBLE, 'sub'),
  'fmul.d': multiplication(DOUBLE),
  'fdiv.d': division(DOUBLE),
  'fsqrt.d': squareRoot(DOUBLE),
  'fsgnj.d': sign(DOUBLE, 'copy'),
  'fsgnjn.d': sign(DOUBLE, 'negate'),
  'fsgnjx.d': sign(DOUBLE, 'xor'),
  'fmin.d': choice(DOUBLE, 'min'),
  'fmax.d': choice(DOUBLE, 'max'),
  'fcvt.s.d': narrow,
  'fcvt.d.s': widen,
  'fle.d': comparison(DOUBLE, 'le'),
  'flt.d': comparison(DOUBLE, 'lt'),
  'feq.d': comparison(DOUBLE, 'eq'),
  'fclass.d': classification(DOUBLE),
  'fcvt.w.d': toInteger(DOUBLE, 'w'),
  'fcvt.wu.d': toInteger(DOUBLE, 'wu'),
  'fcvt.l.d': toInteger(DOUBLE, 'l'),
  'fcvt.lu.d': toInteger(DOUBLE, 'lu'),
  'fcvt.d.w': wordToDouble('w'),
  'fcvt.d.wu': wordToDouble('wu'),
  'fcvt.d.l': fromInteger(DOUBLE, 'l'),
  'fcvt.d.lu': fromInteger(DOUBLE, 'lu'),
  'fmv.x.d': moveToX(),
  'fmv.d.x': moveFromX(DOUBLE),
  csrrw: csr('write', false),
  csrrs: csr('set', false),
  csrrc: csr('clear', false),
  csrrwi: csr('write', true),
  csrrsi: csr('set', true),
  csrrci: csr('clear', true),
};

/** On a bare machine, mstatus.FS may forbid floating point or must take note of it. */
const opening =
  (emit: Emit): Emit =>
  (operands) => {
    if (operands.isFloatOpen !== true) {
      operands.code.i32(0).load('i32.load', STATE.floatOff);
      operands.bailIf();
    }
    emit(operands);
  };

/** Instructions of F and D, and those on CSRs, of which the code runs those of floating point. */
export const FLOAT_EMIT: Emits = Object.fromEntries(
  Object.entries(EMITS).map(([op, emit]) => [op, opening(emit)]),
);

const RM_LAST_STATIC = 4;
const EXACT: ReadonlySet<OpName> = new Set<OpName>(['fcvt.d.s', 'fcvt.d.w', 'fcvt.d.wu']);

/**
 * Which code runs `op` with the rounding mode field `rm`. Fields with the same answer share their
 * code, which is emitted with `Operands.roundingMode` being that answer; null: none, leave the
 * instruction to the plain interpreter. 0 for all instructions without that field.
 * @param fusedMultiplyAdd whether relaxed_madd rounds once here.
 */
export function floatVariant(op: OpName, rm: number, fusedMultiplyAdd: boolean): number | null {
  const { format } = opInfo(op);
  if (FLOAT_EMIT[op] === undefined) return null;
  if (format === 'f3' && !fusedMultiplyAdd) return null;
  if (!FORMATS[format].rm) return 0;
  if (EXACT.has(op)) return rm <= RM_LAST_STATIC || rm === RM_DYNAMIC ? RM_DYNAMIC : null;
  // To integers in any mode but dynamic ones.
  if (format === 'ftox' && rm >= 1 && rm <= RM_LAST_STATIC) return rm;
  // From integers in other modes: where nothing is to be rounded.
  if (format === 'xtof' && rm >= 1 && rm <= RM_LAST_STATIC) return 1;
  return rm === 0 || rm === RM_DYNAMIC ? RM_DYNAMIC : null;
}

/**
 * Whether there is code that runs this instruction, and not only leaves it.
 * @param fusedMultiplyAdd as above.
 */
export function hasFloatCode({ op, rm, imm }: Instruction, fusedMultiplyAdd: boolean): boolean {
  if (opInfo(op).extension === 'Zicsr') return isFloatCsr(imm);
  return floatVariant(op, rm, fusedMultiplyAdd) !== null;
}

/** All answers that `floatVariant` gives for an instruction: so many pieces of code. */
export function floatVariants(op: OpName, fusedMultiplyAdd: boolean): readonly number[] {
  const found = new Set<number>();
  for (let rm = 0; rm <= RM_DYNAMIC; rm++) {
    const variant = floatVariant(op, rm, fusedMultiplyAdd);
    if (variant !== null) found.add(variant);
  }
  return [...found];
}
