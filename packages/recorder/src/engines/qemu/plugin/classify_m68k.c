/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 68000 family (M68000 Family Programmer's Reference Manual, sections 4 and 5). Twin of
 * packages/analyzer/src/disassembly/m68k.ts.
 */
#include "classify.h"

/* Big-endian half-words of an instruction; 0 behind its end. */
static uint32_t at_half(const uint8_t *code, size_t size, size_t index) {
  return 2 * index + 1 < size ? (uint32_t)code[2 * index] << 8 | code[2 * index + 1] : 0;
}

static uint64_t distance(const uint8_t *code, size_t size, size_t index, bool is_long) {
  uint64_t high = at_half(code, size, index);
  return is_long ? sign_extend(high << 16 | at_half(code, size, index + 1), 32)
                 : sign_extend(high, 16);
}

static struct ending_of branch(uint32_t w, const uint8_t *code, size_t size, uint64_t pc) {
  uint64_t offset = sign_extend(w & 0xff, 8);
  if ((w & 0xff) == 0) offset = distance(code, size, 1, false);
  if ((w & 0xff) == 0xff) offset = distance(code, size, 1, true);
  unsigned condition = w >> 8 & 15;
  return to(condition == 0 ? END_JUMP : condition == 1 ? END_CALL : END_BRANCH, pc + 2 + offset);
}

/* jmp and jsr: three of their addressing modes name one place. */
static struct ending_of jump(uint32_t w, const uint8_t *code, size_t size, uint64_t pc) {
  bool calls = (w & 0x40) == 0;
  enum ending direct = calls ? END_CALL : END_JUMP;
  switch (w & 0x3f) {
    case 0x38: /* absolute, short and long */
      return to(direct, distance(code, size, 1, false));
    case 0x39:
      return to(direct, distance(code, size, 1, true));
    case 0x3a:
      return to(direct, pc + 2 + distance(code, size, 1, false));
    default:
      return plain(calls ? END_INDIRECT_CALL : END_INDIRECT_JUMP);
  }
}

struct ending_of classify_m68k(const uint8_t *code, size_t size, uint64_t pc) {
  uint32_t w = at_half(code, size, 0);
  if ((w & 0xf000) == 0x6000) return branch(w, code, size, pc);
  if ((w & 0xff80) == 0x4e80) return jump(w, code, size, pc);
  if ((w & 0xf0f8) == 0x50c8) return to(END_BRANCH, pc + 2 + distance(code, size, 1, false));
  if ((w & 0xff80) == 0xf280) return to(END_BRANCH, pc + 2 + distance(code, size, 1, w & 0x40));
  if ((w & 0xfff8) == 0xf248) return to(END_BRANCH, pc + 4 + distance(code, size, 2, false));
  if ((w & 0xfff0) == 0x4e40) return plain((w & 15) == 0 ? END_SYSCALL : END_TRAP);
  switch (w) {
    case 0x4e73: /* rte */
      return plain(END_TRAP_RETURN);
    case 0x4e74: /* rtd, rts, rtr */
    case 0x4e75:
    case 0x4e77:
      return plain(END_RETURN);
    case 0x4afc: /* illegal */
      return plain(END_TRAP);
    default:
      return plain(END_SEQUENTIAL);
  }
}
