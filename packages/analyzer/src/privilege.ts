/** Levels of privilege in words, by the guest's instruction set. */
import { privilegeLevels, type Trace } from '@backtrail/recorder/trace';

/** `kernel`, `user`, …; null where the level has no name. */
export const privilegeName = (isa: string, level: number): string | null =>
  privilegeLevels(isa)[level]?.[0] ?? null;

/** The level that `kernel`, `user`, `el2`, `privilege 1` mean in this trace; null: none of it. */
export function privilegeLevel(trace: Trace, words: string): number | null {
  const { guest } = trace.manifest;
  const word = words.trim().toLowerCase().replaceAll(' ', '');
  const isTold = trace.blocks.hasPrivilege.subarray(0, trace.blocks.count).includes(1);
  if (!isTold) return null;
  const numbered = /^privilege(\d)$/.exec(word);
  if (numbered !== null) return Number(numbered[1]);
  const level = privilegeLevels(guest.isa).findIndex((names) => names.includes(word));
  return level < 0 ? null : level;
}

/** The level of a block, or null. */
export const privilegeOf = ({ blocks }: Trace, block: number): number | null =>
  blocks.hasPrivilege[block] === 1 ? (blocks.privilege[block] ?? null) : null;
