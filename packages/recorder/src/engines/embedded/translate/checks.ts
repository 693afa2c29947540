/**
 * The checks of addresses in a region. One holds as long as the register that it is relative to, in
 * later blocks, too: permissions do not change while a region is on the stack. Across calls it is
 * kept for the stack pointer alone, which the code behind a call compares.
 */
import { END } from './dataflow.ts';
import type { FormedBlock } from './formation.ts';
import { Facts, type Plan, Walk } from './spans.ts';
import type { Structure } from './structure.ts';

const SP = 2;
const FP = 8;

export interface Checks {
  /** For each block. */
  readonly plans: readonly Plan[];
  /** 1: behind the call that ends the block, checks relative to sp are still relied on. */
  readonly keepsStack: Uint8Array;
}

export function planChecks(
  blocks: readonly FormedBlock[],
  ends: Uint8Array,
  { order, successors }: Structure,
): Checks {
  const usesFramePointer = blocks.some(({ instructions }) =>
    instructions.some(({ op, rd, rs1 }) => op === 'addi' && rd === FP && rs1 === SP),
  );
  const walks = blocks.map(({ instructions }) => new Walk(instructions, usesFramePointer));
  const known: (Facts | undefined)[] = [];
  known[order[0] ?? 0] = new Facts();
  const scratch = new Facts();
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of order) {
      leaving(node, walks, ends, known, scratch);
      for (const next of successors[node] ?? []) {
        const facts = known[next];
        if (facts === undefined) {
          const fresh = new Facts();
          fresh.copyFrom(scratch);
          known[next] = fresh;
          changed = true;
        } else if (facts.meet(scratch)) changed = true;
      }
    }
  }
  const keepsStack = new Uint8Array(blocks.length);
  const plans = blocks.map((_, node) => {
    scratch.copyFrom(known[node] ?? new Facts());
    return walks[node]?.plan(scratch) ?? new Map();
  });
  for (const node of order) {
    const next = successors[node]?.[0];
    if (ends[node] !== END.calls || next === undefined) continue;
    const facts = known[next];
    if (facts === undefined) continue;
    keepsStack[node] = (facts.readLow[SP] ?? 0) < (facts.readHigh[SP] ?? 0) ? 1 : 0;
  }
  return { plans, keepsStack };
}

/** Leaves in `facts` what is known at the end of the node. */
function leaving(
  node: number,
  walks: readonly Walk[],
  ends: Uint8Array,
  known: readonly (Facts | undefined)[],
  facts: Facts,
): void {
  const before = known[node];
  if (before !== undefined) facts.copyFrom(before);
  walks[node]?.plan(facts);
  if (ends[node] === END.calls) facts.forgetAllBut(SP);
}
