/**
 * Frames of edge numbers, byte by byte as RFC 8878 draws them, read back by zstd itself and by a
 * slow model.
 *
 *   28 b5 2f fd   magic number
 *   a4            content size in 4 bytes, single segment, checksum
 *   ss ss ss ss   content size
 *   bb bb bb …    blocks: bit 0 last, bits 1 to 2 type, from bit 3 on the size
 *   cc cc cc cc   low half of XXH64 of the content
 */
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wasm } from '../../wasm/host.ts';
import { openTrace } from '../reader.ts';
import { decompress } from '../zstd.ts';
import { EdgeEncoder } from './encoder.ts';
import { checksumOf, decodeFrame, type ModelFrame } from './frame.model.ts';
import {
  BLOCK_BYTES,
  CODED_BYTES_MAX,
  type ElementBytes,
  frameRoom,
  layoutFor,
  STATE,
} from './layout.ts';
import { Workbench } from './workbench.ts';

const WIDTHS = [2, 4] as const;

const bench = new Workbench(300_000, 2 ** 20);

const plain = (() => {
  const layout = layoutFor(2 ** 18);
  const pages = Math.ceil(layout.countsAt / 65_536);
  const memory = new wasm.Memory({ initial: pages, maximum: pages, shared: true });
  const encoder = new EdgeEncoder(memory, layout, 4);
  return { memory, layout, encoder };
})();

function frameOf(edges: ArrayLike<number>, elementBytes: ElementBytes, by = bench): Uint8Array {
  by.edges.set(edges);
  expect(by.add(edges.length, 2 ** 20, elementBytes)).toBe(-1);
  return by.frame().slice();
}

const contentOf = (edges: ArrayLike<number>, elementBytes: ElementBytes): Uint8Array => {
  const array = elementBytes === 2 ? Uint16Array.from(edges) : Uint32Array.from(edges);
  return new Uint8Array(array.buffer);
};

/** A frame of numbers that are no edges: nothing is counted. */
function frameOfWide(numbers: Uint32Array): Uint8Array {
  const { memory, layout } = plain;
  new Uint32Array(memory.buffer, layout.edgesAt, numbers.length).set(numbers);
  const sums = new BigUint64Array(memory.buffer, STATE.sums, 4);
  const p1 = 0x9e3779b185ebca87n;
  const p2 = 0xc2b2ae3d27d4eb4fn;
  sums.set([p1 + p2, p2, 0n, -p1]);
  return plain.encoder.frame(4 * numbers.length, 0).slice();
}

/** Reads a frame with zstd, and its header by hand. */
function check(edges: ArrayLike<number>, elementBytes: ElementBytes): Uint8Array {
  const frame = frameOf(edges, elementBytes);
  const content = contentOf(edges, elementBytes);
  const size = new Uint8Array(Uint32Array.of(content.length).buffer);
  expect([...frame.subarray(0, 9)]).toEqual([0x28, 0xb5, 0x2f, 0xfd, 0xa4, ...size]);
  expect(frame.length).toBeLessThanOrEqual(frameRoom(content.length));
  // A block stored as it is: the most that any costs.
  const blocks = Math.max(1, Math.ceil(content.length / BLOCK_BYTES));
  expect(frame.length).toBeLessThanOrEqual(9 + content.length + 3 * blocks + 4);
  expect(Buffer.compare(zstdDecompressSync(frame), content)).toBe(0);
  return frame;
}

/** As check(), and by the model too: slow. */
function checkWhole(edges: ArrayLike<number>, elementBytes: ElementBytes): ModelFrame {
  const model = decodeFrame(check(edges, elementBytes));
  const content = contentOf(edges, elementBytes);
  expect(Buffer.compare(model.content, content)).toBe(0);
  expect(model.checksum).toBe(checksumOf(content));
  return model;
}

/** Numbers as good as random, the same for the same seed. */
function scramble(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    return Math.floor((((mixed ^ (mixed >>> 12)) >>> 0) / 2 ** 32) * below);
  };
}

/** A walk through a graph: what a program's path is like. */
function walk(length: number, nodes: number, seed: number): Uint32Array {
  const random = scramble(seed);
  const next = Uint32Array.from({ length: 2 * nodes }, () => random(nodes));
  let at = 0;
  return Uint32Array.from({ length }, () => {
    at = next[2 * at + (random(10) === 0 ? 1 : 0)] ?? 0;
    return at;
  });
}

describe.each(WIDTHS)('numbers of %i bytes', (elementBytes) => {
  test('the bytes of small frames', () => {
    const empty = [0x28, 0xb5, 0x2f, 0xfd, 0xa4, 0, 0, 0, 0, 0x01, 0, 0];
    expect([...frameOf([], elementBytes)]).toEqual([...empty, 0x99, 0xe9, 0xd8, 0x51]);
    const one = frameOf([7], elementBytes);
    const bytes = elementBytes === 2 ? [7, 0] : [7, 0, 0, 0];
    const header = [(elementBytes << 3) | 1, 0, 0];
    expect([...one.subarray(5, -4)]).toEqual([elementBytes, 0, 0, 0, ...header, ...bytes]);
  });

  test('every size to 300, of few numbers and of many', () => {
    for (let length = 0; length <= 300; length++) {
      const isModel = length % 7 === 0 || length < 50;
      for (const edges of [walk(length, 20, length), new Uint32Array(length).fill(3)]) {
        if (isModel) checkWhole(edges, elementBytes);
        else check(edges, elementBytes);
      }
    }
  });

  test('sizes around those of blocks and groups', () => {
    const block = BLOCK_BYTES / elementBytes;
    const path = walk(300_000, 400, 11);
    for (const blocks of [1, 2, 4]) {
      for (const more of [-41, -17, -1, 0, 1, 15, 16, 39, 40, 41, 79]) {
        check(path.subarray(0, blocks * block + more), elementBytes);
      }
    }
    check(path, elementBytes);
  });

  test('random numbers of every number of bits', () => {
    for (let bits = 0; bits <= (elementBytes === 2 ? 16 : 20); bits++) {
      const random = scramble(bits);
      check(
        Uint32Array.from({ length: 40_000 }, () => random(2 ** bits)),
        elementBytes,
      );
    }
  });

  test('loops: of every length, and of loops', () => {
    for (let period = 1; period < 70; period++) {
      check(
        Uint32Array.from({ length: 3000 }, (_, i) => i % period),
        elementBytes,
      );
      const nested = Uint32Array.from({ length: 3000 }, (_, i) => (i % period === 0 ? 900 : i % 5));
      checkWhole(nested.subarray(0, 400), elementBytes);
      check(nested, elementBytes);
    }
    const long = checkWhole(new Uint32Array(300_000), elementBytes);
    expect(long.blocks.map(({ sequences }) => sequences)).toEqual(long.blocks.map(() => 1));
  });

  test('what no match is found in is stored as it is', () => {
    const random = scramble(5);
    const limit = elementBytes === 2 ? 65_536 : 2 ** 20;
    const noise = Uint32Array.from({ length: 100_000 }, () => random(limit));
    const { blocks } = decodeFrame(check(noise, elementBytes));
    expect(blocks.every(({ type }) => type === 'raw')).toBe(true);
    expect(blocks.length).toBe(Math.ceil((100_000 * elementBytes) / BLOCK_BYTES));
    // Noise between paths: what is stored as it is changes nothing for later blocks.
    const size = BLOCK_BYTES / elementBytes;
    const path = walk(size, 300, 9);
    const mixed = Uint32Array.from({ length: 5 * size }, (_, i) =>
      Math.floor(i / size) % 2 === 0 ? (path[i % size] ?? 0) : random(limit),
    );
    const model = checkWhole(mixed.subarray(0, 300_000), elementBytes);
    expect(model.blocks.slice(0, 3).map(({ type }) => type)).toEqual([
      'compressed',
      'raw',
      'compressed',
    ]);
  });

  test('our tables are described once in a frame, and only where it pays', () => {
    const { blocks } = checkWhole(walk(200_000, 500, 3), elementBytes);
    expect(blocks.map(({ tables }) => tables)).toEqual([
      'described',
      ...blocks.slice(1).map(() => 'repeated'),
    ]);
    const few = checkWhole(walk(900, 10, 3), elementBytes);
    expect(few.blocks[0]?.tables).toBe('predefined');
  });

  test('a path in less than a tenth of its bytes', () => {
    const edges = Uint32Array.from(
      { length: 200_000 },
      (_, i) => (i % 30) + (i % 997 === 0 ? 7 : 0),
    );
    expect(check(edges, elementBytes).length).toBeLessThan(edges.length * elementBytes * 0.1);
  });
});

test('random parts, repeated at random: the model, zstd and the encoder agree', () => {
  const part = fc.record({
    numbers: fc.array(fc.nat({ max: 65_535 }), { minLength: 1, maxLength: 40 }),
    times: fc.nat({ max: 6 }),
    back: fc.nat({ max: 400 }),
    length: fc.nat({ max: 120 }),
  });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 25 }), fc.constantFrom(...WIDTHS), (parts, width) => {
      const edges: number[] = [];
      for (const { numbers, times, back, length } of parts) {
        for (let i = 0; i < times; i++) edges.push(...numbers);
        const from = Math.max(0, edges.length - back);
        for (let i = 0; i < length; i++) edges.push(edges[from + i] ?? i);
      }
      checkWhole(edges, width);
    }),
    { numRuns: 150 },
  );
});

test('literals of 32 bits are Huffman codes where there are many, with one tree in a frame', () => {
  const random = scramble(31);
  const path = walk(200_000, 60_000, 31);
  const edges = path.map((edge, i) => (i % 40 < 4 ? random(150_000) : edge));
  const { blocks } = checkWhole(edges, 4);
  expect(blocks.map(({ coding }) => coding)).toEqual([
    'tree',
    ...blocks.slice(1).map(() => 'tree before'),
  ]);
  const few = checkWhole(walk(2000, 10, 3), 4);
  expect(few.blocks.map(({ coding }) => coding)).toEqual(['raw']);
  // Bytes that are never 0 would get longer.
  const high = path.map((edge) => 0xa5a5_0000 + (edge ^ 0x5a5a));
  const frame = frameOfWide(high);
  expect(zstdDecompressSync(frame).equals(contentOf(high, 4))).toBe(true);
  const compressed = decodeFrame(frame).blocks.filter(({ type }) => type === 'compressed');
  expect(compressed.some(({ literals }) => literals > 1000)).toBe(true);
  expect(compressed.every(({ coding }) => coding === 'raw')).toBe(true);
});

test('matches as long as blocks, literals as many: every code of a length', () => {
  const random = scramble(77);
  const fresh = (length: number): number[] => Array.from({ length }, () => random(65_536));
  for (let power = 2; power < 16; power++) {
    const known = fresh(2 ** power + 3);
    const edges = [...known, ...fresh(2 ** (power - 1)), ...known, ...fresh(40), ...known];
    for (const elementBytes of WIDTHS) check(edges.slice(0, 300_000), elementBytes);
  }
});

test('numbers whose hashes are one: places that only seem to match', () => {
  // The hash is a product's high bits: numbers that differ in their highest bits hardly move it.
  const random = scramble(1);
  const edges = Uint32Array.from({ length: 60_000 }, (_, i) =>
    i % 4 === 3 ? random(2) << 15 : (i >> 2) % 3,
  );
  for (const elementBytes of WIDTHS) check(edges, elementBytes);
});

test('the same segment gives the same bytes, whatever was before it', () => {
  const path = walk(50_000, 300, 21);
  const first = frameOf(path, 2);
  frameOf(walk(90_000, 1000, 22), 4);
  frameOf(new Uint32Array(300_000), 2);
  const other = new Workbench(50_000, 2 ** 20);
  expect(Buffer.compare(frameOf(path, 2), first)).toBe(0);
  expect(Buffer.compare(frameOf(path, 2, other), first)).toBe(0);
});

test('segments of the sample traces', () => {
  const traces = path.join(import.meta.dirname, '../../../../../traces/v1');
  let transfers = 0;
  for (const name of ['bare-scheduler', 'riscv64-nested', 'smash', 'bare-traps']) {
    const trace = openTrace(path.join(traces, name, `${name}.trace`));
    for (let segment = 0; segment < trace.segments.count; segment++) {
      const edges = trace.readSegment(segment);
      transfers += edges.length;
      for (const elementBytes of WIDTHS) check(edges, elementBytes);
    }
  }
  expect(transfers).toBeGreaterThan(1000);
});

test('a flipped bit is found by who reads, or changes nothing', () => {
  /** Whether it was found. */
  const flipped = (edges: Uint32Array, frame: Uint8Array, bit: number): boolean => {
    const damaged = frame.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const read = decompress(damaged, 2 * edges.length);
    // The descriptor may say the same in another way, an offset lead to equal bytes elsewhere.
    if (read !== null) expect(Buffer.compare(read, contentOf(edges, 2)), `bit ${bit}`).toBe(0);
    return read === null;
  };
  const short = walk(60, 100, 4);
  const shortFrame = frameOf(short, 2);
  for (let bit = 0; bit < 8 * shortFrame.length; bit++) {
    const isFound = flipped(short, shortFrame, bit);
    if (bit >> 3 !== 4) expect(isFound, `bit ${bit}`).toBe(true);
  }
  const long = walk(30_000, 100, 4);
  const longFrame = frameOf(long, 2);
  let found = 0;
  fc.assert(
    fc.property(fc.nat({ max: 8 * longFrame.length - 1 }), (bit) => {
      found += flipped(long, longFrame, bit) ? 1 : 0;
    }),
    { numRuns: 200 },
  );
  expect(found).toBeGreaterThan(150);
});

test('a segment beyond what offsets reach is stored as it is from there on', () => {
  const transfers = CODED_BYTES_MAX / 4 + 40_000;
  const large = new Workbench(transfers, 16);
  large.edges.fill(7);
  expect(large.add(transfers, 16, 4)).toBe(-1);
  const frame = large.frame();
  expect(frame.length).toBeGreaterThan(160_000);
  expect(frame.length).toBeLessThan(170_000);
  const content = new Uint8Array(large.edges.buffer, large.edges.byteOffset, 4 * transfers);
  expect(Buffer.compare(zstdDecompressSync(frame), content)).toBe(0);
});

test('more than the memory was made for is refused', () => {
  const small = new Workbench(1, 16);
  expect(() => small.add(small.segment + 1, 16, 2)).toThrow(RangeError);
});
