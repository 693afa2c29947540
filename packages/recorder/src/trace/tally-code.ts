/**
 * The machine code of Histogram: one pass over a segment that counts every edge and narrows the
 * numbers to 16 bits. WebAssembly, since 16 bits of eight numbers are one instruction there and
 * a typed array's bounds check at each count costs more than the count.
 *
 * The bytes are those of the WebAssembly Core Specification 2.0, chapter 5; names of opcodes are
 * its names. The module imports a memory and exports `tally`:
 *
 *   tally(at, end, narrow, limit) → at
 *     at, end   bytes of the edge numbers, u32 each, a multiple of GROUP_EDGES of them
 *     narrow    where the low halves go, u16 each; 0: nowhere
 *     limit     stops before the first group with a number that is not below it
 *   counts      u32[LANES] for each edge from countsAt on: how often it was taken, in lanes
 */

/** Loops repeat an edge, and a word just stored cannot be loaded for some cycles: hence lanes. */
export const LANES = 4;
const LANE_SHIFT = 4; // log2 of LANES × 4 bytes
/** Edges that one round of the loop takes. */
export const GROUP_EDGES = 16;

const I32 = 0x7f;
const V128 = 0x7b;
const BLOCK = [0x02, 0x40];
const LOOP = [0x03, 0x40];
const IF = [0x04, 0x40];
const END = [0x0b];
const I32_GE_U = [0x4f];
const I32_ADD = [0x6a];
const I32_SHL = [0x74];
/** log2 of the alignment that a load or store promises; all words here are aligned to 4. */
const ALIGNED = 2;

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** i32.const of a number from 0 to 63: one byte of signed LEB128. */
const constant = (value: number): number[] => [0x41, value];
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
const branch = (depth: number): number[] => [0x0c, depth];
const branchIf = (depth: number): number[] => [0x0d, depth];
const load = (offset: number): number[] => [0x28, ALIGNED, ...unsigned(offset)];
const store = (offset: number): number[] => [0x36, ALIGNED, ...unsigned(offset)];

const vector = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const V128_LOAD = (offset: number): number[] => [...vector(0), ALIGNED, ...unsigned(offset)];
const V128_STORE = (offset: number): number[] => [...vector(11), ALIGNED, ...unsigned(offset)];
const I32X4_SPLAT = vector(17);
const I32X4_GE_U = vector(0x40);
const V128_ANY_TRUE = vector(0x53);
const I16X8_NARROW_I32X4_U = vector(0x86);
const I32X4_MAX_U = vector(0xb9);

/** An imported memory that is shared, of any size up to 65,536 pages. */
const SHARED_MEMORY = [2, 3, 0, ...unsigned(65_536)];

const [AT, STOP, NARROW, LIMIT, SLOT] = [0, 1, 2, 3, 4];
const [FOURS, LIMITS] = [5, 9]; // four vectors of four edges, then the limit four times

function body(countsAt: number): number[] {
  const code: number[] = [];
  const put = (...parts: readonly (readonly number[])[]): void => {
    for (const part of parts) code.push(...part);
  };
  put(get(LIMIT), I32X4_SPLAT, set(LIMITS), BLOCK, LOOP);
  put(get(AT), get(STOP), I32_GE_U, branchIf(1));
  for (let i = 0; i < 4; i++) put(get(AT), V128_LOAD(16 * i), set(FOURS + i));
  put(get(FOURS), get(FOURS + 1), I32X4_MAX_U);
  put(get(FOURS + 2), get(FOURS + 3), I32X4_MAX_U, I32X4_MAX_U);
  put(get(LIMITS), I32X4_GE_U, V128_ANY_TRUE, branchIf(1));
  put(get(NARROW), IF);
  for (let i = 0; i < 2; i++) {
    put(get(NARROW), get(FOURS + 2 * i), get(FOURS + 2 * i + 1), I16X8_NARROW_I32X4_U);
    put(V128_STORE(16 * i));
  }
  put(get(NARROW), constant(2 * GROUP_EDGES), I32_ADD, set(NARROW), END);
  for (let i = 0; i < GROUP_EDGES; i++) {
    const count = countsAt + 4 * (i % LANES);
    put(get(AT), load(4 * i), constant(LANE_SHIFT), I32_SHL, tee(SLOT));
    put(get(SLOT), load(count), constant(1), I32_ADD, store(count));
  }
  // The signed LEB128 of 64 takes two bytes.
  put(get(AT), [0x41, 0xc0, 0x00], I32_ADD, set(AT), branch(0), END, END, get(AT), END);
  return code;
}

/** The bytes of the module. @param countsAt Where the counts begin in the memory. */
export function tallyModule(countsAt: number): Uint8Array<ArrayBuffer> {
  const list = (...items: readonly number[][]): number[] => [items.length, ...items.flat()];
  const section = (id: number, bytes: number[]): number[] => [
    id,
    ...unsigned(bytes.length),
    ...bytes,
  ];
  const name = (text: string): number[] => [text.length, ...Buffer.from(text, 'latin1')];
  const code = [...list([1, I32], [5, V128]), ...body(countsAt)];
  const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return new Uint8Array([
    ...header,
    ...section(1, list([0x60, ...list([I32], [I32], [I32], [I32]), ...list([I32])])),
    ...section(2, list([...name('tally'), ...name('memory'), ...SHARED_MEMORY])),
    ...section(3, list([0])),
    ...section(7, list([...name('tally'), 0, 0])),
    ...section(10, list([...unsigned(code.length), ...code])),
  ]);
}
