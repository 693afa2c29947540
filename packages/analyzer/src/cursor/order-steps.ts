/** Steps that may go from one vCPU to another, in the one order that all their transfers have. */
import type { Direction } from '../path.ts';
import type { Found } from './search.ts';
import type { Landing, TimeOrder } from './time-order.ts';
import type { Attempt, Place } from './types.ts';

/** Of an instruction after all those of a moment. */
const INDEX_AFTER = Number.MAX_SAFE_INTEGER;

/** To where the transfer `count` after this one landed, or before it, among those of some vCPUs. */
export function byOrder(
  order: TimeOrder,
  from: Place,
  direction: Direction,
  vcpus: readonly number[],
  count: number,
): Attempt {
  const way = direction === 'forward' ? 1 : -1;
  let at: Landing = from;
  let steps = way === -1 && from.index > 0 ? 1 : 0;
  while (steps < count) {
    const next = order.neighbour(at, way, vcpus);
    if (next === null) break;
    at = next;
    steps++;
  }
  const why = steps === count ? null : way === 1 ? 'end' : 'start';
  return { to: steps === 0 ? null : { vcpu: at.vcpu, seq: at.seq, index: 0 }, why, steps };
}

/** What is found on each of some vCPUs from this moment on, or back: the nearest in time. */
export function nearestOf(
  order: TimeOrder,
  from: Place,
  direction: Direction,
  vcpus: readonly number[],
  find: (from: Place) => Found | null,
): Place | null {
  const way = direction === 'forward' ? 1 : -1;
  let best: Place | null = null;
  for (const vcpu of vcpus) {
    const seq = order.lastUpTo(vcpu, from);
    if (way === -1 && seq < 0) continue;
    const found = find(vcpu === from.vcpu ? from : { vcpu, seq, index: INDEX_AFTER });
    if (found === null) continue;
    const one = { vcpu, seq: found.seq, index: found.index };
    if (best === null || order.compare(one, best) * way < 0) best = one;
  }
  return best;
}
