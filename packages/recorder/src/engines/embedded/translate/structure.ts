/**
 * The order and nesting in which a flow graph becomes WebAssembly's blocks and loops: reverse
 * postorder and dominators. Source: Ramsey, "Beyond Relooper: Recursive Translation of Unstructured
 * Control Flow to Structured Control Flow" (ICFP 2022); dominators by Cooper, Harvey and Kennedy,
 * "A Simple, Fast Dominance Algorithm" (2001).
 *
 * That needs a graph where each loop has one entry. Where one has more, a *dispatcher* is put in:
 * a node that all ways into the loop go through, and that goes on by a variable.
 */
export interface Structure {
  /**
   * Nodes in reverse postorder; those behind the given graph's are dispatchers. The first is where
   * control begins: node 0, or the dispatcher for it, whose variable must then say so.
   */
  readonly order: readonly number[];
  /** Place of each node in `order`. */
  readonly place: Int32Array;
  /** Successors, with dispatchers between. */
  readonly successors: readonly (readonly number[])[];
  /** Of each node: nodes that it immediately dominates and several ways lead to, last first. */
  readonly merges: readonly (readonly number[])[];
  /** 1: several ways (other than back edges) lead here. */
  readonly isMerge: Uint8Array;
  /** 1: a back edge leads here. */
  readonly isLoop: Uint8Array;
  /**
   * Back edges, as wayOf(from, to), of a loop around another that begins at the same node. Taken
   * for one loop, both would move their variables about where they meet.
   */
  readonly outer: ReadonlySet<number>;
  /** Of each node: the dispatcher that ways to it go through, or -1. */
  readonly dispatcher: Int32Array;
}

/** @param successors of each node, from 0, the entry; all can be reached from there. */
export function structure(successors: readonly (readonly number[])[]): Structure {
  const simple = arrange(successors, new Int32Array(successors.length).fill(-1));
  if (simple !== null) return simple;
  const { graph, dispatcher } = withDispatchers(successors);
  const arranged = arrange(graph, dispatcher);
  if (arranged === null) throw new Error('a loop still has two entries');
  return arranged;
}

/** null if a loop has more than one entry. */
function arrange(
  successors: readonly (readonly number[])[],
  dispatcher: Int32Array,
): Structure | null {
  const order = reversePostorder(successors, Math.max(at(dispatcher, 0), 0));
  const place = new Int32Array(successors.length).fill(-1);
  for (let at = 0; at < order.length; at++) place[order[at] ?? 0] = at;
  const dominator = dominators(successors, order, place);
  const isMerge = new Uint8Array(successors.length);
  const isLoop = new Uint8Array(successors.length);
  const ways = new Int32Array(successors.length);
  const latches = new Map<number, number[]>();
  for (const node of order) {
    for (const next of successors[node] ?? []) {
      if (at(place, next) > at(place, node)) ways[next] = at(ways, next) + 1;
      else if (!dominates(dominator, at(place, next), at(place, node))) return null;
      else {
        isLoop[next] = 1;
        const others = latches.get(next);
        if (others === undefined) latches.set(next, [node]);
        else others.push(node);
      }
    }
  }
  const merges: number[][] = successors.map(() => []);
  for (let p = order.length - 1; p > 0; p--) {
    const node = order[p] ?? 0;
    if (at(ways, node) < 2) continue;
    isMerge[node] = 1;
    merges[order[at(dominator, p)] ?? 0]?.push(node);
  }
  const outer = outerWays(successors, order, latches);
  return { order, place, successors, merges, isMerge, isLoop, outer, dispatcher };
}

/** Names the way from one node to another. */
export const wayOf = (from: number, to: number): number => from * 65_536 + to;

/** @param latches of each loop's first node: where its back edges come from. */
function outerWays(
  successors: readonly (readonly number[])[],
  order: readonly number[],
  latches: ReadonlyMap<number, readonly number[]>,
): Set<number> {
  const outer = new Set<number>();
  const several = [...latches].filter(([, from]) => from.length > 1);
  if (several.length === 0) return outer;
  const before: number[][] = successors.map(() => []);
  for (const node of order) for (const next of successors[node] ?? []) before[next]?.push(node);
  for (const [head, from] of several) {
    const bodies = from.map((latch) => bodyOf(head, latch, before));
    from.forEach((latch, k) => {
      // A loop that goes through the end of a smaller one, which does not go through its own.
      const isAround = from.some(
        (other, j) => bodies[k]?.has(other) === true && bodies[j]?.has(latch) === false,
      );
      if (isAround) outer.add(wayOf(latch, head));
    });
  }
  return outer;
}

/** Nodes from which control comes back to the head by this one back edge. */
function bodyOf(head: number, latch: number, before: readonly (readonly number[])[]): Set<number> {
  const body = new Set([head, latch]);
  const work = latch === head ? [] : [latch];
  for (let node = work.pop(); node !== undefined; node = work.pop()) {
    for (const one of before[node] ?? []) {
      if (body.has(one)) continue;
      body.add(one);
      work.push(one);
    }
  }
  return body;
}

const at = (array: Int32Array, index: number): number => array[index] ?? 0;

function reversePostorder(successors: readonly (readonly number[])[], first: number): number[] {
  const order: number[] = [];
  const next = new Int32Array(successors.length);
  const seen = new Uint8Array(successors.length);
  const path = [first];
  seen[first] = 1;
  while (path.length > 0) {
    const node = path[path.length - 1] ?? 0;
    const to = successors[node]?.[at(next, node)];
    if (to === undefined) {
      order.push(node);
      path.pop();
      continue;
    }
    next[node] = at(next, node) + 1;
    if (seen[to] === 1) continue;
    seen[to] = 1;
    path.push(to);
  }
  return order.reverse();
}

/** Of each place in the order: the place of its immediate dominator; of the first, itself. */
function dominators(
  successors: readonly (readonly number[])[],
  order: readonly number[],
  place: Int32Array,
): Int32Array {
  const dominator = new Int32Array(order.length).fill(-1);
  dominator[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    // Pushing to successors instead of pulling from predecessors: the sets are the same.
    for (let p = 0; p < order.length; p++) {
      for (const node of successors[order[p] ?? 0] ?? []) {
        const to = at(place, node);
        if (to === 0) continue;
        const known = at(dominator, to);
        const common = known < 0 ? p : meet(dominator, known, p);
        if (common === known) continue;
        dominator[to] = common;
        changed = true;
      }
    }
  }
  return dominator;
}

function meet(dominator: Int32Array, first: number, second: number): number {
  let [a, b] = [first, second];
  while (a !== b) {
    if (a > b) a = at(dominator, a);
    else b = at(dominator, b);
  }
  return a;
}

function dominates(dominator: Int32Array, above: number, below: number): boolean {
  let p = below;
  while (p > above) p = at(dominator, p);
  return p === above;
}

/** The graph with each loop of several entries entered through a node of its own. */
function withDispatchers(successors: readonly (readonly number[])[]): {
  graph: number[][];
  dispatcher: Int32Array;
} {
  const graph = successors.map((next) => [...next]);
  const via = new Map<number, number>();
  const work = [graph.map((_, node) => node)];
  for (let set = work.pop(); set !== undefined; set = work.pop()) {
    for (const loop of loopsOf(graph, set)) {
      const inside = new Set(loop);
      const entries = entriesOf(graph, inside);
      let head = entries[0] ?? loop[0] ?? 0;
      if (entries.length > 1) {
        head = graph.length;
        redirect(graph, new Set(entries), head);
        graph.push(entries);
        for (const entry of entries) via.set(entry, head);
      }
      inside.delete(head);
      work.push([...inside]);
    }
  }
  const dispatcher = new Int32Array(graph.length).fill(-1);
  for (const [node, head] of via) dispatcher[node] = head;
  return { graph, dispatcher };
}

/** Nodes of the loop that are reached from outside it, or begin the region. */
function entriesOf(graph: readonly (readonly number[])[], inside: ReadonlySet<number>): number[] {
  const entries = new Set<number>();
  if (inside.has(0)) entries.add(0);
  for (let node = 0; node < graph.length; node++) {
    if (inside.has(node)) continue;
    for (const next of graph[node] ?? []) if (inside.has(next)) entries.add(next);
  }
  return [...entries];
}

function redirect(graph: number[][], entries: ReadonlySet<number>, head: number): void {
  for (const next of graph) {
    for (let k = 0; k < next.length; k++) if (entries.has(next[k] ?? -1)) next[k] = head;
  }
}

/** Strongly connected parts of the set that have an edge inside: Tarjan's algorithm (1972). */
function loopsOf(graph: readonly (readonly number[])[], set: readonly number[]): number[][] {
  const inside = new Set(set);
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const loops: number[][] = [];
  const visit = (node: number): void => {
    index.set(node, index.size);
    low.set(node, index.size - 1);
    stack.push(node);
    onStack.add(node);
    for (const next of graph[node] ?? []) {
      if (!inside.has(next)) continue;
      if (!index.has(next)) {
        visit(next);
        low.set(node, Math.min(low.get(node) ?? 0, low.get(next) ?? 0));
      } else if (onStack.has(next)) {
        low.set(node, Math.min(low.get(node) ?? 0, index.get(next) ?? 0));
      }
    }
    if (low.get(node) !== index.get(node)) return;
    const part: number[] = [];
    let member: number | undefined;
    do {
      member = stack.pop();
      if (member === undefined) break;
      onStack.delete(member);
      part.push(member);
    } while (member !== node);
    if (part.length > 1 || (graph[node] ?? []).includes(node)) loops.push(part);
  };
  for (const node of set) if (!index.has(node)) visit(node);
  return loops;
}
