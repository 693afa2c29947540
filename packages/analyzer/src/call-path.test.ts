import { BacktrailError, NO_ROW } from '@backtrail/recorder/trace';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CallPath, type CallPathRow } from './call-path.ts';
import { withHoles } from './cursor.model.ts';
import { randomFrom } from './path/random-run.fixture.ts';
import { randomHistory } from './stack/history.fixture.ts';
import { CallStacks } from './stack.ts';
import { type FixtureTrace, makeTrace } from './trace.fixture.ts';
import type { FixtureEdge } from './trace-tables.fixture.ts';

const FUNCTIONS = 6;
const startOf = (fn: number): bigint => 0x10000n + BigInt(fn) * 0x100n;
const siteOf = (fn: number, callee: number): bigint => startOf(fn) + 4n * BigInt(callee + 1);

/** A frame as it really was: which function, when entered, when left (or never). */
interface TrueFrame {
  readonly fn: number;
  readonly seq: number;
  readonly parent: TrueFrame | null;
  leftSeq: number;
}

/** Calls and returns that fit together, and the frames that they made. */
function nested(seed: number, steps: number): { trace: FixtureTrace; at: TrueFrame[] } {
  const random = randomFrom(seed);
  const edges: FixtureEdge[] = [{ source: null, target: startOf(0) }];
  const numbers = new Map<string, number>();
  const list = [0];
  let now: TrueFrame = { fn: 0, seq: 0, parent: null, leftSeq: Number.POSITIVE_INFINITY };
  const at = [now];
  for (let i = 0; i < steps; i++) {
    const { fn, parent } = now;
    const isCall = parent === null || random(100) < 50;
    const callee = random(FUNCTIONS);
    const edge: FixtureEdge = isCall
      ? { source: siteOf(fn, callee), target: startOf(callee), cause: 'jump', kind: 'call' }
      : {
          source: startOf(fn) + 0xf0n,
          target: siteOf(parent.fn, fn) + 4n,
          cause: 'jump',
          kind: 'return',
        };
    const key = `${edge.source} ${edge.target}`;
    const number = numbers.get(key) ?? edges.push(edge) - 1;
    numbers.set(key, number);
    if (isCall)
      now = { fn: callee, seq: list.length, parent: now, leftSeq: Number.POSITIVE_INFINITY };
    else {
      now.leftSeq = list.length;
      now = parent;
    }
    list.push(number);
    at.push(now);
  }
  const blocks = Array.from({ length: FUNCTIONS }, (_none, fn) => {
    return { pc: startOf(fn), code: '13000000'.repeat(64) };
  });
  const symbols = blocks.map(({ pc }, fn) => {
    return { module: 0, address: pc, size: 0x100n, name: `f${fn}` };
  });
  const modules = [{ path: '/bin/nested', base: 0n, start: startOf(0), size: 0x10000n }];
  const trace = makeTrace({ blocks, edges, vcpus: [list], segmentTransfers: 9, modules, symbols });
  return { trace, at };
}

const frames = (frame: TrueFrame | null): TrueFrame[] =>
  frame === null ? [] : [...frames(frame.parent), frame];

/** Row by row what the path is, from all frames that there ever were. */
function modelRows(at: readonly TrueFrame[], from: number, to: number): string[] {
  const before = at[from] ?? null;
  const after = at[to] ?? null;
  const here = frames(before);
  const there = frames(after);
  const common = here.filter((frame) => there.includes(frame));
  const told: string[] = [];
  const tellCalls = (frame: TrueFrame | undefined, depth: number): void => {
    const ended = at
      .filter((one, seq) => one.seq === seq && one.parent === frame && seq > from && seq <= to)
      .filter(({ leftSeq }) => leftSeq <= to);
    // The first to end comes first; calls of one function go together.
    for (const [fn, all] of Map.groupBy(ended, (one) => one.fn)) {
      const transfers = all.reduce((sum, { seq, leftSeq }) => sum + leftSeq - seq + 1, 0);
      told.push(`call f${fn} ×${all.length} ${transfers} from ${all[0]?.seq} depth ${depth}`);
    }
  };
  let depth = here.length - common.length;
  for (const frame of here.slice(common.length).reverse()) {
    tellCalls(frame, depth);
    depth--;
    told.push(`return f${frame.fn} ${frame.leftSeq} depth ${depth}`);
  }
  tellCalls(common.at(-1), 0);
  for (const frame of there.slice(common.length)) {
    depth++;
    told.push(`enter f${frame.fn} ${frame.seq} depth ${depth}`);
    tellCalls(frame, depth);
  }
  return told;
}

function rowText(trace: FixtureTrace, row: CallPathRow): string {
  const { source, target } = trace.edges;
  const named = (pc: bigint | undefined): string => `f${((pc ?? 0n) - startOf(0)) / 0x100n}`;
  const { what, seq, edge, times, transfers, depth } = row;
  if (what === 'return') return `return ${named(source[edge])} ${seq} depth ${depth}`;
  if (what === 'enter') return `enter ${named(target[edge])} ${seq} depth ${depth}`;
  return `${what} ${named(target[edge])} ×${times} ${transfers} from ${seq} depth ${depth}`;
}

function rowsOf(path: CallPath, slice: number): CallPathRow[] {
  while (!path.advance(slice));
  return path.rows();
}

describe('the path from one moment to another, in calls', () => {
  test('equals that of a model, in slices of any size, in either order', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 300 }), (seed, steps) => {
        const { trace, at } = nested(seed, steps);
        const stacks = new CallStacks(trace);
        const random = randomFrom(seed);
        for (let i = 0; i < 4; i++) {
          const [one, other] = [random(at.length), random(at.length)];
          const path = new CallPath(stacks, 0, one, other);
          const rows = rowsOf(path, 1 + random(40));
          const wanted = modelRows(at, Math.min(one, other), Math.max(one, other));
          expect(rows.map((row) => rowText(trace, row))).toEqual(wanted);
          expect(path.progress.transfers).toBe(path.progress.totalTransfers);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('frames left and entered are those of the stacks, whatever happened', () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, hasHoles) => {
        const random = randomFrom(seed);
        const whole = randomHistory({ seed, steps: 200, segmentTransfers: 11 }).trace;
        const lost = hasHoles ? 1 + random(8) : -1;
        const trace = withHoles(whole, (segment) => segment === lost);
        const stacks = new CallStacks(trace);
        const end = trace.seqEnd(0);
        for (let i = 0; i < 3; i++) {
          const [one, other] = [random(end), random(end)].sort((a, b) => a - b);
          if (one === undefined || other === undefined) continue;
          const recorded = [one, other].every((seq) => trace.segmentAt(0, seq) >= 0);
          if (!recorded) {
            expect(() => new CallPath(stacks, 0, one, other)).toThrow(BacktrailError);
            continue;
          }
          const rows = rowsOf(new CallPath(stacks, 0, one, other), 50);
          const entered = rows.filter(({ what }) => what === 'enter').map(({ seq }) => seq);
          const open = stacks.openAt(0, other).seq.filter((seq) => seq > one);
          expect(entered).toEqual(Array.from(open));
          const left = rows.reduce(
            (sum, { what, times }) => sum + (what === 'return' ? times : 0),
            0,
          );
          const isSwitch = rows.some(({ what }) => what === 'switch');
          const before = stacks.openAt(0, one).seq;
          const after = stacks.openAt(0, other).seq;
          const common = before.findIndex((seq, j) => seq !== after[j]);
          expect(left).toBe(isSwitch || common < 0 ? 0 : before.length - common);
          expect(rows.every(({ depth }) => depth >= 0)).toBe(true);
          const gaps = rows.filter(({ what }) => what === 'gap');
          const isAcross = lost >= 0 && one < lost * 11 && other >= (lost + 1) * 11;
          expect(gaps.reduce((sum, { transfers }) => sum + transfers, 0)).toBe(isAcross ? 11 : 0);
          expect(gaps.every(({ edge }) => edge === NO_ROW)).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('a deep recursion is told by its ends', () => {
    const depth = 1000;
    const call: FixtureEdge = {
      source: siteOf(0, 0),
      target: startOf(0),
      cause: 'jump',
      kind: 'call',
    };
    const trace = makeTrace({
      blocks: [{ pc: startOf(0), code: '13000000'.repeat(64) }],
      edges: [{ source: null, target: startOf(0) }, call],
      vcpus: [[0, ...Array.from({ length: depth }, () => 1)]],
    });
    const rows = rowsOf(new CallPath(new CallStacks(trace), 0, 0, depth), 1e6);
    expect(rows).toHaveLength(201);
    expect(rows[100]).toMatchObject({ what: 'more', times: depth - 200, seq: 101 });
    expect(rows.at(-1)).toMatchObject({ what: 'enter', seq: depth, depth });
  });
});
