/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PowerPC (Power ISA 3.1, book I, 2.4: branch facility; book III for returns from interrupts). Twin
 * of packages/analyzer/src/disassembly/ppc.ts.
 */
#include "classify.h"

static struct ending_of ppc_by_register(uint32_t w, bool always) {
  bool links = w & 1;
  switch (w >> 1 & 0x3ff) {
    case 16: /* bclr */
      return conditional(links ? END_INDIRECT_CALL : END_RETURN, always);
    case 528: /* bcctr */
    case 560: /* bctar */
      return conditional(links ? END_INDIRECT_CALL : END_INDIRECT_JUMP, always);
    case 18: /* rfid, and for other levels and by vector */
    case 38:
    case 39:
    case 50:
    case 51:
    case 82:
    case 274:
      return plain(END_TRAP_RETURN);
    default:
      return plain(END_SEQUENTIAL);
  }
}

struct ending_of classify_ppc(uint32_t w, uint64_t pc) {
  bool absolute = w & 2, links = w & 1, always = (w >> 21 & 0x14) == 0x14;
  switch (w >> 26) {
    case 16: {
      uint64_t offset = sign_extend(w & 0xfffc, 16);
      struct ending_of found = to(END_BRANCH, absolute ? offset : pc + offset);
      if (links) found.ending = END_CALL;
      else if (always) found.ending = END_JUMP;
      found.passes = links && !always;
      return found;
    }
    case 17:
      return plain((w & 3) == 2 || (w & 3) == 1 ? END_SYSCALL : END_SEQUENTIAL); /* sc, scv */
    case 18: {
      uint64_t offset = sign_extend(w & 0x3fffffc, 26);
      return to(links ? END_CALL : END_JUMP, absolute ? offset : pc + offset);
    }
    case 19:
      return ppc_by_register(w, always);
    default:
      return plain(w == 0x7fe00008 ? END_TRAP : END_SEQUENTIAL);
  }
}
