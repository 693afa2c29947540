/**
 * Machine code of one pass over a segment: it counts every edge, narrows the numbers to 16 bits,
 * and sums up the checksum of the frame. WebAssembly, since 16 bits of eight numbers are one
 * instruction there and a typed array's bounds check at each count costs more than the count. The
 * checksum costs nothing here: counting waits for memory, summing up for multiplications.
 *
 *   tally(at, end) → at
 *     at, end   bytes of the edge numbers, u32 each, a multiple of GROUP_EDGES of them
 *     limit     of STATE; stops before the first group with a number that is not below it
 *   narrow      low halves, u16 each
 *   counts      u32[LANES] for each edge: how often it was taken, in lanes
 *   sums        of STATE, of all that was passed (checksum-code.ts)
 */
import type { CodeWriter } from '../../wasm/code.ts';
import {
  add,
  type Formula,
  i32,
  lane64,
  load,
  loadVector,
  op,
  prefixed,
  Statements,
  shl,
  type Variable,
} from '../../wasm/formula.ts';
import { I32, V128 } from '../../wasm/opcodes.ts';
import { beginSums, endSums, stripe } from './checksum-code.ts';
import { COUNT_BYTES, type ElementBytes, LANES, type Layout, STATE } from './layout.ts';

/** Edges that one round of the loop takes: half a stripe of the checksum, or a quarter. */
export const GROUP_EDGES = 16;
const GROUP_BYTES = 4 * GROUP_EDGES;

/** @param elementBytes Size of a number in the content: 2 narrows. */
export function tallyCode(code: CodeWriter, layout: Layout, elementBytes: ElementBytes): void {
  const s = new Statements(code);
  const [at, end] = [s.parameter(0), s.parameter(1)];
  const to = s.local(I32);
  const vectors = [s.local(V128), s.local(V128), s.local(V128), s.local(V128)] as const;
  const limits = s.local(V128);
  const sums = beginSums(s);
  s.set(limits, prefixed('i32x4.splat', load('i32.load', i32(0), STATE.limit)));
  s.set(to, i32(layout.narrowAt));
  code.block().loop();
  op('i32.ge_u', at.get, end.get)(code);
  code.brIf(1);
  vectors.forEach((vector, i) => {
    s.set(vector, loadVector(at.get, 16 * i));
  });
  const most = (a: Formula, b: Formula): Formula => prefixed('i32x4.max_u', a, b);
  const [a, b, c, d] = vectors;
  const largest = most(most(a.get, b.get), most(c.get, d.get));
  prefixed('v128.any_true', prefixed('i32x4.ge_u', largest, limits.get))(code);
  code.brIf(1);
  if (elementBytes === 2) {
    const halves = [s.local(V128), s.local(V128)] as const;
    s.set(halves[0], prefixed('i16x8.narrow_i32x4_u', a.get, b.get));
    s.set(halves[1], prefixed('i16x8.narrow_i32x4_u', c.get, d.get));
    stripe(s, sums, (i) => lane64((halves[i < 2 ? 0 : 1] ?? a).get, i % 2));
    halves.forEach((half, i) => {
      s.storeVector(to.get, half.get, 16 * i);
    });
    s.set(to, add(to.get, i32(2 * GROUP_EDGES)));
  } else {
    for (const from of [0, 32]) stripe(s, sums, (i) => load('i64.load', at.get, from + 8 * i));
  }
  countGroup(s, at, layout.countsAt);
  s.set(at, add(at.get, i32(GROUP_BYTES)));
  code.br(0).end().end();
  endSums(s, sums);
  at.get(code);
}

/** Loops repeat an edge, and a word just stored cannot be loaded for some cycles: hence lanes. */
function countGroup(s: Statements, at: Variable, countsAt: number): void {
  const slot = s.local(I32);
  for (let i = 0; i < GROUP_EDGES; i++) {
    const place = countsAt + 4 * (i % LANES);
    s.set(slot, shl(load('i32.load', at.get, 4 * i), i32(Math.log2(COUNT_BYTES))));
    s.store('i32.store', slot.get, add(load('i32.load', slot.get, place), i32(1)), place);
  }
}
