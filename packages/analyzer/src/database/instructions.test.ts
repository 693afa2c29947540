import { describe, expect, test } from 'vitest';
import { makeTrace } from '../trace.fixture.ts';
import { indexInstructions } from './instructions.ts';

describe('instructions', () => {
  test('one that begins inside another counts its own runs', () => {
    // lock cmpxchg [rdi], esi; jmp -7 or -6: a loop that skips the prefix three times of five.
    const trace = makeTrace({
      isa: 'x86_64',
      blocks: [
        { pc: 0x1000n, code: 'f00fb137ebf9', sizes: [4, 2] },
        { pc: 0x1001n, code: '0fb137ebfa', sizes: [3, 2] },
      ],
      edges: [
        { source: null, target: 0x1000n },
        { source: 0x1004n, target: 0x1001n, kind: 'jump' },
        { source: 0x1004n, target: 0x1000n, kind: 'jump' },
      ],
      vcpus: [[0, 1, 1, 2, 1]],
      marks: [{ kind: 'end', seq: 5, pc: 0x1004n }],
    });
    const { pc, executed, size, block } = indexInstructions(trace);
    expect([...pc]).toEqual([0x1000n, 0x1001n, 0x1004n]);
    expect([...size]).toEqual([4, 3, 2]);
    expect([...block]).toEqual([0, 1, 1]);
    expect([...executed]).toEqual([2, 3, 5]);
  });

  test('a trace that was not closed has no counts', () => {
    const trace = makeTrace({
      blocks: [{ pc: 0x1000n, code: '13000000' }],
      edges: [
        { source: null, target: 0x1000n },
        { source: 0x1000n, target: 0x1000n, kind: 'jump' },
      ],
      vcpus: [[0, 1, 1]],
    });
    trace.edges.taken.fill(0);
    expect([...indexInstructions(trace).executed]).toEqual([0]);
  });

  test('code at the very end of the address space', () => {
    const trace = makeTrace({
      blocks: [{ pc: 0xffff_ffff_ffff_fff8n, code: '1300000013000000' }],
      edges: [
        { source: null, target: 0xffff_ffff_ffff_fff8n },
        { source: 0xffff_ffff_ffff_fffcn, target: 0xffff_ffff_ffff_fff8n, kind: 'jump' },
      ],
      vcpus: [[0, 1, 1]],
    });
    expect([...indexInstructions(trace).executed]).toEqual([3, 2]);
  });
});
