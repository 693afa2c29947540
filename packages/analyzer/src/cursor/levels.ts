/**
 * How deep in calls a moment is, counted by transfers alone: a call, and what interrupts the code
 * that runs, goes one level down; a return of either kind comes one up. Levels are only compared
 * with each other, so it does not matter what the stream began with.
 */
import { CAUSES, KINDS, type Trace } from '@backtrail/recorder/trace';
import type { Direction } from '../path.ts';
import type { Streams } from './streams.ts';

/** +1, -1 or 0 of each edge. */
export function levelSteps(trace: Trace): Int8Array {
  const { edges } = trace;
  const steps = new Int8Array(edges.count);
  for (let edge = 0; edge < edges.count; edge++) {
    steps[edge] = levelStep(edges.cause[edge] ?? 0, edges.kind[edge] ?? 0);
  }
  return steps;
}

function levelStep(cause: number, kind: number): number {
  switch (KINDS[kind]) {
    case 'call':
    case 'indirect-call':
      return 1;
    case 'return':
    case 'trap-return':
    case 'signal-return':
      return -1;
    default:
      break;
  }
  switch (CAUSES[cause]) {
    case 'exception':
    case 'interrupt':
    case 'signal':
      return 1;
    default:
      return 0;
  }
}

/** Of one segment: the sum of its steps, and the lowest sum on the way. */
export interface LevelSummary {
  readonly net: number;
  /** At most the first step. */
  readonly lowest: number;
}

export function summarizeLevels(edges: Uint32Array, steps: Int8Array): LevelSummary {
  let level = 0;
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < edges.length; i++) {
    level += steps[edges[i] ?? 0] ?? 0;
    if (level < lowest) lowest = level;
  }
  return { net: level, lowest };
}

export interface Level {
  readonly seq: number;
  /** Against that of the moment that was started from. */
  readonly level: number;
}

export class Levels {
  readonly #streams: Streams;
  readonly steps: Int8Array;
  readonly #summaryOf: (segment: number) => LevelSummary;

  /** @param indexed what an index says of a segment, or null where that is not known. */
  constructor(streams: Streams, indexed: (segment: number) => LevelSummary | null) {
    this.#streams = streams;
    this.steps = levelSteps(streams);
    const kept = new Map<number, LevelSummary>();
    this.#summaryOf = (segment) => {
      const known = indexed(segment) ?? kept.get(segment);
      if (known !== undefined) return known;
      const made = summarizeLevels(streams.readSegment(segment), this.steps);
      kept.set(segment, made);
      return made;
    };
  }

  /** The nearest moment after or before one whose level is at most `limit`; null for none. */
  nearest(vcpu: number, from: Level, limit: number, direction: Direction): Level | null {
    return direction === 'forward'
      ? this.#after(vcpu, from, limit)
      : this.#before(vcpu, from, limit);
  }

  /**
   * From the moment of `low` to that of `high`, which is not before it: how much deeper the latter
   * is, and the lowest level of the moments after `low` up to it, both against `low`.
   */
  span(vcpu: number, low: number, high: number): LevelSummary {
    const segments = this.#streams.segmentsOf(vcpu);
    let net = 0;
    let lowest = Number.POSITIVE_INFINITY;
    const start = Math.max(0, this.#streams.ordinalAt(vcpu, low + 1));
    for (let i = start; i < segments.length; i++) {
      const segment = segments[i] ?? 0;
      const first = this.#streams.firstSeq(segment);
      if (first > high) break;
      if (first > low && this.#streams.endSeq(segment) - 1 <= high) {
        const whole = this.#summaryOf(segment);
        lowest = Math.min(lowest, net + whole.lowest);
        net += whole.net;
        continue;
      }
      const edges = this.#streams.readSegment(segment);
      const end = Math.min(edges.length, high - first + 1);
      for (let at = Math.max(0, low + 1 - first); at < end; at++) {
        net += this.steps[edges[at] ?? 0] ?? 0;
        if (net < lowest) lowest = net;
      }
    }
    return { net, lowest };
  }

  #after(vcpu: number, from: Level, limit: number): Level | null {
    const segments = this.#streams.segmentsOf(vcpu);
    let { level } = from;
    let seq = from.seq + 1;
    const start = Math.max(0, this.#streams.ordinalAt(vcpu, seq));
    for (let i = start; i < segments.length; i++) {
      const segment = segments[i] ?? 0;
      const first = this.#streams.firstSeq(segment);
      if (seq <= first) {
        const { net, lowest } = this.#summaryOf(segment);
        if (level + lowest > limit) {
          level += net;
          continue;
        }
        seq = first;
      }
      const edges = this.#streams.readSegment(segment);
      for (let at = seq - first; at < edges.length; at++) {
        level += this.steps[edges[at] ?? 0] ?? 0;
        if (level <= limit) return { seq: first + at, level };
      }
      seq = 0;
    }
    return null;
  }

  #before(vcpu: number, from: Level, limit: number): Level | null {
    const segments = this.#streams.segmentsOf(vcpu);
    let { level } = from;
    // The moment in question, and the level of the one after it within its segment.
    let at = from.seq;
    for (let i = this.#streams.ordinalAt(vcpu, from.seq); i >= 0; i--) {
      const segment = segments[i] ?? 0;
      const first = this.#streams.firstSeq(segment);
      const end = this.#streams.endSeq(segment);
      if (at >= end) {
        // `level` is that of its last moment.
        const { net, lowest } = this.#summaryOf(segment);
        if (level + lowest - net > limit) {
          level -= net;
          continue;
        }
        at = end - 1;
        if (level <= limit) return { seq: at, level };
      }
      const edges = this.#streams.readSegment(segment);
      for (let seq = at; seq > first; seq--) {
        level -= this.steps[edges[seq - first] ?? 0] ?? 0;
        if (level <= limit) return { seq: seq - 1, level };
      }
      level -= this.steps[edges[0] ?? 0] ?? 0;
      at = Number.POSITIVE_INFINITY;
    }
    return null;
  }
}
