/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the last instruction of a block does to control, told from its bytes alone. */
#ifndef BACKTRAIL_CLASSIFY_H
#define BACKTRAIL_CLASSIFY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum isa {
  ISA_OTHER,
  ISA_X86_64,
  ISA_I386,
  ISA_RISCV64,
  ISA_RISCV32,
  ISA_AARCH64,
  ISA_ARM,
  ISA_MIPS,
  ISA_PPC,
  ISA_S390X,
  ISA_M68K,
  ISA_SH4,
  ISA_SPARC,
  ISA_HPPA,
  ISA_ALPHA,
  ISA_LOONGARCH,
  ISA_NIOS2,
  ISA_OR1K,
  ISA_MICROBLAZE,
  ISA_XTENSA,
  ISA_HEXAGON,
  ISA_CRIS,
};

/* The guest as classify() needs to know it. */
struct guest {
  enum isa isa;
  unsigned address_bits;
  bool big_endian; /* its data; and its instructions, but on Arm */
  bool is_n32;     /* MIPS: 64-bit registers, 32-bit addresses */
};

enum ending {
  END_UNKNOWN,    /* no decoder for this ISA */
  END_SEQUENTIAL, /* cut by the translator, or an instruction that goes on behind itself */
  END_BRANCH,
  END_JUMP,
  END_INDIRECT_JUMP,
  END_CALL,
  END_INDIRECT_CALL,
  END_RETURN,
  END_TRAP_RETURN,
  END_SYSCALL,
  END_TRAP,   /* breakpoints and instructions made to fault */
  END_REPEAT, /* x86 rep: QEMU may leave the block once per iteration */
};

struct ending_of {
  enum ending ending;
  uint64_t taken; /* for BRANCH, JUMP, CALL: where it goes */
  bool passes;    /* a conditional one of a kind that else always leaves: blne, bxeq, beqlr */
};

/* A block's instructions: the code, and the size of each. */
struct code {
  const uint8_t *bytes;
  const uint8_t *sizes;
  size_t count;
  uint64_t pc; /* of the first */
};

struct guest guest_named(const char *qemu_name);
/* Whether no disassembler of the analyzer reads its code (capstone-targets.ts). */
bool only_qemu_reads(const char *qemu_name);
/* What the instruction of that number does. */
struct ending_of classify(const struct guest *guest, const struct code *code, size_t index);
/* The same for 32-bit Arm, whose blocks are of A32 or of Thumb. */
struct ending_of classify_arm(const struct code *code, size_t index, bool thumb);

/* Whether QEMU 7.2 does not show plugins the bytes of instructions, but their number is known. */
bool hides_code(const struct guest *guest);
/* Of that guest: bytes of the instruction that begins with these `size` bytes; 0: not in them. */
size_t hidden_bytes(const struct guest *guest, const uint8_t *code, size_t size);
/* Bytes of a delay slot and of the branch before it; 0 for guests without. */
size_t slot_bytes(const struct guest *guest);
/* Whether the instruction, of that size, is one whose slot runs before it is done. */
bool has_slot(const struct guest *guest, const uint8_t *code, uint64_t pc);
/* Whether QEMU may run a slot as a block of its own, or skip it, with the branch the last of its
   block. */
bool slots_stand_apart(const struct guest *guest);
/* Whether an instruction may find no room in the register window: then what the kernel or QEMU does
   about it happens first, and the instruction is run again. */
bool has_windows(const struct guest *guest);
/* SPARC: save and restore, which may. */
bool moves_window(const struct guest *guest, const uint8_t *code);

bool mips_has_slot(uint32_t w);
bool sh4_has_slot(uint32_t w);
bool sparc_has_slot(uint32_t w);
bool hppa_has_slot(uint32_t w, uint64_t pc);
bool or1k_has_slot(uint32_t w);
bool microblaze_has_slot(uint32_t w);
struct ending_of classify_sh4(uint32_t w, size_t size, uint64_t pc);
struct ending_of classify_mips(uint32_t w, size_t size, uint64_t pc);
struct ending_of classify_sparc(uint32_t w, size_t size, uint64_t pc);
struct ending_of classify_alpha(uint32_t w, uint64_t pc);
struct ending_of classify_loongarch(uint32_t w, uint64_t pc);
struct ending_of classify_nios2(uint32_t w, uint64_t pc);
struct ending_of classify_or1k(uint32_t w, size_t size, uint64_t pc);
struct ending_of classify_xtensa(bool big_endian, const uint8_t *code, size_t size, uint64_t pc);
struct ending_of classify_hexagon(const uint8_t *code, size_t size, uint64_t pc);
/* Bytes of the packet that begins with these `size` bytes; 0: it does not end in them. */
size_t hexagon_packet_bytes(const uint8_t *code, size_t size);
/* The same of an instruction of CRIS. */
size_t cris_bytes(const uint8_t *code, size_t size);
/* These two also look at the instruction before it, `first`: there is none. */
struct ending_of classify_hppa(uint32_t w, size_t size, uint64_t pc, uint32_t before, bool first);
struct ending_of classify_microblaze(uint32_t w, size_t size, uint64_t pc, uint32_t before,
                                     bool first);
/* The word of an instruction, in the byte order of the guest. */
uint32_t guest_word(const struct guest *guest, const uint8_t *code);
struct ending_of classify_ppc(uint32_t w, uint64_t pc);
struct ending_of classify_m68k(const uint8_t *code, size_t size, uint64_t pc);
struct ending_of classify_s390x(const uint8_t *code, size_t size, uint64_t pc);

static inline bool is_direct(enum ending ending) {
  return ending == END_BRANCH || ending == END_JUMP || ending == END_CALL;
}

static inline bool is_indirect(enum ending ending) {
  return ending == END_INDIRECT_JUMP || ending == END_INDIRECT_CALL || ending == END_RETURN ||
         ending == END_TRAP_RETURN;
}

/* For the decoders. */
static inline struct ending_of plain(enum ending ending) {
  return (struct ending_of){ending, 0, false};
}

static inline struct ending_of to(enum ending ending, uint64_t taken) {
  return (struct ending_of){ending, taken, false};
}

static inline struct ending_of conditional(enum ending ending, bool always) {
  return (struct ending_of){ending, 0, !always};
}

static inline uint64_t sign_extend(uint64_t value, unsigned bits) {
  return (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits));
}

static inline uint32_t word(const uint8_t *code) {
  return (uint32_t)code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16 |
         (uint32_t)code[3] << 24;
}

static inline uint32_t big_word(const uint8_t *code) { return __builtin_bswap32(word(code)); }

static inline uint32_t half(const uint8_t *code) { return code[0] | (uint32_t)code[1] << 8; }

#endif
