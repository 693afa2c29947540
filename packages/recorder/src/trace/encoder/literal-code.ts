/**
 * Machine code that writes one stream of literals as Huffman codes (RFC 8878, 4.2.2).
 *
 *   literals(at, end, out) → end of the bits
 *
 * Decoders read from the end, so the last literal is written first, and behind the first a 1.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import {
  add,
  and,
  type Formula,
  i32,
  load,
  op,
  Statements,
  shl,
  shr,
  sub,
} from '../../wasm/formula.ts';
import { I32 } from '../../wasm/opcodes.ts';
import { BitWriter } from './bit-writer.ts';
import { CODES } from './layout.ts';

/** Codes of up to 11 bits that 64 bits hold beside 7 that are left. */
const AT_ONCE = 4;

export function literalCode(code: CodeWriter): void {
  const s = new Statements(code);
  const [at, end, out] = [s.parameter(0), s.parameter(1), s.parameter(2)];
  const word = s.local(I32);
  const bits = new BitWriter(s, out);
  const put = (place: Formula): void => {
    s.set(word, load('i32.load', shl(load('i32.load8_u', place), i32(2)), CODES.bytes));
    bits.put(and(word.get, i32(0xffff)), shr(word.get, i32(16)));
  };
  const left = sub(end.get, at.get);
  s.while(and(left, i32(AT_ONCE - 1)), () => {
    s.set(end, sub(end.get, i32(1)));
    put(end.get);
    bits.flush();
  });
  s.while(op('i32.gt_u', end.get, at.get), () => {
    s.set(end, sub(end.get, i32(AT_ONCE)));
    for (let i = AT_ONCE - 1; i >= 0; i--) put(add(end.get, i32(i)));
    bits.flush();
  });
  bits.put(i32(1), i32(1));
  bits.finish();
  out.get(code);
}
