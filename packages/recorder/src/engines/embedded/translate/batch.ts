/** Which functions belong into one module: a hot one and those that it calls directly. */
import { formRegion } from './formation.ts';
import type { Profile, RegionOptions } from './region.ts';

const FUNCTIONS_MAX = 16;
const INSTRUCTIONS_MAX = 3000;

/**
 * The entry and direct callees worth making with it, callees of callees too: those that have run,
 * nearest first, as long as there is room.
 */
export function batch(entry: number, profile: Profile, options: RegionOptions): number[] {
  const entries = [entry];
  let instructions = 0;
  for (let k = 0; k < entries.length; k++) {
    for (const { instructions: list, transfer, next } of formRegion(
      entries[k] ?? entry,
      profile,
      options,
    ).blocks) {
      instructions += list.length;
      const pc = next - (list.at(-1)?.size ?? 0);
      const callees =
        transfer?.kind === 'call'
          ? [transfer.target ?? -1]
          : transfer?.kind === 'indirect-call'
            ? profile.targets(pc).slice(0, 2)
            : [];
      for (const callee of callees) {
        if (entries.length >= FUNCTIONS_MAX || instructions > INSTRUCTIONS_MAX) return entries;
        if (profile.hasRun(callee) && !entries.includes(callee)) entries.push(callee);
      }
    }
  }
  return entries;
}
