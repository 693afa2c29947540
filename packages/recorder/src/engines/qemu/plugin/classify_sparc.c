/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SPARC (The SPARC Architecture Manual, versions 8 and 9, appendix A). A branch and the instruction
 * in its delay slot are one instruction of 8 bytes here: slots.c puts them together. Of one whose
 * slot is skipped where it is not taken that holds as well: not taken, it goes on behind the slot.
 * An unconditional one that annuls has no slot.
 */
#include "classify.h"

enum { O7 = 15, I7 = 31, ALWAYS = 8, NEVER = 0 };
enum { BPCC = 1, BICC = 2, BPR = 3, FBPFCC = 5, FBFCC = 6 };

/* ret, retl, and those that step over the word behind a call that says what it wants. */
static bool is_return(unsigned rs1, uint32_t w) {
  unsigned distance = w & 0x1fff;
  return (w >> 13 & 1) && (rs1 == O7 || rs1 == I7) && (distance == 8 || distance == 12);
}

static struct ending_of branch(uint32_t w, uint64_t pc) {
  unsigned how = w >> 22 & 7, condition = w >> 25 & 15;
  uint64_t distance;
  if (how == BICC || how == FBFCC) {
    distance = sign_extend((uint64_t)(w & 0x3fffff) << 2, 24);
  } else if (how == BPCC || how == FBPFCC) {
    distance = sign_extend((uint64_t)(w & 0x7ffff) << 2, 21);
  } else if (how == BPR && condition < 8 && (condition & 3) != 0) { /* there is no always */
    distance = sign_extend((uint64_t)(w >> 20 & 3) << 16 | (w & 0x3fff) << 2, 18);
    return to(END_BRANCH, pc + distance);
  } else {
    return plain(END_SEQUENTIAL);
  }
  if (condition == NEVER) return plain(END_SEQUENTIAL);
  return to(condition == ALWAYS ? END_JUMP : END_BRANCH, pc + distance);
}

static bool annuls(uint32_t w) { return w >> 29 & 1; }

static struct ending_of by_register(uint32_t w) {
  unsigned rd = w >> 25 & 31, rs1 = w >> 14 & 31;
  switch (w >> 19 & 63) {
    case 0x38: /* jmpl */
      if (rd == O7) return plain(END_INDIRECT_CALL);
      return plain(rd == 0 && is_return(rs1, w) ? END_RETURN : END_INDIRECT_JUMP);
    case 0x39: /* return; of version 8 rett */
      return plain(is_return(rs1, w) ? END_RETURN : END_INDIRECT_JUMP);
    default:
      return plain(END_SEQUENTIAL);
  }
}

static struct ending_of moves(uint32_t w, uint64_t pc) {
  switch (w >> 30) {
    case 0:
      return branch(w, pc);
    case 1:
      return to(END_CALL, pc + sign_extend((uint64_t)(w & 0x3fffffff) << 2, 32));
    case 2:
      return by_register(w);
    default:
      return plain(END_SEQUENTIAL);
  }
}

static bool is_branch(uint32_t w) { return w >> 30 == 0; }

bool sparc_has_slot(uint32_t w) {
  unsigned how = w >> 22 & 7, condition = w >> 25 & 15;
  bool by_condition = how == BICC || how == FBFCC || how == BPCC || how == FBPFCC;
  /* It skips the next instruction, and that is all. */
  if (is_branch(w) && by_condition && condition == NEVER) return annuls(w);
  enum ending ending = moves(w, 0).ending;
  if (ending == END_SEQUENTIAL) return false;
  return !(is_branch(w) && ending == END_JUMP && annuls(w));
}

struct ending_of classify_sparc(uint32_t w, size_t size, uint64_t pc) {
  if (size == 8) return moves(w, pc);
  if (size != 4 || sparc_has_slot(w)) return plain(END_UNKNOWN);
  if (is_branch(w)) return moves(w, pc);
  unsigned how = w >> 19 & 63;
  if (w >> 30 != 2) return plain(END_SEQUENTIAL);
  if (how == 0x3e) return plain(END_TRAP_RETURN); /* done, retry */
  if (how != 0x3a) return plain(END_SEQUENTIAL);
  unsigned number = w & 0x7f; /* ta: what Linux has for system calls, 32 and 64 bits */
  return plain((w >> 13 & 1) && (number == 0x10 || number == 0x6d) ? END_SYSCALL : END_TRAP);
}
