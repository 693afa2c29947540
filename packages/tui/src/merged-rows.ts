/**
 * The transfers of several vCPUs around the cursor as rows, by time. Each vCPU's own rows stay in
 * their order; what stands between its transfers (marks, lost ones) stays with the transfer beside
 * it, and so do the rows of a folded loop.
 */
import { ownRow, type Row, rowsAfterMax, rowsBeside } from './transfer-rows.ts';
import type { World } from './world.ts';

export interface MergedRow {
  readonly vcpu: number;
  readonly row: Row;
}

export interface MergedRows {
  /** Oldest first. */
  readonly rows: readonly MergedRow[];
  /** Which of them is the cursor's; -1 where its transfer is lost. */
  readonly cursor: number;
}

export interface MergedOptions {
  readonly vcpu: number;
  /** Of the transfer that the cursor stands after. */
  readonly seq: number;
  readonly vcpus: readonly number[];
  readonly rows: number;
  readonly isFolded: boolean;
  readonly wanted: Uint8Array | null;
}

/** Rows of one vCPU that stay together. */
interface Unit {
  readonly vcpu: number;
  /** Of the transfer that is nearest to the cursor. */
  readonly seq: number;
  readonly rows: readonly Row[];
}

/** Where a row begins something that may stand apart from what is nearer to the cursor. */
function isHead(row: Row): boolean {
  if (row.row !== 'transfer') return false;
  return row.loops.length === 0 || row.skip > 0;
}

/** @param rows of one vCPU in one direction, the nearest first */
function unitsOf(vcpu: number, rows: readonly Row[]): Unit[] {
  const units: { vcpu: number; seq: number; rows: Row[] }[] = [];
  let early: Row[] = [];
  for (const row of rows) {
    // That there is no more says nothing among others.
    if (row.row === 'limit') continue;
    const last = units.at(-1);
    if (row.row === 'transfer' && (last === undefined || isHead(row))) {
      units.push({ vcpu, seq: row.seq, rows: [...early, row] });
      early = [];
    } else if (last === undefined) early.push(row);
    else last.rows.push(row);
  }
  return units;
}

/** The nearest first, up to `max` rows. */
function inOrder(
  world: World,
  lists: readonly (readonly Unit[])[],
  way: 1 | -1,
  max: number,
): MergedRow[] {
  const { order } = world.cursor;
  const next = lists.map(() => 0);
  const merged: MergedRow[] = [];
  while (merged.length < max) {
    let best = -1;
    let unit: Unit | undefined;
    lists.forEach((list, i) => {
      const one = list[next[i] ?? 0];
      if (one === undefined) return;
      if (unit !== undefined && order.compare(one, unit) * way >= 0) return;
      best = i;
      unit = one;
    });
    if (unit === undefined) {
      merged.push({ vcpu: -1, row: { row: 'limit', at: way === 1 ? 'end' : 'start' } });
      break;
    }
    const { vcpu, rows } = unit;
    merged.push(...rows.map((row) => ({ vcpu, row })));
    next[best] = (next[best] ?? 0) + 1;
  }
  return merged.slice(0, max);
}

/** As many rows as asked for, if there are so many; the cursor near the bottom. */
export function mergedRows(world: World, options: MergedOptions): MergedRows {
  const { trace, stretches, cursor } = world;
  const { vcpu, seq, rows, vcpus } = options;
  const side = (way: 1 | -1, max: number): MergedRow[] => {
    const lists = vcpus.map((one): Unit[] => {
      const isOwn = one === vcpu;
      const last = isOwn ? seq : cursor.order.lastUpTo(one, options);
      const of = { ...options, vcpu: one, seq: last, rows: max, marks: world.marks(one) };
      const beside = last < 0 && way === -1 ? [] : rowsBeside(trace, stretches, of, way);
      const isWanted = ({ edge }: { edge: number }): boolean => options.wanted?.[edge] !== 0;
      const own = way === 1 || isOwn ? [] : ownRow(stretches, one, last).filter(isWanted);
      return unitsOf(one, [...own, ...beside]);
    });
    return inOrder(world, lists, way, max);
  };
  const after = side(1, rows - 1);
  const beforeMax = Math.max(rows - 1 - after.length, rows - 1 - rowsAfterMax(rows));
  const before = side(-1, beforeMax);
  const own = ownRow(stretches, vcpu, seq).map((row) => ({ vcpu, row }));
  const shown = after.slice(0, rows - before.length - own.length);
  return {
    rows: [...before.toReversed(), ...own, ...shown],
    cursor: own.length === 0 ? -1 : before.length,
  };
}
