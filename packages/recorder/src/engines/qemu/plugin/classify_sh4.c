/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SuperH (SH-4 Software Manual, chapter 9). A branch and the instruction in its delay slot are one
 * instruction of 4 bytes here: block.c puts them together. Twin of
 * packages/analyzer/src/disassembly/sh4.ts.
 */
#include "classify.h"

static struct ending_of slotted(uint32_t w, uint64_t pc) {
  uint64_t far = pc + 4 + sign_extend((w & 0xfff) << 1, 13);
  uint64_t near = pc + 4 + sign_extend((w & 0xff) << 1, 9);
  if ((w & 0xf000) == 0xa000) return to(END_JUMP, far);
  if ((w & 0xf000) == 0xb000) return to(END_CALL, far);
  if ((w & 0xfd00) == 0x8d00) return to(END_BRANCH, near); /* bt/s, bf/s */
  switch (w & 0xf0ff) {
    case 0x0023: /* braf, jmp */
    case 0x402b:
      return plain(END_INDIRECT_JUMP);
    case 0x0003: /* bsrf, jsr */
    case 0x400b:
      return plain(END_INDIRECT_CALL);
  }
  if (w == 0x002b) return plain(END_TRAP_RETURN);
  return plain(w == 0x000b ? END_RETURN : END_SEQUENTIAL);
}

bool sh4_has_slot(uint32_t w) { return slotted(w, 0).ending != END_SEQUENTIAL; }

struct ending_of classify_sh4(uint32_t w, size_t size, uint64_t pc) {
  if (size == 4) return slotted(w, pc);
  if ((w & 0xfd00) == 0x8900) { /* bt, bf */
    return to(END_BRANCH, pc + 4 + sign_extend((w & 0xff) << 1, 9));
  }
  return plain((w & 0xff00) == 0xc300 ? END_SYSCALL : END_SEQUENTIAL); /* trapa */
}
