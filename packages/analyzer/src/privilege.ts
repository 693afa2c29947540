/** Levels of privilege in words, by the guest's instruction set. */
import type { Trace } from '@backtrail/recorder/trace';

/** What people call the levels, the first name first. */
const RISCV: readonly (readonly string[])[] = [['user'], ['supervisor', 'kernel'], [], ['machine']];
const X86: readonly (readonly string[])[] = [['kernel', 'ring0'], ['ring1'], ['ring2'], ['user']];
const AARCH64: readonly (readonly string[])[] = [
  ['user', 'el0'],
  ['kernel', 'el1'],
  ['hypervisor', 'el2'],
  ['monitor', 'el3'],
];

const levelsOf = (isa: string): readonly (readonly string[])[] => {
  if (isa.startsWith('riscv')) return RISCV;
  if (isa === 'x86_64' || isa === 'i386') return X86;
  return isa.startsWith('aarch64') ? AARCH64 : [];
};

/** `kernel`, `user`, …; null where the level has no name. */
export const privilegeName = (isa: string, level: number): string | null =>
  levelsOf(isa)[level]?.[0] ?? null;

/** The level that `kernel`, `user`, `el2`, `privilege 1` mean in this trace; null: none of it. */
export function privilegeLevel(trace: Trace, words: string): number | null {
  const { guest } = trace.manifest;
  const word = words.trim().toLowerCase().replaceAll(' ', '');
  const isTold = trace.blocks.hasPrivilege.subarray(0, trace.blocks.count).includes(1);
  if (!isTold) return null;
  const numbered = /^privilege(\d)$/.exec(word);
  if (numbered !== null) return Number(numbered[1]);
  const level = levelsOf(guest.isa).findIndex((names) => names.includes(word));
  return level < 0 ? null : level;
}

/** The level of a block, or null. */
export const privilegeOf = ({ blocks }: Trace, block: number): number | null =>
  blocks.hasPrivilege[block] === 1 ? (blocks.privilege[block] ?? null) : null;
