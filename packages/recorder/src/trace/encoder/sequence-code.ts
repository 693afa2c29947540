/**
 * Machine code that writes the sequences of one block as bits (RFC 8878, 3.1.1.3.2).
 *
 *   encode(end, out) → end of the bits
 *     end   of the sequences, which begin at SEQUENCES_AT; one and more
 *
 * Decoders read the bits from the end, so the last sequence is written first. Of each sequence,
 * the states' bits of offset, match, literals, then the further bits of literals, match, offset;
 * in the end the states of match, offset, literals, and a 1.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import {
  add,
  and,
  below,
  type Formula,
  i32,
  load,
  op,
  Statements,
  select,
  shl,
  shr,
  sub,
  type Variable,
} from '../../wasm/formula.ts';
import { I32 } from '../../wasm/opcodes.ts';
import { BitWriter } from './bit-writer.ts';
import { CODES_LOOKED_UP, type Distributions, HIGHEST_BIT_ADDS, MATCH_BYTES_MIN } from './codes.ts';
import { CODES, SEQUENCE, SEQUENCES_AT, TABLE, type Tables, tableAt } from './layout.ts';

/** What one of the three numbers of a sequence needs. */
interface Part {
  readonly table: number;
  readonly log: number;
  readonly state: Variable;
  readonly symbol: Variable;
  readonly value: Variable;
  readonly extra: Formula;
}

const highestBit = (value: Formula): Formula => sub(i32(31), op('i32.clz', value));
const lowBits = (value: Formula, count: Formula): Formula =>
  and(value, sub(shl(i32(1), count), i32(1)));

export function sequenceCode(code: CodeWriter, tables: Tables, distributions: Distributions): void {
  const s = new Statements(code);
  const [end, out] = [s.parameter(0), s.parameter(1)];
  const bits = new BitWriter(s, out);
  const part = (
    which: 'literals' | 'offset' | 'match',
    extra: (symbol: Variable) => Formula,
  ): Part => {
    const [state, symbol, value] = [s.local(I32), s.local(I32), s.local(I32)];
    const table = tableAt(tables, which);
    return { table, log: distributions[which].log, state, symbol, value, extra: extra(symbol) };
  };
  const literals = part('literals', ({ get }) => load('i32.load8_u', get, CODES.literalsBits));
  const match = part('match', ({ get }) => load('i32.load8_u', get, CODES.matchBits));
  const offset = part('offset', ({ get }) => get);

  const read = (): void => {
    s.set(end, sub(end.get, i32(SEQUENCE.bytes)));
    s.set(literals.value, load('i32.load', end.get, SEQUENCE.literals));
    const length = load('i32.load', end.get, SEQUENCE.match);
    s.set(match.value, sub(length, i32(MATCH_BYTES_MIN)));
    s.set(offset.value, load('i32.load', end.get, SEQUENCE.offset));
    s.set(literals.symbol, codeOf('literals', literals.value));
    s.set(match.symbol, codeOf('match', match.value));
    s.set(offset.symbol, highestBit(offset.value.get));
  };
  const further = (): void => {
    // 26 bits of states, 7 that were left and 16: no more may be held before the next two.
    bits.put(lowBits(literals.value.get, literals.extra), literals.extra);
    bits.flush();
    bits.put(lowBits(match.value.get, match.extra), match.extra);
    bits.put(lowBits(offset.value.get, offset.extra), offset.extra);
    bits.flush();
  };
  read();
  for (const each of [literals, match, offset]) begin(s, each);
  further();
  s.while(op('i32.gt_u', end.get, i32(SEQUENCES_AT)), () => {
    read();
    for (const each of [offset, match, literals]) move(s, bits, each);
    further();
  });
  for (const { state, log } of [match, offset, literals]) {
    bits.put(and(state.get, i32((1 << log) - 1)), i32(log));
  }
  bits.put(i32(1), i32(1));
  bits.finish();
  out.get(code);
}

/** Without a branch: both ways are worked out. */
function codeOf(which: 'literals' | 'match', value: Variable): Formula {
  const small = load('i32.load8_u', value.get, CODES[which]);
  const large = add(highestBit(value.get), i32(HIGHEST_BIT_ADDS[which]));
  return select(below(value.get, i32(CODES_LOOKED_UP[which])), small, large);
}

const symbolWord = ({ table, symbol }: Part, offset: number): Formula =>
  load('i32.load', shl(symbol.get, i32(3)), table + offset);

/** As firstState() of fse.ts. */
function begin(s: Statements, part: Part): void {
  const [bits, count] = [s.local(I32), s.local(I32)];
  s.set(bits, symbolWord(part, TABLE.bits));
  s.set(count, shr(add(bits.get, i32(1 << 15)), i32(16)));
  const state = sub(shl(count.get, i32(16)), bits.get);
  s.set(part.state, nextState(part, state, count));
}

const nextState = (part: Part, state: Formula, count: Variable): Formula => {
  const place = add(shr(state, count.get), symbolWord(part, TABLE.find));
  return load('i32.load16_u', shl(place, i32(1)), part.table + TABLE.next);
};

/** Encodes the symbol. */
function move(s: Statements, bits: BitWriter, part: Part): void {
  const { state } = part;
  const count = s.local(I32);
  s.set(count, shr(add(state.get, symbolWord(part, TABLE.bits)), i32(16)));
  bits.put(lowBits(state.get, count.get), count.get);
  s.set(state, nextState(part, state.get, count));
}
