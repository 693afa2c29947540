/**
 * Registers over a region: which may differ from the state block where a block begins (dirty), and
 * which local variables must have a value there (live). A region that leaves stores its dirty
 * registers, so they are live there: one that is dirty on one way only must be right on the others.
 */
import { readsF, readsX, SHAPE, shapeOf, writesF, writesX } from './effects.ts';
import type { FormedBlock } from './formation.ts';
import type { Structure } from './structure.ts';

/** Two words for each node: x0 to x31 at 2n, f0 to f31 at 2n + 1. */
export interface Dataflow {
  readonly dirty: Int32Array;
  readonly live: Int32Array;
}

/** How a block ends, as far as registers are concerned. */
export const END = {
  /** Control stays in the region, with the local variables as they are. */
  stays: 0,
  /** Registers are stored on some way, but local variables stay valid on the others. */
  mayLeave: 1,
  /** Registers are stored, and loaded again where control goes on: a call. */
  calls: 2,
} as const;

const SP_BIT = 1 << 2;

interface Summary {
  /** Written; read before that; written before the first place where control may leave. */
  readonly writes: Int32Array;
  readonly reads: Int32Array;
  readonly safe: Int32Array;
  /** 1: control may leave in the middle. */
  readonly mayLeave: Uint8Array;
}

/**
 * @param ends an END value for each node.
 * @param keepsStack 1: sp is compared behind the call that ends the block.
 */
export function registerFlow(
  blocks: readonly FormedBlock[],
  ends: Uint8Array,
  keepsStack: Uint8Array,
  flow: Structure,
): Dataflow {
  const summary = summarize(blocks, flow.successors.length);
  const dirty = new Int32Array(2 * flow.successors.length);
  while (spreadDirty(summary, ends, flow, dirty));
  const live = new Int32Array(2 * flow.successors.length);
  while (spreadLive(summary, ends, keepsStack, flow, dirty, live));
  return { dirty, live };
}

const at = (array: Int32Array, index: number): number => array[index] ?? 0;

function summarize(blocks: readonly FormedBlock[], nodes: number): Summary {
  const writes = new Int32Array(2 * nodes);
  const reads = new Int32Array(2 * nodes);
  const safe = new Int32Array(2 * nodes);
  const mayLeave = new Uint8Array(nodes);
  blocks.forEach(({ instructions, ends }, n) => {
    let [writtenX, writtenF, readX, readF] = [0, 0, 0, 0];
    for (const instruction of instructions) {
      const shape = shapeOf(instruction.op);
      readX |= readsX(instruction, shape) & ~writtenX;
      readF |= readsF(instruction, shape) & ~writtenF;
      if ((shape & SHAPE.mayLeave) !== 0 && mayLeave[n] === 0) {
        mayLeave[n] = 1;
        safe[2 * n] = writtenX;
        safe[2 * n + 1] = writtenF;
      }
      writtenX |= writesX(instruction, shape);
      writtenF |= writesF(instruction, shape);
    }
    if (ends === 'leave' && mayLeave[n] === 0) {
      mayLeave[n] = 1;
      safe[2 * n] = writtenX;
      safe[2 * n + 1] = writtenF;
    }
    writes[2 * n] = writtenX;
    writes[2 * n + 1] = writtenF;
    reads[2 * n] = readX;
    reads[2 * n + 1] = readF;
  });
  return { writes, reads, safe, mayLeave };
}

/** One pass along control flow; whether anything changed. */
function spreadDirty(
  { writes }: Summary,
  ends: Uint8Array,
  { order, successors }: Structure,
  dirty: Int32Array,
): boolean {
  let changed = false;
  for (const n of order) {
    if (ends[n] === END.calls) continue;
    const x = at(dirty, 2 * n) | at(writes, 2 * n);
    const f = at(dirty, 2 * n + 1) | at(writes, 2 * n + 1);
    for (const next of successors[n] ?? []) {
      const [oldX, oldF] = [at(dirty, 2 * next), at(dirty, 2 * next + 1)];
      if ((oldX | x) === oldX && (oldF | f) === oldF) continue;
      dirty[2 * next] = oldX | x;
      dirty[2 * next + 1] = oldF | f;
      changed = true;
    }
  }
  return changed;
}

/** One pass against control flow; whether anything changed. */
function spreadLive(
  { writes, reads, safe, mayLeave }: Summary,
  ends: Uint8Array,
  keepsStack: Uint8Array,
  { order, successors, isLoop }: Structure,
  dirty: Int32Array,
  live: Int32Array,
): boolean {
  let changed = false;
  for (let p = order.length - 1; p >= 0; p--) {
    const n = order[p] ?? 0;
    for (const word of [2 * n, 2 * n + 1]) {
      let after = 0;
      if (ends[n] !== END.calls) {
        for (const next of successors[n] ?? []) after |= at(live, 2 * next + (word & 1));
      } else if (keepsStack[n] === 1 && word === 2 * n) after |= SP_BIT;
      if (ends[n] !== END.stays) after |= at(dirty, word) | at(writes, word);
      let before = at(reads, word) | (after & ~at(writes, word));
      if (mayLeave[n] === 1) before |= at(dirty, word) & ~at(safe, word);
      // The empty tank of a loop stores what is dirty at its head.
      if (isLoop[n] === 1) before |= at(dirty, word);
      if (before === at(live, word)) continue;
      live[word] = before;
      changed = true;
    }
  }
  return changed;
}
