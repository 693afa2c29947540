/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plugin knows of a whole machine: where its traps go, and what they say of themselves. */
#ifndef BACKTRAIL_MACHINE_H
#define BACKTRAIL_MACHINE_H
#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "qemu_state.h"

/* A trap that was taken, as the registers or the stack of its privilege level hold it. */
struct machine_trap {
  uint64_t interrupted; /* the instruction that would have run next, or that faulted or called */
  uint64_t number;      /* RISC-V: the code in mcause or scause; x86: the vector; AArch64: the
                           exception class, or of an interrupt 1 IRQ, 2 FIQ, 3 SError */
  uint64_t address;     /* RISC-V: mtval or stval; x86: CR2; AArch64: FAR */
  uint64_t code;        /* x86: the error code; AArch64: the syndrome (ESR) */
  bool is_interrupt;
  bool is_call; /* an instruction that asks the level above */
  bool has_number, has_address, has_code;
};

/* At most one of supervisor mode, pre-empted at once by one of machine mode. */
enum { TRAPS_MAX = 2 };

/* A vCPU that has come to a block: QEMU's index of it, and QEMU's CPU state. */
struct machine_cpu {
  unsigned index;
  const uint8_t *env;
};

enum goes { GOES_NOT, GOES_MAYBE, GOES };

/* What a guest ISA tells. Each function but `installs` is called with the ring locked. */
struct machine {
  /* Whether this QEMU lets us read what is needed. */
  bool (*installs)(void);
  /* Flags where traps of this vCPU go, after p; or NULL: that is looked up at each trap. */
  void (*note_vectors)(const struct machine_cpu *cpu, const struct block *p);
  /* Whether an instruction changes where traps go. */
  bool (*sets_vectors)(const uint8_t *code, size_t size);
  /* Whether an instruction changes the address space. */
  bool (*sets_space)(const uint8_t *code, size_t size);
  /* As machine_goes_to(), machine_traps(), machine_privilege(), machine_space(). */
  enum goes (*goes_to)(const struct machine_cpu *cpu, const struct block *p, uint64_t pc);
  unsigned (*traps)(const struct machine_cpu *cpu, const struct block *p, const struct block *b,
                    struct machine_trap *out);
  unsigned (*privilege)(const uint8_t *env);
  bool (*space)(const struct machine_cpu *cpu, const struct block *p, uint64_t *space);
  /* Where the address of the instruction lies that runs next; NULL: not known. */
  const struct qemu_place *pc;
  /* As machine_mode(); or NULL: code reads the same in every mode. */
  enum isa (*mode)(void);
};

extern const struct machine machine_riscv, machine_x86, machine_aarch64;

/* Call once from install. */
void machine_install(enum isa isa);
/* Whether this QEMU lets us read what traps leave in registers; else no cause of an indirect
   transfer can be told. */
bool machine_tells_traps(void);
/* Flags where traps of this vCPU go now, after p. */
void machine_note_vectors(const struct machine_cpu *cpu, const struct block *p);
/* Whether code changes where traps go, and whether it changes the address space. */
bool machine_sets_vectors(const struct block *b);
bool machine_sets_space(const struct block *b);

/* Whether the end of p leads to pc by itself, by what registers hold as soon as p is over;
   GOES_MAYBE where nothing is told, as of programs. */
enum goes machine_goes_to(const struct machine_cpu *cpu, const struct block *p, uint64_t pc);
/* The traps, in order, that led from p to b; 0: none did. */
unsigned machine_traps(const struct machine_cpu *cpu, const struct block *p, const struct block *b,
                       struct machine_trap *out);

/* The privilege level, in the ISA's own numbers (RISC-V: 0 user, 1 supervisor, 3 machine; x86: the
   ring; AArch64: the exception level), or RING_NO_CODE. */
unsigned machine_privilege(const uint8_t *env);
/* The address space after p: satp, the table that CR3 names, or TTBR0; false: not known. */
bool machine_space(const struct machine_cpu *cpu, const struct block *p, uint64_t *space);
/* As what the code is to be read that this vCPU runs now, ISA_OTHER: not at all. The guest's ISA,
   but where that has several modes. Called where code is translated. */
enum isa machine_mode(enum isa isa);

/* Where QEMU runs one translation at every address that a page is mapped at (since 8.0): the place
   of the true address in its CPU state; NULL: it does not, or that is not known. */
const struct qemu_place *machine_pc(void);

/* For the ISAs: what a direct or sequential end leads to; GOES_MAYBE for all others. */
enum goes direct_goes_to(const struct block *p, uint64_t pc);

#endif
