/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 32-bit Arm (Arm ARM, DDI 0406: A5 for A32, A6 for Thumb). Any A32 instruction may be conditional
 * and many may write the pc; of Thumb an IT instruction makes up to four conditional. Twin of
 * packages/analyzer/src/disassembly/arm.ts.
 */
#include "classify.h"

enum { SP = 13, LR = 14, PC = 15, ALWAYS = 14 };
/* An IT instruction that a block does not show may still cover this many of its first ones. */
enum { IT_LENGTH_MAX = 4 };

static struct ending_of by_register(unsigned r) {
  return plain(r == LR ? END_RETURN : END_INDIRECT_JUMP);
}

/* Data processing with the pc as its destination. */
static struct ending_of a32_data(uint32_t w) {
  bool immediate = w >> 25 & 1, sets_flags = w >> 20 & 1;
  unsigned opcode = w >> 21 & 15;
  if ((w >> 12 & 15) != PC || (!immediate && (w & 0x90) == 0x90)) return plain(END_SEQUENTIAL);
  if (opcode >= 8 && opcode <= 11) return plain(END_SEQUENTIAL); /* compares; moves of status */
  if (sets_flags) return plain(END_TRAP_RETURN);
  return plain((w & 0x0fffffff) == 0x01a0f00e ? END_RETURN : END_INDIRECT_JUMP);
}

static struct ending_of a32_miscellaneous(uint32_t w) {
  switch (w & 0x0ff000f0) {
    case 0x01200010: /* bx */
    case 0x01200020: /* bxj */
      return by_register(w & 15);
    case 0x01200030:
      return plain(END_INDIRECT_CALL);
    case 0x01200070: /* bkpt */
    case 0x01400070: /* hvc */
    case 0x01600070: /* smc */
      return plain(END_TRAP);
    case 0x01600060:
      return plain(END_TRAP_RETURN);
    default:
      return a32_data(w);
  }
}

static struct ending_of a32_load(uint32_t w) {
  bool is_register = w >> 25 & 1;
  if (is_register && (w & 0x10)) {
    return plain((w & 0x0ff000f0) == 0x07f000f0 ? END_TRAP : END_SEQUENTIAL); /* udf */
  }
  if ((w & 0x00500000) != 0x00100000 || (w >> 12 & 15) != PC) return plain(END_SEQUENTIAL);
  return plain((w & 0x0fffffff) == 0x049df004 ? END_RETURN : END_INDIRECT_JUMP); /* pop {pc} */
}

static struct ending_of a32_load_many(uint32_t w) {
  if ((w & 0x00108000) != 0x00108000) return plain(END_SEQUENTIAL);
  if (w & 0x00400000) return plain(END_TRAP_RETURN);
  return plain((w >> 16 & 15) == SP ? END_RETURN : END_INDIRECT_JUMP);
}

static struct ending_of a32_unconditional(uint32_t w, uint64_t pc) {
  if ((w & 0xfe000000) == 0xfa000000) {
    uint64_t offset = sign_extend((uint64_t)(w & 0xffffff) << 2 | (w >> 24 & 1) << 1, 26);
    return to(END_CALL, pc + 8 + offset); /* blx */
  }
  return plain((w & 0xfe500000) == 0xf8100000 ? END_TRAP_RETURN : END_SEQUENTIAL); /* rfe */
}

static struct ending_of a32(uint32_t w, uint64_t pc) {
  unsigned condition = w >> 28;
  if (condition == 15) return a32_unconditional(w, pc);
  struct ending_of found = plain(END_SEQUENTIAL);
  switch (w >> 25 & 7) {
    case 0:
      found = a32_miscellaneous(w);
      break;
    case 1:
      found = a32_data(w);
      break;
    case 2:
    case 3:
      found = a32_load(w);
      break;
    case 4:
      found = a32_load_many(w);
      break;
    case 5: {
      uint64_t target = pc + 8 + sign_extend((uint64_t)(w & 0xffffff) << 2, 26);
      bool links = w >> 24 & 1;
      found = to(links ? END_CALL : condition == ALWAYS ? END_JUMP : END_BRANCH, target);
      break;
    }
    case 7:
      if (w >> 24 & 1) found = plain(END_SYSCALL);
      break;
  }
  found.passes = condition != ALWAYS;
  return found;
}

static struct ending_of thumb16(uint32_t w, uint64_t pc) {
  if ((w & 0xf000) == 0xd000) {
    if ((w & 0x0f00) == 0x0f00) return plain(END_SYSCALL);
    if ((w & 0x0f00) == 0x0e00) return plain(END_TRAP); /* udf */
    return to(END_BRANCH, pc + 4 + sign_extend((w & 0xff) << 1, 9));
  }
  if ((w & 0xf800) == 0xe000) return to(END_JUMP, pc + 4 + sign_extend((w & 0x7ff) << 1, 12));
  if ((w & 0xf500) == 0xb100) {
    return to(END_BRANCH, pc + 4 + ((w >> 9 & 1) << 6 | (w >> 3 & 31) << 1)); /* cbz, cbnz */
  }
  if ((w & 0xff87) == 0x4780) return plain(END_INDIRECT_CALL);
  if ((w & 0xff87) == 0x4700 || (w & 0xff87) == 0x4687) return by_register(w >> 3 & 15);
  if ((w & 0xff87) == 0x4487) return plain(END_INDIRECT_JUMP); /* add pc, rm */
  if ((w & 0xff00) == 0xbd00) return plain(END_RETURN);        /* pop {…, pc} */
  return plain((w & 0xff00) == 0xbe00 ? END_TRAP : END_SEQUENTIAL);
}

/* Branches and miscellaneous control: 11110 … 1 … */
static struct ending_of thumb32_branch(uint32_t a, uint32_t b, uint64_t pc) {
  uint64_t s = a >> 10 & 1, j1 = b >> 13 & 1, j2 = b >> 11 & 1;
  uint64_t far = s << 24 | !(j1 ^ s) << 23 | !(j2 ^ s) << 22 | (uint64_t)(a & 0x3ff) << 12;
  uint64_t low = (uint64_t)(b & 0x7ff) << 1;
  switch (b & 0xd000) {
    case 0xd000:
      return to(END_CALL, pc + 4 + sign_extend(far | low, 25));
    case 0xc000:
      return to(END_CALL, ((pc + 4) & ~3ull) + sign_extend(far | (low & ~3ull), 25)); /* blx */
    case 0x9000:
      return to(END_JUMP, pc + 4 + sign_extend(far | low, 25));
  }
  if ((a & 0x0380) != 0x0380) {
    uint64_t near = s << 20 | j2 << 19 | j1 << 18 | (uint64_t)(a & 0x3f) << 12 | low;
    return to(END_BRANCH, pc + 4 + sign_extend(near, 21));
  }
  if ((a & 0xfff0) == 0xf7f0 || (a & 0xfff0) == 0xf7e0) return plain(END_TRAP); /* udf, smc, hvc */
  if (a == 0xf3de && (b & 0xff00) == 0x8f00) return plain(END_TRAP_RETURN);
  return plain((a & 0xfff0) == 0xf3c0 ? END_INDIRECT_JUMP : END_SEQUENTIAL); /* bxj */
}

static struct ending_of thumb32(uint32_t a, uint32_t b, uint64_t pc) {
  if ((a & 0xf800) == 0xf000 && (b & 0x8000)) return thumb32_branch(a, b, pc);
  if ((a & 0xfff0) == 0xe8d0 && (b & 0xffe0) == 0xf000) return plain(END_INDIRECT_JUMP); /* tbb */
  if ((a & 0xffd0) == 0xe890 || (a & 0xffd0) == 0xe910) {
    if (!(b & 0x8000)) return plain(END_SEQUENTIAL);
    return plain((a & 15) == SP ? END_RETURN : END_INDIRECT_JUMP); /* ldm */
  }
  if ((a & 0xff70) == 0xf850 && b >> 12 == PC) {
    return plain(a == 0xf85d && b == 0xfb04 ? END_RETURN : END_INDIRECT_JUMP); /* ldr pc */
  }
  bool rfe = (a & 0xffd0) == 0xe990 || (a & 0xffd0) == 0xe810;
  return plain(rfe && b == 0xc000 ? END_TRAP_RETURN : END_SEQUENTIAL);
}

enum cover { COVER_NO, COVER_YES, COVER_UNSEEN };

/* Whether an IT instruction makes the one of that number conditional. */
static enum cover it_covers(const struct code *code, size_t index) {
  const uint8_t *at = code->bytes;
  unsigned left = 0, condition = ALWAYS;
  bool seen = false;
  for (size_t i = 0; i < index; at += code->sizes[i++]) {
    uint32_t w = half(at);
    if (left > 0) left--;
    if (code->sizes[i] != 2 || (w & 0xff00) != 0xbf00 || (w & 15) == 0) continue;
    seen = true;
    condition = w >> 4 & 15;
    left = 4 - (unsigned)__builtin_ctz(w & 15);
  }
  if (!seen && index < IT_LENGTH_MAX - 1) return COVER_UNSEEN;
  return left > 0 && condition != ALWAYS ? COVER_YES : COVER_NO;
}

static struct ending_of thumb(const struct code *code, size_t index, const uint8_t *at,
                              uint64_t pc) {
  uint32_t first = half(at);
  struct ending_of found =
      code->sizes[index] == 2 ? thumb16(first, pc) : thumb32(first, half(at + 2), pc);
  if (found.ending == END_SEQUENTIAL || found.ending == END_BRANCH) return found;
  enum cover cover = it_covers(code, index);
  bool direct = found.ending == END_JUMP || found.ending == END_CALL;
  found.passes = cover == COVER_YES || (cover == COVER_UNSEEN && !direct);
  if (cover == COVER_YES && found.ending == END_JUMP) found.ending = END_BRANCH;
  return found;
}

struct ending_of classify_arm(const struct code *code, size_t index, bool is_thumb) {
  const uint8_t *at = code->bytes;
  for (size_t i = 0; i < index; i++) at += code->sizes[i];
  uint64_t pc = code->pc + (uint64_t)(at - code->bytes);
  size_t size = code->sizes[index];
  struct ending_of found = plain(END_SEQUENTIAL);
  if (is_thumb && (size == 2 || size == 4)) found = thumb(code, index, at, pc);
  if (!is_thumb && size == 4) found = a32(word(at), pc);
  found.taken &= 0xffffffff;
  return found;
}
