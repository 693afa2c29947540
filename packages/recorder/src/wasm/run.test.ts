/** The programs of the golden files, run: each does what its source says. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodeWriter } from './code.ts';
import { type WasmFunction, wasm } from './host.ts';
import { ModuleWriter } from './module.ts';
import { I32, I64 } from './opcodes.ts';
import { FLOAT_EXTREMES, I32_EXTREMES, I64_EXTREMES, start } from './programs.fixture.ts';

describe('programs', () => {
  test('loop, if-else, br-table, calls', () => {
    expect(start('loop').call('sum')(100_000)).toBe(5_000_050_000n);
    const { call } = start('if-else');
    expect([-9n, 0n, 5n].map((value) => call('sign')(value))).toEqual([-1, 0, 1]);
    expect([-3, 1, 7].map((value) => call('clamp')(value))).toEqual([-3, 1, 1]);
    expect([0, 1].map((value) => call('select')(value))).toEqual([20, 10]);
    const table = start('br-table').call;
    expect([0, 1, 2, 3, -1].map((value) => table('name')(value))).toEqual([100, 200, 100, -1, -1]);
    expect(table('none')(3)).toBe(7);
    const calls = start('calls').call;
    expect(calls('fib')(20)).toBe(6765n);
    expect(calls('seven')()).toBe(7);
  });

  test('call-indirect: by place; a wrong type or an empty place traps', () => {
    const apply = start('call-indirect').call('apply');
    expect([apply(2, 40, 2), apply(3, 40, 2)]).toEqual([42, 38]);
    for (const place of [0, 1, 4, 5, 7, 8, -1]) expect(() => apply(place, 1, 1)).toThrow();
  });

  test('multi-value', () => {
    const { call } = start('multi-value');
    expect(call('divide')(17n, 5n)).toEqual([3n, 2n]);
    expect(call('swapped')(-17n, 5n)).toEqual([-2n, -3n]);
    expect(call('all')(1, 2n, 0.5, 0.25)).toEqual([1, 2n, 0.5, 0.25]);
  });

  test('tail-calls: a million of them need no stack', () => {
    const { call } = start('tail-calls');
    expect([1_000_000, 1_000_001].map((n) => call('even')(n))).toEqual([1, 0]);
    expect([1_000_000, 1_000_001].map((n) => call('odd')(n))).toEqual([0, 1]);
  });

  test('imports', () => {
    const told: unknown[] = [];
    const host = {
      twice: (value: bigint) => 2n * value,
      'tell ✓': (...values: unknown[]) => told.push(values),
      pair: () => [100n, 1],
    };
    const { call } = start('imports', { host });
    expect(call('run')(21n)).toEqual([42n, 3]);
    expect(told).toEqual([[-5, 0.5]]);
    expect(call('twice again')(4n)).toBe(8n);
  });

  test('constants', () => {
    const { call } = start('constants');
    for (const value of I32_EXTREMES) expect(call(`i32 ${value}`)()).toBe(value);
    for (const value of I64_EXTREMES) expect(call(`i64 ${value}`)()).toBe(value);
    expect(call('i64 safe')()).toBe(-(2n ** 53n) + 1n);
    expect(call('u64')()).toBe(-2n);
    for (const value of FLOAT_EXTREMES) {
      const name = Object.is(value, -0) ? '-0' : String(value);
      expect(call(`f32 ${name}`)()).toBe(value);
      expect(call(`f64 ${name}`)()).toBe(value);
    }
    expect(call('f64 tiny')()).toBe(Number.MIN_VALUE);
    expect(call('f64 nan')()).toBeNaN();
  });

  test('relaxed-simd: a sum rounded once or twice, both are allowed', () => {
    const { call } = start('relaxed-simd');
    const tiny = 2 ** -52;
    const a = 1 + tiny;
    expect([tiny * 2 + tiny * tiny, tiny * 2]).toContain(call('f64 relaxed_madd')(a, a, -1));
    expect(call('f64 relaxed_madd')(2, 3, 4)).toBe(10);
    expect(call('f64 relaxed_nmadd')(2, 3, 4)).toBe(-2);
    expect(call('f32 relaxed_madd')(2, 3, 4)).toBe(10);
    expect(call('f32 relaxed_nmadd')(2, 3, 4)).toBe(-2);
  });

  test('atomics: exchanged if as expected; misaligned ones trap', () => {
    const { call, view } = start('atomics');
    view.setInt32(20, 7, true);
    expect([call('i32')(4, 7, 8), call('i32')(4, 7, 9)]).toEqual([7, 8]);
    expect(view.getInt32(20, true)).toBe(8);
    expect([call('i64')(8, 0n, -1n), call('i64')(8, -1n, 5n)]).toEqual([0n, -1n]);
    expect(view.getBigInt64(8, true)).toBe(5n);
    expect(() => call('i32')(2, 0, 0)).toThrow(/unaligned/);
    expect(() => call('i64')(4, 0n, 0n)).toThrow(/unaligned/);
  });

  test('locals and nesting', () => {
    expect(start('locals').call('last')(-2, 9n)).toBe(49n);
    expect(start('locals').call('late')()).toBe(4);
    const { call } = start('nesting');
    expect([1, 2, 3, 0].map((value) => call('out')(value))).toEqual([10, 20, 3, 40]);
    expect(call('types')()).toBe(15);
  });
});

test('memory: every load and store, misaligned too, against a DataView', () => {
  const { call, view } = start('memory');
  const names = ['8_s', '8_u', '16_s', '16_u', '32_s', '32_u', ''];
  const value64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const check = (value: bigint, address: number): void => {
    const at = address + 8;
    for (const type of ['i32', 'i64'] as const) {
      for (const name of names) {
        const bits = Number(/\d+/.exec(name)?.[0] ?? type.slice(1));
        if (name !== '' && bits >= Number(type.slice(1))) continue;
        view.setBigInt64(at, value, true);
        const low = name.endsWith('u') ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
        const loaded = type === 'i32' ? Number(low) : low;
        expect(call(`${type}.load${name}`)(address)).toBe(loaded);

        view.setBigInt64(at, ~value, true);
        const operand = type === 'i32' ? Number(BigInt.asIntN(32, value)) : value;
        call(`${type}.store${/\d*/.exec(name)?.[0] ?? ''}`)(address, operand);
        const mask = (1n << BigInt(bits)) - 1n;
        const stored = BigInt.asIntN(64, (~value & ~mask) | (value & mask));
        expect(view.getBigInt64(at, true)).toBe(stored);
      }
    }
  };
  fc.assert(fc.property(value64, fc.nat(100), check), { numRuns: 200 });
  for (const [type, value] of [
    ['f32', Math.fround(0.1)],
    ['f64', 0.1],
  ] as const) {
    call(`${type}.store`)(3, value);
    expect(call(`${type}.load`)(3)).toBe(value);
  }
  expect(view.getFloat64(11, true)).toBe(0.1);
});

/** Byte offset in the module that V8 names in the stack of a trap. */
function trapOffset(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    const found =
      error instanceof Error ? /wasm-function\[\d+\]:0x([0-9a-f]+)/.exec(error.stack ?? '') : null;
    return Number.parseInt(found?.[1] ?? '', 16);
  }
  return Number.NaN;
}

/** One function for each count: `nop`s and variables, then a trap. */
function trapping(counts: readonly (readonly [nops: number, locals: number])[]): {
  readonly functions: readonly WasmFunction[];
  readonly expected: readonly number[];
} {
  const module = new ModuleWriter();
  module.importFunction('env', 'unused', module.type([], []));
  const places = counts.map(([nops, locals], index) => {
    const code = new CodeWriter(1);
    for (let i = 0; i < locals; i++) code.local(i % 3 === 0 ? I64 : I32);
    for (let i = 0; i < nops; i++) code.op('nop');
    const { at } = code;
    code.op('unreachable').i32(1);
    module.exportFunction(String(index), module.define(module.type([I32], [I32]), code));
    return at;
  });
  const { bytes, bodyAt } = module.finish();
  const { exports } = new wasm.Instance(new wasm.Module(bytes), { env: { unused: () => {} } });
  return {
    functions: counts.map((_, index) => exports[index] ?? (() => {})),
    expected: places.map((at, index) => at + (bodyAt[index] ?? 0)),
  };
}

test('places of instructions in the module are those that V8 names in a trap', () => {
  const count = fc.tuple(fc.nat(300), fc.nat(300));
  fc.assert(
    fc.property(fc.array(count, { minLength: 1, maxLength: 20 }), (counts) => {
      const { functions, expected } = trapping(counts);
      expect(functions.map((run) => trapOffset(() => run(0)))).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test('a function whose body needs a size of three bytes, and a module of many', () => {
  const { functions, expected } = trapping([
    [40_000, 500],
    [3, 0],
    ...Array.from({ length: 2000 }, () => [1, 1] as const),
  ]);
  for (const index of [0, 1, 2, 1000, 2001]) {
    expect(trapOffset(() => functions[index]?.(0))).toBe(expected[index]);
  }
});

describe('the module', () => {
  test('equal types are one, others are not', () => {
    const module = new ModuleWriter();
    expect(module.type([I32], [])).toBe(0);
    expect(module.type([], [I32])).toBe(1);
    expect(module.type([I32, I64], [])).toBe(2);
    expect(module.type([I32], [I64])).toBe(3);
    expect(module.type([I32], [])).toBe(0);
    expect([0, 1, 2, 3].map((type) => module.parameterCount(type))).toEqual([1, 0, 2, 1]);
  });

  test('an import after a definition would renumber functions', () => {
    const module = new ModuleWriter();
    module.define(module.type([], []), new CodeWriter(0));
    expect(() => module.importFunction('env', 'late', 0)).toThrow(/late/);
  });

  test('an empty one is a module', () => {
    expect(wasm.validate(new ModuleWriter().finish().bytes)).toBe(true);
  });

  test('finish twice gives the same, and code that came in between', () => {
    const module = new ModuleWriter();
    const code = new CodeWriter(0);
    module.define(module.type([], []), code);
    const first = module.finish();
    expect(module.finish()).toEqual(first);
    code.op('nop');
    expect(module.finish().bytes.length).toBe(first.bytes.length + 1);
  });
});
