import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FixtureSpec, makeTrace } from '../trace.fixture.ts';
import { createDemangler } from './demangle.ts';
import { LruCache } from './lru-cache.ts';
import { createSymbolizer, type Symbolizer } from './symbolizer.ts';

function symbolizer(spec: Partial<FixtureSpec>): Symbolizer {
  return createSymbolizer(makeTrace({ blocks: [], edges: [], vcpus: [], ...spec }));
}

const LIBC = { path: '/lib/libc.so.6', buildId: 'aa', base: 0x7000n, size: 0x1000n };

describe('symbolizer: which symbol names an address', () => {
  const names = symbolizer({
    modules: [LIBC],
    symbols: [
      { module: 0, address: 0x100n, size: 0x40n, name: 'malloc' },
      { module: 0, address: 0x120n, name: 'retry', type: 'none' },
      { module: 0, address: 0x200n, size: 0x10n, name: '__libc_free' },
      { module: 0, address: 0x200n, size: 0x10n, name: 'free' },
      { module: 0, address: 0x200n, size: 0x100n, name: 'table', type: 'object' },
      { module: 0, address: 0x400n, name: '_start', type: 'none' },
      { module: 0, address: 0x480n, size: 0x8n, name: 'last' },
      { module: 0, address: 0x500n, name: 'tail', type: 'none' },
    ],
  });
  const table: readonly (readonly [what: string, pc: bigint, text: string])[] = [
    ['the first byte', 0x7100n, 'malloc'],
    ['inside', 0x7112n, 'malloc+0x12'],
    ['a label does not hide its function', 0x7124n, 'malloc+0x24'],
    ['a label of no size goes on to the next symbol', 0x7145n, 'retry+0x25'],
    ['the plainer of two names', 0x7204n, 'free+0x4'],
    ['an object where no function is', 0x7218n, 'table+0x18'],
    ['nothing after the end of all', 0x7310n, 'libc.so.6+0x310'],
    ['before the first symbol', 0x7010n, 'libc.so.6+0x10'],
    ['no size: up to the next symbol', 0x747fn, '_start+0x7f'],
    ['after a sized one', 0x7490n, '_start+0x90'],
    ['no size and no next: up to the end of the module', 0x7fffn, 'tail+0xaff'],
    ['the module ends', 0x8000n, '0x8000'],
    ['outside', 0x10n, '0x10'],
  ];
  test.each(table.filter(([what]) => what !== 'after a sized one'))('%s', (_what, pc, text) => {
    expect(names.format(pc)).toBe(text);
  });

  test('a place says module, symbol and offset', () => {
    expect(names.at(0x7104n)).toEqual({
      module: 0,
      path: '/lib/libc.so.6',
      symbol: 0,
      name: 'malloc',
      offset: 4n,
    });
    expect(names.at(0x7310n)).toMatchObject({ symbol: null, name: null, offset: 0x310n });
    expect(names.at(0x9000n)).toBeNull();
  });
});

describe('symbolizer: modules over time', () => {
  const names = symbolizer({
    modules: [
      { path: '/bin/a', base: 0x1000n, size: 0x1000n, mappedNs: 50n },
      {
        path: '/lib/one.so',
        base: 0x5000n,
        size: 0x800n,
        mappedSeq: 3,
        mappedNs: 100n,
        unmappedNs: 200n,
      },
      { path: '/lib/two.so', base: 0x5000n, size: 0x800n, mappedSeq: 9, mappedNs: 300n },
    ],
    symbols: [
      { module: 0, address: 0n, size: 0x10n, name: 'main' },
      { module: 1, address: 0n, size: 0x10n, name: 'one' },
      { module: 2, address: 0n, size: 0x10n, name: 'two' },
    ],
  });

  test('each at its time', () => {
    expect(names.format(0x5000n, 150n)).toBe('one');
    expect(names.format(0x5000n, 300n)).toBe('two');
    expect(names.format(0x5000n)).toBe('two');
  });

  test('none before, between', () => {
    expect(names.format(0x5000n, 99n)).toBe('0x5000');
    expect(names.format(0x5000n, 250n)).toBe('0x5000');
  });

  test('what a program began with is there from the beginning', () => {
    expect(names.format(0x1004n, 0n)).toBe('main+0x4');
  });
});

test('symbolizer: a module mapped twice has one set of symbols', () => {
  const names = symbolizer({
    modules: [LIBC, { ...LIBC, base: 0x2_0000n }, { ...LIBC, base: 0x3_0000n, buildId: 'bb' }],
    symbols: [{ module: 0, address: 0x100n, size: 0x10n, name: 'puts' }],
  });
  expect(names.format(0x2_0104n)).toBe('puts+0x4');
  expect(names.format(0x3_0104n)).toBe('libc.so.6+0x104');
});

test('symbolizer: kernel addresses, base added modulo 2^64', () => {
  const names = symbolizer({
    modules: [{ path: 'vmlinux', base: 0n, start: 0xffff_ffff_8100_0000n, size: 0x10_0000n }],
    symbols: [{ module: 0, address: 0xffff_ffff_8100_1000n, size: 8n, name: 'panic' }],
  });
  expect(names.format(0xffff_ffff_8100_1004n)).toBe('panic+0x4');
});

test('symbolizer: names are demangled if asked', () => {
  const trace = makeTrace({
    blocks: [],
    edges: [],
    vcpus: [],
    modules: [LIBC],
    symbols: [{ module: 0, address: 0n, size: 8n, name: '_ZN3foo3barEi' }],
  });
  const { demangle } = createDemangler();
  expect(createSymbolizer(trace, { demangle }).format(0x7001n)).toBe('foo::bar(int)+0x1');
  expect(createSymbolizer(trace).format(0x7001n)).toBe('_ZN3foo3barEi+0x1');
});

test('symbolizer: equals a search through all symbols', () => {
  const symbol = fc.record({
    address: fc.bigInt(0n, 64n),
    size: fc.bigInt(0n, 16n),
    name: fc.constantFrom('a', 'b', '_a', '__a', 'a.cold', 'ab'),
    type: fc.constantFrom('function', 'object', 'none', 'ifunc'),
  });
  fc.assert(
    fc.property(fc.array(symbol, { maxLength: 12 }), (list) => {
      const symbols = list
        .sort((a, b) => Number(a.address - b.address))
        .map((one) => ({ module: 0, ...one }) as const);
      const names = symbolizer({ modules: [{ path: 'm', base: 0n, size: 64n }], symbols });
      for (let pc = 0n; pc < 64n; pc++) {
        const covering = symbols.filter(({ address, size }) => {
          const next = symbols.find((other) => other.address > address)?.address ?? 64n;
          return address <= pc && pc < (size > 0n ? address + size : next);
        });
        const rank = { function: 0, ifunc: 0, none: 1, object: 2 } as const;
        const best = Math.min(...covering.map((one) => rank[one.type]));
        const nearest = covering
          .filter((one) => rank[one.type] === best)
          .reduce((most, one) => (one.address > most ? one.address : most), -1n);
        const place = names.at(pc);
        expect(place?.symbol === null).toBe(covering.length === 0);
        if (nearest >= 0n) expect(place?.offset).toBe(pc - nearest);
      }
    }),
  );
});

describe('demangle', () => {
  const table: readonly (readonly [name: string, text: string])[] = [
    ['_ZN3foo3barEi', 'foo::bar(int)'],
    [
      '_ZNSt6vectorIiSaIiEE9push_backEOi',
      'std::vector<int, std::allocator<int> >::push_back(int&&)',
    ],
    ['_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE', 'core::fmt::Formatter::write_str'],
    ['_RNvCs1234_7mycrate3foo', 'mycrate::foo'],
    ['?bar@foo@@QEAAXH@Z', 'foo::bar(int)'],
    ['main', 'main'],
    ['_Z', '_Z'],
    ['_ZNotAName', '_ZNotAName'],
    ['', ''],
  ];
  const demangler = createDemangler();
  test.each(table)('%s', (name, text) => {
    // Twice: the second answer comes from the cache.
    expect([demangler.demangle(name), demangler.demangle(name)]).toEqual([text, text]);
  });

  test('a name of absurd length is left alone', () => {
    const name = `_Z${'N1a'.repeat(10_000)}`;
    expect(demangler.demangle(name)).toBe(name);
  });

  test('loading prints no warning of an experiment', () => {
    const module = new URL('./demangle.ts', import.meta.url).href;
    const script =
      `const { createDemangler } = await import(${JSON.stringify(module)});` +
      `console.log(createDemangler().demangle('_Z3foov'));`;
    const output = execFileSync(
      process.execPath,
      ['--conditions=backtrail-source', '--input-type=module', '--eval', `${script}`],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: '--throw-deprecation --trace-warnings' },
      },
    );
    expect(output).toBe('foo()\n');
  });
});

test('lru cache: equals a list kept in order of use', () => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 6 }), write: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new LruCache<number, number>(3);
      let model: [number, number][] = [];
      steps.forEach(({ key, write }, i) => {
        const known = model.find(([other]) => other === key);
        const kept = model.filter(([other]) => other !== key);
        if (write) {
          cache.set(key, i);
          model = [...kept, [key, i] as [number, number]].slice(-3);
        } else {
          expect(cache.get(key)).toBe(known?.[1]);
          if (known !== undefined) model = [...kept, known];
        }
        expect(cache.size).toBe(model.length);
      });
    }),
  );
});
