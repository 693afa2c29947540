/** What instructions set the stack pointer, and which function an address belongs to. */
import { describe, expect, test } from 'vitest';
import { makeTrace } from '../trace.fixture.ts';
import { FunctionTable, NO_FUNCTION } from './functions.ts';
import { stackPointerTest } from './stack-pointer.ts';
import { StackTables } from './tables.ts';

describe('instructions that set the stack pointer', () => {
  test.each([
    ['x86_64', '488ba2a0000000', true, 'mov 0xa0(%rdx),%rsp'],
    ['x86_64', '4c89c4', true, 'mov %r8,%rsp'],
    ['x86_64', '4889cc', true, 'mov %rcx,%rsp'],
    ['x86_64', '4889fc', true, 'mov %rdi,%rsp'],
    ['x86_64', '5c', true, 'pop %rsp'],
    ['x86_64', '4894', true, 'xchg %rax,%rsp'],
    ['x86_64', '4887e1', true, 'xchg %rsp,%rcx'],
    ['x86_64', '4889ec', false, 'mov %rbp,%rsp'],
    ['x86_64', '4c89e4', false, 'mov %r12,%rsp'],
    ['x86_64', '488b2424', false, 'mov (%rsp),%rsp'],
    ['x86_64', '488b65f8', false, 'mov -0x8(%rbp),%rsp'],
    ['x86_64', '488d65d8', false, 'lea -0x28(%rbp),%rsp'],
    ['x86_64', '415c', false, 'pop %r12'],
    ['x86_64', 'c9', false, 'leave'],
    ['x86_64', '4883ec18', false, 'sub $0x18,%rsp'],
    ['x86_64', '488b0424', false, 'mov (%rsp),%rax'],
    ['i386', '8b6018', true, 'mov 0x18(%eax),%esp'],
    ['i386', '89ec', false, 'mov %ebp,%esp'],
    ['riscv64', '03315306', true, 'ld sp,101(a0)'],
    ['riscv64', '2a81', true, 'mv sp,a0'],
    ['riscv64', '3a91', true, 'add sp,sp,a4'],
    ['riscv64', '3971', false, 'addi sp,sp,-64'],
    ['riscv64', '4261', false, 'ld sp,16(sp)'],
    ['riscv64', '130104fe', false, 'addi sp,s0,-32'],
    ['riscv64', '1691', false, 'add sp,sp,t0'],
    ['aarch64', 'bf000091', true, 'mov sp,x5'],
    ['aarch64', 'ff63248b', true, 'add sp,sp,x4'],
    ['aarch64', 'bf030091', false, 'mov sp,x29'],
    ['aarch64', 'ff632c8b', false, 'add sp,sp,x12'],
    ['aarch64', 'ff830091', false, 'add sp,sp,#0x20'],
  ])('%s %s: %s, %s', (isa, hex, expected) => {
    const code = Uint8Array.from(Buffer.from(`90${hex}90`, 'hex'));
    expect(stackPointerTest(isa)?.(code, 1, hex.length / 2)).toBe(expected);
  });

  test('of other instruction sets nothing is known', () => {
    expect(stackPointerTest('mips')).toBeNull();
  });
});

test('functions: symbols, what was cut from them, labels outside, and what calls arrive at', () => {
  const symbol = (name: string, address: bigint, size: bigint, type?: 'none' | 'object') => ({
    module: 0,
    name,
    address,
    size,
    ...(type === undefined ? {} : { type }),
  });
  const trace = makeTrace({
    blocks: [{ pc: 0x1000n, code: '13000000'.repeat(4) }],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x1000n, target: 0x1900n, kind: 'call' },
      { source: 0x1004n, target: 0x1008n, kind: 'call' },
      { source: 0x1008n, target: 0x9000n, kind: 'indirect-call' },
    ],
    vcpus: [[0, 1, 2, 3]],
    modules: [{ path: '/bin/a', base: 0x1000n, size: 0x1000n }],
    symbols: [
      symbol('work', 0n, 0x100n),
      symbol('loop', 0x20n, 0n, 'none'),
      symbol('inner', 0x40n, 0x10n),
      symbol('hand_written', 0x200n, 0n, 'none'),
      symbol('table', 0x300n, 0x40n, 'object'),
      symbol('work.cold', 0x800n, 0x20n),
    ],
  });
  const functions = new FunctionTable(trace);
  const start = (pc: bigint): bigint | null => {
    const found = functions.at(pc);
    return found === NO_FUNCTION ? null : functions.startOf(found);
  };
  expect([0x1000n, 0x1008n, 0x1020n, 0x10ffn].map(start)).toEqual(Array(4).fill(0x1000n));
  expect([0x1040n, 0x104fn].map(start)).toEqual([0x1040n, 0x1040n]);
  expect(start(0x1050n)).toBe(0x1000n);
  expect(start(0x1810n)).toBe(0x1000n);
  expect(start(0x1210n)).toBe(0x1200n);
  expect([0x1900n, 0x1fffn].map(start)).toEqual([0x1900n, 0x1900n]);
  expect([0x9000n, 0x9010n].map(start)).toEqual([0x9000n, 0x9000n]);
  expect([0xfffn, 0x1100n, 0x2000n, 0x20000n].map(start)).toEqual(Array(4).fill(null));
  expect([0x1000n, 0x1800n, 0x1900n, 0x1008n].map((pc) => functions.beginsAt(pc))).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

test('under a name without a size a short call over itself is a trick, no function', () => {
  const trace = makeTrace({
    isa: 'x86_64',
    blocks: [{ pc: 0x1000n, code: '90'.repeat(5), sizes: [5] }],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x1000n, target: 0x100cn, kind: 'call' },
      { source: 0x1000n, target: 0x1080n, kind: 'call' },
    ],
    vcpus: [[0, 1, 2]],
    modules: [{ path: '/proc/kallsyms', base: 0x1000n, size: 0x1000n }],
    symbols: [{ module: 0, name: 'thunk', address: 0n, size: 0n, type: 'function' }],
  });
  const tables = new StackTables(trace);
  expect([1, 2].map((edge) => tables.isTrick(edge))).toEqual([true, false]);
  expect(tables.functions.beginsAt(0x100cn)).toBe(false);
  expect(tables.functions.beginsAt(0x1080n)).toBe(true);
});
