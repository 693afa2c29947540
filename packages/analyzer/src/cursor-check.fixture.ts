/** Every move of a cursor against the obvious model, both ways, from anywhere. */
import { CAUSES, KINDS, type MarkKind, type Trace } from '@backtrail/recorder/trace';
import { expect } from 'vitest';
import type { CursorModel, Stop } from './cursor.model.ts';
import type { Cursor, Move, Position } from './cursor.ts';
import type { Direction } from './path.ts';

export type Random = (below: number) => number;

export const MARKS_MADE: readonly MarkKind[] = ['signal', 'syscall', 'gap', 'interrupt', 'map'];

/** Lines of a few instructions each, and code without lines. */
export function randomLines(random: Random): (pc: bigint) => string | null {
  const shift = BigInt(2 + random(6));
  const without = random(6);
  return (pc) => {
    const line = Number((pc - 0x10000n) >> shift);
    return without > 0 && line % (without + 1) === 0 ? null : `line ${line}`;
  };
}

export interface Case {
  readonly trace: Trace;
  readonly vcpu: number;
  readonly cursor: Cursor;
  readonly model: CursorModel;
  readonly random: Random;
}

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

export function checkCase(one: Case, places: number): void {
  const { cursor, model, random } = one;
  for (let i = 0; i < places; i++) {
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
