/**
 * Operands that find faults in floating point: zeros, subnormals, neighbours of powers of two,
 * halfway cases, the borders of overflow, underflow and of the integers, NaNs of both kinds,
 * singles that are not boxed, operands made to cancel or to divide evenly. And a little noise.
 */
import { BINARY32, BINARY64, type Format } from '../float/format.ts';
import { FORMATS } from '../isa/formats.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';

export interface FloatCase {
  readonly op: OpName;
  readonly rm: number;
  /** fcsr before. */
  readonly fcsr: number;
  /** Registers: rs1 (of either kind), rs2, rs3. */
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
}

/** Instructions of F and D on registers. */
export const REGISTER_OPS: readonly OpName[] = OP_NAMES.filter((op) => {
  const { extension, format } = opInfo(op);
  return (extension === 'F' || extension === 'D') && !['fload', 'fstore'].includes(format);
});

export const STATIC_MODES = [0, 1, 2, 3, 4] as const;
export const RM_DYNAMIC = 7;

export const hasMode = (op: OpName): boolean => FORMATS[opInfo(op).format].rm;

/** The values of the rm field that make an instruction; 0 where it has none. */
export const modesOf = (op: OpName): readonly number[] =>
  hasMode(op) ? [...STATIC_MODES, RM_DYNAMIC] : [0];

const BOX = 0xffff_ffff_0000_0000n;
const DATA = new DataView(new ArrayBuffer(8));

export function doubleOf(bits: bigint): number {
  DATA.setBigUint64(0, bits);
  return DATA.getFloat64(0);
}

export function bitsOfDouble(value: number): bigint {
  DATA.setFloat64(0, value);
  return DATA.getBigUint64(0);
}

export function singleOf(bits: bigint): number {
  DATA.setUint32(0, Number(BigInt.asUintN(32, bits)));
  return DATA.getFloat32(0);
}

export function bitsOfSingle(value: number): bigint {
  DATA.setFloat32(0, value);
  return BigInt(DATA.getUint32(0));
}

const numberOf = (format: Format, bits: bigint): number =>
  format === BINARY32 ? singleOf(bits) : doubleOf(bits);
const bitsOf = (format: Format, value: number): bigint =>
  format === BINARY32 ? bitsOfSingle(value) : bitsOfDouble(value);

export class FloatCases {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `count` - 1 (mulberry32). */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * count);
  }

  pick<T>(first: T, ...others: readonly T[]): T {
    const place = this.below(others.length + 1);
    return others[place - 1] ?? first;
  }

  /** Random bits. */
  word(): bigint {
    return (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
  }

  /** `value` or a near neighbour. */
  #near(value: bigint): bigint {
    return value + BigInt(this.below(5) - 2);
  }

  /** A fraction with few bits set, few clear, or any. */
  #fraction(format: Format): bigint {
    const mask = format.normalMin - 1n;
    const shift = BigInt(this.below(format.precision));
    const pattern = this.pick(
      0n,
      0n,
      1n,
      mask,
      mask - 1n,
      format.quietBit,
      1n << shift,
      mask << shift,
    );
    return this.below(3) === 0 ? this.word() & mask : this.#near(pattern) & mask;
  }

  #magnitude(format: Format): bigint {
    const { normalMin, infinity, quietBit } = format;
    const exponents = Number(infinity / normalMin);
    const middle = (exponents - 1) / 2;
    const at = (exponent: number): bigint =>
      BigInt(Math.max(0, Math.min(exponents, exponent))) * normalMin + this.#fraction(format);
    switch (this.below(16)) {
      case 0:
        return 0n;
      case 1:
        return this.word() & (normalMin - 1n) & (this.word() | BigInt(this.below(16)));
      case 2:
        return 1n << BigInt(this.below(format.precision));
      case 3:
        return BigInt(this.below(4));
      case 4:
        return this.#near(normalMin);
      case 5:
        return infinity - BigInt(this.below(4));
      case 6:
        return infinity;
      case 7:
        return this.below(3) === 0
          ? infinity | quietBit | BigInt(this.below(2))
          : this.#nan(format);
      case 8:
        return bitsOf(format, this.below(2 ** this.below(24)) + this.pick(0, 0.5));
      case 9:
        return at(middle);
      case 10:
        // Around the borders of the integer types.
        return this.#near(bitsOf(format, 2 ** this.pick(31, 32, 63, 64) - this.pick(0, 0.5, 1)));
      case 11:
        return at(middle + this.below(70));
      case 12:
        return at(middle + this.below(2 * format.precision) - format.precision);
      case 13:
        // The square of this, or its product with another, is at a border.
        return at(middle + this.pick(-1, 1) * Math.floor(middle / 2) + this.below(5) - 2);
      case 14:
        return at(this.below(3 * format.precision));
      default:
        return at(this.below(exponents));
    }
  }

  #nan(format: Format): bigint {
    return format.infinity | (this.word() & (format.normalMin - 1n)) | 1n;
  }

  number(format: Format): bigint {
    return this.#magnitude(format) | (this.below(2) === 0 ? 0n : format.signBit);
  }

  /** A number that has to do with others: at a border of the operation with them. */
  related(format: Format, a: bigint, b: bigint): bigint {
    const { normalMin, magnitude, signBit } = format;
    const exponents = format.infinity / normalMin;
    const sign = this.below(2) === 0 ? 0n : signBit;
    switch (this.below(8)) {
      case 0: {
        const shifted = (a & magnitude) + BigInt(this.below(121) - 60) * normalMin;
        return (BigInt.asUintN(64, shifted) & magnitude) | sign;
      }
      case 1:
        return (this.#near(a & magnitude) & magnitude) | sign;
      case 2: {
        // The exponent that makes a product with a overflow, or underflow.
        const sum = this.below(2) === 0 ? (exponents * 3n) / 2n : exponents / 2n;
        const shift = BigInt(this.below(60) - 54);
        const exponent = sum + shift - (a & magnitude) / normalMin;
        const clamped = exponent < 0n ? 0n : exponent > exponents - 1n ? exponents - 1n : exponent;
        return (clamped * normalMin + this.#fraction(format)) | sign;
      }
      case 3: {
        const product = bitsOf(format, numberOf(format, a) * numberOf(format, b));
        return this.#near(product ^ sign) & (magnitude | signBit);
      }
      case 4: {
        const quotient = bitsOf(format, numberOf(format, a) / numberOf(format, b));
        return this.#near(quotient ^ sign) & (magnitude | signBit);
      }
      case 5:
      case 6: {
        // The product with a, or the quotient of a, is at the border of the normal numbers.
        const bits = this.pick(normalMin, this.#near(this.pick(normalMin, format.infinity - 3n)));
        const border = numberOf(format, bits);
        const other = numberOf(format, a);
        return bitsOf(format, this.pick(border / other, other / border)) ^ sign;
      }
      default:
        return bitsOf(format, numberOf(format, a) ** 2) | sign;
    }
  }

  /** An odd significand of `bits` bits, any moderate exponent. */
  #narrow(format: Format, bits: number): number {
    const { precision } = format;
    const width = Math.max(1, Math.min(precision, bits));
    const top = 1n << BigInt(width - 1);
    const significand = top | (this.word() & (top - 1n)) | 1n;
    return Number(significand) * 2 ** (this.below(40) - 20);
  }

  /** Operands of which one is about the product of the two others, which about fits the format. */
  #exact(format: Format): [bigint, bigint, bigint] {
    const width = this.below(format.precision) + 1;
    const p = this.#narrow(format, width);
    const q = this.#narrow(format, format.precision - width + this.below(4) - 1);
    const sign = this.pick(1, -1);
    const product = this.pick(p, q) === p ? p * q : p * p;
    const about = bitsOf(format, product) + BigInt(this.pick(0, 0, 0, 1, -1));
    const [bitsP, bitsQ] = [bitsOf(format, p * sign), bitsOf(format, q)];
    return this.pick([bitsP, bitsQ, about], [about, bitsP, bitsQ], [about, bitsQ, bitsP]);
  }

  integer(): bigint {
    const sign = this.pick(1n, -1n);
    const power = 1n << BigInt(this.pick(24, 31, 32, 53, 63, this.below(65)));
    switch (this.below(6)) {
      case 0:
        return BigInt.asUintN(64, sign * BigInt(this.below(20)));
      case 1:
        return BigInt.asUintN(64, this.#near(sign * power));
      case 2: {
        // Halfway between two numbers of 24 or 53 bits, and beside.
        const half = (this.word() & ((1n << BigInt(this.pick(25, 54))) - 1n)) | 1n;
        return BigInt.asUintN(64, this.#near((sign * half) << BigInt(this.below(40))));
      }
      case 3:
        return BigInt.asUintN(64, this.#near(this.pick(1n << 31n, 1n << 32n, 1n << 63n, 0n)));
      case 4:
        return this.word() >> BigInt(this.below(64));
      default:
        return this.word();
    }
  }

  /** A register that holds a number of the format; a single may be badly boxed. */
  #register(format: Format, bits: bigint): bigint {
    if (format === BINARY64) return bits;
    if (this.below(40) > 0) return bits | BOX;
    const upper = this.pick(0n, BOX ^ (1n << BigInt(32 + this.below(32))), this.word());
    return (upper & BOX) | bits;
  }

  fcsr(): number {
    return (this.pick(0, 0, 0, 1, 2, 3, 4) << 5) | this.pick(0, 1, 1, this.below(32));
  }

  next(op: OpName, rm: number): FloatCase {
    const { rs1 } = FORMATS[opInfo(op).format];
    const fcsr = this.below(4) === 0 ? 0 : this.fcsr();
    if (rs1 === 'x') return { op, rm, fcsr, a: this.integer(), b: 0n, c: 0n };
    const format = op.endsWith('.d') ? BINARY64 : BINARY32;
    if (this.below(8) === 0) {
      const [x, y, z] = this.#exact(format).map((bits) => this.#register(format, bits));
      return { op, rm, fcsr, a: x ?? 0n, b: y ?? 0n, c: z ?? 0n };
    }
    let a = this.number(format);
    let b = this.below(3) === 0 ? this.related(format, a, a) : this.number(format);
    const c = this.below(2) === 0 ? this.related(format, a, b) : this.number(format);
    if (this.below(8) === 0) a = this.related(format, b, c);
    if (this.below(8) === 0) b = this.related(format, a, a);
    const [boxedA, boxedB] = [this.#register(format, a), this.#register(format, b)];
    return { op, rm, fcsr, a: boxedA, b: boxedB, c: this.#register(format, c) };
  }
}
