/** The order and nesting of random flow graphs, against dominators found by taking nodes away. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomOf } from './random-instruction.fixture.ts';
import { type Structure, structure, wayOf } from './structure.ts';

type Graph = readonly (readonly number[])[];

/** Nodes that can be reached from the first without going through `without`. */
function reach(graph: Graph, first: number, without: number): Set<number> {
  const seen = new Set<number>();
  if (first === without) return seen;
  const work = [first];
  seen.add(first);
  for (let node = work.pop(); node !== undefined; node = work.pop()) {
    for (const next of graph[node] ?? []) {
      if (next === without || seen.has(next)) continue;
      seen.add(next);
      work.push(next);
    }
  }
  return seen;
}

/** Up to two successors for most nodes, more for a few; only what node 0 reaches. */
function randomGraph(seed: number): number[][] {
  const random = randomOf(seed);
  const size = 1 + random(14);
  const graph = Array.from({ length: size }, () => {
    const count = random(8) === 0 ? random(5) : random(3);
    return Array.from({ length: count }, () => random(size));
  });
  const reached = [...reach(graph, 0, -1)].sort((a, b) => a - b);
  const renamed = new Map(reached.map((node, k) => [node, k]));
  return reached.map((node) => (graph[node] ?? []).map((next) => renamed.get(next) ?? 0));
}

function checkNesting(made: Structure): void {
  const { successors, order, place, isLoop, isMerge, merges } = made;
  const first = order[0] ?? -1;
  const all = reach(successors, first, -1);
  expect(new Set(order)).toEqual(all);
  const dominated = new Map(order.map((node) => [node, reach(successors, first, node)]));
  const dominates = (above: number, below: number): boolean =>
    above === below || dominated.get(above)?.has(below) === false;
  const ways = new Map<number, number>();
  const loops = new Set<number>();
  for (const node of order) {
    for (const next of successors[node] ?? []) {
      if ((place[next] ?? 0) > (place[node] ?? 0)) ways.set(next, (ways.get(next) ?? 0) + 1);
      else {
        expect(dominates(next, node), 'a way back leads to a dominator').toBe(true);
        loops.add(next);
      }
    }
  }
  for (const node of order) {
    expect(isLoop[node] === 1).toBe(loops.has(node));
    expect(isMerge[node] === 1).toBe((ways.get(node) ?? 0) > 1);
    for (const merge of merges[node] ?? []) {
      const strict = order.filter((above) => above !== merge && dominates(above, merge));
      expect(dominates(node, merge) && node !== merge).toBe(true);
      expect(strict.every((above) => dominates(above, node))).toBe(true);
    }
  }
  const listed = order.flatMap((node) => [...(merges[node] ?? [])]);
  const merging = order.filter((node) => isMerge[node] === 1);
  const rising = (one: number, other: number): number => one - other;
  expect(listed.sort(rising)).toEqual(merging.sort(rising));
}

/** Each way of the graph is there still, perhaps through the dispatcher of its end. */
function checkWays(graph: Graph, { successors, dispatcher, order }: Structure): void {
  graph.forEach((next, node) => {
    for (const to of next) {
      const through = dispatcher[to] ?? -1;
      const first = through < 0 ? to : through;
      expect(successors[node]).toContain(first);
      if (through >= 0) expect(successors[through]).toContain(to);
    }
  });
  const begin = dispatcher[0] ?? -1;
  expect(order[0]).toBe(begin < 0 ? 0 : begin);
  if (begin >= 0) expect(successors[begin]?.[0]).toBe(0);
}

describe('structure', () => {
  test('keeps all ways, gives loops one entry, and finds what dominates what', () => {
    let dispatched = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        const graph = randomGraph(seed);
        const made = structure(graph);
        checkNesting(made);
        checkWays(graph, made);
        if (made.successors.length > graph.length) dispatched++;
      }),
      { numRuns: 500 },
    );
    expect(dispatched).toBeGreaterThan(10);
  });

  test('tells the loop around from the loop inside that begins at the same node', () => {
    // 1 is a loop by itself; 1, 2 is the loop around.
    const { outer } = structure([[1], [1, 2], [1, 3], []]);
    expect([...outer]).toEqual([wayOf(2, 1)]);
  });

  test('takes two ends of one loop for one loop', () => {
    const { outer } = structure([[1], [2, 3], [1], [1, 4], []]);
    expect([...outer]).toEqual([]);
  });

  test('puts a dispatcher before a loop with two entries', () => {
    const { successors, dispatcher } = structure([[1, 2], [2], [1]]);
    expect(successors).toHaveLength(4);
    expect([...dispatcher]).toEqual([-1, 3, 3, -1]);
  });
});
