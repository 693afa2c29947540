/**
 * What the SQL library should say of a run, counted the slow way: from every instruction that a
 * machine wrote down as it ran, one after the other, and from nothing that SQL reads.
 */
import { CAUSES, KINDS, NO_CODE } from '@backtrail/recorder/trace';
import { type RandomRun, randomRun } from '../../packages/analyzer/src/path/random-run.fixture.ts';
import type { FixtureTrace } from '../../packages/analyzer/src/trace.fixture.ts';
import { makeModules, makeSymbols } from '../../packages/analyzer/src/trace-tables.fixture.ts';

export interface NamedRun extends RandomRun {
  readonly functions: readonly { name: string; start: bigint; end: bigint }[];
}

const BASE = 0x10000n;
const FUNCTION_BYTES = 40n;
/** The last bytes of each belong to nobody. */
const NAMED_BYTES = 32n;

/** A random run whose code is cut into functions. */
export function namedRun(seed: number, vcpus: number): NamedRun {
  const run = randomRun(seed, { vcpus, transfers: 150, changesCode: false, segmentTransfers: 7 });
  const functions = Array.from({ length: 6 }, (_none, i) => ({
    name: `f${i}`,
    start: BASE + BigInt(i) * FUNCTION_BYTES,
    end: BASE + BigInt(i) * FUNCTION_BYTES + NAMED_BYTES,
  }));
  const spec = {
    blocks: [],
    edges: [],
    vcpus: [],
    modules: [{ path: '/bin/random', base: BASE, size: 6n * FUNCTION_BYTES }],
    symbols: functions.map(({ name, start, end }) => ({
      module: 0,
      address: start - BASE,
      size: end - start,
      name,
    })),
  };
  const trace: FixtureTrace = {
    ...run.trace,
    modules: makeModules(spec),
    symbols: makeSymbols(spec),
  };
  return { ...run, trace, functions };
}

export interface Hop {
  readonly vcpu: number;
  readonly seq: number;
  readonly edge: number;
  readonly source: bigint | null;
  readonly target: bigint;
  readonly cause: string | null;
  readonly kind: string | null;
}

/** Every transfer as an object. */
export function hopsOf({ trace }: NamedRun): Hop[] {
  const { edges } = trace;
  return trace.vcpus.flatMap((vcpu) => {
    const list = [...trace.segmentsOf(vcpu)].flatMap((segment) => [...trace.readSegment(segment)]);
    return list.map((edge, seq) => ({
      vcpu,
      seq,
      edge,
      source: edges.hasSource[edge] === 1 ? (edges.source[edge] ?? 0n) : null,
      target: edges.target[edge] ?? 0n,
      cause: CAUSES[edges.cause[edge] ?? NO_CODE] ?? null,
      kind: KINDS[edges.kind[edge] ?? NO_CODE] ?? null,
    }));
  });
}

export function functionAt({ functions }: NamedRun, pc: bigint | null): string | null {
  if (pc === null) return null;
  return functions.find(({ start, end }) => pc >= start && pc < end)?.name ?? null;
}

/** Size of the instruction at each address. */
export function sizes({ trace }: NamedRun): Map<bigint, number> {
  const found = new Map<bigint, number>();
  for (let block = 0; block < trace.blocks.count; block++) {
    let pc = trace.blocks.pc[block] ?? 0n;
    for (const size of trace.blocks.instructionSizes(block)) {
      found.set(pc, size);
      pc += BigInt(size);
    }
  }
  return found;
}

/** Adds up by key. */
export class Tally<Key> {
  readonly counts = new Map<Key, number>();

  add(key: Key, count = 1): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + count);
  }

  of(key: Key): number {
    return this.counts.get(key) ?? 0;
  }
}

/** How often each instruction ran. */
export function ranAt(run: NamedRun): Tally<bigint> {
  const ran = new Tally<bigint>();
  for (const list of run.executed) for (const { pc } of list) ran.add(pc);
  return ran;
}

const LOOP_KINDS: readonly (string | null)[] = ['branch', 'jump', 'indirect-jump'];
const isCall = ({ kind }: Hop): boolean => kind === 'call' || kind === 'indirect-call';

/** Rows of call_counts and hot_functions. */
export function functionRows(run: NamedRun): Map<string | null, { ran: number; calls: number }> {
  const rows = new Map<string | null, { ran: number; calls: number }>();
  const rowOf = (name: string | null) => {
    const row = rows.get(name) ?? { ran: 0, calls: 0 };
    rows.set(name, row);
    return row;
  };
  for (const list of run.executed) for (const { pc } of list) rowOf(functionAt(run, pc)).ran++;
  for (const hop of hopsOf(run)) if (isCall(hop)) rowOf(functionAt(run, hop.target)).calls++;
  return rows;
}

/** Calls of each pair caller → callee. */
export function callPairs(run: NamedRun): Tally<string> {
  const pairs = new Tally<string>();
  for (const hop of hopsOf(run)) {
    if (!isCall(hop)) continue;
    pairs.add(`${functionAt(run, hop.source)} ${functionAt(run, hop.target)}`);
  }
  return pairs;
}

/** The tree of callees: depth first, the most frequent callee first. */
export function callTree(run: NamedRun, root: string, depth: number): string[] {
  const pairs = [...callPairs(run).counts].map(([pair, count]) => {
    const [caller = '', callee = ''] = pair.split(' ');
    return { caller, callee, count };
  });
  const lines: string[] = [];
  const visit = (name: string, above: readonly string[]): void => {
    if (above.length > depth || name === 'null' || above.slice(0, -1).includes(name)) return;
    const callees = pairs.filter(({ caller }) => caller === name);
    const nullLast = (text: string): string => (text === 'null' ? '' : text);
    callees.sort((a, b) => b.count - a.count || (nullLast(a.callee) < nullLast(b.callee) ? -1 : 1));
    if (above.length === depth + 1) return;
    for (const { callee, count } of callees) {
      if (above.length > depth) continue;
      const isAbove = above.includes(callee);
      const label = callee === 'null' ? '?' : callee;
      lines.push(`${'  '.repeat(above.length)}${label} ${count} ${isAbove}`);
      if (!isAbove) visit(callee, [...above, callee]);
    }
  };
  if (pairs.some(({ caller, callee }) => caller === root || callee === root)) {
    lines.push(`${root} null false`);
    visit(root, [root]);
  }
  return lines;
}

/** Head → iterations and entries, told by how control came to the head each time. */
export function loopRows(run: NamedRun): Map<string, { ran: number; entries: number }> {
  const hops = hopsOf(run);
  const isBack = (hop: Hop): boolean =>
    LOOP_KINDS.includes(hop.kind) &&
    hop.source !== null &&
    hop.target <= hop.source &&
    functionAt(run, hop.source) === functionAt(run, hop.target);
  const heads = new Map<bigint, bigint>();
  for (const hop of hops) {
    if (!isBack(hop)) continue;
    const latch = heads.get(hop.target) ?? 0n;
    heads.set(hop.target, (hop.source ?? 0n) > latch ? (hop.source ?? 0n) : latch);
  }
  const rows = new Map<string, { ran: number; entries: number }>();
  for (const [head, latch] of heads) {
    const name = functionAt(run, head);
    let ran = 0;
    let entered = 0;
    run.executed.forEach((list, vcpu) => {
      const backSeqs = hops.filter(
        (hop) => hop.vcpu === vcpu && isBack(hop) && hop.target === head,
      );
      const waiting = new Set(backSeqs.map(({ seq }) => seq));
      for (const { seq, pc } of list) {
        if (pc !== head) continue;
        ran++;
        // A back edge leads to one run of the head; a second one after it fell in from above.
        if (!waiting.delete(seq)) entered++;
      }
      // A signal came before the head ran: it ran after the handler, and was no entry.
      entered -= waiting.size;
    });
    let jumpedInside = 0;
    for (const hop of hops) {
      const isInside = hop.target > head && hop.target <= latch;
      const isOutside = hop.source !== null && (hop.source < head || hop.source > latch);
      const isJump = LOOP_KINDS.includes(hop.kind) && functionAt(run, hop.target) === name;
      if (isJump && isInside && isOutside) jumpedInside++;
    }
    rows.set(`${head}`, { ran, entries: Math.max(0, entered + jumpedInside) });
  }
  return rows;
}

/** Signals and what ran until the handler came back to the same place: a stack, as a CPU has it. */
export function signalRows(run: NamedRun): string[] {
  const rows: string[] = [];
  for (const vcpu of run.trace.vcpus) {
    const hops = hopsOf(run).filter((hop) => hop.vcpu === vcpu);
    for (const hop of hops) {
      if (hop.cause !== 'signal' || hop.kind !== null) continue;
      let depth = 0;
      const back = hops.find((later) => {
        if (later.seq <= hop.seq || later.cause !== 'signal') return false;
        if (later.kind === null) depth++;
        else if (depth > 0) depth--;
        else return true;
        return false;
      });
      const list = run.executed[vcpu] ?? [];
      const ran = list.filter(({ seq }) => seq >= hop.seq && seq < (back?.seq ?? 0)).length;
      rows.push(
        back === undefined
          ? `${vcpu} ${hop.seq} null null`
          : `${vcpu} ${hop.seq} ${back.seq} ${ran}`,
      );
    }
  }
  return rows;
}

/** Instructions and time of each function and vCPU, ns. */
export function timeRows(run: NamedRun): Map<string, { ran: number; timeNs: number }> {
  const { segments } = run.trace;
  const rows = new Map<string, { ran: number; timeNs: number }>();
  for (let segment = 0; segment < segments.count; segment++) {
    const vcpu = segments.vcpu[segment] ?? 0;
    const first = segments.firstSeq[segment] ?? 0;
    const end = first + (segments.rows[segment] ?? 0);
    const ran = (run.executed[vcpu] ?? []).filter(({ seq }) => seq >= first && seq < end);
    const spanNs = Number(
      (segments.timeLastNs[segment] ?? 0n) - (segments.timeFirstNs[segment] ?? 0n),
    );
    for (const { pc } of ran) {
      const key = `${functionAt(run, pc)} ${vcpu}`;
      const row = rows.get(key) ?? { ran: 0, timeNs: 0 };
      row.ran++;
      row.timeNs += spanNs / ran.length;
      rows.set(key, row);
    }
  }
  return rows;
}
