/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alpha (Alpha Architecture Reference Manual, 4.3 and chapter 5). What a jump through a register
 * is says its hint. QEMU 7.2 takes a br or bsr to the next instruction for the move of the pc that
 * it is, and so do we.
 */
#include "classify.h"

static struct ending_of by_hint(uint32_t w) {
  switch (w >> 14 & 3) {
    case 1: /* jsr */
      return plain(END_INDIRECT_CALL);
    case 2: /* ret */
      return plain(END_RETURN);
    default: /* jmp, jsr_coroutine */
      return plain(END_INDIRECT_JUMP);
  }
}

static struct ending_of call_pal(uint32_t function) {
  switch (function) {
    case 0x83: /* callsys */
      return plain(END_SYSCALL);
    case 0x80: /* bpt, bugchk, gentrap */
    case 0x81:
    case 0xaa:
      return plain(END_TRAP);
    default:
      return plain(END_SEQUENTIAL);
  }
}

struct ending_of classify_alpha(uint32_t w, uint64_t pc) {
  uint64_t distance = sign_extend((uint64_t)(w & 0x1fffff) << 2, 23);
  uint32_t opcode = w >> 26;
  switch (opcode) {
    case 0x00:
      return call_pal(w & 0x3ffffff);
    case 0x1a:
      return by_hint(w);
    case 0x30: /* br */
      return distance == 0 ? plain(END_SEQUENTIAL) : to(END_JUMP, pc + 4 + distance);
    case 0x34: /* bsr */
      return distance == 0 ? plain(END_SEQUENTIAL) : to(END_CALL, pc + 4 + distance);
    default:
      return opcode > 0x30 ? to(END_BRANCH, pc + 4 + distance) : plain(END_SEQUENTIAL);
  }
}
