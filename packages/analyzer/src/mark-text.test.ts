/** Marks in words. */
import { expect, test } from 'vitest';
import { type MarkFacts, markText } from './mark-text.ts';

const none = { place: null, number: null, code: null, address: null, detail: null };
const text = (facts: Partial<MarkFacts> & Pick<MarkFacts, 'kind'>, isa = 'x86_64'): string =>
  markText({ ...none, ...facts }, isa);

test('system calls', () => {
  const open = { kind: 'syscall', number: 257n, detail: '0x3, 0x4000' } as const;
  expect(text({ ...open, code: 4n, place: 'open+0x9' })).toBe(
    'openat(0x3, 0x4000) = 4 at open+0x9',
  );
  expect(text({ ...open, code: -2n })).toBe('openat(0x3, 0x4000) = -2 ENOENT');
  expect(text({ ...open, code: -512n })).toMatch(/= -512 \(made again after a signal\)$/);
  expect(text({ ...open, code: -9999n })).toBe('openat(0x3, 0x4000) = -9999');
  expect(text({ ...open, number: 231n })).toBe('exit_group(0x3, 0x4000)');
  expect(text({ ...open, number: 9999n, code: 0n })).toBe('syscall 9999(0x3, 0x4000) = 0');
  // Beyond 34 these ISAs have numbers of their own.
  const call = { kind: 'syscall', number: 17n, code: -38n } as const;
  expect(text(call, 'riscv64')).toBe('getcwd = -38 ENOSYS');
  expect(text(call, 'mips')).toBe('syscall 17 = -38');
});

test('traps and address spaces', () => {
  const fault = { kind: 'exception', number: 14n, code: 2n, address: 0x10n } as const;
  expect(text(fault)).toBe('exception 14 (page fault), code 0x2, value 0x10');
  expect(text({ kind: 'interrupt', number: 1n }, 'aarch64')).toBe('interrupt 1 (IRQ)');
  expect(text({ kind: 'exception' })).toBe('exception');
  expect(text({ kind: 'address-space', address: 0x8000n })).toBe('address space 0x8000');
});
