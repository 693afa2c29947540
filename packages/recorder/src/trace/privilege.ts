/** Levels of privilege, as numbers in `blocks.privilege`, in words; by the guest's ISA. */

/** What people call the levels, the first name first. */
const RISCV: readonly (readonly string[])[] = [['user'], ['supervisor', 'kernel'], [], ['machine']];
const X86: readonly (readonly string[])[] = [['kernel', 'ring0'], ['ring1'], ['ring2'], ['user']];
const AARCH64: readonly (readonly string[])[] = [
  ['user', 'el0'],
  ['kernel', 'el1'],
  ['hypervisor', 'el2'],
  ['monitor', 'el3'],
];

/** Names of level 0, 1, …; empty where an ISA's levels are not told. */
export function privilegeLevels(isa: string): readonly (readonly string[])[] {
  if (isa.startsWith('riscv')) return RISCV;
  if (isa === 'x86_64' || isa === 'i386') return X86;
  return isa.startsWith('aarch64') ? AARCH64 : [];
}
