import { CAUSES, KINDS, MARK_KINDS, type Trace } from '@backtrail/recorder/trace';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAMAGES, SOUND } from './check/damages.fixture.ts';
import { CHECK_CODES, type CheckCode, checkTrace } from './check.ts';
import { randomFrom, randomRun } from './path/random-run.fixture.ts';
import { type FixtureTrace, makeTrace } from './trace.fixture.ts';

/** The codes found in a trace, sorted. */
function codes(trace: Trace): CheckCode[] {
  return [...checkTrace(trace).counts.keys()].sort();
}

test('check: a good trace has no finding', () => {
  const report = checkTrace(makeTrace(SOUND));
  expect(report.findings).toEqual([]);
  expect(report).toMatchObject({ isSound: true, errorCount: 0, warningCount: 0 });
  expect(report.checked).toEqual({
    blocks: 6,
    edges: 8,
    segments: 4,
    transfers: 9,
    vcpus: 2,
    instructions: 16,
  });
});

const cause = (word: (typeof CAUSES)[number]): number => CAUSES.indexOf(word);
const kind = (word: (typeof KINDS)[number]): number => KINDS.indexOf(word);

describe('check: each damage is found by its name', () => {
  test.each(DAMAGES)('$what', ({ damage, codes: expected }) => {
    const trace = makeTrace(SOUND);
    expect(codes(damage(trace) ?? trace)).toEqual(expected);
  });

  test('every code has a case', () => {
    const found = new Set(DAMAGES.flatMap((one) => one.codes));
    // Those of source lines have a trace of their own, below.
    const all = Object.keys(CHECK_CODES).filter((code) => code !== 'source-line');
    expect([...found].sort()).toEqual(all.sort());
  });
});

describe('check: loss that is owned up to is no error', () => {
  const lost = (): FixtureTrace => {
    const trace = makeTrace(SOUND);
    trace.segments.firstSeq[2] = 16;
    trace.marks.seq[1] = 18;
    trace.manifest.totals.instructions = 0;
    return trace;
  };

  test('by a gap mark', () => {
    const trace = lost();
    trace.marks.kind[0] = MARK_KINDS.indexOf('gap');
    trace.marks.seq[0] = 16;
    trace.marks.number[0] = 10n;
    trace.marks.hasNumber[0] = 1;
    expect(codes(trace)).toEqual([]);
    trace.marks.number[0] = 9n;
    expect(codes(trace)).toEqual(['seq-hole']);
  });

  test('by a loss counter', () => {
    const trace = lost();
    trace.manifest.losses.overwritten = 10;
    expect(codes(trace)).toEqual([]);
    trace.manifest.losses.overwritten = 9;
    expect(codes(trace)).toEqual(['seq-hole']);
  });
});

test('check: a killed vCPU may not have run the instruction at its end mark', () => {
  const trace = makeTrace(SOUND);
  trace.marks.number[1] = 14n;
  trace.manifest.totals.instructions -= 1;
  expect(codes(trace)).toEqual([]);
});

test('check: without a classifier kinds may be null', () => {
  const trace = makeTrace({ ...SOUND, isa: 'loongarch64' });
  trace.edges.kind.fill(0xff);
  trace.edges.cause[6] = cause('jump');
  expect(codes(trace)).toEqual(['isa-unknown']);
});

test('check: messages name the moment and the numbers that disagree', () => {
  const trace = makeTrace(SOUND);
  trace.segmentEdges[1]?.set([4, 3, 2]);
  trace.edges.kind[1] = kind('jump');
  const { findings } = checkTrace(trace);
  expect(findings.map((one) => one.message)).toEqual([
    'edge 1 (0x1004 → 0x1100): recorded as jump, the bytes ef00c00f are call',
    '0:3: from target 0x1008 of edge 2 to source 0x1004 of edge 4: ' +
      'the block at 0x1008 does not lead there',
    '0:4: from target 0x1100 of edge 4 to source 0x100c of edge 3: ' +
      'the block at 0x1100 does not lead there',
    '0:5: from target 0x1004 of edge 3 to source 0x1104 of edge 2: ' +
      'no recorded block goes on at 0x1018',
  ]);
  expect(findings[1]?.at).toEqual({ vcpu: 0, seq: 3 });
});

test('check: findings are kept up to a limit and counted without one', () => {
  const edges = Array.from({ length: 1000 }, () => 3);
  const trace = makeTrace({ ...SOUND, vcpus: [[0, ...edges]], marks: [] });
  const report = checkTrace(trace, { findingsPerCodeMax: 7 });
  const kept = report.findings.filter((one) => one.code === 'hop-passes');
  expect(kept).toHaveLength(7);
  expect(report.counts.get('hop-passes')).toBeGreaterThan(900);
});

describe('check: source lines', () => {
  const sound = () =>
    makeTrace({
      ...SOUND,
      sources: ['/src/a.c'],
      lines: [
        { address: 0x1000n, size: 8n, source: 0, line: 1 },
        { address: 0x1008n, size: 8n, source: 0, line: 2 },
      ],
      inlines: [
        { address: 0x1000n, size: 16n, depth: 1, name: 'f' },
        { address: 0x1000n, size: 4n, depth: 2, name: 'g' },
        { address: 0x1004n, size: 4n, depth: 2, name: 'g' },
      ],
    });
  test('sound ones', () => {
    expect(codes(sound())).toEqual([]);
  });

  test.each<[what: string, damage: (trace: FixtureTrace) => void]>([
    ['of no module', ({ lines }) => lines.module.set([5], 1)],
    ['out of order', ({ lines }) => lines.address.set([0x2000n], 0)],
    ['that overlap', ({ lines }) => lines.size.set([9n], 0)],
    ['without bytes', ({ lines }) => lines.size.set([0n], 1)],
    ['of one depth that overlap', ({ inlines }) => inlines.depth.set([1], 2)],
    ['of depths out of order', ({ inlines }) => inlines.depth.set([2, 1])],
  ])('%s', (_what, damage) => {
    const trace = sound();
    damage(trace);
    expect(codes(trace)).toEqual(['source-line']);
  });

  test('of which there are not as many as the manifest says', () => {
    const trace = sound();
    trace.manifest.totals.inlines = 7;
    trace.manifest.totals.lines = 1;
    expect(checkTrace(trace).counts.get('total')).toBe(2);
  });
});

test('check: whatever is written into a trace, it reports and does not throw', () => {
  const columns = [
    'blocks',
    'edges',
    'segments',
    'marks',
    'modules',
    'symbols',
    'lines',
    'inlines',
  ] as const;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7fff_ffff }), (seed) => {
      const random = randomFrom(seed);
      const { trace } = randomRun(seed, {
        vcpus: 1 + random(2),
        transfers: 40,
        segmentTransfers: 8,
        changesCode: false,
      });
      for (let i = 0; i < 3; i++) {
        const table = trace[columns[random(columns.length)] ?? 'edges'];
        const arrays = Object.values(table).filter((value) => ArrayBuffer.isView(value));
        const array = arrays[random(arrays.length)];
        if (array === undefined || array.byteLength === 0) continue;
        const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        bytes[random(bytes.length)] = random(256);
      }
      const report = checkTrace(trace);
      const sum = [...report.counts.values()].reduce((total, count) => total + count, 0);
      expect(report.errorCount + report.warningCount).toBe(sum);
    }),
    { numRuns: 500 },
  );
});
