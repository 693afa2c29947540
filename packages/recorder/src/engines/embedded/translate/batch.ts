/** Which functions belong into one module: a hot one and small ones that it calls directly. */
import { type FormedRegion, formRegion, type KnownBlocks } from './formation.ts';
import type { Profile, RegionOptions } from './region.ts';

/**
 * A call inside a module is a third faster than one through the table; but a callee is translated
 * again for every caller, so only those are taken whose calls weigh more than their bodies.
 */
const FUNCTIONS_MAX = 6;
const CALLEE_INSTRUCTIONS_MAX = 100;

const instructionCount = ({ blocks }: FormedRegion): number =>
  blocks.reduce((sum, { instructions }) => sum + instructions.length, 0);

/** Where the calls of a region go: to direct targets, and to the last seen of indirect calls. */
function calleesOf({ blocks }: FormedRegion, profile: Profile): number[] {
  return blocks.flatMap(({ transfer, instructions, next }) => {
    if (transfer?.kind === 'call') return [transfer.target ?? -1];
    if (transfer?.kind !== 'indirect-call') return [];
    return profile.targets(next - (instructions.at(-1)?.size ?? 0)).slice(0, 2);
  });
}

/** The region of the entry, and callees worth making with it, nearest first; theirs, too. */
export function batch(entry: number, profile: Profile, options: RegionOptions): FormedRegion[] {
  const known: KnownBlocks = new Map();
  const regions = [formRegion(entry, profile, options, known)];
  const seen = new Set([entry]);
  for (const region of regions) {
    for (const callee of calleesOf(region, profile)) {
      if (regions.length >= FUNCTIONS_MAX) return regions;
      if (seen.has(callee) || !profile.hasRun(callee)) continue;
      seen.add(callee);
      const body = formRegion(callee, profile, options, known);
      if (instructionCount(body) <= CALLEE_INSTRUCTIONS_MAX) regions.push(body);
    }
  }
  return regions;
}
