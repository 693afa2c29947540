/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "classify.h"

#include <stdbool.h>
#include <string.h>

struct guest guest_named(const char *name) {
  static const struct {
    const char *name;
    struct guest guest;
  } guests[] = {
      {"x86_64", {ISA_X86_64, 64, false, false}},
      {"i386", {ISA_I386, 32, false, false}},
      {"riscv64", {ISA_RISCV64, 64, false, false}},
      {"riscv32", {ISA_RISCV32, 32, false, false}},
      {"aarch64", {ISA_AARCH64, 64, false, false}},
      {"aarch64_be", {ISA_AARCH64, 64, true, false}},
      {"arm", {ISA_ARM, 32, false, false}},
      {"armeb", {ISA_ARM, 32, true, false}},
      {"ppc", {ISA_PPC, 32, true, false}},
      {"ppc64", {ISA_PPC, 64, true, false}},
      {"ppc64le", {ISA_PPC, 64, false, false}},
      {"s390x", {ISA_S390X, 64, true, false}},
      {"mips", {ISA_MIPS, 32, true, false}},
      {"mipsel", {ISA_MIPS, 32, false, false}},
      {"mips64", {ISA_MIPS, 64, true, false}},
      {"mips64el", {ISA_MIPS, 64, false, false}},
      {"mipsn32", {ISA_MIPS, 32, true, true}},
      {"mipsn32el", {ISA_MIPS, 32, false, true}},
      {"m68k", {ISA_M68K, 32, true, false}},
      {"sh4", {ISA_SH4, 32, false, false}},
      {"sh4eb", {ISA_SH4, 32, true, false}},
      {"sparc", {ISA_SPARC, 32, true, false}},
      {"sparc32plus", {ISA_SPARC, 32, true, false}},
      {"sparc64", {ISA_SPARC, 64, true, false}},
      {"hppa", {ISA_HPPA, 32, true, false}},
      {"alpha", {ISA_ALPHA, 64, false, false}},
      {"loongarch64", {ISA_LOONGARCH, 64, false, false}},
      {"nios2", {ISA_NIOS2, 32, false, false}},
      {"or1k", {ISA_OR1K, 32, true, false}},
      {"microblaze", {ISA_MICROBLAZE, 32, true, false}},
      {"microblazeel", {ISA_MICROBLAZE, 32, false, false}},
      {"xtensa", {ISA_XTENSA, 32, false, false}},
      {"cris", {ISA_CRIS, 32, false, false}},
      {"hexagon", {ISA_HEXAGON, 32, false, false}},
      {"xtensaeb", {ISA_XTENSA, 32, true, false}},
  };
  for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) {
    if (strcmp(guests[i].name, name) == 0) return guests[i].guest;
  }
  return (struct guest){ISA_OTHER, 64, false, false};
}

bool only_qemu_reads(const char *isa) {
  static const char *const names[] = {"alpha",   "cris",       "hexagon",      "hppa",
                                      "nios2",   "microblaze", "microblazeel", "loongarch64",
                                      "or1k",    "xtensa",     "xtensaeb"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(names[i], isa) == 0) return true;
  }
  return false;
}

/* Intel SDM vol. 2, appendix A: prefixes and the opcode map of control transfers. */
static bool x86_legacy_prefix(uint8_t byte) {
  return byte == 0x66 || byte == 0x67 || byte == 0x2e || byte == 0x36 || byte == 0x3e ||
         byte == 0x26 || byte == 0x64 || byte == 0x65 || byte == 0xf0;
}

static bool x86_string(uint8_t opcode) {
  return (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) ||
         (opcode >= 0xaa && opcode <= 0xaf);
}

/* The displacement is the last 1 or 4 bytes (2 with an operand-size prefix outside 64-bit mode). */
static uint64_t x86_target(enum isa isa, const uint8_t *code, size_t size, uint64_t pc, size_t n,
                           bool narrow) {
  uint64_t next = pc + size;
  if (n == 1) return next + sign_extend(code[size - 1], 8);
  if (narrow && isa == ISA_I386) {
    return (next + (code[size - 2] | (uint64_t)code[size - 1] << 8)) & 0xffff;
  }
  return next + sign_extend(word(code + size - 4), 32);
}

static struct ending_of x86_group5(uint8_t modrm) {
  switch (modrm >> 3 & 7) {
    case 2:
    case 3:
      return plain(END_INDIRECT_CALL);
    case 4:
    case 5:
      return plain(END_INDIRECT_JUMP);
    default:
      return plain(END_SEQUENTIAL);
  }
}

static struct ending_of x86_two_byte(uint8_t opcode, uint64_t far) {
  if ((opcode & 0xf0) == 0x80) return to(END_BRANCH, far);
  if (opcode == 0x05 || opcode == 0x34) return plain(END_SYSCALL);
  if (opcode == 0x07 || opcode == 0x35) return plain(END_TRAP_RETURN);
  if (opcode == 0x0b || opcode == 0xb9 || opcode == 0xff) return plain(END_TRAP);
  return plain(END_SEQUENTIAL);
}

static struct ending_of x86(enum isa isa, const uint8_t *code, size_t size, uint64_t pc) {
  size_t at = 0;
  bool rep = false, narrow = false;
  for (; at < size; at++) {
    uint8_t byte = code[at];
    if (byte == 0xf2 || byte == 0xf3) {
      rep = true;
    } else if (isa == ISA_X86_64 && (byte & 0xf0) == 0x40) {
      continue;
    } else if (!x86_legacy_prefix(byte)) {
      break;
    }
    narrow |= byte == 0x66;
  }
  if (at >= size) return plain(END_SEQUENTIAL);
  uint8_t opcode = code[at];
  size_t rest = size - at;
  uint64_t near8 = rest >= 2 ? x86_target(isa, code, size, pc, 1, narrow) : 0;
  uint64_t near32 = rest >= 3 && size >= 4 ? x86_target(isa, code, size, pc, 4, narrow) : 0;
  if (rep && x86_string(opcode)) return plain(END_REPEAT);
  if ((opcode & 0xf0) == 0x70 || (opcode >= 0xe0 && opcode <= 0xe3)) return to(END_BRANCH, near8);
  switch (opcode) {
    case 0xe8:
      return to(END_CALL, near32);
    case 0xe9:
      return to(END_JUMP, near32);
    case 0xeb:
      return to(END_JUMP, near8);
    case 0xc2:
    case 0xc3:
    case 0xca:
    case 0xcb:
      return plain(END_RETURN);
    case 0xcf:
      return plain(END_TRAP_RETURN);
    case 0x9a: /* far, direct; not in 64-bit mode */
    case 0xea:
      if (isa == ISA_X86_64 || rest != 7) return plain(END_SEQUENTIAL);
      return to(opcode == 0x9a ? END_CALL : END_JUMP, word(code + at + 1));
    case 0xcd:
      return plain(rest >= 2 && code[at + 1] == 0x80 ? END_SYSCALL : END_TRAP);
    case 0xcc:
    case 0xce:
    case 0xf1:
      return plain(END_TRAP);
    case 0xff:
      return rest >= 2 ? x86_group5(code[at + 1]) : plain(END_SEQUENTIAL);
    case 0x0f:
      return rest >= 2 ? x86_two_byte(code[at + 1], near32) : plain(END_SEQUENTIAL);
    default:
      return plain(END_SEQUENTIAL);
  }
}

/* RISC-V unprivileged spec, table of return-address-stack hints: x1 and x5 are link registers. */
static bool riscv_link(unsigned r) { return r == 1 || r == 5; }

static struct ending_of riscv_jalr(unsigned rd, unsigned rs1) {
  if (riscv_link(rd)) return plain(END_INDIRECT_CALL);
  return plain(riscv_link(rs1) ? END_RETURN : END_INDIRECT_JUMP);
}

static struct ending_of riscv_compressed(enum isa isa, uint32_t w, uint64_t pc) {
  unsigned quadrant = w & 3, funct3 = w >> 13;
  if (quadrant == 1 && (funct3 == 5 || (funct3 == 1 && isa == ISA_RISCV32))) {
    uint64_t offset = (w >> 12 & 1) << 11 | (w >> 11 & 1) << 4 | (w >> 9 & 3) << 8 |
                      (w >> 8 & 1) << 10 | (w >> 7 & 1) << 6 | (w >> 6 & 1) << 7 |
                      (w >> 3 & 7) << 1 | (w >> 2 & 1) << 5;
    return to(funct3 == 1 ? END_CALL : END_JUMP, pc + sign_extend(offset, 12));
  }
  if (quadrant == 1 && funct3 >= 6) {
    uint64_t offset = (w >> 12 & 1) << 8 | (w >> 10 & 3) << 3 | (w >> 5 & 3) << 6 |
                      (w >> 3 & 3) << 1 | (w >> 2 & 1) << 5;
    return to(END_BRANCH, pc + sign_extend(offset, 9));
  }
  unsigned rs1 = w >> 7 & 31;
  if (quadrant == 2 && funct3 == 4 && (w >> 2 & 31) == 0) {
    if (rs1 == 0) return plain(w & 0x1000 ? END_TRAP : END_SEQUENTIAL);
    return riscv_jalr(w & 0x1000 ? 1 : 0, rs1);
  }
  return plain(END_SEQUENTIAL);
}

static struct ending_of riscv_system(uint32_t w) {
  if (w == 0x00000073) return plain(END_SYSCALL);
  if (w == 0x00100073) return plain(END_TRAP);
  if (w == 0x10200073 || w == 0x30200073) return plain(END_TRAP_RETURN);
  return plain(END_SEQUENTIAL);
}

static struct ending_of riscv(enum isa isa, const uint8_t *code, size_t size, uint64_t pc) {
  if (size < 4) return riscv_compressed(isa, code[0] | (uint32_t)code[1] << 8, pc);
  uint32_t w = word(code);
  unsigned rd = w >> 7 & 31, rs1 = w >> 15 & 31;
  switch (w & 0x7f) {
    case 0x6f: {
      uint64_t offset = (uint64_t)(w >> 31) << 20 | (w >> 12 & 0xff) << 12 | (w >> 20 & 1) << 11 |
                        (w >> 21 & 0x3ff) << 1;
      return to(riscv_link(rd) ? END_CALL : END_JUMP, pc + sign_extend(offset, 21));
    }
    case 0x67:
      return riscv_jalr(rd, rs1);
    case 0x63: {
      uint64_t offset = (uint64_t)(w >> 31) << 12 | (w >> 7 & 1) << 11 | (w >> 25 & 0x3f) << 5 |
                        (w >> 8 & 0xf) << 1;
      return to(END_BRANCH, pc + sign_extend(offset, 13));
    }
    case 0x73:
      return riscv_system(w);
    default:
      return plain(END_SEQUENTIAL);
  }
}

/* Arm ARM (DDI 0487), C4.1: branches, exception generation and system instructions. */
static struct ending_of aarch64(uint32_t w, uint64_t pc) {
  if ((w & 0x7c000000) == 0x14000000) {
    uint64_t target = pc + sign_extend((uint64_t)(w & 0x3ffffff) << 2, 28);
    return to(w >> 31 ? END_CALL : END_JUMP, target);
  }
  if ((w & 0xff000000) == 0x54000000 || (w & 0x7e000000) == 0x34000000) {
    return to(END_BRANCH, pc + sign_extend((uint64_t)(w >> 5 & 0x7ffff) << 2, 21));
  }
  if ((w & 0x7e000000) == 0x36000000) {
    return to(END_BRANCH, pc + sign_extend((uint64_t)(w >> 5 & 0x3fff) << 2, 16));
  }
  if ((w & 0xfe000000) == 0xd6000000) {
    switch (w >> 21 & 0xf) {
      case 0:
      case 8:
        return plain(END_INDIRECT_JUMP);
      case 1:
      case 9:
        return plain(END_INDIRECT_CALL);
      case 2:
        return plain(END_RETURN);
      case 4:
        return plain(END_TRAP_RETURN);
      default:
        return plain(END_SEQUENTIAL);
    }
  }
  if ((w & 0xffe0001f) == 0xd4000001) return plain(END_SYSCALL);
  if ((w & 0xff000000) == 0xd4000000) return plain(END_TRAP);
  return plain(END_SEQUENTIAL);
}

uint32_t guest_word(const struct guest *guest, const uint8_t *code) {
  return guest->big_endian ? big_word(code) : word(code);
}

static uint32_t guest_half(const struct guest *guest, const uint8_t *code) {
  return guest->big_endian ? (uint32_t)code[0] << 8 | code[1] : half(code);
}

bool hides_code(const struct guest *guest) {
  enum isa isa = guest->isa;
  return isa == ISA_MICROBLAZE || isa == ISA_NIOS2 || isa == ISA_LOONGARCH || isa == ISA_HEXAGON ||
         isa == ISA_CRIS;
}

size_t hidden_bytes(const struct guest *guest, const uint8_t *code, size_t size) {
  if (guest->isa == ISA_HEXAGON) return hexagon_packet_bytes(code, size);
  return guest->isa == ISA_CRIS ? cris_bytes(code, size) : 4;
}

size_t slot_bytes(const struct guest *guest) {
  switch (guest->isa) {
    case ISA_SH4:
      return 2;
    case ISA_MIPS:
    case ISA_SPARC:
    case ISA_HPPA:
    case ISA_OR1K:
    case ISA_MICROBLAZE:
      return 4;
    default:
      return 0;
  }
}

bool has_slot(const struct guest *guest, const uint8_t *code, uint64_t pc) {
  switch (guest->isa) {
    case ISA_SH4:
      return sh4_has_slot(guest_half(guest, code));
    case ISA_MIPS:
      return mips_has_slot(guest_word(guest, code));
    case ISA_SPARC:
      return sparc_has_slot(guest_word(guest, code));
    case ISA_HPPA:
      return hppa_has_slot(guest_word(guest, code), pc);
    case ISA_OR1K:
      return or1k_has_slot(guest_word(guest, code));
    case ISA_MICROBLAZE:
      return microblaze_has_slot(guest_word(guest, code));
    default:
      return false;
  }
}

bool slots_stand_apart(const struct guest *guest) {
  return guest->isa == ISA_SPARC || guest->isa == ISA_HPPA;
}

bool has_windows(const struct guest *guest) {
  return guest->isa == ISA_SPARC || guest->isa == ISA_XTENSA;
}

static bool has_words(enum isa isa) {
  return isa == ISA_SPARC || isa == ISA_HPPA || isa == ISA_ALPHA || isa == ISA_LOONGARCH ||
         isa == ISA_NIOS2 || isa == ISA_OR1K || isa == ISA_MICROBLAZE;
}

bool moves_window(const struct guest *guest, const uint8_t *code) {
  uint32_t w = guest_word(guest, code);
  return guest->isa == ISA_SPARC && (w & 0xc1f00000) == 0x81e00000;
}

/* Those whose instructions are words, or a branch and its slot. */
static struct ending_of decode_words(const struct guest *guest, const struct code *code,
                                     size_t index, const uint8_t *at, uint64_t pc) {
  size_t size = code->sizes[index];
  if (size < 4) return plain(END_UNKNOWN);
  uint32_t w = guest_word(guest, at);
  bool first = index == 0 || code->sizes[index - 1] != 4;
  uint32_t before = first ? 0 : guest_word(guest, at - 4);
  switch (guest->isa) {
    case ISA_SPARC:
      return classify_sparc(w, size, pc);
    case ISA_HPPA:
      return classify_hppa(w, size, pc, before, first);
    case ISA_ALPHA:
      return classify_alpha(w, pc);
    case ISA_LOONGARCH:
      return classify_loongarch(w, pc);
    case ISA_NIOS2:
      return classify_nios2(w, pc);
    case ISA_OR1K:
      return classify_or1k(w, size, pc);
    case ISA_MICROBLAZE:
      return classify_microblaze(w, size, pc, before, first);
    default:
      return plain(END_UNKNOWN);
  }
}

static struct ending_of decode(const struct guest *guest, const uint8_t *code, size_t size,
                               uint64_t pc) {
  enum isa isa = guest->isa;
  switch (isa) {
    case ISA_X86_64:
    case ISA_I386:
      return x86(isa, code, size, pc);
    case ISA_RISCV64:
    case ISA_RISCV32:
      return size >= 2 ? riscv(isa, code, size, pc) : plain(END_SEQUENTIAL);
    case ISA_AARCH64:
      return size >= 4 ? aarch64(word(code), pc) : plain(END_SEQUENTIAL);
    case ISA_PPC: /* of 8 bytes: prefixed, none of them moves control */
      if (size != 4) return plain(END_SEQUENTIAL);
      return classify_ppc(guest_word(guest, code), pc);
    case ISA_MIPS:
      return classify_mips(size >= 4 ? guest_word(guest, code) : 0, size, pc);
    case ISA_SH4:
      return classify_sh4(guest_half(guest, code), size, pc);
    case ISA_M68K:
      return classify_m68k(code, size, pc);
    case ISA_S390X:
      return classify_s390x(code, size, pc);
    case ISA_HEXAGON:
      return classify_hexagon(code, size, pc);
    case ISA_XTENSA:
      return classify_xtensa(guest->big_endian, code, size, pc);
    default:
      return plain(END_UNKNOWN);
  }
}

struct ending_of classify(const struct guest *guest, const struct code *code, size_t index) {
  const uint8_t *at = code->bytes;
  for (size_t i = 0; i < index; i++) at += code->sizes[i];
  uint64_t pc = code->pc + (uint64_t)(at - code->bytes);
  struct ending_of found = has_words(guest->isa)
                               ? decode_words(guest, code, index, at, pc)
                               : decode(guest, at, code->sizes[index], pc);
  if (guest->address_bits == 32) found.taken &= 0xffffffff;
  return found;
}
