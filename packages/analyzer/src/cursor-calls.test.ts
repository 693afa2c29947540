/** Moves over and out of calls with the call stack at hand: where counting alone goes wrong. */
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTrace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { Cursor } from './cursor.ts';
import { CallStacks } from './stack.ts';
import { type FixtureTrace, makeTrace } from './trace.fixture.ts';

const NOP = '13000000';
const CALL = 'ef000010'; // jal ra, . + 0x100
const RET = '67800000';
const JUMP = '67000500'; // jr a0

/**
 * main calls f, f calls g, g calls h; h jumps back into f, behind its call, as longjmp does; f
 * returns, and main goes on. All of it twice: the second time h returns, and so does g.
 */
function longjmp(): FixtureTrace {
  return makeTrace({
    blocks: [
      { pc: 0x1000n, code: CALL },
      { pc: 0x1004n, code: NOP + CALL },
      { pc: 0x100cn, code: NOP },
      { pc: 0x1100n, code: NOP + CALL },
      { pc: 0x1108n, code: NOP + RET },
      { pc: 0x1204n, code: NOP + CALL },
      { pc: 0x120cn, code: NOP + RET },
      { pc: 0x1308n, code: NOP + JUMP },
      { pc: 0x1310n, code: RET },
    ],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x1000n, target: 0x1100n, kind: 'call' },
      { source: 0x1104n, target: 0x1204n, kind: 'call' },
      { source: 0x1208n, target: 0x1308n, kind: 'call' },
      { source: 0x130cn, target: 0x1108n, kind: 'indirect-jump' },
      { source: 0x110cn, target: 0x1004n, kind: 'return' },
      { source: 0x1008n, target: 0x1100n, kind: 'call' },
      { source: 0x1310n, target: 0x120cn, kind: 'return' },
      { source: 0x1210n, target: 0x1108n, kind: 'return' },
      { source: 0x110cn, target: 0x100cn, kind: 'return' },
      { source: 0x1208n, target: 0x1310n, kind: 'call' },
    ],
    vcpus: [[0, 1, 2, 3, 4, 5, 6, 2, 10, 7, 8, 9]],
    segmentTransfers: 3,
    marks: [{ kind: 'end', seq: 12, pc: 0x100cn }],
    modules: [{ path: '/bin/a.out', base: 0n, start: 0x1000n, size: 0x3000n }],
    symbols: [
      { module: 0, address: 0x1000n, size: 0x100n, name: 'main' },
      { module: 0, address: 0x1100n, size: 0x100n, name: 'f' },
      { module: 0, address: 0x1204n, size: 0x100n, name: 'g' },
      { module: 0, address: 0x1308n, size: 0x8n, name: 'h' },
      { module: 0, address: 0x1310n, size: 0x8n, name: 'k' },
    ],
  });
}

const at = ({ position: { seq, pc } }: Cursor): string => `${seq} ${pc.toString(16)}`;

describe('cursor: over and out with call stacks', () => {
  const trace = longjmp();
  const cursor = (): Cursor => new Cursor(trace, { stacks: () => new CallStacks(trace) });

  test('over a call that ends by longjmp inside it, either way', () => {
    const one = cursor();
    one.to(0);
    one.over('forward');
    expect(at(one)).toBe('5 1004');
    one.over('backward');
    expect(at(one)).toBe('0 1000');
    // Counted, f would still be two levels deeper than main.
    const counted = new Cursor(trace);
    counted.to(0);
    expect(counted.over('forward').position.seq).not.toBe(5);
  });

  test('over a call that is left by longjmp', () => {
    const one = cursor();
    one.to(1, 1);
    one.over('forward');
    expect(at(one)).toBe('4 1108');
    one.over('backward');
    expect(at(one)).toBe('1 1104');
    one.to(2, 1);
    one.over('forward');
    expect(at(one)).toBe('4 1108');
  });

  test('out of what longjmp came back to: its own caller', () => {
    const one = cursor();
    one.to(4);
    one.out('backward');
    expect(at(one)).toBe('0 1000');
    one.to(4);
    one.out('forward');
    expect(at(one)).toBe('5 1004');
    one.to(3);
    one.out('forward');
    expect(at(one)).toBe('4 1108');
    expect(one.out('backward').moved).toBe(true);
    expect(one.out('backward')).toMatchObject({ moved: false, why: 'not-found' });
  });

  test('calls that return are stepped over as without', () => {
    const one = cursor();
    one.to(5, 1);
    one.over('forward');
    expect(at(one)).toBe('11 100c');
    one.over('backward');
    expect(at(one)).toBe('5 1008');
    one.to(8);
    one.out('forward');
    expect(at(one)).toBe('9 120c');
    one.out('backward');
    expect(at(one)).toBe('6 1104');
  });

  test('while they are not at hand calls are counted', () => {
    const one = new Cursor(trace, { stacks: () => null });
    one.to(5, 1);
    one.over('forward');
    expect(at(one)).toBe('11 100c');
  });
});

const ROOT = fileURLToPath(new URL('../../../traces/v1/', import.meta.url));

test.each(['smash', 'riscv64-nested', 'bare-traps'])(
  'cursor: out of every moment of %s goes to where the stack says it was entered',
  (name) => {
    const directory = join(ROOT, name, `${name}.trace`);
    expect(fs.existsSync(directory)).toBe(true);
    const trace = openTrace(directory);
    const stacks = new CallStacks(trace);
    const cursor = new Cursor(trace, { vcpu: 0, stacks: () => stacks });
    for (let seq = 1; seq < trace.seqEnd(0); seq += 29) {
      cursor.to(seq);
      const [frame] = stacks.at(0, seq).frames;
      const done = cursor.out('backward');
      expect(done.moved).toBe(frame?.callSite !== null && frame?.seq !== 0);
      if (done.moved) expect(done.position.seq).toBe((frame?.seq ?? 0) - 1);
    }
  },
);
