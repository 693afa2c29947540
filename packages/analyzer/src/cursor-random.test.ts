/** Random runs: every move of the cursor against the obvious model, both ways, from anywhere. */

import { CAUSES, KINDS, type MarkKind } from '@backtrail/recorder/trace';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CursorModel, type Stop, stopsOf, withHoles } from './cursor.model.ts';
import { Cursor, type Move, type Position } from './cursor.ts';
import { SegmentCollector } from './index/collect.ts';
import { decodeIndex, encodeIndex } from './index/file.ts';
import { coarsened, mergeCollected } from './index/merge.ts';
import { jobsOf } from './index/threads.ts';
import { TraceIndex } from './index/trace-index.ts';
import { type RandomRun, randomFrom, randomRun } from './path/random-run.fixture.ts';
import type { Direction } from './path.ts';
import type { FixtureTrace } from './trace.fixture.ts';
import { type FixtureMark, makeMarks } from './trace-tables.fixture.ts';

type Random = (below: number) => number;

const MARKS_MADE: readonly MarkKind[] = ['signal', 'syscall', 'gap', 'interrupt', 'map'];

/** Marks anywhere, some of them at an instruction that ran. */
function randomMarks(run: RandomRun, random: Random): FixtureMark[] {
  return run.executed.flatMap((executed, vcpu) =>
    Array.from({ length: random(12) }, () => {
      const near = executed[random(executed.length)] ?? { seq: 0, pc: 0n };
      const kind = MARKS_MADE[random(MARKS_MADE.length)] ?? 'map';
      const pc = random(3) > 0 ? { pc: near.pc } : {};
      return { kind, vcpu, seq: near.seq + random(2), ...pc };
    }),
  );
}

/** Lines of a few instructions each, and code without lines. */
function randomLines(random: Random): (pc: bigint) => string | null {
  const shift = BigInt(2 + random(4));
  const without = random(6);
  return (pc) => {
    const line = Number((pc - 0x10000n) >> shift);
    return without > 0 && line % (without + 1) === 0 ? null : `line ${line}`;
  };
}

interface Case {
  readonly trace: FixtureTrace;
  readonly vcpu: number;
  readonly cursor: Cursor;
  readonly model: CursorModel;
  readonly random: Random;
}

const PLACES = 5;

function expectAt({ model, trace, vcpu }: Case, move: Move, from: number, wanted: number): void {
  const stop = model.stops[wanted < 0 ? from : wanted];
  const { position } = move;
  expect(move.moved).toBe(wanted >= 0 && wanted !== from);
  expect(seen(position)).toEqual(stop === undefined ? null : wantedOf(vcpu, stop));
  if (wanted < 0) {
    expect(move.why).not.toBeNull();
    return;
  }
  const [low, high] = [Math.min(from, wanted), Math.max(from, wanted)];
  const crossed = model.stops.slice(low + 1, high + 1).filter((one) => one.isAfterGap);
  expect(move.gaps.map((gap) => gap.toSeq)).toEqual(crossed.map((one) => one.seq));
  for (const gap of move.gaps) {
    expect(trace.segmentAt(vcpu, gap.fromSeq)).toBe(-1);
    expect(trace.segmentAt(vcpu, gap.toSeq - 1)).toBe(-1);
  }
}

const seen = ({ vcpu, seq, index, pc, block, edge, instructions }: Position) => ({
  vcpu,
  seq,
  index,
  pc,
  block,
  edge,
  hasRun: instructions > 0,
});

const wantedOf = (vcpu: number, { seq, index, pc, block, edge, hasRun }: Stop) => ({
  vcpu,
  seq,
  index,
  pc,
  block,
  edge,
  hasRun,
});

/** All moves from one stop in one direction: what the cursor does, and where the model goes. */
function movesFrom(one: Case, at: number, direction: Direction): [() => Move, number][] {
  const { cursor, model, trace, random } = one;
  const way = direction === 'forward' ? 1 : -1;
  const { edges, blocks } = trace;
  const other = model.stops[random(model.stops.length)];
  const pc = other?.pc ?? 0n;
  const edge = random(edges.count);
  const block = random(blocks.count);
  const cause = CAUSES[random(CAUSES.length)] ?? 'jump';
  const kind = KINDS[random(KINDS.length)] ?? 'jump';
  const mark = MARKS_MADE[random(MARKS_MADE.length)] ?? 'map';
  const size = BigInt(1 + random(40));
  const many = Array.from({ length: 40 }, (_none, i) => ({
    start: pc + BigInt(i) * 24n,
    end: pc + BigInt(i) * 24n + 2n,
  }));
  const isIn = (stop: Stop) => many.some(({ start, end }) => stop.pc >= start && stop.pc < end);
  const isCause = (e: number) => CAUSES[edges.cause[e] ?? 0] === cause;
  const isKind = (e: number) => KINDS[edges.kind[e] ?? 0] === kind;
  return [
    [() => cursor.instruction(direction), model.instruction(at, way)],
    [() => cursor.transfer(direction), model.transfer(at, way)],
    [() => cursor.over(direction), model.level(at, way, 0)],
    [() => cursor.out(direction), model.level(at, way, -1)],
    [() => cursor.into(direction), model.into(at, way)],
    [() => cursor.line(direction), model.line(at, way, false)],
    [() => cursor.line(direction, true), model.line(at, way, true)],
    [() => cursor.address(direction, pc), model.execution(at, way, (stop) => stop.pc === pc)],
    [
      () => cursor.execution(direction, [{ start: pc, end: pc + size }]),
      model.execution(at, way, (stop) => stop.pc >= pc && stop.pc < pc + size),
    ],
    [() => cursor.execution(direction, many), model.execution(at, way, isIn)],
    [() => cursor.block(direction, block), model.execution(at, way, (s) => s.block === block)],
    [() => cursor.edge(direction, edge), model.landing(at, way, (e) => e === edge)],
    [() => cursor.cause(direction, cause), model.landing(at, way, isCause)],
    [() => cursor.kind(direction, kind), model.landing(at, way, isKind)],
    [() => cursor.mark(direction, [mark, 'signal']), model.mark(at, way, [mark, 'signal'])],
  ];
}

function checkCase(one: Case): void {
  const { cursor, model, random } = one;
  for (let i = 0; i < PLACES; i++) {
    const at = random(model.stops.length);
    const stop = model.stops[at];
    if (stop === undefined) return;
    for (const direction of ['forward', 'backward'] as const) {
      cursor.to(stop.seq, stop.index);
      const home = cursor.position;
      expect(seen(home)).toEqual(wantedOf(one.vcpu, stop));
      for (const [move, wanted] of movesFrom(one, at, direction)) {
        const done = move();
        expectAt(one, done, at, wanted);
        if (done.moved) {
          const there = cursor.position;
          expect(cursor.undo().position).toEqual(home);
          expect(cursor.redo().position).toEqual(there);
          cursor.undo();
        }
        expect(cursor.position).toEqual(home);
      }
    }
  }
}

const options = fc.record({
  vcpus: fc.integer({ min: 1, max: 3 }),
  transfers: fc.integer({ min: 1, max: 150 }),
  segmentTransfers: fc.integer({ min: 1, max: 40 }),
  changesCode: fc.constant(false),
});

function checkRun(seed: number, run: RandomRun, hasHoles: boolean): void {
  const random = randomFrom(seed);
  const marks = makeMarks({ ...NOTHING, marks: [...endMarks(run), ...randomMarks(run, random)] });
  const lost = new Set(
    Array.from(run.trace.segments.vcpu.keys()).filter(() => hasHoles && random(3) === 0),
  );
  const trace = withHoles({ ...run.trace, marks }, (segment) => lost.has(segment));
  const lineOf = randomLines(random);
  for (const vcpu of trace.vcpus) {
    const stops = stopsOf(run, trace, vcpu, lineOf);
    const model = new CursorModel(trace, vcpu, stops);
    for (const bits of [null, 0, 1 + random(3)]) {
      const index = bits === null ? null : indexOf(trace, bits);
      const cursor = new Cursor(trace, { vcpu, lineOf, index });
      checkCase({ trace, vcpu, cursor, model, random });
    }
  }
}

/** @param groupBits segments that the index tells apart: groups of 2^groupBits */
function indexOf(trace: FixtureTrace, groupBits: number): TraceIndex {
  const collector = new SegmentCollector(trace);
  const placeCount = collector.places.segment.length;
  const parts = jobsOf(placeCount, 2).map((job) =>
    collector.collect(job.firstPlace, job.endPlace, () => undefined),
  );
  let tables = mergeCollected(parts, placeCount, trace.edges.count);
  for (let bits = 0; bits < groupBits; bits++) tables = coarsened(tables);
  const read = decodeIndex(encodeIndex(tables, 'x'), 'x', {
    edgeCount: trace.edges.count,
    placeCount,
    transfers: trace.transfers,
  });
  expect(read).toEqual(tables);
  return new TraceIndex(trace, read);
}

const NOTHING = { blocks: [], edges: [], vcpus: [] };

function endMarks({ executed, trace }: RandomRun): FixtureMark[] {
  return executed.map((list, vcpu) => ({
    kind: 'end' as const,
    vcpu,
    seq: trace.seqEnd(vcpu),
    pc: list.at(-1)?.pc ?? 0n,
  }));
}

describe('cursor: every move equals that of a model', () => {
  const seed = fc.integer({ min: 0, max: 0x7fff_ffff });

  test('several vCPUs, signals, cut blocks, segments of any size', () => {
    fc.assert(
      fc.property(seed, options, (number, given) => {
        checkRun(number, randomRun(number, given), false);
      }),
      { numRuns: 25 },
    );
  });

  test('with lost segments', () => {
    fc.assert(
      fc.property(seed, options, (number, given) => {
        checkRun(number, randomRun(number, given), true);
      }),
      { numRuns: 25 },
    );
  });
});
