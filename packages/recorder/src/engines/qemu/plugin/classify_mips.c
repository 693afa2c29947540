/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MIPS (MIPS Architecture For Programmers, volume II-A) below release 6. A branch or jump and the
 * instruction in its delay slot are one instruction of 8 bytes here: block.c puts them together.
 * Twin of packages/analyzer/src/disassembly/mips.ts.
 */
#include "classify.h"

enum { RA = 31 };

static struct ending_of special(uint32_t w) {
  unsigned rs = w >> 21 & 31, rd = w >> 11 & 31;
  switch (w & 63) {
    case 9: /* jalr */
      if (rd != 0) return plain(END_INDIRECT_CALL);
      return plain(rs == RA ? END_RETURN : END_INDIRECT_JUMP);
    case 8: /* jr */
      return plain(rs == RA ? END_RETURN : END_INDIRECT_JUMP);
    default:
      return plain(END_SEQUENTIAL);
  }
}

/* Compares with zero; some of them link, whether they are taken or not. */
static struct ending_of compare_zero(uint32_t w, uint64_t near) {
  unsigned which = w >> 16 & 31;
  bool is_zero = (w >> 21 & 31) == 0, at_least = which & 1, links = which & 16;
  if ((which & ~16u) > 3) return plain(END_SEQUENTIAL);
  struct ending_of found = to(links ? END_CALL : END_BRANCH, near);
  bool always = is_zero && at_least;
  if (!links && always) found.ending = END_JUMP;
  found.passes = links && !always;
  return found;
}

static struct ending_of slotted(uint32_t w, uint64_t pc) {
  uint64_t near = pc + 4 + sign_extend((uint64_t)(w & 0xffff) << 2, 18);
  uint64_t far = ((pc + 4) & ~0x0fffffffull) | (uint64_t)(w & 0x3ffffff) << 2;
  unsigned rs = w >> 21 & 31, rt = w >> 16 & 31;
  switch (w >> 26) {
    case 0:
      return special(w);
    case 1:
      return compare_zero(w, near);
    case 2:
      return to(END_JUMP, far);
    case 3:
    case 0x1d: /* jalx */
      return to(END_CALL, far);
    case 4: /* beq, beql */
    case 0x14:
      return to(rs == 0 && rt == 0 ? END_JUMP : END_BRANCH, near);
    case 5: /* bne, blez, bgtz, and their likely forms */
    case 6:
    case 7:
    case 0x15:
    case 0x16:
    case 0x17:
      return to(END_BRANCH, near);
    case 0x11: /* bc1, bc2 */
    case 0x12:
      return rs == 8 ? to(END_BRANCH, near) : plain(END_SEQUENTIAL);
    default:
      return plain(END_SEQUENTIAL);
  }
}

bool mips_has_slot(uint32_t w) { return slotted(w, 0).ending != END_SEQUENTIAL; }

struct ending_of classify_mips(uint32_t w, size_t size, uint64_t pc) {
  if (size == 8) return slotted(w, pc);
  if (size != 4) return plain(END_UNKNOWN); /* MIPS16, microMIPS */
  if ((w & 0xfc00003f) == 0x0000000c) return plain(END_SYSCALL);
  if ((w & 0xfc00003f) == 0x0000000d) return plain(END_TRAP);
  bool returns = w == 0x42000018 || w == 0x4200001f; /* eret, deret */
  return plain(returns ? END_TRAP_RETURN : END_SEQUENTIAL);
}
