/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hexagon (Qualcomm Hexagon V67 Programmer's Reference Manual, chapters 7, 10 and 11). A packet is
 * one instruction here. Unknown are packets with two jumps, those that end a hardware loop, direct
 * jumps whose distance is extended by another word, and what moves nothing by itself: whether a
 * packet does is not worth being wrong about.
 */
#include "classify.h"

enum { LINK = 31, PARSE_DUPLEX = 0, PARSE_LOOP = 2, PARSE_END = 3, EXTENDER = 0 };

static unsigned parse_of(uint32_t w) { return w >> 14 & 3; }

static uint64_t at(uint64_t pc, uint64_t words, unsigned bits) {
  return pc + sign_extend(words << 2, bits + 2);
}

/* Class 5: jumps and calls, direct and through registers. */
static struct ending_of jumps(uint32_t w, uint64_t pc) {
  uint64_t far = at(pc, (uint64_t)(w >> 16 & 0x1ff) << 13 | (w >> 1 & 0x1fff), 22);
  uint64_t near = at(pc, (uint64_t)(w >> 22 & 3) << 13 | (w >> 16 & 31) << 8 | (w >> 13 & 1) << 7 |
                             (w >> 1 & 0x7f), 15);
  enum ending by_register = (w >> 16 & 31) == LINK ? END_RETURN : END_INDIRECT_JUMP;
  switch (w >> 24 & 15) {
    case 0: /* callr */
      return plain((w >> 21 & 7) == 5 ? END_INDIRECT_CALL : END_UNKNOWN);
    case 1: /* if (p) callr */
      return (w >> 22 & 3) == 0 ? conditional(END_INDIRECT_CALL, false) : plain(END_UNKNOWN);
    case 2: /* jumpr */
      return plain((w >> 21 & 7) == 4 ? by_register : END_UNKNOWN);
    case 3: /* if (p) jumpr */
      return (w >> 22 & 3) == 1 ? conditional(by_register, false) : plain(END_UNKNOWN);
    case 4: /* trap0, trap1 */
      return plain((w >> 22 & 1) == 0 ? END_SYSCALL : END_UNKNOWN);
    case 8:
    case 9:
      return to(END_JUMP, far);
    case 10:
    case 11:
      return to(END_CALL, far);
    case 12: /* if (p) jump */
      return to(END_BRANCH, near);
    case 13: { /* if (p) call */
      struct ending_of found = to(END_CALL, near);
      found.passes = true;
      return found;
    }
    default:
      return plain(END_UNKNOWN);
  }
}

static struct ending_of one(uint32_t w, uint64_t pc) {
  uint64_t nearest = at(pc, (uint64_t)(w >> 20 & 3) << 7 | (w >> 1 & 0x7f), 9);
  uint64_t middle = at(pc, (uint64_t)(w >> 21 & 1) << 12 | (w >> 13 & 1) << 11 | (w >> 1 & 0x7ff),
                       13);
  switch (w >> 28) {
    case 1: /* p = cmp(…); if (p.new) jump; r = …; jump */
      if (w >> 27 & 1) return plain(END_UNKNOWN);
      return to((w >> 25 & 3) == 3 ? END_JUMP : END_BRANCH, nearest);
    case 2: /* if (cmp(r.new, …)) jump */
      return w >> 27 & 1 ? plain(END_UNKNOWN) : to(END_BRANCH, nearest);
    case 5:
      return jumps(w, pc);
    case 6: /* if (r …) jump */
      return w >> 24 == 0x61 ? to(END_BRANCH, middle) : plain(END_UNKNOWN);
    case 9: /* dealloc_return */
      return w >> 21 == 0x4b0 ? conditional(END_RETURN, (w >> 10 & 15) == 0) : plain(END_UNKNOWN);
    default:
      return plain(END_UNKNOWN);
  }
}

/* Two instructions in one word; the one that may jump is the low one, of the group that has its
   number in bits 31-29 and 13. */
static struct ending_of duplex(uint32_t w) {
  unsigned groups = (w >> 28 & 14) | (w >> 13 & 1), low = w & 0x1fff;
  bool may = groups == 1 || groups == 2 || groups == 5;
  bool returns = low >> 6 == 0x7d || low >> 6 == 0x7f; /* dealloc_return, jumpr r31 */
  return may && returns ? conditional(END_RETURN, (low & 4) == 0) : plain(END_UNKNOWN);
}

size_t hexagon_packet_bytes(const uint8_t *code, size_t size) {
  for (size_t i = 0; i + 4 <= size; i += 4) {
    unsigned parse = parse_of(word(code + i));
    if (parse == PARSE_DUPLEX || parse == PARSE_END) return i + 4;
  }
  return 0;
}

struct ending_of classify_hexagon(const uint8_t *code, size_t size, uint64_t pc) {
  struct ending_of found = plain(END_UNKNOWN);
  bool is_extended = false;
  for (size_t i = 0; i + 4 <= size; i += 4) {
    uint32_t w = word(code + i);
    if (i <= 4 && parse_of(w) == PARSE_LOOP) return plain(END_UNKNOWN);
    bool is_duplex = parse_of(w) == PARSE_DUPLEX;
    if (!is_duplex && w >> 28 == EXTENDER) is_extended = true;
    struct ending_of here = is_duplex ? duplex(w) : one(w, pc);
    if (here.ending == END_UNKNOWN) continue;
    if (found.ending != END_UNKNOWN) return plain(END_UNKNOWN);
    found = here;
  }
  bool is_direct_one = is_direct(found.ending);
  return is_extended && is_direct_one ? plain(END_UNKNOWN) : found;
}
