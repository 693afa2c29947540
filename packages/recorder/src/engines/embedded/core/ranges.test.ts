/** Ranges that generated code does not look up: where they start, and that pinned ones stay there. */
import { expect, test } from 'vitest';
import { PERM, SPAN_BYTES, STATE } from './layout.ts';
import { GuestMemory } from './memory.ts';

const PAGE = 4096;
const RW = PERM.mapped | PERM.read | PERM.write;

function memoryWith(first: number, pages: number): GuestMemory {
  const memory = new GuestMemory({ guestBase: 0x20_0000, guestLimit: 0x10_0000 });
  memory.protect(first * PAGE, pages * PAGE, RW);
  return memory;
}

/** Pages [first, end) of the range for writing. */
function writing({ view }: GuestMemory): [number, number] {
  const start = Number(view.getBigUint64(STATE.writeStart, true));
  const size = Number(view.getBigUint64(STATE.writeSize, true));
  return [start / PAGE, size === 0 ? start / PAGE : (start + size + 7) / PAGE];
}

test('a range has every page around that allows the same, and never page 0', () => {
  const memory = memoryWith(0, 10);
  memory.findRanges(5 * PAGE, 5 * PAGE);
  expect(writing(memory)).toEqual([1, 10]);
  const { view } = memory;
  expect(view.getBigUint64(STATE.writeSpan, true)).toBe(BigInt(9 * PAGE - SPAN_BYTES));
  memory.protect(5 * PAGE, PAGE, PERM.mapped | PERM.read);
  memory.findRanges(5 * PAGE, 5 * PAGE);
  expect(view.getBigUint64(STATE.writeSize, true)).toBe(0n);
  expect(view.getBigUint64(STATE.writeSpan, true)).toBe(0n);
});

test('a pinned start stays while it may, and is told when it moves', () => {
  const memory = memoryWith(10, 10);
  let moves = 0;
  memory.onRangesMoved = () => moves++;
  memory.findRanges(15 * PAGE, 15 * PAGE);
  expect(memory.pinRanges()).toEqual({ read: 10 * PAGE, write: 10 * PAGE });
  memory.protect(5 * PAGE, 30 * PAGE, RW);
  memory.findRanges(15 * PAGE, 15 * PAGE);
  expect(writing(memory)).toEqual([10, 35]);
  memory.protect(12 * PAGE, PAGE, 0);
  memory.findRanges(11 * PAGE, 15 * PAGE);
  expect(writing(memory)).toEqual([10, 12]);
  expect(moves).toBe(0);
  memory.protect(10 * PAGE, PAGE, 0);
  memory.findRanges(15 * PAGE, 15 * PAGE);
  expect(writing(memory)).toEqual([13, 35]);
  expect(moves).toBeGreaterThan(0);
});

test('a start that moves for ever is no longer pinned', () => {
  const memory = memoryWith(10, 100);
  for (let page = 11; page < 40 && memory.pinRanges() !== null; page++) {
    memory.markCode(page);
    memory.findRanges((page + 1) * PAGE, 200 * PAGE);
  }
  expect(memory.pinRanges()).toBeNull();
  memory.markCode(50);
  memory.findRanges(60 * PAGE, 200 * PAGE);
  expect(writing(memory)).toEqual([51, 110]);
});
