/**
 * Machine code of the checksum of a frame: the low half of XXH64 with seed 0.
 * Source: RFC 8878, 3.1.1; xxHash's specification, version 0.1.1, "XXH64 algorithm description".
 *
 * The content is taken in stripes of 32 bytes, one of its four words to each of four sums. The
 * stripes are summed up where the content is passed anyway (tally-code.ts); this is the end:
 *
 *   checksum(at, end, length) → the low 32 bits
 *     at, end    what was not summed up
 *     length     bytes of all
 */
import type { CodeWriter } from '../../wasm/code.ts';
import {
  add,
  type Formula,
  i32,
  i64,
  load,
  op,
  Statements,
  sub,
  type Variable,
} from '../../wasm/formula.ts';
import { I64 } from '../../wasm/opcodes.ts';
import { STATE } from './layout.ts';

const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const SEEDS = [P1 + P2, P2, 0n, -P1] as const;
const STRIPE_BYTES = 32;

type Sums = readonly [Variable, Variable, Variable, Variable];

const mul = (a: Formula, factor: bigint): Formula => op('i64.mul', a, i64(factor));
const plus = (a: Formula, b: Formula): Formula => op('i64.add', a, b);
const xor = (a: Formula, b: Formula): Formula => op('i64.xor', a, b);
const rotated = (a: Formula, bits: number): Formula => op('i64.rotl', a, i64(BigInt(bits)));

const round = (sum: Formula, word: Formula): Formula =>
  mul(rotated(plus(sum, mul(word, P2)), 31), P1);

const sumsOf = (s: Statements): Sums => [s.local(I64), s.local(I64), s.local(I64), s.local(I64)];

/** Sums of nothing. */
export function beginSums(s: Statements): Sums {
  const sums = sumsOf(s);
  SEEDS.forEach((seed, i) => {
    s.set(sums[i] ?? sums[0], i64(seed));
  });
  return sums;
}

/** Sums up one stripe. @param word Its words by their number. */
export function stripe(s: Statements, sums: Sums, word: (index: number) => Formula): void {
  sums.forEach((sum, i) => {
    s.set(sum, round(sum.get, word(i)));
  });
}

/** Leaves them to checksum(). */
export function endSums(s: Statements, sums: Sums): void {
  sums.forEach((sum, i) => {
    s.store('i64.store', i32(0), sum.get, STATE.sums + 8 * i);
  });
}

export function checksumCode(code: CodeWriter): void {
  const s = new Statements(code);
  const [at, end, length] = [s.parameter(0), s.parameter(1), s.parameter(2)];
  const sum = s.local(I64);
  const sums = sumsOf(s);
  const has = (bytes: number): Formula => op('i32.ge_u', sub(end.get, at.get), i32(bytes));
  sums.forEach((each, i) => {
    s.set(each, load('i64.load', i32(0), STATE.sums + 8 * i));
  });
  s.while(has(STRIPE_BYTES), () => {
    stripe(s, sums, (i) => load('i64.load', at.get, 8 * i));
    s.set(at, add(at.get, i32(STRIPE_BYTES)));
  });
  s.set(sum, i64(P5));
  s.if(op('i32.ge_u', length.get, i32(STRIPE_BYTES)), () => {
    const [a, b, c, d] = sums;
    const low = plus(rotated(a.get, 1), rotated(b.get, 7));
    s.set(sum, plus(low, plus(rotated(c.get, 12), rotated(d.get, 18))));
    for (const each of sums) {
      const word = round(i64(0n), each.get);
      s.set(sum, plus(mul(xor(sum.get, word), P1), i64(P4)));
    }
  });
  s.set(sum, plus(sum.get, op('i64.extend_i32_u', length.get)));
  tail(s, at, has, sum);
  for (const [shift, factor] of [
    [33, P2],
    [29, P3],
    [32, 1n],
  ] as const) {
    s.set(sum, mul(xor(sum.get, op('i64.shr_u', sum.get, i64(BigInt(shift)))), factor));
  }
  op('i32.wrap_i64', sum.get)(code);
}

/** The last bytes, fewer than a stripe. */
function tail(s: Statements, at: Variable, has: (bytes: number) => Formula, sum: Variable): void {
  s.while(has(8), () => {
    const word = round(i64(0n), load('i64.load', at.get));
    s.set(sum, plus(mul(rotated(xor(sum.get, word), 27), P1), i64(P4)));
    s.set(at, add(at.get, i32(8)));
  });
  s.if(has(4), () => {
    const word = mul(load('i64.load32_u', at.get), P1);
    s.set(sum, plus(mul(rotated(xor(sum.get, word), 23), P2), i64(P3)));
    s.set(at, add(at.get, i32(4)));
  });
  s.while(has(1), () => {
    const word = mul(load('i64.load8_u', at.get), P5);
    s.set(sum, mul(rotated(xor(sum.get, word), 11), P1));
    s.set(at, add(at.get, i32(1)));
  });
}
