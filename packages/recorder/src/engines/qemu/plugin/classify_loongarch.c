/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LoongArch (LoongArch Reference Manual, volume 1, 2.2.5 and 2.2.10). */
#include "classify.h"

enum { RA = 1 };

static struct ending_of jirl(uint32_t w) {
  unsigned rd = w & 31, rj = w >> 5 & 31;
  if (rd == RA) return plain(END_INDIRECT_CALL);
  return plain(rd == 0 && rj == RA && (w >> 10 & 0xffff) == 0 ? END_RETURN : END_INDIRECT_JUMP);
}

struct ending_of classify_loongarch(uint32_t w, uint64_t pc) {
  uint64_t middle = (uint64_t)(w >> 10 & 0xffff) << 2;
  uint64_t near = pc + sign_extend(middle, 18);
  uint64_t middling = pc + sign_extend(middle | (uint64_t)(w & 0x1f) << 18, 23);
  uint64_t far = pc + sign_extend(middle | (uint64_t)(w & 0x3ff) << 18, 28);
  switch (w >> 26) {
    case 0x10: /* beqz, bnez, bceqz, bcnez */
    case 0x11:
    case 0x12:
      return to(END_BRANCH, middling);
    case 0x13:
      return jirl(w);
    case 0x14:
      return to(END_JUMP, far);
    case 0x15:
      return to(END_CALL, far);
    case 0x16: /* beq, bne, blt, bge, bltu, bgeu */
    case 0x17:
    case 0x18:
    case 0x19:
    case 0x1a:
    case 0x1b:
      return to(END_BRANCH, near);
  }
  if (w >> 15 == 0x54) return plain(END_TRAP); /* break */
  if (w >> 15 == 0x56) return plain(END_SYSCALL);
  return plain(w == 0x06483800 ? END_TRAP_RETURN : END_SEQUENTIAL); /* ertn */
}
