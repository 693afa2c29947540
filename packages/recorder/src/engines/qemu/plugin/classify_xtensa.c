/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Xtensa (Xtensa Instruction Set Architecture Reference Manual, chapters 3 and 7). At the end of a
 * zero-overhead loop control goes back after any instruction at all, and its bits do not tell: what
 * moves nothing by itself is unknown here, not sequential.
 */
#include "classify.h"

/* The fields of a core instruction; n and m are the halves of t. */
struct fields {
  unsigned op0, t, s, r, op1, op2, n, m;
  uint32_t far;    /* 18 bits */
  uint32_t middle; /* 12 bits */
  uint32_t near;   /* 8 bits */
};

static struct fields fields_of(bool big_endian, const uint8_t *code, size_t size) {
  uint32_t last = size >= 3 ? code[2] : 0;
  if (big_endian) {
    uint32_t w = (uint32_t)code[0] << 16 | (uint32_t)code[1] << 8 | last;
    return (struct fields){
        .op0 = w >> 20,    .t = w >> 16 & 15, .s = w >> 12 & 15,  .r = w >> 8 & 15,
        .op1 = w >> 4 & 15, .op2 = w & 15,    .n = w >> 18 & 3,   .m = w >> 16 & 3,
        .far = w & 0x3ffff, .middle = w & 0xfff, .near = last};
  }
  uint32_t w = code[0] | (uint32_t)code[1] << 8 | last << 16;
  return (struct fields){
      .op0 = w & 15,        .t = w >> 4 & 15, .s = w >> 8 & 15,  .r = w >> 12 & 15,
      .op1 = w >> 16 & 15, .op2 = w >> 20,   .n = w >> 4 & 3,   .m = w >> 6 & 3,
      .far = w >> 6,       .middle = w >> 12, .near = last};
}

static struct ending_of by_register(const struct fields *f) {
  if (f->m == 3) return plain(END_INDIRECT_CALL);
  if (f->m != 2) return plain(f->m == 0 && f->s == 0 && f->n == 0 ? END_TRAP : END_UNKNOWN);
  return plain(f->n == 2 ? END_INDIRECT_JUMP : END_RETURN); /* jx; ret, retw */
}

static struct ending_of special(const struct fields *f) {
  if (f->op1 != 0 || f->op2 != 0) return plain(END_UNKNOWN);
  switch (f->r) {
    case 0:
      return by_register(f);
    case 3: /* rfe and its kin, rfwo, rfwu, rfi */
      return plain(f->t <= 1 ? END_TRAP_RETURN : END_UNKNOWN);
    case 4: /* break */
      return plain(END_TRAP);
    case 5:
      return plain(f->s == 0 && f->t == 0 ? END_SYSCALL : END_UNKNOWN);
    default:
      return plain(END_UNKNOWN);
  }
}

/* Jumps and branches with immediates. */
static struct ending_of immediate(const struct fields *f, uint64_t pc) {
  uint64_t near = pc + 4 + sign_extend(f->near, 8);
  switch (f->n) {
    case 0:
      return to(END_JUMP, pc + 4 + sign_extend(f->far, 18));
    case 1: /* beqz, bnez, bltz, bgez */
      return to(END_BRANCH, pc + 4 + sign_extend(f->middle, 12));
    case 2: /* beqi, bnei, blti, bgei */
      return to(END_BRANCH, near);
  }
  if (f->m >= 2) return to(END_BRANCH, near); /* bltui, bgeui */
  if (f->m == 1 && f->r <= 1) return to(END_BRANCH, near);
  /* loopnez, loopgtz: over the loop, forward alone */
  if (f->m == 1 && (f->r == 9 || f->r == 10)) return to(END_BRANCH, pc + 4 + f->near);
  return plain(END_UNKNOWN);
}

static struct ending_of narrow(const struct fields *f, uint64_t pc) {
  if (f->op0 == 0xc && (f->t & 8)) { /* beqz.n, bnez.n */
    return to(END_BRANCH, pc + 4 + (uint64_t)((f->t & 3) << 4 | f->r));
  }
  if (f->op0 != 0xd || f->r != 15) return plain(END_UNKNOWN);
  if (f->t <= 1) return plain(END_RETURN); /* ret.n, retw.n */
  return plain(f->t == 2 || f->t == 6 ? END_TRAP : END_UNKNOWN);
}

struct ending_of classify_xtensa(bool big_endian, const uint8_t *code, size_t size, uint64_t pc) {
  if (size < 2) return plain(END_UNKNOWN);
  struct fields f = fields_of(big_endian, code, size);
  if (size == 2) return narrow(&f, pc);
  if (size != 3) return plain(END_UNKNOWN);
  switch (f.op0) {
    case 0:
      return special(&f);
    case 5:
      return to(END_CALL, (pc & ~3ull) + 4 + sign_extend((uint64_t)f.far << 2, 20));
    case 6:
      return immediate(&f, pc);
    case 7:
      return to(END_BRANCH, pc + 4 + sign_extend(f.near, 8));
    default:
      return plain(END_UNKNOWN);
  }
}
