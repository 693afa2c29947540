/** The operations that round: arithmetic, and conversions that give a floating-point number. */
import { I64, type Opcode } from '../../../wasm/opcodes.ts';
import {
  andBoxed,
  DOUBLE,
  emitRounded,
  goOnIf,
  PRODUCT_SLOT,
  pushFcsr,
  pushFinite,
  pushIsZero,
  pushOrdinary,
  pushProductFits,
  RM_DYNAMIC,
  readFloat,
  SINGLE,
  type Width,
  writeBits,
} from './float-numbers.ts';
import type { Emit, Operands } from './operands.ts';

/**
 * Sums never underflow inexactly: a tiny one is exact. So a finite result raised nothing but
 * inexact, and it is exact if and only if both differences give back the other operand: one of the
 * two is computed without error (Fast2Sum, Dekker 1971).
 */
export function addition(width: Width, name: 'add' | 'sub'): Emit {
  return (operands) => {
    const { code } = operands;
    const { float } = width;
    const a = readFloat(operands, width, 'rs1');
    const b = readFloat(operands, width, 'rs2');
    emitRounded(operands, width, {
      sources: ['rs1', 'rs2'],
      compute: () => code.get(a).get(b).op(`${float}.${name}`),
      usual: (bits) => pushFinite(operands, width, bits),
      exact: (result) => {
        if (name === 'add') {
          code.get(result).get(a).op(`${float}.sub`).get(b).op(`${float}.eq`);
          code.get(result).get(b).op(`${float}.sub`).get(a).op(`${float}.eq`);
        } else {
          code.get(a).get(result).op(`${float}.sub`).get(b).op(`${float}.eq`);
          code.get(result).get(b).op(`${float}.add`).get(a).op(`${float}.eq`);
        }
        code.op('i32.and');
      },
    });
  };
}

/** A product of 0 is exact if a factor is 0; else it is what underflowed. */
export function multiplication(width: Width): Emit {
  return (operands) => {
    const { code } = operands;
    const a = readFloat(operands, width, 'rs1');
    const b = readFloat(operands, width, 'rs2');
    emitRounded(operands, width, {
      sources: ['rs1', 'rs2'],
      compute: () => code.get(a).get(b).op(`${width.float}.mul`),
      usual: (bits) => pushOrdinary(operands, width, bits),
      unusual: (result) => {
        pushIsZero(operands, width, result);
        pushIsZero(operands, width, a);
        pushIsZero(operands, width, b);
        code.op('i32.or', 'i32.and');
      },
      exact: (result) => {
        pushProductFits(operands, width, a, b);
        pushIsZero(operands, width, result);
        code.op('i32.or');
      },
    });
  };
}

/** i32: whether `product` is that of a and b without error, and is neither tiny nor 0. */
function pushIsProduct(
  operands: Operands,
  width: Width,
  a: number,
  b: number,
  product: number,
): void {
  const { code } = operands;
  const bits = operands.scratch(width.intType, PRODUCT_SLOT);
  code.get(product).op(width.toBits).set(bits);
  pushOrdinary(operands, width, bits);
  pushProductFits(operands, width, a, b);
  code.op('i32.and');
}

/** Exact if the quotient times the divisor, itself exact, gives the dividend back. */
export function division(width: Width): Emit {
  return (operands) => {
    const { code } = operands;
    const { float } = width;
    const a = readFloat(operands, width, 'rs1');
    const b = readFloat(operands, width, 'rs2');
    emitRounded(operands, width, {
      sources: ['rs1', 'rs2'],
      compute: () => code.get(a).get(b).op(`${float}.div`),
      usual: (bits) => pushOrdinary(operands, width, bits),
      unusual: (result) => {
        pushIsZero(operands, width, result);
        pushIsZero(operands, width, a);
        code.op('i32.and');
      },
      exact: (result) => {
        code.get(result).get(b).op(`${float}.mul`).get(a).op(`${float}.eq`);
        pushIsProduct(operands, width, result, b, a);
        code.op('i32.and');
        pushIsZero(operands, width, a);
        code.op('i32.or');
      },
    });
  };
}

/** A root neither overflows nor underflows. */
export function squareRoot(width: Width): Emit {
  return (operands) => {
    const { code } = operands;
    const { float } = width;
    const a = readFloat(operands, width, 'rs1');
    emitRounded(operands, width, {
      sources: ['rs1'],
      compute: () => code.get(a).op(`${float}.sqrt`),
      usual: (bits) => pushFinite(operands, width, bits),
      exact: (result) => {
        code.get(result).get(result).op(`${float}.mul`).get(a).op(`${float}.eq`);
        pushIsProduct(operands, width, result, result, a);
        code.op('i32.and');
        pushIsZero(operands, width, a);
        code.op('i32.or');
      },
    });
  };
}

/**
 * A sum of 0 with an addend at least this large is exact: the lowest bit of the product then lies
 * above the smallest subnormal number.
 */
const CANCELS_EXACTLY = { f32: 2 ** -60, f64: 2 ** -900 } as const;

/** ±(rs1 × rs2) ± rs3. Right only where relaxed_madd is known to round once (float/probe.ts). */
export function multiplyAdd(width: Width, product: '+' | '-', addend: '+' | '-'): Emit {
  const { float } = width;
  const splat = float === 'f32' ? 'f32x4.splat' : 'f64x2.splat';
  const fused = float === 'f32' ? 'f32x4.relaxed_madd' : 'f64x2.relaxed_madd';
  return (operands) => {
    const { code } = operands;
    const a = readFloat(operands, width, 'rs1');
    const b = readFloat(operands, width, 'rs2');
    const c = readFloat(operands, width, 'rs3');
    if (product === '-') code.get(a).op(`${float}.neg`).set(a);
    if (addend === '-') code.get(c).op(`${float}.neg`).set(c);
    const pushFactorIsZero = (): void => {
      pushIsZero(operands, width, a);
      pushIsZero(operands, width, b);
      code.op('i32.or');
    };
    emitRounded(operands, width, {
      sources: ['rs1', 'rs2', 'rs3'],
      compute: () => {
        for (const value of [a, b, c]) code.get(value).prefixed(splat);
        code.prefixed(fused).extractLane(float === 'f32' ? 'f32x4' : 'f64x2');
      },
      usual: (bits) => pushOrdinary(operands, width, bits),
      unusual: (result) => {
        pushIsZero(operands, width, result);
        pushFactorIsZero();
        code.get(c).op(`${float}.abs`);
        if (float === 'f32') code.f32(CANCELS_EXACTLY.f32).op('f32.ge');
        else code.f64(CANCELS_EXACTLY.f64).op('f64.ge');
        code.op('i32.or', 'i32.and');
      },
      exact: (result) => {
        const rounded = operands.scratch(width.floatType, PRODUCT_SLOT);
        code.get(a).get(b).op(`${float}.mul`).set(rounded);
        pushIsProduct(operands, width, a, b, rounded);
        pushFactorIsZero();
        code.op('i32.or');
        code.get(result).get(rounded).op(`${float}.sub`).get(c).op(`${float}.eq`, 'i32.and');
        code.get(result).get(c).op(`${float}.sub`).get(rounded).op(`${float}.eq`, 'i32.and');
      },
    });
  };
}

/** fcvt.s.d. */
export const narrow: Emit = (operands) => {
  const { code } = operands;
  const a = readFloat(operands, DOUBLE, 'rs1');
  emitRounded(operands, SINGLE, {
    sources: [],
    compute: () => code.get(a).op('f32.demote_f64'),
    usual: (bits) => pushOrdinary(operands, SINGLE, bits),
    unusual: () => pushIsZero(operands, DOUBLE, a),
    exact: (result) => code.get(result).op('f64.promote_f32').get(a).op('f64.eq'),
  });
};

/** i32: whether the mode is one: what frm holds may be none. For what is exact in all modes. */
function pushHasMode(operands: Operands): void {
  const { code, roundingMode } = operands;
  if (roundingMode !== null && roundingMode !== RM_DYNAMIC) {
    code.i32(1);
    return;
  }
  pushFcsr(operands);
  code.i32(5 << 5).op('i32.lt_u');
}

/** fcvt.d.s: exact, whatever the rounding mode. */
export const widen: Emit = (operands) => {
  const { code } = operands;
  const a = readFloat(operands, SINGLE, 'rs1');
  pushHasMode(operands);
  code.get(a).get(a).op('f32.eq', 'i32.and');
  andBoxed(operands, SINGLE, ['rs1']);
  goOnIf(operands);
  writeBits(operands, DOUBLE, () => code.get(a).op('f64.promote_f32', 'i64.reinterpret_f64'));
};

export type Integer = 'w' | 'wu' | 'l' | 'lu';

const READ_INTEGER: Readonly<Record<Integer, readonly Opcode[]>> = {
  w: ['i64.extend32_s'],
  wu: ['i32.wrap_i64', 'i64.extend_i32_u'],
  l: [],
  lu: [],
};

const CONVERT: Readonly<Record<Integer, 's' | 'u'>> = { w: 's', wu: 's', l: 's', lu: 'u' };

/** fcvt.d.w and fcvt.d.wu: exact, whatever the rounding mode. */
export function wordToDouble(integer: 'w' | 'wu'): Emit {
  return (operands) => {
    const { code } = operands;
    pushHasMode(operands);
    goOnIf(operands);
    writeBits(operands, DOUBLE, () => {
      operands.pushX('rs1');
      code.op('i32.wrap_i64', integer === 'w' ? 'f64.convert_i32_s' : 'f64.convert_i32_u');
      code.op('i64.reinterpret_f64');
    });
  };
}

/**
 * Integers to numbers that may have to round them. Up to 2^precision they are exact, and then all
 * rounding modes are the same; in other modes than nearest-even the rest is left.
 */
export function fromInteger(width: Width, integer: Integer): Emit {
  const largest = 1n << BigInt(width.format.precision);
  return (operands) => {
    const { code, roundingMode } = operands;
    const value = operands.scratch(I64, 0);
    const pushIsExact = (): void => {
      code.get(value);
      if (integer === 'lu') code.i64(largest);
      else
        code
          .i64(largest)
          .op('i64.add')
          .i64(largest * 2n);
      code.op('i64.le_u');
    };
    const compute = (): unknown =>
      code.get(value).op(`${width.float}.convert_i64_${CONVERT[integer]}`);
    operands.pushX('rs1');
    code.op(...READ_INTEGER[integer]).set(value);
    if (roundingMode !== null && roundingMode >= 1 && roundingMode !== RM_DYNAMIC) {
      pushIsExact();
      goOnIf(operands);
      writeBits(operands, width, () => {
        compute();
        code.op(width.toBits);
      });
      return;
    }
    emitRounded(operands, width, {
      sources: [],
      compute: () => compute(),
      usual: () => code.i32(1),
      exact: pushIsExact,
    });
  };
}
