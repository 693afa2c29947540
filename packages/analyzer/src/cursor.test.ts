/** What the cursor says of where it stands, of ends, gaps and damage. */
import { BacktrailError } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { withHoles } from './cursor.model.ts';
import { Cursor, type Position } from './cursor.ts';
import { type FixtureTrace, makeTrace } from './trace.fixture.ts';
import { makeIndex } from './trace-index.ts';
import { makeMarks } from './trace-tables.fixture.ts';

const NOTHING = { blocks: [], edges: [], vcpus: [] };
const NOP = '13000000';
const LOOP = '6ff05fff'; // j -12

/** Rounds of three nops and a jump back; vCPU 1 does the same at another place, a little later. */
function loops(rounds: number): FixtureTrace {
  const round = Array.from({ length: rounds }, () => 1);
  const trace = makeTrace({
    blocks: [
      { pc: 0x1000n, code: NOP + NOP + NOP + LOOP },
      { pc: 0x2000n, code: NOP + NOP + NOP + LOOP, bornVcpu: 1 },
    ],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x100cn, target: 0x1000n, kind: 'jump' },
      { source: null, target: 0x2000n },
      { source: 0x200cn, target: 0x2000n, kind: 'jump' },
    ],
    vcpus: [
      [0, ...round],
      [2, ...round.map(() => 3)],
    ],
    segmentTransfers: 4,
    marks: [
      { kind: 'end', vcpu: 1, seq: rounds + 1, pc: 0x2004n, timeNs: 1n },
      { kind: 'end', vcpu: 0, seq: rounds + 1, pc: 0x1004n, timeNs: 2n },
    ],
  });
  // Both run at the same time: segment k of each from 1000 k to 1000 k + 800.
  const { firstSeq, timeFirstNs, timeLastNs } = trace.segments;
  firstSeq.forEach((first, segment) => {
    timeFirstNs[segment] = BigInt(first * 250);
    timeLastNs[segment] = BigInt(first * 250 + 800);
  });
  return trace;
}

const at = ({ position }: { position: Position }): string =>
  `${position.vcpu}:${position.seq}:${position.index} ${position.pc.toString(16)}`;

describe('cursor: where it stands', () => {
  test('at first at the last instruction of the vCPU that ended last', () => {
    const cursor = new Cursor(loops(9));
    expect(cursor.position).toEqual({
      vcpu: 0,
      seq: 9,
      index: 1,
      pc: 0x1004n,
      row: 1,
      block: 0,
      edge: 1,
      instructions: 2,
      isWhole: true,
    });
    expect(at(new Cursor(loops(9), { vcpu: 1 }))).toBe('1:9:1 2004');
  });

  test('an end that nobody saw, and one before lost transfers, are not whole', () => {
    const { marks: _marks, ...trace } = loops(9);
    expect(new Cursor({ ...trace, marks: makeMarks(NOTHING) }).position).toMatchObject({
      index: 0,
      instructions: 1,
      isWhole: false,
    });
    const holes = withHoles(loops(9), (segment) => segment === 2);
    const cursor = new Cursor(holes, { vcpu: 0 });
    expect(cursor.to(7).position).toMatchObject({ instructions: 1, isWhole: false });
  });

  test('no transfers, no such vCPU', () => {
    expect(() => new Cursor(makeTrace({ ...NOTHING, vcpus: [[]] }))).toThrow(
      'fixture.trace: found no transfers that can be read, expected at least one. ' +
        'Run: backtrail info',
    );
    expect(() => new Cursor(loops(3), { vcpu: 7 })).toThrow(
      'fixture.trace: found no vCPU 7, expected one of 0, 1. Run: backtrail info',
    );
  });
});

describe('cursor: counted moves', () => {
  test('many instructions and transfers at once', () => {
    const cursor = new Cursor(loops(9));
    expect(at(cursor.instruction('backward', 6))).toBe('0:7:3 100c');
    expect(cursor.instruction('forward', 3).steps).toBe(3);
    expect(at(cursor)).toBe('0:8:2 1008');
    expect(at(cursor.transfer('backward', 1))).toBe('0:8:0 1000');
    expect(at(cursor.transfer('backward', 7))).toBe('0:1:0 1000');
    expect(at(cursor.transfer('forward', 5))).toBe('0:6:0 1000');
  });

  test('as far as there is something, and the reason', () => {
    const cursor = new Cursor(loops(9));
    expect(cursor.instruction('forward')).toMatchObject({ moved: false, why: 'end', steps: 0 });
    expect(cursor.instruction('backward', 100)).toMatchObject({
      moved: true,
      why: 'start',
      steps: 37,
    });
    expect(at(cursor)).toBe('0:0:0 1000');
    expect(cursor.instruction('backward')).toMatchObject({ moved: false, why: 'start', gaps: [] });
    expect(cursor.transfer('forward', 100)).toMatchObject({ moved: true, why: 'end', steps: 9 });
  });

  test('to a seq, to either end', () => {
    const cursor = new Cursor(loops(9));
    expect(at(cursor.to(5, 3))).toBe('0:5:3 100c');
    for (const [seq, index] of [
      [10, 0],
      [-1, 0],
      [0.5, 0],
      [5, 4],
      [5, -1],
    ] as const) {
      expect(cursor.to(seq, index)).toMatchObject({ moved: false, why: 'unknown' });
    }
    expect(at(cursor.toEnd('backward'))).toBe('0:0:0 1000');
    expect(at(cursor.toEnd('forward'))).toBe('0:9:1 1004');
    expect(cursor.toEnd('forward')).toMatchObject({ moved: false, why: null });
  });

  test('a name that is none', () => {
    const cursor = new Cursor(loops(9));
    expect(cursor.edge('backward', 4)).toMatchObject({ moved: false, why: 'unknown' });
    expect(cursor.block('backward', -1)).toMatchObject({ moved: false, why: 'unknown' });
    expect(cursor.vcpu(2)).toMatchObject({ moved: false, why: 'unknown' });
    expect(cursor.line('backward')).toMatchObject({ moved: false, why: 'no-lines' });
    expect(cursor.undo()).toMatchObject({ moved: false, why: 'no-history' });
    expect(cursor.redo()).toMatchObject({ moved: false, why: 'no-history' });
  });
});

describe('cursor: gaps', () => {
  const lost = (): FixtureTrace => withHoles(loops(19), (segment) => [0, 2].includes(segment));

  test('the ones crossed are told, and those before the first transfer', () => {
    const cursor = new Cursor(lost(), { vcpu: 0 });
    expect(cursor.to(12).gaps).toEqual([]);
    const gap = { fromSeq: 8, toSeq: 12 };
    expect(cursor.instruction('backward')).toMatchObject({ moved: true, gaps: [gap] });
    expect(cursor.instruction('forward')).toMatchObject({ moved: true, gaps: [gap] });
    const before = { fromSeq: 0, toSeq: 4 };
    expect(cursor.transfer('backward', 9)).toMatchObject({ why: 'start', gaps: [before, gap] });
    expect(cursor.transfer('backward')).toMatchObject({ why: 'start', gaps: [before] });
    expect(at(cursor)).toBe('0:4:0 1000');
  });

  test('a lost seq leads to the next recorded one; in vain means: as far as it is recorded', () => {
    const cursor = new Cursor(lost(), { vcpu: 0 });
    expect(at(cursor.to(9))).toBe('0:12:0 1000');
    expect(cursor.address('backward', 0x2000n)).toEqual({
      moved: false,
      why: 'not-found',
      steps: 0,
      gaps: [
        { fromSeq: 0, toSeq: 4 },
        { fromSeq: 8, toSeq: 12 },
      ],
      position: cursor.position,
    });
  });

  test('a segment that turns out to be damaged becomes one', () => {
    const trace = loops(19);
    const readSegment = (segment: number): Uint32Array => {
      if (segment !== 2) return trace.readSegment(segment);
      throw new BacktrailError('E_TRACE_DAMAGED', 'a flipped bit');
    };
    const cursor = new Cursor({ ...trace, readSegment }, { vcpu: 0 });
    expect(cursor.transfer('backward', 12)).toMatchObject({
      moved: true,
      steps: 12,
      gaps: [{ fromSeq: 8, toSeq: 12 }],
    });
    expect(at(cursor)).toBe('0:4:0 1000');
  });

  test('one that an index could not read is a gap to whoever uses the index', () => {
    const trace = loops(19);
    let isDamaged = true;
    const readSegment = (segment: number): Uint32Array => {
      if (segment !== 2 || !isDamaged) return trace.readSegment(segment);
      throw new BacktrailError('E_TRACE_DAMAGED', 'a flipped bit');
    };
    const damaged = { ...trace, readSegment };
    const index = makeIndex(damaged);
    expect(index.unreadable).toEqual([2]);
    expect([0, 1, 2, 3].map((segment) => index.levelsOf(segment) === null)).toEqual([
      false,
      false,
      true,
      false,
    ]);
    const gaps = [{ fromSeq: 8, toSeq: 12 }];
    // It is not looked for where the index says nothing, whether or not it could be read by now.
    for (isDamaged of [true, false]) {
      const cursor = new Cursor(damaged, { vcpu: 0, index });
      expect(cursor.edge('backward', 0)).toMatchObject({ moved: true, gaps });
      expect(cursor.address('forward', 0x2000n)).toMatchObject({ moved: false, gaps });
    }
    const late = new Cursor(damaged, { vcpu: 0 });
    late.to(9);
    late.useIndex(index);
    // Where it stands can be read: that index is of other bytes, and is left alone.
    expect(late.transfer('backward', 2)).toMatchObject({ steps: 2, gaps: [] });
    late.to(14);
    late.useIndex(index);
    expect(late.transfer('backward', 3)).toMatchObject({ steps: 3, gaps });
    expect(at(late)).toBe('0:7:0 1000');
  });

  test('a vCPU of which nothing can be read is none', () => {
    const trace = loops(3);
    const readSegment = (): Uint32Array => {
      throw new BacktrailError('E_TRACE_DAMAGED', 'a flipped bit');
    };
    expect(() => new Cursor({ ...trace, readSegment })).toThrow('found no transfers');
  });
});

test('cursor: transfers and code that do not fit together are left out, and it says so', () => {
  const trace = makeTrace({
    blocks: [{ pc: 0x1000n, code: NOP + NOP }],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x200cn, target: 0x1000n, sourceBlock: null },
    ],
    vcpus: [[0, 1]],
    marks: [{ kind: 'end', seq: 2, pc: 0x1004n }],
  });
  const cursor = new Cursor(trace);
  expect(at(cursor)).toBe('0:1:1 1004');
  cursor.transfer('backward', 2);
  expect(cursor.position).toMatchObject({ seq: 0, pc: 0x1000n, instructions: 1, isWhole: false });
});

describe('cursor: vCPUs and history', () => {
  test('another vCPU at about the same time, and how far off that may be', () => {
    const cursor = new Cursor(loops(19));
    cursor.to(10);
    // The third transfer of four, the first at 2,000 ns and the last at 2,800 ns.
    expect(cursor.time).toEqual({ timeNs: 2533n, errorNs: 533n });
    // Its transfer 10 is of the same time, and comes after.
    expect(at(cursor.vcpu(1))).toBe('1:9:0 2000');
    expect(cursor.vcpu(1)).toMatchObject({ moved: false, why: null });
    expect(at(cursor.undo())).toBe('0:10:0 1000');
  });

  test('a new move makes undone ones impossible to redo; the oldest are forgotten', () => {
    const cursor = new Cursor(loops(9));
    cursor.to(2);
    cursor.to(3);
    expect(at(cursor.undo())).toBe('0:2:0 1000');
    cursor.to(4);
    expect(cursor.redo().moved).toBe(false);
    expect(at(cursor.undo())).toBe('0:2:0 1000');
    for (let i = 0; i < 10_001; i++) cursor.to(3 + (i % 2));
    let count = 0;
    while (cursor.undo().moved) count++;
    expect(count).toBe(10_000);
    expect(cursor.position.seq).toBe(3);
  });
});
