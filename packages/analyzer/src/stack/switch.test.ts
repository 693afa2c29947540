/**
 * A kernel's scheduler on two vCPUs: `switch_asm` sets the stack pointer and jumps to `switch_to`,
 * which returns to `schedule`, of whichever task; a task may have been parked on the other vCPU.
 */
import { expect, test } from 'vitest';
import { CallStacks } from '../stack.ts';
import { type FixtureSpec, makeTrace } from '../trace.fixture.ts';

const NOPS = '13000000'.repeat(4);
const MV_SP_A0 = '2a81';

/** idle 0x1000, worker 0x2000, schedule 0x3000, switch_asm 0x4000, switch_to 0x5000. */
const spec: FixtureSpec = {
  blocks: [
    ...[0x1000n, 0x2000n, 0x3000n, 0x5000n].map((pc) => ({ pc, code: NOPS })),
    { pc: 0x4000n, code: MV_SP_A0, sizes: [2] },
  ],
  edges: [
    { source: null, target: 0x1000n },
    { source: 0x1004n, target: 0x3000n, kind: 'call' },
    { source: 0x3004n, target: 0x4000n, kind: 'call' },
    { source: 0x4000n, target: 0x5000n, kind: 'jump' },
    { source: 0x500cn, target: 0x3008n, kind: 'return' },
    { source: 0x300cn, target: 0x1008n, kind: 'return' },
    { source: 0x300cn, target: 0x2008n, kind: 'return' },
    { source: null, target: 0x2000n },
    { source: 0x2004n, target: 0x3000n, kind: 'call' },
  ],
  modules: [{ path: '/boot/kernel', base: 0x1000n, size: 0x5000n }],
  symbols: ['idle', 'worker', 'schedule', 'switch_asm', 'switch_to'].map((name, i) => ({
    module: 0,
    name,
    address: BigInt(i) * 0x1000n,
    size: 0x100n,
  })),
  // The worker schedules on vCPU 1 and goes on on vCPU 0.
  vcpus: [
    [0, 1, 2, 3, 4, 6, 8, 2, 3, 4],
    [7, 8, 2, 3],
  ],
};

test('a task that was parked on another vCPU is a switch, no broken return', () => {
  const stacks = new CallStacks(makeTrace(spec));
  expect(stacks.brokenReturns(0).count).toBe(0);
  const at = (seq: number) => stacks.at(0, seq).frames.map(({ pc }) => pc);
  expect(at(3)).toEqual([0x5000n, 0x3004n, 0x1004n]);
  expect(at(5)).toEqual([0x2008n]);
  // The idle task waits: its stack is gone on with.
  const back = new CallStacks(makeTrace({ ...spec, vcpus: [[0, 1, 2, 3, 4, 5], [7]] }));
  expect(back.brokenReturns(0).count).toBe(0);
  expect(back.at(0, 5).frames.map(({ pc }) => pc)).toEqual([0x1008n]);
});
