/**
 * The instruction set of an ELF file by QEMU's name for it, as in `qemu-NAME`. Numbers: e_machine
 * of the ELF gABI's registry; which of them QEMU runs: linux-user targets of QEMU 7.2.
 */

export type ElfClass = 32 | 64;
export type Endian = 'little' | 'big';

export const EM_MIPS = 8;
export const EM_PARISC = 15;
export const EM_S390 = 22;
export const EM_ARM = 40;
export const EM_AARCH64 = 183;
export const EM_RISCV = 243;
export const EM_ALPHA = 0x9026;

/** MIPS n32: 64-bit registers in a 32-bit file. */
const EF_MIPS_ABI2 = 0x20;

/** [machine, class, endian, name] */
const ISAS: readonly (readonly [number, ElfClass, Endian, string])[] = [
  [62, 64, 'little', 'x86_64'],
  [3, 32, 'little', 'i386'],
  [6, 32, 'little', 'i386'],
  [EM_AARCH64, 64, 'little', 'aarch64'],
  [EM_AARCH64, 64, 'big', 'aarch64_be'],
  [EM_ARM, 32, 'little', 'arm'],
  [EM_ARM, 32, 'big', 'armeb'],
  [EM_RISCV, 64, 'little', 'riscv64'],
  [EM_RISCV, 32, 'little', 'riscv32'],
  [EM_MIPS, 32, 'big', 'mips'],
  [EM_MIPS, 32, 'little', 'mipsel'],
  [EM_MIPS, 64, 'big', 'mips64'],
  [EM_MIPS, 64, 'little', 'mips64el'],
  [20, 32, 'big', 'ppc'],
  [21, 64, 'big', 'ppc64'],
  [21, 64, 'little', 'ppc64le'],
  [EM_S390, 64, 'big', 's390x'],
  [2, 32, 'big', 'sparc'],
  [18, 32, 'big', 'sparc32plus'],
  [43, 64, 'big', 'sparc64'],
  [258, 64, 'little', 'loongarch64'],
  [EM_PARISC, 32, 'big', 'hppa'],
  [4, 32, 'big', 'm68k'],
  [42, 32, 'little', 'sh4'],
  [42, 32, 'big', 'sh4eb'],
  [EM_ALPHA, 64, 'little', 'alpha'],
  [189, 32, 'big', 'microblaze'],
  [189, 32, 'little', 'microblazeel'],
  [113, 32, 'little', 'nios2'],
  [92, 32, 'big', 'or1k'],
  [164, 32, 'little', 'hexagon'],
  [94, 32, 'little', 'xtensa'],
  [94, 32, 'big', 'xtensaeb'],
  [76, 32, 'little', 'cris'],
];

/** Null where QEMU has no user mode for it. `flags` is e_flags of the file. */
export function isaOf(
  machine: number,
  elfClass: ElfClass,
  endian: Endian,
  flags: number,
): string | null {
  if (machine === EM_MIPS && elfClass === 32 && (flags & EF_MIPS_ABI2) !== 0) {
    return endian === 'big' ? 'mipsn32' : 'mipsn32el';
  }
  const found = ISAS.find(([m, c, e]) => m === machine && c === elfClass && e === endian);
  return found?.[3] ?? null;
}

/** QEMU's names of its targets; those that are not here have 32 bits and are little-endian. */
const BITS_64 = new Set(
  'aarch64 alpha hppa loongarch64 mips64 mips64el ppc64 riscv64 s390x sparc64 x86_64'.split(' '),
);
const BIG_ENDIAN = new Set(
  'hppa m68k microblaze mips mips64 or1k ppc ppc64 s390x sh4eb sparc sparc64 xtensaeb'.split(' '),
);

/** What QEMU's emulator of that name runs. */
export const guestOfIsa = (
  isa: string,
): { isa: string; endian: 'little' | 'big'; addressBits: 32 | 64 } => ({
  isa,
  endian: BIG_ENDIAN.has(isa) ? 'big' : 'little',
  addressBits: BITS_64.has(isa) ? 64 : 32,
});
