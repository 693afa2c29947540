/** LEB128 as WebAssembly Core Specification 2.0, chapter 5.2.2, has it, read by a slow reader. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './bytes.ts';

/** From first principles: the sum of 7-bit groups, sign bit of the last. */
function read(bytes: Uint8Array, isSigned: boolean): { value: bigint; used: number } {
  let value = 0n;
  let used = 0;
  for (;;) {
    const byte = bytes[used];
    if (byte === undefined) throw new Error('the number goes on behind the bytes');
    value += BigInt(byte & 0x7f) << BigInt(7 * used);
    used++;
    if (byte < 0x80) break;
  }
  const bits = BigInt(7 * used);
  const isNegative = isSigned && value >= 1n << (bits - 1n);
  return { value: isNegative ? value - (1n << bits) : value, used };
}

/** The fewest groups that hold the value: encodings are minimal. */
function groups(value: bigint, isSigned: boolean): number {
  for (let count = 1; ; count++) {
    const bits = BigInt(7 * count);
    const fits = isSigned
      ? value >= -(1n << (bits - 1n)) && value < 1n << (bits - 1n)
      : value < 1n << bits;
    if (fits) return count;
  }
}

function written(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter();
  write(out);
  return out.view().slice();
}

const KINDS = [
  ['unsigned', 0n, 0xffff_ffffn, (out, value) => out.unsigned(Number(value))],
  ['signed', -(2n ** 31n), 2n ** 31n - 1n, (out, value) => out.signed(Number(value))],
  ['signed64', -(2n ** 63n), 2n ** 63n - 1n, (out, value) => out.signed64(value)],
  ['signedSafe', 1n - 2n ** 53n, 2n ** 53n - 1n, (out, value) => out.signedSafe(Number(value))],
] as const satisfies readonly (readonly [
  string,
  bigint,
  bigint,
  (out: ByteWriter, value: bigint) => void,
])[];

describe.each(KINDS)('LEB128 %s', (name, min, max, write) => {
  const isSigned = name !== 'unsigned';
  const check = (value: bigint): void => {
    const bytes = written((out) => write(out, value));
    expect(read(bytes, isSigned)).toEqual({ value, used: bytes.length });
    expect(bytes.length, String(value)).toBe(groups(value, isSigned));
  };

  test('any value reads back and is as short as can be', () => {
    fc.assert(fc.property(fc.bigInt({ min, max }), check), { numRuns: 2000 });
  });

  test('values at every boundary of bits', () => {
    for (let bit = 0n; bit <= 64n; bit++) {
      for (const near of [-1n, 0n, 1n]) {
        for (const sign of [1n, -1n]) {
          const value = sign * ((1n << bit) + near);
          if (value >= min && value <= max) check(value);
        }
      }
    }
    check(min);
    check(max);
  });
});

test('LEB128: the examples of the specification and of DWARF', () => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  expect(hex(written((out) => out.unsigned(624_485)))).toBe('e58e26');
  expect(hex(written((out) => out.signed(-123_456)))).toBe('c0bb78');
  expect(hex(written((out) => out.signed64(-128n)))).toBe('807f');
  expect(hex(written((out) => out.signed(64)))).toBe('c000');
  expect(hex(written((out) => out.signed(-64)))).toBe('40');
  expect(hex(written((out) => out.unsigned(2 ** 32 - 1)))).toBe('ffffffff0f');
  expect(hex(written((out) => out.signed(-(2 ** 31))))).toBe('8080808078');
  expect(hex(written((out) => out.signed64(-(2n ** 63n))))).toBe('8080808080808080807f');
});

test('64 bits: only the low ones count', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
      const same = written((out) => out.signed64(BigInt.asIntN(64, value)));
      expect(written((out) => out.signed64(value))).toEqual(same);
    }),
  );
});

test('bytes, however they come and whatever the first size, stay in order', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 0, max: 64 }), (list, sizeFirst) => {
      const out = new ByteWriter(sizeFirst);
      const expected: number[] = [];
      for (const piece of list) {
        expect(out.at).toBe(expected.length);
        if (piece.length % 2 === 0) out.bytes(piece);
        else for (const byte of piece) out.u8(byte);
        expected.push(...piece);
      }
      expect([...out.view()]).toEqual(expected);
    }),
  );
});

test('names are their length in bytes, then UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
      const bytes = written((out) => out.name(text));
      const { value, used } = read(bytes, false);
      expect(Number(value)).toBe(bytes.length - used);
      expect(Buffer.from(bytes.subarray(used)).toString('utf8')).toBe(text);
    }),
  );
});
