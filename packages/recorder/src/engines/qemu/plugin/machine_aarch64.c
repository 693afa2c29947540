/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AArch64 (Arm ARM, DDI 0487, D1.3 and D1.4): a table of sixteen vectors of 128 bytes for each
 * exception level. Where the tables and the address space are is known from the instructions that
 * set them, which end a block: their register still holds the value when the next block begins.
 */
#include "machine.h"

#include "qemu_state.h"

enum { TABLES_MAX = 64, VECTORS = 16, VECTOR_BYTES = 0x80, LEVELS = 4 };
enum { CLASS_SVC_32 = 0x11, CLASS_SMC_32 = 0x13, CLASS_SMC = 0x17 };

/* The general registers come 64 bytes behind the 32-bit ones; PSTATE follows the PC. */
enum { X, PC, ELR, SYNDROME, FAULT, PLACES };
static struct qemu_place places[PLACES] = {
    [X] = {.name = "env.xregs"},
    [PC] = {.name = "env.pc"},
    [ELR] = {.name = "env.elr_el"},
    [SYNDROME] = {.name = "env.exception.syndrome"},
    [FAULT] = {.name = "env.exception.vaddress"},
};

/* Tables of any vCPU; one that was replaced stays, another vCPU may still use it. */
static struct {
  uint64_t base;
  unsigned level;
} tables[TABLES_MAX];
static unsigned table_count;

static bool installs(void) {
  return qemu_state_find("vmstate_arm_cpu", "env.regs", places, PLACES, NULL);
}

static uint64_t general(const uint8_t *env, unsigned number) {
  return number == 31 ? 0 : ((const uint64_t *)(env + places[X].offset))[number];
}

static unsigned privilege(const uint8_t *env) {
  return *(const uint32_t *)(env + places[PC].offset + 8) >> 2 & 3;
}

/* msr VBAR_ELn, x: the level, or 0. */
static unsigned vector_level(uint32_t w) {
  switch (w & 0xffffffe0) {
    case 0xd518c000:
      return 1;
    case 0xd51cc000:
      return 2;
    case 0xd51ec000:
      return 3;
    default:
      return 0;
  }
}

static bool sets_vectors(const uint8_t *code, size_t size) {
  return size == 4 && vector_level(word(code)) != 0;
}

/* msr TTBR0_EL1, x. */
static bool is_space(uint32_t w) { return (w & 0xffffffe0) == 0xd5182000; }

static bool sets_space(const uint8_t *code, size_t size) {
  return size == 4 && is_space(word(code));
}

static uint32_t last_word(const struct block *p) { return word(p->code + (p->last - p->start)); }

static bool space(const struct machine_cpu *cpu, const struct block *p, uint64_t *out) {
  if (p->instructions == 0 || !is_space(last_word(p))) return false;
  *out = general(cpu->env, last_word(p) & 31);
  return true;
}

static void note_vectors(const struct machine_cpu *cpu, const struct block *p) {
  if (p->instructions == 0) return;
  unsigned level = vector_level(last_word(p));
  if (level == 0) return;
  uint64_t base = general(cpu->env, last_word(p) & 31);
  for (unsigned i = 0; i < table_count; i++) {
    if (tables[i].base == base && tables[i].level == level) return;
  }
  if (table_count == TABLES_MAX) return;
  tables[table_count].base = base;
  tables[table_count++].level = level;
  for (unsigned i = 0; i < VECTORS; i++) block_flag_handler(base + i * VECTOR_BYTES);
}

/* br, blr and ret name a register; their forms with a key in them are not followed. */
static enum goes goes_to(const struct machine_cpu *cpu, const struct block *p, uint64_t pc) {
  enum goes goes = direct_goes_to(p, pc);
  uint32_t w = goes == GOES_MAYBE && p->instructions > 0 ? last_word(p) : 0;
  unsigned number = w >> 5 & 31;
  bool is_call = (w & 0xfffffc1f) == 0xd63f0000;
  bool is_other = (w & 0xfffffc1f) == 0xd61f0000 || (w & 0xfffffc1f) == 0xd65f0000;
  if (!is_other && !(is_call && number != 30)) return goes;
  return general(cpu->env, number) == pc ? GOES : GOES_NOT;
}

static bool is_vector(unsigned level, uint64_t pc) {
  for (unsigned i = 0; i < table_count; i++) {
    uint64_t offset = pc - tables[i].base;
    if (tables[i].level != level || offset >= VECTORS * VECTOR_BYTES) continue;
    if (offset % VECTOR_BYTES == 0) return true;
  }
  return false;
}

/* Nothing but a trap leads to a vector; ELR and what QEMU keeps for ESR and FAR are those of it. */
static unsigned traps(const struct machine_cpu *cpu, const struct block *p, const struct block *b,
                      struct machine_trap *out) {
  (void)p;
  unsigned level = privilege(cpu->env);
  if (level == 0 || !is_vector(level, b->start)) return 0;
  uint32_t syndrome = state_u32(cpu->env, places[SYNDROME]);
  unsigned class = syndrome >> 26;
  unsigned type = b->start / VECTOR_BYTES & 3; /* 0 synchronous, 1 IRQ, 2 FIQ, 3 SError */
  bool is_interrupt = type != 0;
  bool is_call = !is_interrupt && class >= CLASS_SVC_32 && class <= CLASS_SMC;
  bool is_caught_smc = (class == CLASS_SMC || class == CLASS_SMC_32) && level != 3;
  uint64_t link = *(const uint64_t *)(cpu->env + places[ELR].offset + 8 * (level % LEVELS));
  *out = (struct machine_trap){
      /* A call returns behind itself, but was not done when it trapped. */
      .interrupted = is_call && !is_caught_smc ? link - 4 : link,
      .number = is_interrupt ? type : class,
      .address = state_u64(cpu->env, places[FAULT]),
      .code = syndrome,
      .is_interrupt = is_interrupt,
      .is_call = is_call,
      .has_number = true,
      /* Aborts, alignment of the PC, watchpoints (Arm ARM, ESR_EL1). */
      .has_address = !is_interrupt && ((class >= 0x20 && class <= 0x25) || class >> 1 == 0x1a),
      .has_code = !is_interrupt,
  };
  return 1;
}

const struct machine machine_aarch64 = {
    .installs = installs,
    .note_vectors = note_vectors,
    .sets_vectors = sets_vectors,
    .sets_space = sets_space,
    .goes_to = goes_to,
    .traps = traps,
    .privilege = privilege,
    .space = space,
    .pc = &places[PC],
};
