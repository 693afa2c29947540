/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PA-RISC (PA-RISC 2.0 Instruction Set Architecture, chapters 4 and 6, appendix C). A branch and
 * the instruction in its delay slot are one instruction of 8 bytes here: slots.c joins them. One
 * that nullifies its slot where it is taken has none, unless the slot lies in the next page: there
 * QEMU runs what is nullified as a block of its own.
 */
#include "classify.h"

enum { RP = 2, MILLICODE = 31, PAGE = 4096 };

static bool bit(uint32_t w, unsigned at) { return w >> at & 1; }

static uint64_t near_distance(uint32_t w) {
  return sign_extend((uint64_t)(w & 1) << 13 | (uint64_t)bit(w, 2) << 12 | (w >> 3 & 0x3ff) << 2,
                     14);
}

static uint64_t call_distance(uint32_t w, bool far) {
  uint64_t low = (uint64_t)(w >> 16 & 31) << 13 | (uint64_t)bit(w, 2) << 12 | (w >> 3 & 0x3ff) << 2;
  if (far) return sign_extend((uint64_t)(w & 1) << 23 | (uint64_t)(w >> 21 & 31) << 18 | low, 24);
  return sign_extend((uint64_t)(w & 1) << 18 | low, 19);
}

static bool returns_by(unsigned r) { return r == RP || r == MILLICODE; }

/* b, l and gate; blr, bv, bve. */
static struct ending_of branches(uint32_t w, uint64_t pc) {
  unsigned t = w >> 21 & 31, x = w >> 16 & 31;
  switch (w >> 13 & 7) {
    case 0:
    case 1:
      return to(t == 0 ? END_JUMP : END_CALL, pc + 8 + call_distance(w, false));
    case 2: /* blr: into a table behind it, or linking */
      return plain(t == 0 ? END_INDIRECT_JUMP : END_INDIRECT_CALL);
    case 4:
    case 5:
      return to(END_CALL, pc + 8 + call_distance(w, true));
    case 6: /* bv; bve, whose base stands where that of bv is too */
      if (bit(w, 12)) return plain(returns_by(t) ? END_RETURN : END_INDIRECT_JUMP);
      return plain(x == 0 && returns_by(t) ? END_RETURN : END_INDIRECT_JUMP);
    case 7:
      return plain(END_INDIRECT_CALL);
    default:
      return plain(END_SEQUENTIAL);
  }
}

static struct ending_of moves(uint32_t w, uint64_t pc) {
  switch (w >> 26) {
    case 0x20: /* cmpb, cmpib, addb, addib, bb, movb, movib */
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x27:
    case 0x28:
    case 0x29:
    case 0x2a:
    case 0x2b:
    case 0x2f:
    case 0x30:
    case 0x31:
    case 0x32:
    case 0x33:
    case 0x3b:
      return to(END_BRANCH, pc + 8 + near_distance(w));
    case 0x38: /* be */
      return plain(returns_by(w >> 21 & 31) && call_distance(w, false) == 0 ? END_RETURN
                                                                            : END_INDIRECT_JUMP);
    case 0x39: /* be,l; without a base into a gateway of the kernel, in page 0 */
      return plain((w >> 21 & 31) == 0 ? END_SYSCALL : END_INDIRECT_CALL);
    case 0x3a:
      return branches(w, pc);
    default:
      return plain(END_SEQUENTIAL);
  }
}

/* Whether the slot is nullified where the branch is taken: conditional ones do that forward. */
static bool nullifies_taken(uint32_t w, enum ending ending) {
  return bit(w, 1) && (ending != END_BRANCH || !(w & 1));
}

bool hppa_has_slot(uint32_t w, uint64_t pc) {
  enum ending ending = moves(w, 0).ending;
  if (ending == END_SEQUENTIAL) return false;
  return !nullifies_taken(w, ending) || pc % PAGE == PAGE - 4;
}

/* Whether an instruction may nullify the next one. */
static bool may_nullify(uint32_t w) {
  switch (w >> 26) {
    case 0x02: /* arithmetic and logic, comclr among them */
    case 0x24:
    case 0x25:
    case 0x2c:
    case 0x2d:
      return (w >> 12 & 15) != 0;
    case 0x34: /* shifts, extract, deposit */
    case 0x35:
    case 0x36:
    case 0x3c:
    case 0x3d:
    case 0x3e:
      return (w >> 13 & 7) != 0;
    case 0x04: /* coprocessors: those that test */
    case 0x0c:
    case 0x0e:
      return true;
    default:
      return false;
  }
}

struct ending_of classify_hppa(uint32_t w, size_t size, uint64_t pc, uint32_t before, bool first) {
  struct ending_of found = moves(w, pc);
  if (size == 4 && hppa_has_slot(w, pc)) return plain(END_UNKNOWN);
  if (found.ending == END_SEQUENTIAL) {
    if ((w & 0xfc001fe0) == 0x00000c00 || (w & 0xfc001fe0) == 0x00000ca0) {
      return plain(END_TRAP_RETURN); /* rfi, rfi,r */
    }
    return plain((w & 0xfc001fe0) == 0 ? END_TRAP : END_SEQUENTIAL);
  }
  if (found.ending == END_BRANCH || found.ending == END_SYSCALL) return found;
  bool direct = found.ending == END_JUMP || found.ending == END_CALL;
  found.passes = first ? !direct : may_nullify(before);
  if (found.passes && found.ending == END_JUMP) found.ending = END_BRANCH;
  return found;
}
