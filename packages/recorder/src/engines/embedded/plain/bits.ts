/** Zba, Zbb and Zbs: RISC-V Bit-Manipulation ISA extensions 1.0.0. */
import {
  type Executes,
  onImmediate,
  onOne,
  onRegisters,
  unsigned,
  unsignedWord,
  word,
} from './execute.ts';

type Binary = (a: bigint, b: bigint) => bigint;

/** The bits of value from the lowest up, `width` of them. */
const bitsOf = (value: bigint, width: number): number[] =>
  Array.from({ length: width }, (_, place) => Number((value >> BigInt(place)) & 1n));

/** Zeros before the first one; all `width` if there is none. */
function zerosBefore(bits: readonly number[]): bigint {
  const place = bits.indexOf(1);
  return BigInt(place < 0 ? bits.length : place);
}

const leadingZeros = (value: bigint, width: number): bigint =>
  zerosBefore(bitsOf(value, width).reverse());
const trailingZeros = (value: bigint, width: number): bigint => zerosBefore(bitsOf(value, width));
const ones = (value: bigint, width: number): bigint =>
  BigInt(bitsOf(value, width).filter((bit) => bit === 1).length);

/** The bytes of value from the lowest up. */
const bytesOf = (value: bigint): bigint[] =>
  Array.from({ length: 8 }, (_, place) => (value >> BigInt(place * 8)) & 0xffn);
const ofBytes = (bytes: readonly bigint[]): bigint =>
  bytes.reduce((sum, byte, place) => sum | (byte << BigInt(place * 8)), 0n);

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a < b ? b : a);

/** Only 64 bits of the result count, so what is shifted out of them need not be cut off. */
const rotateRight: Binary = (a, b) => {
  const amount = b & 63n;
  return (unsigned(a) >> amount) | (a << (64n - amount));
};
const rotateRightWord: Binary = (a, b) => {
  const amount = b & 31n;
  return word((unsignedWord(a) >> amount) | (a << (32n - amount)));
};

const bit = (place: bigint): bigint => 1n << (place & 63n);
const clear: Binary = (a, b) => a & ~bit(b);
const extract: Binary = (a, b) => (a >> (b & 63n)) & 1n;
const invert: Binary = (a, b) => a ^ bit(b);
const set: Binary = (a, b) => a | bit(b);

export const BIT_OPS: Executes = {
  'add.uw': onRegisters((a, b) => b + unsignedWord(a)),
  sh1add: onRegisters((a, b) => b + (a << 1n)),
  sh2add: onRegisters((a, b) => b + (a << 2n)),
  sh3add: onRegisters((a, b) => b + (a << 3n)),
  'sh1add.uw': onRegisters((a, b) => b + (unsignedWord(a) << 1n)),
  'sh2add.uw': onRegisters((a, b) => b + (unsignedWord(a) << 2n)),
  'sh3add.uw': onRegisters((a, b) => b + (unsignedWord(a) << 3n)),
  'slli.uw': onImmediate((a, amount) => unsignedWord(a) << amount),

  andn: onRegisters((a, b) => a & ~b),
  orn: onRegisters((a, b) => a | ~b),
  xnor: onRegisters((a, b) => ~(a ^ b)),
  max: onRegisters(larger),
  maxu: onRegisters((a, b) => larger(unsigned(a), unsigned(b))),
  min: onRegisters(smaller),
  minu: onRegisters((a, b) => smaller(unsigned(a), unsigned(b))),
  rol: onRegisters((a, b) => rotateRight(a, -b)),
  ror: onRegisters(rotateRight),
  rori: onImmediate(rotateRight),
  rolw: onRegisters((a, b) => rotateRightWord(a, -b)),
  rorw: onRegisters(rotateRightWord),
  roriw: onImmediate(rotateRightWord),
  clz: onOne((a) => leadingZeros(a, 64)),
  clzw: onOne((a) => leadingZeros(a, 32)),
  ctz: onOne((a) => trailingZeros(a, 64)),
  ctzw: onOne((a) => trailingZeros(a, 32)),
  cpop: onOne((a) => ones(a, 64)),
  cpopw: onOne((a) => ones(a, 32)),
  'sext.b': onOne((a) => BigInt.asIntN(8, a)),
  'sext.h': onOne((a) => BigInt.asIntN(16, a)),
  'zext.h': onOne((a) => BigInt.asUintN(16, a)),
  'orc.b': onOne((a) => ofBytes(bytesOf(a).map((byte) => (byte === 0n ? 0n : 0xffn)))),
  rev8: onOne((a) => ofBytes(bytesOf(a).reverse())),

  bclr: onRegisters(clear),
  bclri: onImmediate(clear),
  bext: onRegisters(extract),
  bexti: onImmediate(extract),
  binv: onRegisters(invert),
  binvi: onImmediate(invert),
  bset: onRegisters(set),
  bseti: onImmediate(set),
};
