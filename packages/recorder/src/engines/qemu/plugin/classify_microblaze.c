/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MicroBlaze (MicroBlaze Processor Reference Guide, UG984, chapter 5). A branch that is delayed and
 * the instruction in its slot are one instruction of 8 bytes here: slots.c puts them together. An
 * `imm` before a branch holds the high half of what its immediate is.
 */
#include "classify.h"

enum { BR = 0x26, BCC = 0x27, IMM = 0x2c, RETURNS = 0x2d, BRI = 0x2e, BCCI = 0x2f, PAGE = 4096 };
enum { SYSCALL_VECTOR = 8 };

static bool delayed(uint32_t w) { return w >> 20 & 1; }
static bool absolute(uint32_t w) { return w >> 19 & 1; }
static bool links(uint32_t w) { return w >> 18 & 1; }
/* brk, brki */
static bool breaks(uint32_t w) { return links(w) && !delayed(w); }
/* mbar shares the opcode of bri */
static bool is_barrier(uint32_t w) { return w >> 26 == BRI && (w >> 16 & 31) == 2; }

static struct ending_of moves(uint32_t w, uint64_t immediate, uint64_t pc) {
  switch (w >> 26) {
    case BR:
      return plain(links(w) ? END_INDIRECT_CALL : END_INDIRECT_JUMP);
    case BRI:
      return to(links(w) ? END_CALL : END_JUMP, absolute(w) ? immediate : pc + immediate);
    case BCC:
      return conditional(END_INDIRECT_JUMP, false);
    case BCCI:
      return to(END_BRANCH, pc + immediate);
    case RETURNS: /* rtsd; rtid, rtbd, rted */
      return plain((w >> 21 & 31) == 16 ? END_RETURN : END_TRAP_RETURN);
    default:
      return plain(END_SEQUENTIAL);
  }
}

bool microblaze_has_slot(uint32_t w) {
  switch (w >> 26) {
    case BR:
    case BRI:
      return delayed(w);
    case BCC:
    case BCCI:
      return w >> 25 & 1;
    default:
      return w >> 26 == RETURNS;
  }
}

struct ending_of classify_microblaze(uint32_t w, size_t size, uint64_t pc, uint32_t before,
                                     bool first) {
  uint32_t opcode = w >> 26;
  if (size == 4 && microblaze_has_slot(w)) return plain(END_UNKNOWN);
  if (is_barrier(w)) return plain(END_SEQUENTIAL);
  if ((opcode == BR || opcode == BRI) && breaks(w)) {
    return plain(opcode == BRI && (w & 0xffff) == SYSCALL_VECTOR ? END_SYSCALL : END_TRAP);
  }
  /* What is before the first of a page is in another block, and may be an imm. */
  bool direct = opcode == BRI || opcode == BCCI;
  if (direct && first && pc % PAGE == 0) return plain(END_UNKNOWN);
  bool is_long = !first && before >> 26 == IMM;
  uint64_t immediate = is_long ? (before & 0xffff) << 16 | (w & 0xffff) : sign_extend(w, 16);
  return moves(w, immediate, pc);
}
