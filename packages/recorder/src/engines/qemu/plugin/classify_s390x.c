/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * z/Architecture (Principles of Operation, chapter 7). Twin of
 * packages/analyzer/src/disassembly/s390x.ts.
 */
#include "classify.h"

enum { S390_LINK = 14, S390_ALWAYS = 15 };

static struct ending_of s390x_by_register(unsigned mask, unsigned r) {
  if (mask == 0 || r == 0) return plain(END_SEQUENTIAL);
  return conditional(r == S390_LINK ? END_RETURN : END_INDIRECT_JUMP, mask == S390_ALWAYS);
}

static struct ending_of s390x_relative(unsigned mask, uint64_t target) {
  if (mask == 0) return plain(END_SEQUENTIAL);
  return to(mask == S390_ALWAYS ? END_JUMP : END_BRANCH, target);
}

static struct ending_of s390x_two(const uint8_t *code) {
  unsigned r1 = code[1] >> 4, r2 = code[1] & 15;
  switch (code[0]) {
    case 0x07: /* bcr */
      return s390x_by_register(r1, r2);
    case 0x05: /* balr */
    case 0x0c: /* bassm */
    case 0x0d: /* basr */
      return plain(r2 == 0 ? END_SEQUENTIAL : END_INDIRECT_CALL);
    case 0x0b: /* bsm */
      return plain(r2 == 0 ? END_SEQUENTIAL : END_INDIRECT_JUMP);
    case 0x06: /* bctr */
      return r2 == 0 ? plain(END_SEQUENTIAL) : conditional(END_INDIRECT_JUMP, false);
    case 0x0a:
      return plain(END_SYSCALL);
    case 0x01: /* pr, trap2 */
      if (code[1] == 0x01) return plain(END_TRAP_RETURN);
      return plain(code[1] == 0xff ? END_TRAP : END_SEQUENTIAL);
    default:
      return plain(END_SEQUENTIAL);
  }
}

static struct ending_of s390x_four(const uint8_t *code, uint64_t near) {
  unsigned mask = code[1] >> 4;
  switch (code[0]) {
    case 0x47: /* bc */
      return mask == 0 ? plain(END_SEQUENTIAL)
                       : conditional(END_INDIRECT_JUMP, mask == S390_ALWAYS);
    case 0x45: /* bal */
    case 0x4d: /* bas */
      return plain(END_INDIRECT_CALL);
    case 0x46: /* bct, bxh, bxle */
    case 0x86:
    case 0x87:
      return conditional(END_INDIRECT_JUMP, false);
    case 0x84: /* brxh, brxle */
    case 0x85:
      return to(END_BRANCH, near);
    case 0xa7:
      if ((code[1] & 15) == 4) return s390x_relative(mask, near);
      if ((code[1] & 15) == 5) return to(END_CALL, near);
      return (code[1] & 14) == 6 ? to(END_BRANCH, near) : plain(END_SEQUENTIAL);
    case 0x82: /* lpsw */
      return plain(END_TRAP_RETURN);
    case 0xb2: /* lpswe, trap4 */
      if (code[1] == 0xb2) return plain(END_TRAP_RETURN);
      return plain(code[1] == 0xff ? END_TRAP : END_SEQUENTIAL);
    default:
      return plain(END_SEQUENTIAL);
  }
}

/* Compare and branch, and branches on an index: the last byte tells which. */
static struct ending_of s390x_compare(uint8_t which, uint64_t near) {
  switch (which) {
    case 0x44:
    case 0x45:
    case 0x64:
    case 0x65:
    case 0x76:
    case 0x77:
    case 0x7c:
    case 0x7d:
    case 0x7e:
    case 0x7f:
      return to(END_BRANCH, near);
    case 0xe4:
    case 0xe5:
    case 0xf6:
    case 0xf7:
    case 0xfc:
    case 0xfd:
    case 0xfe:
    case 0xff:
      return conditional(END_INDIRECT_JUMP, false);
    default:
      return plain(END_SEQUENTIAL);
  }
}

static struct ending_of s390x_six(const uint8_t *code, uint64_t near, uint64_t far) {
  unsigned low = code[1] & 15, mask = code[1] >> 4, which = code[5];
  switch (code[0]) {
    case 0xc0:
      if (low == 4) return s390x_relative(mask, far);
      return low == 5 ? to(END_CALL, far) : plain(END_SEQUENTIAL);
    case 0xcc:
      return low == 6 ? to(END_BRANCH, far) : plain(END_SEQUENTIAL);
    case 0xec:
      return s390x_compare((uint8_t)which, near);
    case 0xe3: /* bctg, bic */
      if (which == 0x46) return conditional(END_INDIRECT_JUMP, false);
      return which == 0x47 && mask != 0 ? conditional(END_INDIRECT_JUMP, mask == S390_ALWAYS)
                                        : plain(END_SEQUENTIAL);
    case 0xeb: /* bxhg, bxleg */
      return which == 0x44 || which == 0x45 ? conditional(END_INDIRECT_JUMP, false)
                                            : plain(END_SEQUENTIAL);
    default:
      return plain(END_SEQUENTIAL);
  }
}

struct ending_of classify_s390x(const uint8_t *code, size_t size, uint64_t pc) {
  if (size == 2) return s390x_two(code);
  uint64_t near = size >= 4 ? sign_extend((uint64_t)code[2] << 8 | code[3], 16) * 2 : 0;
  if (size == 4) return s390x_four(code, pc + near);
  if (size != 6) return plain(END_SEQUENTIAL);
  uint64_t far = sign_extend((uint64_t)code[2] << 24 | (uint64_t)code[3] << 16 |
                                 (uint64_t)code[4] << 8 | code[5],
                             32) * 2;
  return s390x_six(code, pc + near, pc + far);
}
