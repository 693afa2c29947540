/**
 * Machine code that finds the matches of one block.
 *
 *   find(at, end, literals) → end of the sequences
 *     at, end    the block, bytes from the start of the content; MATCH_MARGIN and more of them
 *     literals   where to put what is in no match
 *   state        recent offsets are moved on; literalsEnd is set
 *
 * Edge numbers are the path of a program: what was walked before is walked again, for 10 to 50
 * transfers. So at each place three earlier ones are looked at: the last with the same 64 bytes,
 * the last with the same 32, the last with the same 12. Of these the longest match is taken. Most
 * time goes into branches that a processor cannot foresee; so all three are compared, 32 bytes at
 * once, without a branch.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import {
  above,
  add,
  and,
  below,
  equal,
  type Formula,
  i32,
  i64,
  load,
  loadVector,
  minimum,
  op,
  or,
  prefixed,
  Statements,
  select,
  shl,
  shr,
  sub,
  type Variable,
} from '../../wasm/formula.ts';
import { I32, I64, V128 } from '../../wasm/opcodes.ts';
import {
  type ElementBytes,
  MATCH_BYTES,
  PLACES,
  type PlaceTable,
  placesAt,
  SEQUENCE,
  SEQUENCES_AT,
  STATE,
} from './layout.ts';

/** Nearer to its end nothing in a block is looked for: the longest hash must not read beyond. */
export const MATCH_MARGIN = 80;
/** Bytes that one comparison takes: as many halfwords as a mask has bits. */
const STEP = 64;
/** Places without a match after which every second is left out, then every third, and so on. */
const PATIENCE_LOG = 6;

/** Odd numbers with as many ones as zeros, one for each 8 bytes. Any such will do. */
const FACTORS = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x27d4eb2f165667c5n,
  0x85ebca77c2b2ae63n,
  0xa24baed4963ee407n,
  0x9fb21c651e98df25n,
  0xd6e8feb86659fd93n,
] as const;

interface Find {
  readonly s: Statements;
  /** Address of the content: every place counts from there. */
  readonly content: number;
  readonly elementBytes: ElementBytes;
  readonly at: Variable;
  readonly end: Variable;
  readonly literals: Variable;
  /** Start of what is in no match yet. */
  readonly anchor: Variable;
  readonly sequence: Variable;
  readonly from: Variable;
  readonly length: Variable;
  readonly recent: readonly [Variable, Variable, Variable];
}

/** @param elementBytes Size of a number: matches are whole numbers. */
export function matchCode(code: CodeWriter, content: number, elementBytes: ElementBytes): void {
  const s = new Statements(code);
  const [at, end, literals] = [s.parameter(0), s.parameter(1), s.parameter(2)];
  const recent = [s.local(I32), s.local(I32), s.local(I32)] as const;
  const anchor = s.local(I32);
  const [sequence, from, length] = [s.local(I32), s.local(I32), s.local(I32)];
  const places = { at, end, anchor, from, length };
  const find: Find = { s, content, elementBytes, literals, sequence, recent, ...places };
  const misses = s.local(I32);
  const stop = s.local(I32);
  const candidates = candidatesOf(find);
  recent.forEach((variable, i) => {
    s.set(variable, load('i32.load', i32(0), STATE.recent + 4 * i));
  });
  s.set(anchor, at.get);
  s.set(stop, sub(end.get, i32(MATCH_MARGIN)));
  s.set(find.sequence, i32(SEQUENCES_AT));
  // The tables say "the first number" for "none": it is no candidate for itself.
  s.set(at, select(at.get, at.get, i32(elementBytes)));
  const round = (): void => {
    candidates();
    s.if(
      below(find.length.get, i32(MATCH_BYTES[elementBytes])),
      () => {
        const skip = add(shr(misses.get, i32(PATIENCE_LOG)), i32(1));
        s.set(at, add(at.get, op('i32.mul', skip, i32(elementBytes))));
        s.set(misses, add(misses.get, i32(1)));
      },
      () => {
        s.set(misses, i32(0));
        extend(find);
        s.if(above(at.get, anchor.get), () => {
          extendBack(find);
          copyLiterals(find, at);
        });
        putSequence(find);
        s.set(at, add(at.get, find.length.get));
        s.set(anchor, at.get);
        s.if(below(at.get, stop.get), () => {
          remember(find, 'short', -4);
          remember(find, 'middle', -8);
        });
      },
    );
  };
  s.doWhile(round, below(at.get, stop.get));
  s.if(below(anchor.get, end.get), () => copyLiterals(find, end));
  recent.forEach((variable, i) => {
    s.store('i32.store', i32(0), variable.get, STATE.recent + 4 * i);
  });
  s.store('i32.store', i32(0), literals.get, STATE.literalsEnd);
  find.sequence.get(code);
}

/** The hash of bytes `from` to `to`: a sum of products, added in pairs. */
function hash(find: Find, shift: number, from: number, to: number): Formula {
  const at = shift < 0 ? sub(find.at.get, i32(-shift)) : find.at.get;
  const products: Formula[] = [];
  for (let i = from; i < to; i += 8) {
    const word = load('i64.load', at, find.content + Math.min(i, to - 8));
    products.push(op('i64.mul', word, i64(FACTORS[i / 8] ?? 1n)));
  }
  const sum = (list: readonly Formula[]): Formula => {
    const half = list.length >> 1;
    if (half === 0) return list[0] ?? i64(0n);
    return op('i64.add', sum(list.slice(0, half)), sum(list.slice(half)));
  };
  return sum(products);
}

/** Byte offset in a table of places: the high bits of a hash. */
const slot = (table: PlaceTable, sum: Formula): Formula => {
  const { log } = PLACES[table];
  const high = op('i32.wrap_i64', op('i64.shr_u', sum, i64(BigInt(64 - log - 2))));
  return and(high, i32((4 << log) - 4));
};

/** Content that a table's hash is made of. */
const bytesOf = (find: Find, table: 'short' | 'middle'): number =>
  table === 'short' ? MATCH_BYTES[find.elementBytes] : PLACES.middle.bytes;

/** Puts the place `shift` bytes from here into a table. */
function remember(find: Find, table: 'short' | 'middle', shift: number): void {
  const sum = hash(find, shift, 0, bytesOf(find, table));
  const place = add(find.at.get, i32(shift));
  find.s.store('i32.store', slot(table, sum), place, placesAt[table]);
}

/** Sets `from` and `length` to the best of three earlier places; a length of 0 to STEP. */
function candidatesOf(find: Find): () => void {
  const { s, content, at, from, length } = find;
  const slots = { short: s.local(I32), middle: s.local(I32), long: s.local(I32) };
  const places = { short: s.local(I32), middle: s.local(I32), long: s.local(I32) };
  const lengths = { short: s.local(I32), middle: s.local(I32), long: s.local(I32) };
  const [middle, long] = [s.local(I64), s.local(I64)];
  const here = [s.local(V128), s.local(V128), s.local(V128), s.local(V128)] as const;
  const look = (table: PlaceTable, sum: Formula): void => {
    s.set(slots[table], slot(table, sum));
    s.set(places[table], load('i32.load', slots[table].get, placesAt[table]));
    s.store('i32.store', slots[table].get, at.get, placesAt[table]);
  };
  const compare = (table: PlaceTable): void => {
    const differ = differing(find, (i) => here[i]?.get ?? i32(0), places[table]);
    s.set(lengths[table], shl(op('i32.ctz', differ), i32(1)));
  };
  return () => {
    look('short', hash(find, 0, 0, bytesOf(find, 'short')));
    s.set(middle, hash(find, 0, 0, bytesOf(find, 'middle')));
    look('middle', middle.get);
    s.set(long, op('i64.add', middle.get, hash(find, 0, PLACES.middle.bytes, PLACES.long.bytes)));
    look('long', long.get);
    here.forEach((vector, i) => {
      s.set(vector, loadVector(at.get, content + 16 * i));
    });
    for (const table of ['short', 'middle', 'long'] as const) compare(table);
    const isLonger = above(lengths.middle.get, lengths.short.get);
    s.set(from, select(isLonger, places.middle.get, places.short.get));
    s.set(length, select(isLonger, lengths.middle.get, lengths.short.get));
    // Of equals this: where 64 bytes agree more will, and of lengths only 32 bytes are known.
    const isLongest = op('i32.ge_u', lengths.long.get, length.get);
    s.set(from, select(isLongest, places.long.get, from.get));
    s.set(length, select(isLongest, lengths.long.get, length.get));
  };
}

/** A bit for each halfword that differs, of STEP bytes; ctz of none is as many as there are. */
function differing(find: Find, here: (vector: number) => Formula, there: Variable): Formula {
  const same = (i: number): Formula =>
    prefixed('i16x8.eq', here(i), loadVector(there.get, find.content + 16 * i));
  const pair = (i: number): Formula =>
    prefixed('i8x16.bitmask', prefixed('i8x16.narrow_i16x8_s', same(i), same(i + 1)));
  return op('i32.xor', or(pair(0), shl(pair(2), i32(16))), i32(-1));
}

/** Makes a match as long as it is, to the end of the block at most, in whole numbers. */
function extend(find: Find): void {
  const { s, content, at, end, from, length, elementBytes } = find;
  const { code } = s;
  const differ = s.local(I32);
  const [here, there, room] = [s.local(I32), s.local(I32), s.local(I32)];
  const vector = (i: number): Formula => loadVector(here.get, content + 16 * i);
  s.if(equal(length.get, i32(STEP)), () => {
    s.set(room, sub(end.get, at.get));
    s.set(here, add(at.get, i32(STEP)));
    s.set(there, add(from.get, i32(STEP)));
    // The next round waits for no result of this one, but goes on until there is one.
    code.block().loop();
    s.set(differ, differing(find, vector, there));
    differ.get(code);
    code.brIf(1);
    s.set(here, add(here.get, i32(STEP)));
    s.set(there, add(there.get, i32(STEP)));
    below(here.get, end.get)(code);
    code.brIf(0).end().end();
    const more = shl(op('i32.ctz', differ.get), i32(1));
    const whole = select(differ.get, more, i32(0));
    s.set(length, add(sub(here.get, at.get), whole));
    s.set(length, minimum(length, room));
  });
  if (elementBytes > 2) s.set(length, and(length.get, i32(-elementBytes)));
}

/** Begins a match earlier, where what was in none is the same. */
function extendBack(find: Find): void {
  const { s, content, at, anchor, from, length, elementBytes } = find;
  const name = elementBytes === 2 ? 'i32.load16_u' : 'i32.load';
  const step = i32(elementBytes);
  const before = (place: Variable): Formula => load(name, sub(place.get, step), content);
  const mayMove = and(above(at.get, anchor.get), op('i32.ne', from.get, i32(0)));
  s.code.block();
  s.code.loop();
  op('i32.eqz', mayMove)(s.code);
  s.code.brIf(1);
  op('i32.ne', before(at), before(from))(s.code);
  s.code.brIf(1);
  s.set(at, sub(at.get, step));
  s.set(from, sub(from.get, step));
  s.set(length, add(length.get, step));
  s.code.br(0).end().end();
}

/** Copies what is in no match, eight bytes at a time: up to seven more are written. */
function copyLiterals(find: Find, to: Variable): void {
  const { s, content, literals, anchor } = find;
  const place = s.local(I32);
  s.set(place, anchor.get);
  s.while(below(place.get, to.get), () => {
    s.store('i64.store', literals.get, load('i64.load', place.get, content));
    s.set(literals, add(literals.get, i32(8)));
    s.set(place, add(place.get, i32(8)));
  });
  s.set(literals, sub(literals.get, sub(place.get, to.get)));
}

/** The sequence, its offset as one of the recent ones if it can be (RFC 8878, 3.1.1.5). */
function putSequence(find: Find): void {
  const { s, at, anchor, from, length, sequence } = find;
  const [first, second, third] = find.recent;
  const [offset, value, literals] = [s.local(I32), s.local(I32), s.local(I32)];
  s.set(literals, sub(at.get, anchor.get));
  s.set(offset, sub(at.get, from.get));
  const toFront = (): void => {
    s.set(third, second.get);
    s.set(second, first.get);
    s.set(first, offset.get);
  };
  const other = (): void => {
    s.set(value, add(offset.get, i32(3)));
    toFront();
  };
  const swap = (name: number): void => {
    s.set(value, i32(name));
    s.set(second, first.get);
    s.set(first, offset.get);
  };
  const isOffset = (recent: Variable): Formula => equal(offset.get, recent.get);
  s.if(
    literals.get,
    () => {
      s.if(
        isOffset(first),
        () => s.set(value, i32(1)),
        () => s.if(isOffset(second), () => swap(2), other),
      );
    },
    // Without literals the first is not meant: it would have been one match.
    () => {
      const last = (): void => {
        s.set(value, i32(2));
        toFront();
      };
      s.if(
        isOffset(second),
        () => swap(1),
        () => s.if(isOffset(third), last, other),
      );
    },
  );
  s.store('i32.store', sequence.get, value.get, SEQUENCE.offset);
  s.store('i32.store', sequence.get, length.get, SEQUENCE.match);
  s.store('i32.store', sequence.get, literals.get, SEQUENCE.literals);
  s.set(sequence, add(sequence.get, i32(SEQUENCE.bytes)));
}
