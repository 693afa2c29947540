/**
 * The columns of `transfers`, a chunk at a time. A row is an edge's number and a place in a
 * segment; all else is gathered from tables by that number. Loops over typed arrays only.
 */
import { NO_ROW } from '@backtrail/recorder/trace';
import type { Vector } from '@duckdb/node-bindings';
import type { PlaceColumn } from './names.ts';
import { TEXT_WORDS } from './text-pool.ts';
import { CHUNK_ROWS, cleanCodes, copyRows, copyValidity } from './vectors.ts';

/** What a chunk is made from: some rows of one segment. Reused from chunk to chunk. */
export interface ChunkRows {
  vcpu: number;
  /** Row i of the chunk took edge edges[from + i]. */
  edges: Uint32Array;
  from: number;
  rows: number;
  /** seq of the first transfer of the segment. */
  segmentSeq: number;
  /** Row i stands at `at + i` in the segment, or at positions[i] if there are positions. */
  at: number;
  positions: Uint32Array | null;
  /** Time of the segment's first transfer, and from one to the next, ns. */
  timeFirstNs: bigint;
  timeStepNs: number;
}

export type Gather = (vector: Vector, chunk: ChunkRows) => void;

/** Buffers of one database; JavaScript serves one chunk at a time. */
export class Scratch {
  readonly bytes = new Uint8Array(CHUNK_ROWS);
  readonly words = new Uint32Array(TEXT_WORDS * CHUNK_ROWS);
  readonly bits = new Uint8Array(CHUNK_ROWS >>> 3);
}

/** Marks the rows null whose edge has 0 in `valid`. */
function gatherValidity(scratch: Scratch, valid: Uint8Array | null): Gather {
  if (valid === null) return () => undefined;
  const { bits } = scratch;
  return (vector, { edges, from, rows }) => {
    let all = 1;
    for (let i = 0; i < rows; i++) all &= valid[edges[from + i] ?? 0] ?? 0;
    if (all === 1) return;
    bits.fill(0);
    for (let i = 0; i < rows; i++) {
      const bit = valid[edges[from + i] ?? 0] ?? 0;
      bits[i >>> 3] = (bits[i >>> 3] ?? 0) | (bit << (i & 7));
    }
    copyValidity(vector, bits, 0);
  };
}

/** Null where no row is null: most columns of most traces. */
const maskOrNull = (mask: Uint8Array): Uint8Array | null => (mask.includes(0) ? mask : null);

/** A u64 a row, as two u32 halves: no BigInt is made. */
export function gatherAddresses(
  scratch: Scratch,
  values: BigUint64Array,
  mask?: Uint8Array,
): Gather {
  const halves = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  const writeNulls = gatherValidity(scratch, mask === undefined ? null : maskOrNull(mask));
  const { words } = scratch;
  return (vector, chunk) => {
    const { edges, from, rows } = chunk;
    for (let i = 0; i < rows; i++) {
      const at = 2 * (edges[from + i] ?? 0);
      words[2 * i] = halves[at] ?? 0;
      words[2 * i + 1] = halves[at + 1] ?? 0;
    }
    copyRows(vector, words, 0, 2 * rows);
    writeNulls(vector, chunk);
  };
}

export function gatherCodes(scratch: Scratch, codes: Uint8Array): Gather {
  const clean = cleanCodes(codes);
  const valid = codes.map((code, i) => (code === clean[i] ? 1 : 0));
  const writeNulls = gatherValidity(scratch, maskOrNull(valid));
  const { bytes } = scratch;
  return (vector, chunk) => {
    const { edges, from, rows } = chunk;
    for (let i = 0; i < rows; i++) bytes[i] = clean[edges[from + i] ?? 0] ?? 0;
    copyRows(vector, bytes, 0, rows);
    writeNulls(vector, chunk);
  };
}

/** @param texts words of the pool that the numbers of `places` are into. */
export function gatherSymbols(scratch: Scratch, places: PlaceColumn, texts: Uint32Array): Gather {
  const valid = Uint8Array.from(places.symbol, (name) => (name === NO_ROW ? 0 : 1));
  const numbers = places.symbol.map((name) => (name === NO_ROW ? 0 : name));
  const writeNulls = gatherValidity(scratch, maskOrNull(valid));
  const { words } = scratch;
  return (vector, chunk) => {
    const { edges, from, rows } = chunk;
    for (let i = 0, out = 0; i < rows; i++) {
      const at = TEXT_WORDS * (numbers[edges[from + i] ?? 0] ?? 0);
      words[out++] = texts[at] ?? 0;
      words[out++] = texts[at + 1] ?? 0;
      words[out++] = texts[at + 2] ?? 0;
      words[out++] = texts[at + 3] ?? 0;
    }
    copyRows(vector, words, 0, TEXT_WORDS * rows);
    writeNulls(vector, chunk);
  };
}

export const gatherEdges: Gather = (vector, { edges, from, rows }) =>
  copyRows(vector, edges, from, rows);

export function gatherSeq(scratch: Scratch): Gather {
  const { words } = scratch;
  return (vector, { segmentSeq, at, positions, rows }) => {
    for (let i = 0; i < rows; i++) {
      const seq = segmentSeq + (positions === null ? at + i : (positions[i] ?? 0));
      words[2 * i] = seq;
      words[2 * i + 1] = Math.floor(seq / 0x1_0000_0000);
    }
    copyRows(vector, words, 0, 2 * rows);
  };
}

export function gatherTimes(scratch: Scratch): Gather {
  const { words } = scratch;
  return (vector, { timeFirstNs, timeStepNs, at, positions, rows }) => {
    const low = Number(timeFirstNs & 0xffff_ffffn);
    const high = Number(timeFirstNs >> 32n);
    for (let i = 0; i < rows; i++) {
      const position = positions === null ? at + i : (positions[i] ?? 0);
      // Below 2^53 for a segment of three months.
      const time = low + Math.floor(position * timeStepNs);
      words[2 * i] = time;
      words[2 * i + 1] = high + Math.floor(time / 0x1_0000_0000);
    }
    copyRows(vector, words, 0, 2 * rows);
  };
}

export function gatherVcpu(scratch: Scratch): Gather {
  const { words } = scratch;
  return (vector, { vcpu, rows }) => {
    words.fill(vcpu, 0, rows);
    copyRows(vector, words, 0, rows);
  };
}
