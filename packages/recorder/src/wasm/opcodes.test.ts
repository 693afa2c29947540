/** Every opcode: V8 takes it, and WebAssembly's own toolkit reads the name that we gave it. */
import { describe, expect, test } from 'vitest';
import { loadWabt } from '../../../../tests/wabt.ts';
import { CodeWriter } from './code.ts';
import { wasm } from './host.ts';
import { ModuleWriter } from './module.ts';
import {
  I32,
  I64,
  LOADS,
  type LoadOpcode,
  OPCODES,
  type Opcode,
  PREFIXED,
  type PrefixedOpcode,
  STORES,
  type StoreOpcode,
} from './opcodes.ts';

const wabt = await loadWabt();

/** Behind `unreachable` every operand is there, of whatever type is wanted. */
function moduleOf(write: (code: CodeWriter) => void): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const type = module.type([], []);
  module.importMemory('env', 'memory', 1, 1);
  module.importTable('env', 'table', 1);
  const code = new CodeWriter(0);
  code.op('unreachable');
  write(code);
  code.op('unreachable');
  module.define(type, code);
  return module.finish().bytes;
}

/** The lines of the only function, between its two `unreachable`. */
function textOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim().replace(/\)+$/, ''));
  const first = lines.indexOf('unreachable');
  const last = lines.lastIndexOf('unreachable');
  expect(last).toBeGreaterThan(first);
  return lines.slice(first + 1, last);
}

function check(write: (code: CodeWriter) => void, expected: readonly string[]): void {
  const bytes = moduleOf(write);
  expect(textOf(wabt.toText(bytes))).toEqual(expected);
  expect(wasm.validate(bytes)).toBe(true);
}

const keys = <K extends string>(table: Readonly<Record<K, unknown>>): K[] =>
  Object.keys(table).filter((key): key is K => key in table);

describe('opcodes', () => {
  // It takes what is after it away from the reader, and is what we put around all others.
  const plain = keys<Opcode>(OPCODES).filter((name) => name !== 'unreachable');

  test.each(plain)('%s', (name) => check((code) => code.op(name), [name]));

  test.each(keys<PrefixedOpcode>(PREFIXED))('%s', (name) => {
    check((code) => code.prefixed(name), [name]);
  });

  test.each(keys<LoadOpcode>(LOADS))('%s', (name) => {
    const hint = LOADS[name][1] === 1 ? '' : ' align=1';
    check((code) => code.load(name, 0).op('drop'), [`${name}${hint}`, 'drop']);
    const far = `${name} offset=4294967295${hint}`;
    check((code) => code.load(name, 2 ** 32 - 1).op('drop'), [far, 'drop']);
  });

  test.each(keys<StoreOpcode>(STORES))('%s', (name) => {
    const hint = STORES[name][1] === 1 ? '' : ' align=1';
    check((code) => code.store(name, 0), [`${name}${hint}`]);
    check((code) => code.store(name, 300), [`${name} offset=300${hint}`]);
  });

  test('several at once', () => {
    check((code) => code.op('nop', 'drop', 'return'), ['nop', 'drop', 'return']);
  });

  test('lanes and compare-exchange', () => {
    check((code) => code.extractLane('f32x4'), ['f32x4.extract_lane 0']);
    check((code) => code.extractLane('f64x2'), ['f64x2.extract_lane 0']);
    check((code) => code.extractLane('i64x2', 1), ['i64x2.extract_lane 1']);
    for (const type of ['i32', 'i64'] as const) {
      const text = `${type}.atomic.rmw.cmpxchg`;
      check((code) => code.atomicCompareExchange(type, 0).op('drop'), [text, 'drop']);
      check(
        (code) => code.atomicCompareExchange(type, 64).op('drop'),
        [`${text} offset=64`, 'drop'],
      );
    }
  });

  test('memory in bulk', () => {
    check((code) => code.memoryFill(), ['memory.fill']);
    check((code) => code.loadVector(0).op('drop'), ['v128.load align=1', 'drop']);
    check((code) => code.storeVector(16), ['v128.store offset=16 align=1']);
    check((code) => code.loadVector(300).op('drop'), ['v128.load offset=300 align=1', 'drop']);
  });

  test('variables, in one byte and in two', () => {
    check(
      (code) => {
        for (let i = 0; i < 130; i++) code.local(i % 2 === 0 ? I32 : I64);
        code.get(0).set(2).get(128).tee(126).set(128).get(129).set(127);
      },
      [
        'local.get 0',
        'local.set 2',
        'local.get 128',
        'local.tee 126',
        'local.set 128',
        'local.get 129',
        'local.set 127',
      ],
    );
  });
});

test('sizes of what loads and stores move are those in their names', () => {
  const bits = (name: string): number => {
    const narrow = /(?:load|store)(\d+)/.exec(name)?.[1];
    return Number(narrow ?? name.slice(1, 3));
  };
  for (const name of keys<LoadOpcode>(LOADS)) expect(LOADS[name][1] * 8).toBe(bits(name));
  for (const name of keys<StoreOpcode>(STORES)) expect(STORES[name][1] * 8).toBe(bits(name));
});

test('no opcode has two names', () => {
  const all = [
    ...Object.values(OPCODES).map((code) => String(code)),
    ...Object.values({ ...PREFIXED }).map((code) => code.join('/')),
    ...Object.values({ ...LOADS, ...STORES }).map(([code]) => String(code)),
  ];
  expect(new Set(all).size).toBe(all.length);
});
