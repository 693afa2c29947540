/**
 * The checks of addresses in a region. One holds as long as the register that it is relative to, in
 * later blocks, too: permissions do not change while a region is on the stack. Across calls it is
 * kept for the stack pointer alone, which the code behind a call compares.
 */
import { END } from './dataflow.ts';
import { Facts } from './facts.ts';
import type { FormedBlock } from './formation.ts';
import { AddressReader, FP, type Plan, planBlock, SP } from './spans.ts';
import type { Structure } from './structure.ts';

const ALL_REGISTERS = -1;

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
  const reader = new AddressReader(blocks.some(setsFramePointer));
  const addresses = blocks.map(({ instructions }) => reader.read(instructions));
  const facts = new Facts(successors.length, order[0] ?? 0, addresses);
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of order) {
      const kept = ends[node] === END.calls ? 1 << SP : ALL_REGISTERS;
      if (facts.carry(node, addresses[node], kept, successors[node] ?? [])) changed = true;
    }
  }
  const keepsStack = new Uint8Array(successors.length);
  for (const node of order) {
    const next = successors[node]?.[0];
    if (ends[node] !== END.calls || next === undefined) continue;
    keepsStack[node] = facts.hasAny(next, SP) ? 1 : 0;
  }
  const plans = addresses.map((of, node) => planBlock(of, (access) => facts.isKnown(node, access)));
  return { plans, keepsStack };
}

const setsFramePointer = ({ instructions }: FormedBlock): boolean =>
  instructions.some(({ op, rd, rs1 }) => op === 'addi' && rd === FP && rs1 === SP);
