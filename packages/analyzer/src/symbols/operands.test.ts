import { expect, test } from 'vitest';
import { withSymbols } from './operands.ts';
import type { Symbolizer } from './symbolizer.ts';

/** One function of 0x40 bytes at 0x11000, in a module that reaches further. */
const symbolizer: Symbolizer = {
  at(pc) {
    if (pc < 0x1_1000n || pc >= 0x1_2000n) return null;
    const offset = pc - 0x1_1000n;
    const name = offset < 0x40n ? 'flush' : null;
    return { module: 0, path: '/bin/a', symbol: name === null ? null : 0, name, offset };
  },
  moduleAt: (pc) => (pc >= 0x1_1000n && pc < 0x1_2000n ? 0 : -1),
  format: (pc) => (pc === 0x1_1000n ? 'flush' : `flush+0x${(pc - 0x1_1000n).toString(16)}`),
};

test.each([
  ['jal 0x11000', 'jal 0x11000 <flush>'],
  ['bne a0, a1, 0x11012', 'bne a0, a1, 0x11012 <flush+0x12>'],
  ['lea rdi, [rip + 0x11004]', 'lea rdi, [rip + 0x11004] <flush+0x4>'],
  ['mov dword ptr [0x11000], 0x5', 'mov dword ptr [0x11000], 0x5'],
  ['jal 0x11f00', 'jal 0x11f00'],
  ['jal 0x20000', 'jal 0x20000'],
  ['addi sp, sp, -0x20', 'addi sp, sp, -0x20'],
  ['c.ret', 'c.ret'],
])('%s', (text, expected) => {
  expect(withSymbols(text, symbolizer)).toBe(expected);
});
