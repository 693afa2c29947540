/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux: asm/unistd_64.h for x86-64, asm/unistd_32.h for i386, unistd.h for Arm (EABI),
 * asm-generic/unistd.h for the younger ones, arch/ISA/kernel/syscalls/syscall.tbl for the others.
 */
#include "numbers.h"

static const struct numbers x86_64_numbers = {9, 11, 13, 15, 59, 322, 56, 57, 58, -1, -1, 231};
static const struct numbers i386_numbers = {-1, 91, 174, 173, 11, 358, 120, 2, 190, 192, 119, 252};
static const struct numbers arm_numbers = {-1, 91, 174, 173, 11, 387, 120, 2, 190, 192, 119, 248};
static const struct numbers generic_numbers = {222, 215, 134, 139, 221, 281,
                                                220, -1,  -1,  -1,  -1,  94};
/* The generic ones, whose mmap is mmap2. */
static const struct numbers generic32_numbers = {-1,  215, 134, 139, 221, 281,
                                                  220, -1,  -1,  222, -1,  94};
static const struct numbers ppc_numbers = {90, 91, 173, 172, 11, 362, 120, 2, 189, 192, 119, 234};
/* mmap takes its arguments in memory. */
static const struct numbers s390x_numbers = {-1, 91, 174, 173, 11, 354, 120, 2, 190, -1, 119, 248};
static const struct numbers mips_numbers = {4090, 4091, 4194, 4193, 4011, 4356,
                                             4120, 4002, -1,   4210, 4119, 4246};
static const struct numbers mips64_numbers = {5009, 5011, 5013, 5211, 5057, 5316,
                                               5055, 5056, -1,   -1,   -1, 5205};
static const struct numbers mipsn32_numbers = {6009, 6011, 6013, 6211, 6057, 6320,
                                                6055, 6056, -1,   -1,   -1, 6205};
static const struct numbers m68k_numbers = {90, 91, 174, 173, 11, 355, 120, 2, 190, 192, 119, 247};
static const struct numbers sh4_numbers = {90, 91, 174, 173, 11, 358, 120, 2, 190, 192, 119, 252};
static const struct numbers sparc_numbers = {71, 73, 102, 101, 59, 350, 217, 2, 66, 56, 216, 188};
static const struct numbers alpha_numbers = {71,  73, 352, 351, 59,  513,
                                              312, 2,  66,  -1,  103, 405};
static const struct numbers hppa_numbers = {90, 91, 174, 173, 11, 342, 120, 2, 113, 89, -1, 222};
static const struct numbers microblaze_numbers = {90,  91, 174, 173, 11,  388,
                                                   120, 2,  190, 192, 119, 252};
static const struct numbers cris_numbers = {90, 91, 174, 173, 11, -1, 120, 2, 190, 192, 119, 252};
static const struct numbers xtensa_numbers = {-1,  81, 226, 225, 117, 341,
                                               116, -1, -1,  80,  -1,  119};
static const struct numbers unknown_numbers = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

static const struct numbers *numbers_of_mips(const struct guest *guest) {
  if (guest->is_n32) return &mipsn32_numbers;
  return guest->address_bits == 32 ? &mips_numbers : &mips64_numbers;
}

const struct numbers *numbers_of(const struct guest *guest) {
  static const struct numbers *const known[] = {
      [ISA_OTHER] = &unknown_numbers,
      [ISA_X86_64] = &x86_64_numbers,
      [ISA_I386] = &i386_numbers,
      [ISA_RISCV64] = &generic_numbers,
      [ISA_RISCV32] = &generic32_numbers,
      [ISA_AARCH64] = &generic_numbers,
      [ISA_ARM] = &arm_numbers,
      [ISA_MIPS] = &mips_numbers,
      [ISA_PPC] = &ppc_numbers,
      [ISA_S390X] = &s390x_numbers,
      [ISA_M68K] = &m68k_numbers,
      [ISA_SH4] = &sh4_numbers,
      [ISA_SPARC] = &sparc_numbers,
      [ISA_HPPA] = &hppa_numbers,
      [ISA_ALPHA] = &alpha_numbers,
      [ISA_LOONGARCH] = &generic_numbers,
      [ISA_NIOS2] = &generic32_numbers,
      [ISA_OR1K] = &generic32_numbers,
      [ISA_MICROBLAZE] = &microblaze_numbers,
      [ISA_XTENSA] = &xtensa_numbers,
      [ISA_HEXAGON] = &generic32_numbers,
      [ISA_CRIS] = &cris_numbers,
  };
  return guest->isa == ISA_MIPS ? numbers_of_mips(guest) : known[guest->isa];
}
