/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenRISC 1000 (OpenRISC 1000 Architecture Manual, chapter 5). A branch and the instruction in its
 * delay slot are one instruction of 8 bytes here: slots.c puts them together.
 */
#include "classify.h"

enum { LINK = 9 };

static struct ending_of slotted(uint32_t w, uint64_t pc) {
  uint64_t target = pc + sign_extend((uint64_t)(w & 0x3ffffff) << 2, 28);
  switch (w >> 26) {
    case 0x00:
      return to(END_JUMP, target);
    case 0x01:
      return to(END_CALL, target);
    case 0x03: /* l.bnf, l.bf */
    case 0x04:
      return to(END_BRANCH, target);
    case 0x11: /* l.jr */
      return plain((w >> 11 & 31) == LINK ? END_RETURN : END_INDIRECT_JUMP);
    case 0x12:
      return plain(END_INDIRECT_CALL);
    default:
      return plain(END_SEQUENTIAL);
  }
}

bool or1k_has_slot(uint32_t w) { return slotted(w, 0).ending != END_SEQUENTIAL; }

struct ending_of classify_or1k(uint32_t w, size_t size, uint64_t pc) {
  if (size == 8) return slotted(w, pc);
  if (w >> 26 == 0x09) return plain(END_TRAP_RETURN); /* l.rfe */
  if (w >> 16 == 0x2000) return plain(END_SYSCALL);
  return plain(w >> 16 == 0x2100 ? END_TRAP : END_SEQUENTIAL);
}
