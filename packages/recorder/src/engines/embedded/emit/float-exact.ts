/** Floating-point instructions that give no rounded number: all but arithmetic. */
import { I32, type LoadOpcode, type Opcode, type StoreOpcode } from '../../../wasm/opcodes.ts';
import type { Integer } from './float-arithmetic.ts';
import {
  andBoxed,
  BOX,
  bitsOf,
  goOnIf,
  goOnIfBoxed,
  pushInexactSet,
  pushInt,
  pushModeNearest,
  RM_DYNAMIC,
  readFloat,
  type Source,
  type Width,
  writeBits,
} from './float-numbers.ts';
import type { Emit, Operands } from './operands.ts';

const BOTH: readonly Source[] = ['rs1', 'rs2'];
const INTEGRAL_SLOT = 3;

/** The lowest value of an integer type, and the first above it; exact in both formats. */
const BOUNDS: Readonly<Record<Integer, readonly [lowest: number, above: number]>> = {
  w: [-(2 ** 31), 2 ** 31],
  wu: [0, 2 ** 32],
  l: [-(2 ** 63), 2 ** 63],
  lu: [0, 2 ** 64],
};

function pushNumber({ code }: Operands, width: Width, value: number): void {
  if (width.float === 'f32') code.f32(value);
  else code.f64(value);
}

/** Rounding to an integral number, by rm. Dynamic is nearest-even, which the code makes sure of. */
const INTEGRAL = ['nearest', 'trunc', 'floor', 'ceil'] as const;
const RM_NEAREST_MAX_MAGNITUDE = 4;

/** Leaves in a variable the number rounded to an integral one. */
function roundToIntegral(operands: Operands, width: Width, a: number, integral: number): void {
  const { code } = operands;
  const { float } = width;
  const mode = operands.roundingMode ?? RM_DYNAMIC;
  if (mode === RM_NEAREST_MAX_MAGNITUDE) {
    // What is cut off is exact; if it is a half or more, one more away from 0.
    code.get(a).op(`${float}.trunc`).tee(integral);
    pushNumber(operands, width, 1);
    code.get(a).op(`${float}.copysign`);
    pushNumber(operands, width, 0);
    code.get(a).get(integral).op(`${float}.sub`, `${float}.abs`);
    pushNumber(operands, width, 0.5);
    code.op(`${float}.ge`, 'select', `${float}.add`).set(integral);
    return;
  }
  const name = INTEGRAL[mode === RM_DYNAMIC ? 0 : mode];
  if (name === undefined) throw new RangeError(`no code for rounding mode ${mode}`);
  code.get(a).op(`${float}.${name}`).set(integral);
}

/** Numbers that are not integral raise inexact, which must be set already. */
export function toInteger(width: Width, integer: Integer): Emit {
  const [lowest, above] = BOUNDS[integer];
  const { float } = width;
  const isWord = integer === 'w' || integer === 'wu';
  const sign = integer === 'w' || integer === 'l' ? 's' : 'u';
  return (operands) => {
    const { code } = operands;
    const mode = operands.roundingMode ?? RM_DYNAMIC;
    const a = readFloat(operands, width, 'rs1');
    const integral = operands.scratch(width.floatType, INTEGRAL_SLOT);
    roundToIntegral(operands, width, a, integral);
    // NaN is not in range.
    code.get(integral);
    pushNumber(operands, width, lowest);
    code.op(`${float}.ge`).get(integral);
    pushNumber(operands, width, above);
    code.op(`${float}.lt`, 'i32.and');
    pushInexactSet(operands);
    code.get(integral).get(a).op(`${float}.eq`, 'i32.or', 'i32.and');
    if (mode === RM_DYNAMIC) {
      pushModeNearest(operands);
      code.op('i32.and');
    }
    andBoxed(operands, width, ['rs1']);
    goOnIf(operands);
    operands.setX(() => {
      code.get(integral).op(`${isWord ? 'i32' : 'i64'}.trunc_${float}_${sign}`);
      if (isWord) code.op('i64.extend_i32_s');
    });
  };
}

/** feq, flt, fle. With a NaN all three are left to the plain interpreter, for the flag. */
export function comparison(width: Width, name: 'eq' | 'lt' | 'le'): Emit {
  const { float } = width;
  return (operands) => {
    const { code } = operands;
    const a = readFloat(operands, width, 'rs1');
    const b = readFloat(operands, width, 'rs2');
    code.get(a).get(a).op(`${float}.eq`).get(b).get(b).op(`${float}.eq`, 'i32.and');
    andBoxed(operands, width, BOTH);
    goOnIf(operands);
    operands.setX(() => code.get(a).get(b).op(`${float}.${name}`, 'i64.extend_i32_u'));
  };
}

/** Of numbers WebAssembly chooses as RISC-V does, zeros too; with NaNs it does not. */
export function choice(width: Width, name: 'min' | 'max'): Emit {
  const { float } = width;
  return (operands) => {
    const { code } = operands;
    const a = readFloat(operands, width, 'rs1');
    const b = readFloat(operands, width, 'rs2');
    const result = operands.scratch(width.floatType, INTEGRAL_SLOT);
    code.get(a).get(b).op(`${float}.${name}`).tee(result).get(result).op(`${float}.eq`);
    andBoxed(operands, width, BOTH);
    goOnIf(operands);
    writeBits(operands, width, () => code.get(result).op(width.toBits));
  };
}

/** fsgnj, fsgnjn, fsgnjx; of a register with itself they are fmv, fneg and fabs. */
export function sign(width: Width, name: 'copy' | 'negate' | 'xor'): Emit {
  const signBit = width.format.signBit;
  const keep = ~signBit;
  const same: Readonly<Record<typeof name, (operands: Operands) => void>> = {
    copy: () => {},
    negate: ({ code }) => code.i64(signBit).op('i64.xor'),
    xor: ({ code }) => code.i64(keep).op('i64.and'),
  };
  const pushMixed = (operands: Operands): void => {
    const { code } = operands;
    const [a, b] = [bitsOf(operands, 'rs1'), bitsOf(operands, 'rs2')];
    if (name === 'xor') {
      code.get(a).get(b).i64(signBit).op('i64.and', 'i64.xor');
      return;
    }
    code.get(b);
    if (name === 'negate') code.i64(-1).op('i64.xor');
    code.i64(signBit).op('i64.and').get(a).i64(keep).op('i64.and', 'i64.or');
  };
  return (operands) => {
    const { code, known } = operands;
    const isSame = known !== null && known.rs1 === known.rs2;
    const sources: readonly Source[] = isSame ? ['rs1'] : BOTH;
    for (const source of sources) {
      operands.pushF(source);
      code.set(bitsOf(operands, source));
    }
    goOnIfBoxed(operands, width, sources);
    operands.setF(() => {
      if (!isSame) pushMixed(operands);
      else {
        code.get(bitsOf(operands, 'rs1'));
        same[name](operands);
      }
    });
  };
}

/**
 * fclass. Zero, subnormal, normal and infinite are 0 to 3 by how many bounds the magnitude reaches;
 * positive ones are bits 4 to 7, negative ones bits 3 to 0; NaNs bits 8 (signaling) and 9.
 */
export function classification(width: Width): Emit {
  const { int, format } = width;
  return (operands) => {
    const { code } = operands;
    const bits = operands.scratch(width.intType, INTEGRAL_SLOT);
    const size = operands.scratch(I32, INTEGRAL_SLOT + 1);
    const pushAtLeast = (bound: bigint): void => {
      code.get(bits);
      pushInt(operands, width, 1n);
      code.op(`${int}.shl`);
      pushInt(operands, width, bound << 1n);
      code.op(`${int}.ge_u`);
    };
    const a = readFloat(operands, width, 'rs1');
    goOnIfBoxed(operands, width, ['rs1']);
    code.get(a).op(width.toBits).set(bits);
    operands.setX(() => {
      pushAtLeast(1n);
      pushAtLeast(format.normalMin);
      pushAtLeast(format.infinity);
      code.op('i32.add', 'i32.add').set(size);
      // The bit's number for a NaN: a quiet one reaches quietBit.
      code.i32(8);
      pushAtLeast(format.infinity | format.quietBit);
      code.op('i32.add');
      code.i32(3).get(size).op('i32.sub');
      code.i32(4).get(size).op('i32.add');
      code.get(bits);
      pushInt(operands, width, 0n);
      code.op(`${int}.lt_s`, 'select');
      pushAtLeast(format.infinity + 1n);
      code.op('select').set(size);
      code.i64(1).get(size).op('i64.extend_i32_u', 'i64.shl');
    });
  };
}

export function load(width: Width): Emit {
  const name: LoadOpcode = width.int === 'i32' ? 'i64.load32_u' : 'i64.load';
  const bytes = width.int === 'i32' ? 4 : 8;
  return (operands) => {
    const { code } = operands;
    operands.setF(() => {
      operands.address('load', bytes, false, (offset) => code.load(name, offset));
      if (width.int === 'i32') code.i64(BOX).op('i64.or');
    });
  };
}

/** The low bits as they are, boxed or not. */
export function store(width: Width): Emit {
  const name: StoreOpcode = width.int === 'i32' ? 'i64.store32' : 'i64.store';
  const bytes = width.int === 'i32' ? 4 : 8;
  return (operands) =>
    operands.address('store', bytes, false, (offset) => {
      operands.pushF('rs2');
      operands.code.store(name, offset);
    });
}

/** fmv.x.w and fmv.x.d: the bits as they are. */
export function moveToX(...names: Opcode[]): Emit {
  return (operands) =>
    operands.setX(() => {
      operands.pushF('rs1');
      operands.code.op(...names);
    });
}

export function moveFromX(width: Width): Emit {
  return (operands) =>
    operands.setF(() => {
      operands.pushX('rs1');
      if (width.int === 'i32') operands.code.i64(BOX).op('i64.or');
    });
}
