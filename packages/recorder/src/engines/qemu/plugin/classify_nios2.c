/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nios II (Nios II Processor Reference, chapter 8). */
#include "classify.h"

enum { RA = 31, R_TYPE = 0x3a };

static struct ending_of by_register(uint32_t w) {
  switch (w >> 11 & 63) {
    case 0x01: /* eret, bret */
    case 0x09:
      return plain(END_TRAP_RETURN);
    case 0x05: /* ret */
      return plain(END_RETURN);
    case 0x0d: /* jmp */
      return plain(w >> 27 == RA ? END_RETURN : END_INDIRECT_JUMP);
    case 0x1d: /* callr */
      return plain(END_INDIRECT_CALL);
    case 0x2d:
      return plain(END_SYSCALL);
    case 0x34: /* break */
      return plain(END_TRAP);
    default:
      return plain(END_SEQUENTIAL);
  }
}

struct ending_of classify_nios2(uint32_t w, uint64_t pc) {
  uint64_t near = pc + 4 + sign_extend(w >> 6 & 0xffff, 16);
  uint64_t far = (pc & ~0x0fffffffull) | (uint64_t)(w >> 6) << 2;
  switch (w & 63) {
    case 0x00:
      return to(END_CALL, far);
    case 0x01:
      return to(END_JUMP, far);
    case 0x06: /* br */
      return to(END_JUMP, near);
    case 0x0e: /* bge, blt, bne, beq, bgeu, bltu */
    case 0x16:
    case 0x1e:
    case 0x26:
    case 0x2e:
    case 0x36:
      return to(END_BRANCH, near);
    case R_TYPE:
      return by_register(w);
    default:
      return plain(END_SEQUENTIAL);
  }
}
