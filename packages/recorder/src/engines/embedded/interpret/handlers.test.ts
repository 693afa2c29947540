import { expect, test } from 'vitest';
import { emitters } from '../emit/index.ts';
import { branchCompare } from '../emit/integer.ts';
import { decode } from '../isa/decode.ts';
import { OP_NAMES } from '../isa/table.ts';
import { HandlerTable } from './handlers.ts';

const PC = 0x8000;
const handlers = new HandlerTable(true);

test('every compressed instruction has a handler, but those that are the platform’s', () => {
  const slow = new Set<string>();
  const wrong = new Set<number>();
  for (let bits = 0; bits < 2 ** 16; bits++) {
    if ((bits & 3) === 3) continue;
    const instruction = decode(bits);
    if (instruction === null) continue;
    const number = handlers.of(instruction, PC);
    if (number === handlers.slow) slow.add(instruction.op);
    const handler = handlers.list[number];
    if (handler !== undefined && 'size' in handler && handler.size !== 2) wrong.add(bits);
  }
  expect([...slow]).toEqual(['ebreak']);
  expect([...wrong]).toEqual([]);
});

test('every instruction with code of its own has a handler', () => {
  const fields = { rd: 1, rs1: 2, rs2: 3, rs3: 4, imm: 8, rm: 0, size: 4 };
  const isFast = (op: (typeof OP_NAMES)[number]): boolean =>
    handlers.of({ op, ...fields }, PC) !== handlers.slow;
  const has = (op: (typeof OP_NAMES)[number]): boolean =>
    emitters(op) !== null || branchCompare(op) !== null || op === 'jal' || op === 'jalr';
  expect(OP_NAMES.filter(isFast)).toEqual(OP_NAMES.filter(has));
});

test('a transfer to where no pc is has none', () => {
  const branch = { op: 'beq', rd: 0, rs1: 0, rs2: 0, rs3: 0, imm: -8, rm: 0, size: 4 } as const;
  expect(handlers.of(branch, 4)).toBe(handlers.slow);
  expect(handlers.of(branch, 8)).not.toBe(handlers.slow);
  expect(handlers.of({ ...branch, imm: 8 }, 2 ** 32 - 8)).toBe(handlers.slow);
});
