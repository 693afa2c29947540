/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the last instruction of a block does to control, told from its bytes alone. */
#ifndef BACKTRAIL_CLASSIFY_H
#define BACKTRAIL_CLASSIFY_H
#include <stddef.h>
#include <stdint.h>

enum isa { ISA_OTHER, ISA_X86_64, ISA_I386, ISA_RISCV64, ISA_RISCV32, ISA_AARCH64 };

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
};

enum isa isa_named(const char *qemu_name);
struct ending_of classify(enum isa isa, const uint8_t *code, size_t size, uint64_t pc);

#endif
