/** How often and when code ran, from counts of edges, against a machine that counts as it runs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../database.ts';
import { type FixtureSpec, type FixtureTrace, makeTrace } from '../trace.fixture.ts';

const BASE = 0x1000n;
const CODE_INSTRUCTIONS = 12;
const addressOf = (index: number): bigint => BASE + BigInt(4 * index);

const CAUSES = [
  { cause: 'jump', kind: 'branch', retired: true },
  { cause: 'exception', kind: null, retired: false },
  { cause: 'interrupt', kind: null, retired: false },
  { cause: 'signal', kind: null, retired: false },
  { cause: 'signal', kind: 'signal-return', retired: true },
] as const;

interface Step {
  /** Instructions before the one control leaves at. */
  readonly run: number;
  readonly cause: number;
  readonly target: number;
}

interface Program {
  readonly vcpus: readonly { readonly start: number; readonly steps: readonly Step[] }[];
  /** Instructions after the last transfer, told by an end mark; null: nobody saw the end. */
  readonly tail: number | null;
  /** Segments of 3 transfers; a gap after every second one. */
  readonly hasGaps: boolean;
}

interface Counts {
  readonly executed: number[];
  /** For each vCPU, the seq after which each instruction ran last; -1 for never. */
  readonly last: number[][];
}

const filled = (value: number): number[] => Array.from({ length: CODE_INSTRUCTIONS }, () => value);

const SEGMENT_TRANSFERS = 3;
/** Transfers lost in each gap. */
const GAP_TRANSFERS = 10;

/** seq as recorded, and whether the transfer after it is in the same stretch. */
function place(program: Program, index: number): { seq: number; isLast: boolean } {
  const gapEvery = 2 * SEGMENT_TRANSFERS;
  const gaps = program.hasGaps ? Math.floor(index / gapEvery) : 0;
  const isLast = program.hasGaps && index % gapEvery === gapEvery - 1;
  return { seq: index + gaps * GAP_TRANSFERS, isLast };
}

/** Runs the program; what nobody recorded is not counted. */
function simulate(program: Program): { trace: FixtureTrace; counts: Counts } {
  const counts: Counts = { executed: filled(0), last: [] };
  const edges: FixtureSpec['edges'][number][] = [];
  const numbers = new Map<string, number>();
  const edgeOf = (edge: FixtureSpec['edges'][number]): number => {
    const key = `${edge.source}|${edge.target}|${edge.cause}|${edge.kind}`;
    const known = numbers.get(key) ?? edges.length;
    if (known === edges.length) edges.push(edge);
    numbers.set(key, known);
    return known;
  };
  const marks: NonNullable<FixtureSpec['marks']>[number][] = [];
  const vcpus = program.vcpus.map(({ start, steps }, vcpu) => {
    const last = filled(-1);
    counts.last.push(last);
    const count = (from: number, to: number, seq: number): void => {
      for (let i = from; i < to; i++) {
        counts.executed[i] = (counts.executed[i] ?? 0) + 1;
        last[i] = seq;
      }
    };
    let pc = start;
    const list = [edgeOf({ source: null, target: addressOf(start) })];
    steps.forEach((step, index) => {
      const { cause, kind, retired } = CAUSES[step.cause] ?? CAUSES[0];
      const source = Math.min(CODE_INSTRUCTIONS - 1, pc + step.run);
      const { seq, isLast } = place(program, index);
      if (isLast) count(pc, pc + 1, seq);
      else count(pc, source + (retired ? 1 : 0), seq);
      list.push(edgeOf({ source: addressOf(source), target: addressOf(step.target), cause, kind }));
      pc = step.target;
    });
    const end = Math.min(CODE_INSTRUCTIONS - 1, pc + (program.tail ?? 0));
    const { seq } = place(program, steps.length);
    count(pc, program.tail === null ? pc + 1 : end + 1, seq);
    if (program.tail !== null) marks.push({ kind: 'end', vcpu, seq: seq + 1, pc: addressOf(end) });
    return list;
  });
  const code = Array.from({ length: CODE_INSTRUCTIONS }, (_none, i) => ({
    pc: addressOf(i),
    code: '13000000',
  }));
  const trace = makeTrace({
    blocks: code,
    edges,
    vcpus,
    marks,
    segmentTransfers: SEGMENT_TRANSFERS,
  });
  const { segments } = trace;
  for (let i = 0; i < segments.count; i++) {
    segments.firstSeq[i] = place(program, segments.firstSeq[i] ?? 0).seq;
  }
  return { trace, counts };
}

const program: fc.Arbitrary<Program> = fc.record({
  vcpus: fc.array(
    fc.record({
      start: fc.nat(CODE_INSTRUCTIONS - 1),
      steps: fc.array(
        fc.record({
          run: fc.nat(4),
          cause: fc.nat(CAUSES.length - 1),
          target: fc.nat(CODE_INSTRUCTIONS - 1),
        }),
        { maxLength: 30 },
      ),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  tail: fc.option(fc.nat(5)),
  hasGaps: fc.boolean(),
});

async function answers(trace: FixtureTrace): Promise<Counts> {
  const database = await openDatabase(trace);
  try {
    const coverage = await database.query('SELECT executed FROM coverage ORDER BY pc');
    const byMacro = await database.query(
      `SELECT executed(${BASE} + 4 * i) FROM range(${CODE_INSTRUCTIONS}) AS r(i)
       ORDER BY i`,
    );
    expect(byMacro.rows()).toEqual(coverage.rows());
    const last = trace.vcpus.map(() => filled(-1));
    for (let i = 0; i < CODE_INSTRUCTIONS; i++) {
      const found = await database.query(`SELECT vcpu, seq FROM last_executed(${addressOf(i)})`);
      for (const [vcpu, seq] of found.rows()) {
        const list = last[Number(vcpu)];
        if (list !== undefined) list[i] = Number(seq);
      }
    }
    return { executed: coverage.rows().map(([executed]) => Number(executed)), last };
  } finally {
    await database.close();
  }
}

describe('coverage and last_executed', () => {
  test('agree with a machine that counts as it runs', async () => {
    await fc.assert(
      fc.asyncProperty(program, async (one) => {
        const { trace, counts } = simulate(one);
        expect(await answers(trace)).toEqual(counts);
      }),
      { numRuns: 25 },
    );
  });

  test('the first transfer of a trace that kept only the end closes nothing', async () => {
    const { trace } = simulate({
      vcpus: [
        { start: 0, steps: Array.from({ length: 8 }, () => ({ run: 2, cause: 0, target: 0 })) },
      ],
      tail: null,
      hasGaps: false,
    });
    // As the flight recorder leaves it: the first segment is gone, and with it three counts.
    const kept = trace.segmentsOf(0).subarray(1);
    trace.edges.taken.set([0, 6]);
    const late = { ...trace, segmentsOf: () => kept };
    expect((await answers(late)).executed.slice(0, 4)).toEqual([6, 5, 5, 0]);
  });
});
