/** The reader against WebAssembly's own toolkit: what it says must assemble to what it read. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadWabt } from '../../../../tests/wabt.ts';
import { disassembleWasm, type WasmInstruction } from './wasm.ts';
import { WASM_OPCODES, WASM_PREFIXES, type WasmForm, wasmKey } from './wasm-opcodes.ts';

const wabt = await loadWabt();

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** Sections of a module by their ids. */
function sections(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++] ?? 0;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      size += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    found.set(id, bytes.subarray(at, at + size));
    at += size;
  }
  return found;
}

/** Bytes of an instruction, or of several, as the toolkit writes their text; in hex. */
function assembled(text: string): string {
  const module = `(module (memory 1) (table 1 funcref) (func ${text}))`;
  const code = Buffer.from(sections(wabt.toBytes(module)).get(10) ?? []);
  // One function: its count, its size in one byte or two, no locals; and its end.
  const start = (code[1] ?? 0) < 0x80 ? 3 : 4;
  return code.subarray(start, -1).toString('hex');
}

const hex = (bytes: readonly number[]): string => Buffer.from(bytes).toString('hex');

const textOf = ({ mnemonic, operands }: WasmInstruction): string =>
  `${mnemonic} ${operands}`.trim();

/** What may follow an opcode: plain, and with large numbers. */
const OPERANDS: Readonly<Record<WasmForm, readonly (readonly number[])[]>> = {
  none: [[]],
  block: [[0x40], [0x7f], [0x7e], [0x7d], [0x7c], [0x7b], [0x70], [0x6f]],
  // The toolkit writes some indices as if they were signed: one that looks the same both ways.
  index: [[0], [5], leb(300), leb(2 ** 30 + 77)],
  labels: [
    [0, 0],
    [2, 0, 0, 0],
  ],
  'type-table': [
    [0, 0],
    [0, 1],
  ],
  'segment-memory': [
    [0, 0],
    [3, 0],
  ],
  'segment-table': [
    [0, 0],
    [3, 1],
  ],
  'two-indices': [
    [0, 0],
    [2, 1],
  ],
  zero: [[0]],
  'two-zeros': [[0, 0]],
  types: [
    [1, 0x7f],
    [1, 0x6f],
  ],
  'heap-type': [[0x70], [0x6f]],
  i32: [[0], [0x7f], [0x80, 1], [0x80, 0x80, 0x80, 0x80, 0x78], [0xff, 0xff, 0xff, 0xff, 7]],
  i64: [[0], [0x40], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]],
  f32: [[0, 0, 0x80, 0x3f]],
  f64: [[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]],
  v128: [Array.from({ length: 16 }, (_, i) => i * 17), Array.from({ length: 16 }, () => 0)],
  shuffle: [Array.from({ length: 16 }, (_, i) => 31 - i)],
  lane: [[0], [1]],
  memory: [
    [0, 0],
    [0, ...leb(2 ** 32 - 1)],
    [1, 8],
    [2, 0],
    [3, 300],
    [4, 1],
  ],
  'memory-lane': [
    [0, 0, 1],
    [0, 9, 0],
    [3, 5, 1],
  ],
};

const opcodeBytes = (key: number): number[] => {
  const prefix = Math.floor(key / wasmKey(1, 0));
  return prefix === 0 ? [key] : [prefix, ...leb(key % wasmKey(1, 0))];
};

describe('every opcode', () => {
  const all = [...WASM_OPCODES].map(([key, { name, form }]) => ({ key, name, form }));

  // These are read with others around them, below.
  const alone = all.filter(({ name }) => !['else', 'end'].includes(name));

  test('says what assembles to the same bytes', () => {
    expect(alone.length).toBeGreaterThan(450);
    for (const { key, name, form } of alone) {
      for (const operands of OPERANDS[form]) {
        const bytes = [...opcodeBytes(key), ...operands];
        const read = disassembleWasm(Uint8Array.from(bytes), 0n);
        expect(read.map((one) => one.sizeBytes)).toEqual([bytes.length]);
        const text = read.map(textOf).join(' ');
        expect(text.startsWith(name)).toBe(true);
        const isBlock = form === 'block';
        expect(assembled(isBlock ? `${text} end` : text), text).toBe(
          hex(isBlock ? [...bytes, 0x0b] : bytes),
        );
      }
    }
  });

  test('what is in no table is none to the toolkit either', () => {
    const candidates = [
      ...Array.from({ length: 256 }, (_, key) => key).filter(
        (key) => !WASM_PREFIXES.some((prefix) => prefix === key),
      ),
      ...WASM_PREFIXES.flatMap((prefix) =>
        Array.from({ length: 0x140 }, (_, number) => wasmKey(prefix, number)),
      ),
    ];
    const missing = candidates.filter((key) => {
      if (WASM_OPCODES.has(key)) return false;
      // Whatever its operands are, zeros will do.
      const body = [0, ...opcodeBytes(key), ...Array.from({ length: 20 }, () => 0), 0x0b];
      return isReadable([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...FUNCTION, ...codeSection(body)]);
    });
    expect(missing.map((key) => key.toString(16))).toEqual([]);
  });
});

/** Types, functions: one of no parameters and results. */
const FUNCTION = [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
const codeSection = (body: readonly number[]): number[] => [
  10,
  ...leb(body.length + 2),
  1,
  ...leb(body.length),
  ...body,
];

function isReadable(bytes: readonly number[]): boolean {
  try {
    wabt.toTextUnchecked(Uint8Array.from(bytes));
    return true;
  } catch {
    return false;
  }
}

test('the unknown is known to be unknown: a module with an opcode of the table is readable', () => {
  const module = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...FUNCTION];
  expect(isReadable([...module, ...codeSection([0, 1, 0x0b])])).toBe(true);
  expect(isReadable([...module, ...codeSection([0, 0xff, 0x0b])])).toBe(false);
});

describe('numbers', () => {
  test('any integer', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        for (const text of [`i64.const ${value}`, `i32.const ${BigInt.asIntN(32, value)}`]) {
          const bytes = Buffer.from(assembled(text), 'hex');
          expect(disassembleWasm(bytes, 0n).map(textOf)).toEqual([text]);
        }
      }),
    );
  });

  test('any float, bit for bit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (bits) => {
        const words = Buffer.alloc(8);
        words.writeBigUInt64LE(bits);
        const double = [0x44, ...words];
        const single = [0x43, ...words.subarray(0, 4)];
        for (const bytes of [double, single]) {
          const text = disassembleWasm(Uint8Array.from(bytes), 0n).map(textOf).join();
          expect(assembled(text), text).toBe(hex(bytes));
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['0000803f', 'f32.const 1'],
    ['cdcccc3d', 'f32.const 0.1'],
    ['00000080', 'f32.const -0'],
    ['01000000', 'f32.const 1e-45'],
    ['0000807f', 'f32.const inf'],
    ['0000c07f', 'f32.const nan'],
    ['010080ff', 'f32.const -nan:0x1'],
  ])('%s is %s', (bits, text) => {
    expect(disassembleWasm(Buffer.from(`43${bits}`, 'hex'), 0n).map(textOf)).toEqual([text]);
  });
});

test('addresses, sizes and depth; a range that begins within a block', () => {
  // block (result i32), local.get 0, if, nop, else, br 1, end, i32.const 300, end, end
  const code = Buffer.from('027f200004400105 0c010b41ac020b0b'.replace(' ', ''), 'hex');
  const list = disassembleWasm(code, 0x7_0000_0100n);
  expect(
    list.map((one) => `${one.pc.toString(16)} ${one.sizeBytes} ${one.depth} ${textOf(one)}`),
  ).toEqual([
    '700000100 2 0 block (result i32)',
    '700000102 2 1 local.get 0',
    '700000104 2 1 if',
    '700000106 1 2 nop',
    '700000107 1 1 else',
    '700000108 2 2 br 1',
    '70000010a 1 1 end',
    '70000010b 3 1 i32.const 300',
    '70000010e 1 0 end',
    '70000010f 1 -1 end',
  ]);
});

test.each([
  ['an opcode that is none', 'ff01', '.byte 0xff, nop'],
  ['a prefix at the end', 'fd', '.byte 0xfd'],
  ['a number that its prefix has not', 'fc1401', '.byte 0xfc, .byte 0x14, nop'],
  ['an index that is cut', '0c80', '.byte 0x0c, i64.div_u'],
  ['a constant that is cut', '440000', '.byte 0x44, unreachable, unreachable'],
  ['a number of too many bytes', '20818080808001', null],
  ['a number of too many bits', '418080808070', null],
  ['a type that is none', '0250', '.byte 0x02, i64.eqz'],
  ['an alignment that is none', '280600', '.byte 0x28, .byte 0x06, unreachable'],
])('%s is shown, and what follows is read', (_, bytes, expected) => {
  const text = disassembleWasm(Buffer.from(bytes, 'hex'), 0n).map(textOf).join(', ');
  if (expected === null) expect(text).toMatch(/^\.byte 0x[24][01], /);
  else expect(text).toBe(expected);
});

test('any bytes are read to their end, each once', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (code) => {
      let at = 0;
      for (const one of disassembleWasm(code, 5n)) {
        expect(one.pc).toBe(5n + BigInt(at));
        expect(one.sizeBytes).toBeGreaterThan(0);
        at += one.sizeBytes;
      }
      expect(at).toBe(code.length);
    }),
    { numRuns: 1000 },
  );
});
