/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86 (Intel SDM vol. 3, chapters 6 and 7): a trap leaves a frame on the stack and goes where its
 * gate in the interrupt descriptor table points. Both are read from guest memory when a block
 * begins for which nothing else is an explanation, or where a trap led before.
 */
#include "machine.h"

#include <string.h>

#include "qemu_api.h"
#include "qemu_state.h"

enum { VECTORS = 256, FIRST_FREE_VECTOR = 32, NMI = 2, PAGE_FAULT = 14 };
/* Bits of QEMU's hflags. */
enum { H_PRIVILEGE = 3, H_CODE_32 = 1 << 4, H_PROTECTED = 1 << 7, H_LONG = 1 << 14 };
enum { H_CODE_64 = 1 << 15, H_V86 = 1 << 17 };
/* A table register in QEMU: selector u32, base u64, limit u32 (SegmentCache). */
enum { SEGMENT_BASE = 8, SEGMENT_LIMIT = 16, RSP = 4 };
enum { FLAG_ALWAYS = 2, FLAGS_MAX = 1 << 22, SELECTOR_MAX = 0xffff };

enum { R, IP, HFLAGS, IDT, CR2, CR3, LSTAR, PLACES };
static struct qemu_place places[PLACES] = {
    [R] = {.name = "env.regs"},         [IP] = {.name = "env.eip"},
    [HFLAGS] = {.name = "env.hflags"}, [IDT] = {.name = "env.idt"},
    [CR2] = {.name = "env.cr[2]"},      [CR3] = {.name = "env.cr[3]"},
    [LSTAR] = {.name = "env.lstar"},
};

static size_t env_offset; /* of the CPU state in what QEMU calls the CPU */

static bool installs(void) {
  return qemu.cpu_memory_rw_debug != NULL && qemu.get_cpu != NULL && qemu_current_cpu_is_known() &&
         qemu_state_find("vmstate_x86_cpu", "env.regs", places, PLACES, &env_offset);
}

static uint32_t hflags(const uint8_t *env) { return state_u32(env, places[HFLAGS]); }

static unsigned privilege(const uint8_t *env) { return hflags(env) & H_PRIVILEGE; }

/* Guest memory as the vCPU sees it now; false: something is not mapped. */
static bool read_guest(unsigned index, uint64_t at, void *into, size_t bytes) {
  void *cpu = qemu.get_cpu((int)index);
  return cpu && qemu.cpu_memory_rw_debug(cpu, at, into, bytes, false) == 0;
}

static size_t prefix_bytes(const uint8_t *code, size_t size) {
  size_t at = 0;
  while (at < size && (code[at] == 0x66 || code[at] == 0x67 || code[at] == 0xf3 ||
                       code[at] == 0x2e || code[at] == 0x3e || (code[at] & 0xf0) == 0x40)) {
    at++;
  }
  return at;
}

/* lidt: 0f 01 /3. What it sets is read anew at each trap, but what comes next is looked at. */
static bool sets_vectors(const uint8_t *code, size_t size) {
  size_t at = prefix_bytes(code, size);
  if (size < at + 3 || code[at] != 0x0f || code[at + 1] != 0x01) return false;
  return (code[at + 2] >> 3 & 7) == 3 && code[at + 2] >> 6 != 3;
}

/* mov cr3: 0f 22 /3. */
static bool sets_space(const uint8_t *code, size_t size) {
  size_t at = prefix_bytes(code, size);
  return size >= at + 3 && code[at] == 0x0f && code[at + 1] == 0x22 && (code[at + 2] >> 3 & 7) == 3;
}

/* The table that CR3 names: without the bits below, which are flags or a PCID. */
static bool space(const struct machine_cpu *cpu, const struct block *p, uint64_t *out) {
  (void)p;
  *out = state_u64(cpu->env, places[CR3]) & 0x000ffffffffff000ull;
  return true;
}

/* A syscall instruction goes where LSTAR says; not cached, as a trap could come there, too. */
static bool is_syscall(const struct block *p) {
  const uint8_t *code = p->code + (p->last - p->start);
  return p->ending == END_SYSCALL && p->end - p->last >= 2 && code[0] == 0x0f && code[1] == 0x05;
}

static uint64_t general(const uint8_t *env, unsigned number) {
  return ((const uint64_t *)(env + places[R].offset))[number];
}

/* Where a return of 64-bit code led: below the stack pointer is what it took from there. */
static enum goes returns_to(const struct machine_cpu *cpu, const uint8_t *code, size_t size,
                            uint64_t pc) {
  uint64_t target, taken = 8;
  size_t at = prefix_bytes(code, size);
  if (size >= at + 3 && code[at] == 0xc2) taken += half(code + at + 1);
  else if (size < at + 1 || code[at] != 0xc3) return GOES_MAYBE;
  if (!read_guest(cpu->index, general(cpu->env, RSP) - taken, &target, 8)) return GOES_MAYBE;
  return target == pc ? GOES_MAYBE : GOES_NOT;
}

static enum goes goes_to(const struct machine_cpu *cpu, const struct block *p, uint64_t pc) {
  enum goes goes = direct_goes_to(p, pc);
  if (p->ending != END_RETURN || !(hflags(cpu->env) & H_CODE_64)) return goes;
  return returns_to(cpu, p->code + (p->last - p->start), p->end - p->last, pc);
}

/* What a trap pushes: with an error code below it, or without. */
struct frame {
  uint64_t ip, cs, flags;
};

static bool has_error_code(unsigned vector) {
  return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 ||
         vector == 29 || vector == 30;
}

static bool is_frame(const struct frame *f, const struct block *p) {
  if ((f->flags & FLAG_ALWAYS) == 0 || f->flags >= FLAGS_MAX || f->cs > SELECTOR_MAX) return false;
  if ((f->cs & ~3ull) == 0) return false;
  if (p == &nowhere || block_index(p, f->ip) >= 0 || f->ip == p->end) return true;
  return direct_goes_to(p, f->ip) != GOES_NOT;
}

/* Bit 0: a frame without an error code may be on the stack; bit 1: one with. */
static unsigned frames(const struct machine_cpu *cpu, const struct block *p,
                       struct frame *plain_frame, struct frame *error_frame, uint64_t *error) {
  uint64_t words[4];
  uint64_t top = general(cpu->env, RSP);
  if (hflags(cpu->env) & H_LONG) {
    if (!read_guest(cpu->index, top, words, sizeof words)) return 0;
  } else {
    uint32_t narrow[4];
    if (!read_guest(cpu->index, (uint32_t)top, narrow, sizeof narrow)) return 0;
    for (int i = 0; i < 4; i++) words[i] = narrow[i];
    words[1] &= SELECTOR_MAX; /* what is above a selector in 32-bit code is not defined */
    if (!(words[2] & FLAG_ALWAYS)) words[2] &= SELECTOR_MAX;
  }
  *plain_frame = (struct frame){words[0], words[1], words[2]};
  *error_frame = (struct frame){words[1], words[2], words[3]};
  *error = words[0];
  return (is_frame(plain_frame, p) ? 1u : 0u) | (is_frame(error_frame, p) ? 2u : 0u);
}

/* Where the gate of a vector leads; 0: it has none. */
static uint64_t gate_target(const uint8_t *gate, bool is_long) {
  if ((gate[5] & 0x80) == 0) return 0;
  uint64_t low = half(gate) | (uint64_t)half(gate + 6) << 16;
  return is_long ? low | (uint64_t)word(gate + 8) << 32 : low;
}

/* The first vector that leads to pc and whose kind of frame is there; -1: none. */
static int vector_to(const struct machine_cpu *cpu, uint64_t pc, unsigned kinds_of_frames) {
  uint8_t table[VECTORS * 16];
  bool is_long = (hflags(cpu->env) & H_LONG) != 0;
  size_t gate_bytes = is_long ? 16 : 8;
  const uint8_t *idt = cpu->env + places[IDT].offset;
  size_t bytes = (size_t) * (const uint32_t *)(idt + SEGMENT_LIMIT) + 1;
  if (bytes > VECTORS * gate_bytes) bytes = VECTORS * gate_bytes;
  if (!read_guest(cpu->index, *(const uint64_t *)(idt + SEGMENT_BASE), table, bytes)) return -1;
  for (unsigned vector = 0; (vector + 1) * gate_bytes <= bytes; vector++) {
    unsigned needed = has_error_code(vector) ? 2 : 1;
    if ((kinds_of_frames & needed) == 0) continue;
    if (gate_target(table + vector * gate_bytes, is_long) == pc) return (int)vector;
  }
  return -1;
}

/* int n, int3, into, int1 as the last instruction of p. */
static bool is_software_trap(const struct block *p) {
  uint8_t opcode = p->instructions > 0 ? p->code[p->last - p->start] : 0;
  return opcode == 0xcc || opcode == 0xcd || opcode == 0xce || opcode == 0xf1;
}

static unsigned traps(const struct machine_cpu *cpu, const struct block *p, const struct block *b,
                      struct machine_trap *out) {
  uint32_t mode = hflags(cpu->env);
  if ((mode & H_PROTECTED) == 0 || (mode & H_V86) != 0) return 0;
  if (is_syscall(p) && b->start == state_u64(cpu->env, places[LSTAR])) {
    *out = (struct machine_trap){.interrupted = p->last, .is_call = true};
    return 1;
  }
  struct frame plain_frame, error_frame;
  uint64_t error;
  unsigned kinds_of_frames = frames(cpu, p, &plain_frame, &error_frame, &error);
  int vector = kinds_of_frames == 0 ? -1 : vector_to(cpu, b->start, kinds_of_frames);
  if (vector < 0) return 0;
  bool has_code = has_error_code((unsigned)vector);
  uint64_t interrupted = has_code ? error_frame.ip : plain_frame.ip;
  bool is_software = is_software_trap(p) && interrupted == p->end;
  *out = (struct machine_trap){
      .interrupted = is_software ? p->last : interrupted,
      .number = (uint64_t)vector,
      .address = state_u64(cpu->env, places[CR2]),
      .code = has_code ? error & 0xffffffff : 0,
      .is_interrupt = !is_software && (vector >= FIRST_FREE_VECTOR || vector == NMI),
      .is_call = is_software && vector >= FIRST_FREE_VECTOR,
      .has_number = true,
      .has_address = vector == PAGE_FAULT,
      .has_code = has_code,
  };
  block_flag_handler(b->start);
  return 1;
}

/* The same bytes are other instructions in 16-, 32- and 64-bit code; the first we cannot read. */
static enum isa mode(void) {
  const uint8_t *cpu = qemu_current_cpu();
  uint32_t flags = cpu ? hflags(cpu + env_offset) : H_CODE_64;
  if (flags & H_CODE_64) return ISA_X86_64;
  return (flags & H_CODE_32) && (flags & H_V86) == 0 ? ISA_I386 : ISA_OTHER;
}

const struct machine machine_x86 = {
    .installs = installs,
    .sets_vectors = sets_vectors,
    .sets_space = sets_space,
    .goes_to = goes_to,
    .traps = traps,
    .privilege = privilege,
    .space = space,
    .pc = &places[IP],
    .mode = mode,
};
