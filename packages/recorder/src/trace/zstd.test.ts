import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Compressor, Decompressor, decompress, frameBytesMax } from './zstd.ts';

/** RFC 8878, 3.1.1: what the header of a frame says of its content. */
function header(frame: Uint8Array): { contentBytes: number; hasChecksum: boolean } {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  expect(view.getUint32(0, true)).toBe(0xfd2fb528);
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const at = isSingleSegment ? 5 : 6;
  const hasChecksum = (descriptor & 4) !== 0;
  switch (descriptor >> 6) {
    case 0:
      return { contentBytes: isSingleSegment ? view.getUint8(at) : Number.NaN, hasChecksum };
    case 1:
      return { contentBytes: view.getUint16(at, true) + 256, hasChecksum };
    case 2:
      return { contentBytes: view.getUint32(at, true), hasChecksum };
    default:
      return { contentBytes: Number(view.getBigUint64(at, true)), hasChecksum };
  }
}

/** Content of any size, some of it random, some of it repeated. */
const contents = fc
  .record({
    seed: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    bytes: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 300_000 })),
    isRandom: fc.boolean(),
  })
  .map(({ seed, bytes, isRandom }) =>
    Uint8Array.from({ length: bytes }, (_, i) => {
      const value = seed[i % seed.length] ?? 0;
      return isRandom ? Math.imul(value + i, 0x9e3779b1) >>> 24 : value;
    }),
  );

test('zstd: one context makes every frame whole, with its size and a checksum', () => {
  const compressor = new Compressor();
  expect(compressor.isShared, 'node:zlib looks as it did in Node 24').toBe(true);
  fc.assert(
    fc.property(contents, fc.nat({ max: 9 }), (content, at) => {
      const out = new Uint8Array(at + frameBytesMax(content.length) + 1).fill(0xee);
      const length = compressor.compress(content, out, at);
      const frame = out.subarray(at, at + length);
      expect(header(frame)).toEqual({ contentBytes: content.length, hasChecksum: true });
      expect(Buffer.compare(zstdDecompressSync(frame), content)).toBe(0);
      expect(Buffer.compare(decompress(frame, content.length) ?? new Uint8Array(0), content)).toBe(
        0,
      );
      // Nothing is written around it.
      expect(out.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
      expect(out[out.length - 1]).toBe(0xee);
    }),
    { numRuns: 60 },
  );
  expect(compressor.isShared).toBe(true);
});

test('zstd: where the context cannot be kept, frames are made one by one', () => {
  const compressor = new Compressor();
  const handle: unknown = Reflect.get(compressor, 'handle');
  // As a Node would do whose handle needs something else: nothing is written.
  Object.defineProperty(handle, 'writeSync', { value: () => {} });
  const content = Uint8Array.from({ length: 1000 }, (_, i) => i);
  const out = new Uint8Array(frameBytesMax(content.length));
  const length = compressor.compress(content, out, 0);
  expect(compressor.isShared).toBe(false);
  const frame = out.subarray(0, length);
  expect(header(frame)).toEqual({ contentBytes: 1000, hasChecksum: true });
  expect(Buffer.compare(zstdDecompressSync(frame), content)).toBe(0);
});

function frameOf(content: Uint8Array): Uint8Array {
  const out = new Uint8Array(frameBytesMax(content.length));
  return out.subarray(0, new Compressor().compress(content, out, 0));
}

test('zstd: one context unpacks every frame, and finds the damage that decompress() finds', () => {
  const decompressor = new Decompressor();
  const spoils = fc.record({
    how: fc.constantFrom('none', 'flip', 'cut', 'more', 'length'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    by: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(contents, spoils, (content, { how, at, by }) => {
      let frame = frameOf(content).slice();
      const place = Math.floor(at * (frame.length - 1));
      if (how === 'flip') frame[place] = (frame[place] ?? 0) ^ (1 << (by % 8));
      if (how === 'cut') frame = frame.slice(0, -by);
      if (how === 'more') frame = Uint8Array.of(...frame, ...new Uint8Array(by).fill(7));
      const length = content.length + (how === 'length' ? by : 0);
      const expected = decompress(frame, length);
      const out = new Uint8Array(length);
      expect(decompressor.decompress(frame, out)).toBe(expected !== null);
      if (expected !== null) expect(Buffer.compare(out, expected)).toBe(0);
      if (how === 'none') expect(expected).not.toBeNull();
    }),
    { numRuns: 200 },
  );
  expect(decompressor.isShared, 'node:zlib looks as it did in Node 24').toBe(true);
});

test('zstd: where the context cannot be kept, frames are unpacked one by one', () => {
  const decompressor = new Decompressor();
  Object.defineProperty(Reflect.get(decompressor, 'stream'), '_handle', { value: {} });
  const content = Uint8Array.from({ length: 1000 }, (_, i) => i);
  const out = new Uint8Array(content.length);
  expect(decompressor.decompress(frameOf(content), out)).toBe(true);
  expect(decompressor.isShared).toBe(false);
  expect(Buffer.compare(out, content)).toBe(0);
  expect(decompressor.decompress(frameOf(content).subarray(1), out)).toBe(false);
});
