/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plugin knows of a whole machine: where its traps go, and what they say of themselves. */
#ifndef BACKTRAIL_MACHINE_H
#define BACKTRAIL_MACHINE_H
#include <stdbool.h>
#include <stdint.h>

#include "block.h"

/* A trap that was taken, as the registers of its privilege level hold it. */
struct machine_trap {
  uint64_t interrupted; /* the instruction that would have run next, or that faulted */
  uint64_t number;      /* of RISC-V: the code in mcause or scause */
  uint64_t address;     /* what mtval or stval holds */
  bool is_interrupt;
  bool is_call; /* an instruction that asks the level above */
};

/* At most one of supervisor mode, pre-empted at once by one of machine mode. */
enum { TRAPS_MAX = 2 };

/* Call once from install. */
void machine_install(enum isa isa);
/* Whether this QEMU lets us read what traps leave in registers; else no cause of an indirect
   transfer can be told. */
bool machine_tells_traps(void);
/* Flags where traps of this vCPU go now. Ring locked. env: QEMU's CPU state. */
void machine_note_vectors(const uint8_t *env);
/* Whether code changes where traps go. */
bool machine_sets_vectors(const uint8_t *code, const uint8_t *sizes, uint32_t instructions);

enum goes { GOES_NOT, GOES_MAYBE, GOES };
/* Whether the end of p leads to pc by itself, by what registers hold as soon as p is over. */
enum goes machine_goes_to(const uint8_t *env, const struct block *p, uint64_t pc);

/* The traps, in order, that led from p to b; 0: none did. */
unsigned machine_traps(const uint8_t *env, const struct block *p, const struct block *b,
                       struct machine_trap *out);

#endif
