/**
 * The slow, obvious cursor: the whole run of one vCPU as an array of stops, and every move a walk
 * along it. A stop is an instruction that ran, or a moment in which none did.
 */
import {
  CAUSES,
  KINDS,
  MARK_KINDS,
  type MarkKind,
  NO_ROW,
  type Trace,
} from '@backtrail/recorder/trace';
import { ExecutedPath } from './path.ts';
import type { FixtureTrace } from './trace.fixture.ts';

export interface Stop {
  readonly seq: number;
  readonly index: number;
  readonly pc: bigint;
  readonly hasRun: boolean;
  readonly edge: number;
  readonly block: number;
  /** Depth in calls, by words. */
  readonly level: number;
  /** Whether transfers are lost between the stop before and this one. */
  readonly isAfterGap: boolean;
  readonly line: string | null;
}

/** A trace with some of its segments lost. */
export function withHoles(trace: FixtureTrace, isLost: (segment: number) => boolean): FixtureTrace {
  const { firstSeq, rows } = trace.segments;
  const of = (vcpu: number): Uint32Array =>
    trace.segmentsOf(vcpu).filter((segment) => !isLost(segment));
  const end = (segment: number): number => (firstSeq[segment] ?? 0) + (rows[segment] ?? 0);
  return {
    ...trace,
    vcpus: trace.vcpus.filter((vcpu) => of(vcpu).length > 0),
    segmentsOf: of,
    seqEnd: (vcpu) => of(vcpu).reduce((last, segment) => Math.max(last, end(segment)), 0),
    segmentAt: (vcpu, seq) =>
      of(vcpu).find((segment) => seq >= (firstSeq[segment] ?? 0) && seq < end(segment)) ?? -1,
  };
}

/** A machine that has been up for long. */
export const BASE_NS = 10n ** 18n;

/** Times that rise within a vCPU and overlap between them; some segments take no time. */
export function withTimes(trace: FixtureTrace, random: (below: number) => number): FixtureTrace {
  const { segments } = trace;
  const timeFirstNs = new BigUint64Array(segments.timeFirstNs.length);
  const timeLastNs = new BigUint64Array(timeFirstNs.length);
  for (const vcpu of trace.vcpus) {
    let now = BASE_NS + BigInt(random(50));
    for (const segment of trace.segmentsOf(vcpu)) {
      now += BigInt(random(20));
      timeFirstNs[segment] = now;
      now += BigInt(random(4) * random(30));
      timeLastNs[segment] = now;
    }
  }
  return { ...trace, segments: { ...segments, timeFirstNs, timeLastNs } };
}

const STEPS: Readonly<Record<string, number>> = {
  call: 1,
  'indirect-call': 1,
  return: -1,
  'trap-return': -1,
  'signal-return': -1,
};

function stepOf({ edges }: Trace, edge: number): number {
  const kind = KINDS[edges.kind[edge] ?? 0];
  const step = kind === undefined ? undefined : STEPS[kind];
  if (step !== undefined) return step;
  const cause = CAUSES[edges.cause[edge] ?? 0] ?? '';
  return ['exception', 'interrupt', 'signal'].includes(cause) ? 1 : 0;
}

/** The block of each instruction that ran, by seq and index; from the path, which is proven. */
function blocksOf(path: ExecutedPath, vcpu: number, seq: number): number[] {
  return path.runsAt(vcpu, seq).flatMap((run) => Array<number>(run.length).fill(run.block));
}

/** What ran, whoever knows it: after which transfer, and where. */
export type Executed = readonly { readonly seq: number; readonly pc: bigint }[];

/**
 * @param executed all that ran on this vCPU, also what is lost in `trace`
 * @param seqEnd where the run really ended
 */
export function stopsOf(
  trace: Trace,
  vcpu: number,
  executed: Executed,
  seqEnd: number,
  lineOf: (pc: bigint) => string | null,
): Stop[] {
  const stops: Stop[] = [];
  const path = new ExecutedPath(trace);
  const ran = Map.groupBy(executed, ({ seq }) => seq);
  let level = 0;
  let seqBefore = -1;
  for (const segment of trace.segmentsOf(vcpu)) {
    trace.readSegment(segment).forEach((edge, i) => {
      const seq = (trace.segments.firstSeq[segment] ?? 0) + i;
      const isAfterGap = seq !== seqBefore + 1;
      seqBefore = seq;
      level += stepOf(trace, edge);
      const isLast = trace.segmentAt(vcpu, seq + 1) < 0;
      const isEnd = seq + 1 === seqEnd;
      const all = ran.get(seq) ?? [];
      // Before a gap no more is known than where it arrived, and that there was a block.
      const target = { seq, pc: trace.edges.target[edge] ?? 0n };
      const arrived = trace.edges.targetBlock[edge] === NO_ROW ? [] : [target];
      const known = isLast && !isEnd ? arrived : all;
      const blocks = blocksOf(path, vcpu, seq);
      const common = { seq, edge, level };
      known.forEach(({ pc }, index) => {
        const block = blocks[index] ?? NO_ROW;
        const line = lineOf(pc);
        const after = isAfterGap && index === 0;
        stops.push({ ...common, index, pc, hasRun: true, block, isAfterGap: after, line });
      });
      if (known.length > 0) return;
      const pc = trace.edges.target[edge] ?? 0n;
      stops.push({ ...common, index: 0, pc, hasRun: false, block: NO_ROW, isAfterGap, line: null });
    });
  }
  return stops;
}

type Way = 1 | -1;

/** Moves by number of the stop; -1 where there is none. */
export class CursorModel {
  readonly stops: readonly Stop[];
  readonly #trace: Trace;
  readonly #vcpu: number;

  constructor(trace: Trace, vcpu: number, stops: readonly Stop[]) {
    this.#trace = trace;
    this.#vcpu = vcpu;
    this.stops = stops;
  }

  #find(at: number, way: Way, accept: (stop: Stop) => boolean): number {
    for (let i = at + way; i >= 0 && i < this.stops.length; i += way) {
      const stop = this.stops[i];
      if (stop !== undefined && accept(stop)) return i;
    }
    return -1;
  }

  instruction(at: number, way: Way): number {
    return this.#find(at, way, (stop) => stop.hasRun);
  }

  transfer(at: number, way: Way): number {
    return this.#find(at, way, (stop) => stop.index === 0);
  }

  landing(at: number, way: Way, isWanted: (edge: number) => boolean): number {
    return this.#find(at, way, (stop) => stop.index === 0 && isWanted(stop.edge));
  }

  execution(at: number, way: Way, isWanted: (stop: Stop) => boolean): number {
    return this.#find(at, way, (stop) => stop.hasRun && isWanted(stop));
  }

  level(at: number, way: Way, against: number): number {
    const limit = (this.stops[at]?.level ?? 0) + against;
    return this.#find(at, way, (stop) => stop.hasRun && stop.level <= limit);
  }

  into(at: number, way: Way): number {
    if (way === 1) return this.landing(at, way, (edge) => stepOf(this.#trace, edge) === 1);
    for (let i = at; i > 0; i--) {
      const stop = this.stops[i];
      if (stop?.index === 0 && stepOf(this.#trace, stop.edge) === -1) return i - 1;
    }
    return -1;
  }

  /** Stops that a step by line sees, and whether a gap lies before each. */
  line(at: number, way: Way, isOver: boolean): number {
    const here = this.stops[at];
    if (here === undefined) return -1;
    const seen: { i: number; line: string; isApart: boolean }[] = [];
    let limit = here.level;
    let isApart = false;
    // A gap lies between a stop after it and the one before; walking back it is met a step later.
    let isApartNext = way === -1 && here.isAfterGap;
    for (let i = at + way; i >= 0 && i < this.stops.length; i += way) {
      const stop = this.stops[i];
      if (stop === undefined) break;
      if (way === 1 ? stop.isAfterGap : isApartNext) isApart = true;
      isApartNext = stop.isAfterGap;
      if (isOver && stop.level > limit) continue;
      limit = Math.min(limit, stop.level);
      if (stop.line === null) continue;
      seen.push({ i, line: stop.line, isApart });
      isApart = false;
    }
    if (way === 1) {
      let isAfterGap = false;
      for (const { i, line, isApart: apart } of seen) {
        isAfterGap ||= apart;
        if (line !== here.line || isAfterGap) return i;
      }
      return -1;
    }
    let start = -1;
    let line: string | null = null;
    for (const one of seen) {
      if (start >= 0 && (one.line !== line || one.isApart)) break;
      start = one.i;
      ({ line } = one);
    }
    return start;
  }

  mark(at: number, way: Way, kinds: readonly MarkKind[]): number {
    const { marks } = this.#trace;
    let best = -1;
    for (let mark = 0; mark < marks.count; mark++) {
      const kind = MARK_KINDS[marks.kind[mark] ?? 0];
      if (kind === undefined || !kinds.includes(kind) || marks.vcpu[mark] !== this.#vcpu) continue;
      const place = this.#placeOf(mark, kind);
      if ((place - at) * way <= 0) continue;
      if (best < 0 || (place - best) * way < 0) best = place;
    }
    return best;
  }

  #placeOf(mark: number, kind: MarkKind): number {
    const { marks } = this.#trace;
    const seq = marks.seq[mark] ?? 0;
    const pc = marks.hasPc[mark] === 1 ? marks.pc[mark] : null;
    const last = this.stops.findLastIndex((stop) => stop.seq === seq - 1);
    if (kind === 'gap' || last < 0) {
      const after = this.stops.findIndex((stop) => stop.seq >= seq);
      if (after >= 0) return after;
      const { seq: end = 0 } = this.stops.at(-1) ?? {};
      return this.stops.findIndex((stop) => stop.seq === end);
    }
    const ran = this.stops.findLastIndex((stop) => stop.seq === seq - 1 && stop.pc === pc);
    return ran >= 0 ? ran : last;
  }
}
