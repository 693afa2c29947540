/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V (privileged specification, chapters 3 and 10): registers are read by a function that
 * Debian's QEMU exports, when a block begins where a trap vector points.
 */
#include "machine.h"

#include "qemu_api.h"
#include "qemu_state.h"

enum { CSR_SSTATUS = 0x100, CSR_STVEC = 0x105, CSR_SEPC = 0x141, CSR_SCAUSE = 0x142 };
enum { CSR_STVAL = 0x143, CSR_VSTVEC = 0x205, CSR_MSTATUS = 0x300, CSR_MTVEC = 0x305 };
enum { CSR_MEPC = 0x341, CSR_MCAUSE = 0x342, CSR_MTVAL = 0x343, CSR_SATP = 0x180 };
enum { USER_CALL = 8, MACHINE_CALL = 11, VECTORS = 64 };

/* A privilege level that takes traps: its registers, and two fields of its status. */
struct level {
  unsigned privilege;
  int tvec, epc, cause, tval, status;
  unsigned enable_bit; /* interrupts are on; off once a trap was taken */
  unsigned before_bit; /* the level it came from */
  unsigned before_mask;
};
static const struct level machine_level = {
    3, CSR_MTVEC, CSR_MEPC, CSR_MCAUSE, CSR_MTVAL, CSR_MSTATUS, 3, 11, 3};
static const struct level supervisor_level = {
    1, CSR_STVEC, CSR_SEPC, CSR_SCAUSE, CSR_STVAL, CSR_SSTATUS, 1, 8, 1};

enum { PRIVILEGE, PC, PLACES };
static struct qemu_place places[PLACES] = {
    [PRIVILEGE] = {.name = "env.priv"}, [PC] = {.name = "env.pc"}};
static bool has_places;

static bool installs(void) {
  has_places = qemu_state_find("vmstate_riscv_cpu", "env.gpr", places, PLACES, NULL);
  return qemu.riscv_csrrw_debug != NULL;
}

/* Reads without a write and without a check of privilege; 0 where there is no such register. */
static uint64_t csr(const uint8_t *env, int number) {
  uint64_t value = 0;
  return qemu.riscv_csrrw_debug((void *)env, number, &value, 0, 0) < 0 ? value : 0;
}

/* General registers come first in the CPU state. */
static uint64_t general(const uint8_t *env, unsigned number) {
  return ((const uint64_t *)env)[number];
}

static void flag_vectors(uint64_t tvec) {
  block_flag_handler(tvec & ~3ull);
  if ((tvec & 3) != 1) return;
  for (uint64_t i = 1; i < VECTORS; i++) block_flag_handler((tvec & ~3ull) + 4 * i);
}

static void note_vectors(const struct machine_cpu *cpu, const struct block *p) {
  (void)p;
  static uint64_t last[2] = {~0ull, ~0ull}; /* guarded by the ring lock */
  const struct level *levels[] = {&machine_level, &supervisor_level};
  for (int i = 0; i < 2; i++) {
    uint64_t tvec = csr(cpu->env, levels[i]->tvec);
    if (tvec == last[i]) continue;
    last[i] = tvec;
    flag_vectors(tvec);
  }
}

/* The register that an instruction writes, or -1. */
static int written_csr(const uint8_t *code, size_t size) {
  if (size != 4) return -1;
  uint32_t w = word(code);
  unsigned op = w >> 12 & 7, source = w >> 15 & 31;
  if ((w & 0x7f) != 0x73 || (op & 3) == 0) return -1;
  if ((op & 2) != 0 && source == 0) return -1; /* csrrs and csrrc with x0 only read */
  return (int)(w >> 20);
}

static bool sets_vectors(const uint8_t *code, size_t size) {
  int number = written_csr(code, size);
  return number == CSR_STVEC || number == CSR_MTVEC || number == CSR_VSTVEC;
}

static bool sets_space(const uint8_t *code, size_t size) {
  return written_csr(code, size) == CSR_SATP;
}

static bool space(const struct machine_cpu *cpu, const struct block *p, uint64_t *out) {
  (void)p;
  *out = csr(cpu->env, CSR_SATP);
  return true;
}

static uint64_t sign_extend_12(uint32_t value) { return (uint64_t)(int64_t)((int32_t)value >> 20); }

/* Where auipc, as the instruction before the last one, and jalr on its register lead. */
static bool far_call(const struct block *p, unsigned rs1, uint32_t jalr, uint64_t *target) {
  if (p->instructions < 2 || p->sizes[p->instructions - 2] != 4) return false;
  uint64_t pc = p->last - 4;
  uint32_t auipc = word(p->code + (pc - p->start));
  if ((auipc & 0x7f) != 0x17 || (auipc >> 7 & 31) != rs1) return false;
  *target = (pc + (uint64_t)(int64_t)(int32_t)(auipc & 0xfffff000) + sign_extend_12(jalr)) & ~1ull;
  return true;
}

/* Where the indirect end of p led; false if its register was overwritten by itself. */
static bool destination(const uint8_t *env, const struct block *p, uint64_t *target) {
  const uint8_t *code = p->code + (p->last - p->start);
  if (p->ending == END_TRAP_RETURN) {
    *target = csr(env, word(code) == 0x30200073 ? CSR_MEPC : CSR_SEPC);
    return true;
  }
  bool is_wide = p->end - p->last == 4;
  uint32_t w = is_wide ? word(code) : half(code);
  unsigned rs1 = is_wide ? w >> 15 & 31 : w >> 7 & 31;
  unsigned rd = is_wide ? w >> 7 & 31 : w >> 12 & 1; /* c.jalr links to x1, c.jr to x0 */
  if (rd != 0 && rd == rs1) return is_wide && far_call(p, rs1, w, target);
  *target = (general(env, rs1) + (is_wide ? sign_extend_12(w) : 0)) & ~1ull;
  return true;
}

static enum goes goes_to(const struct machine_cpu *cpu, const struct block *p, uint64_t pc) {
  uint64_t target;
  enum goes goes = direct_goes_to(p, pc);
  if (goes != GOES_MAYBE || p->ending == END_UNKNOWN) return goes;
  if (!destination(cpu->env, p, &target)) return GOES_MAYBE;
  return target == pc ? GOES : GOES_NOT;
}

static void read_trap(const uint8_t *env, const struct level *level, struct machine_trap *trap) {
  uint64_t cause = csr(env, level->cause);
  trap->is_interrupt = cause >> 63;
  trap->number = cause & ~(1ull << 63);
  trap->interrupted = csr(env, level->epc);
  trap->address = csr(env, level->tval);
  trap->has_number = true;
  trap->has_address = !trap->is_interrupt;
  trap->is_call = !trap->is_interrupt && trap->number >= USER_CALL && trap->number <= MACHINE_CALL;
}

/* Whether the last trap that this level took went to pc, and nothing says that it is over. */
static bool trapped_to(const uint8_t *env, const struct level *level, uint64_t pc,
                       struct machine_trap *trap) {
  read_trap(env, level, trap);
  uint64_t tvec = csr(env, level->tvec);
  uint64_t offset = (tvec & 3) == 1 && trap->is_interrupt ? 4 * trap->number : 0;
  if ((tvec & ~3ull) + offset != pc) return false;
  return (csr(env, level->status) >> level->enable_bit & 1) == 0;
}

static bool came_from_itself(const uint8_t *env, const struct level *level) {
  return (csr(env, level->status) >> level->before_bit & level->before_mask) == level->privilege;
}

/* Whether p, or what it leads to, can be what the trap interrupted. */
static bool explains(const struct machine_cpu *cpu, const struct block *p,
                     const struct machine_trap *trap) {
  if (p == &nowhere || block_index(p, trap->interrupted) >= 0) return true;
  return goes_to(cpu, p, trap->interrupted) != GOES_NOT;
}

/* RING_NO_CODE: this QEMU does not tell. */
static unsigned privilege(const uint8_t *env) {
  if (qemu.riscv_mmu_index) return (unsigned)qemu.riscv_mmu_index((void *)env, true) & 3;
  return has_places ? state_u32(env, places[PRIVILEGE]) & 3 : RING_NO_CODE;
}

/* Without a word from QEMU: machine mode, if its vector is the one. */
static const struct level *level_of(const uint8_t *env, uint64_t pc) {
  struct machine_trap trap;
  unsigned now = privilege(env);
  if (now != RING_NO_CODE) {
    return now == 0 ? NULL : now == 3 ? &machine_level : &supervisor_level;
  }
  return trapped_to(env, &machine_level, pc, &trap) ? &machine_level : &supervisor_level;
}

/*
 * Registers hold the last trap for ever, so that a jump to the handler looks like a trap. It is one
 * if p does not lead there by itself. If p does, it is one only if it stopped p half way: code
 * that tries an instruction has its handler right behind (docs/qemu.md).
 */
static unsigned traps(const struct machine_cpu *cpu, const struct block *p, const struct block *b,
                      struct machine_trap *out) {
  struct machine_trap outer, inner;
  const uint8_t *env = cpu->env;
  const struct level *level = level_of(env, b->start);
  if (!level || !trapped_to(env, level, b->start, &outer)) return 0;
  bool is_inside = p != &nowhere && block_index(p, outer.interrupted) >= 0;
  if (p != &nowhere && goes_to(cpu, p, b->start) == GOES) {
    if (!is_inside || outer.is_interrupt || !came_from_itself(env, level)) return 0;
  }
  bool is_told = is_inside || p == &nowhere;
  if (!is_told) is_told = goes_to(cpu, p, outer.interrupted) == GOES;
  if (!is_told && level == &machine_level &&
      trapped_to(env, &supervisor_level, outer.interrupted, &inner) && explains(cpu, p, &inner)) {
    out[0] = inner;
    out[1] = outer;
    return 2;
  }
  if (!explains(cpu, p, &outer)) return 0;
  out[0] = outer;
  return 1;
}

const struct machine machine_riscv = {
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
