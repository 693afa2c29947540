/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traps, privilege and address spaces of whole machines. QEMU before 11 does not tell traps to
 * plugins, but they leave their traces: the block that runs next begins where the trap vector
 * points, and registers or the stack say what came and where it came from. machine_*.c know how,
 * one ISA each.
 */
#include "machine.h"

#include "qemu_api.h"

static const struct machine *machine; /* NULL: nothing is told */

void machine_install(enum isa isa) {
  const struct machine *known = isa == ISA_RISCV64   ? &machine_riscv
                                : isa == ISA_X86_64  ? &machine_x86
                                : isa == ISA_AARCH64 ? &machine_aarch64
                                                     : NULL;
  if (known && known->installs()) machine = known;
}

bool machine_tells_traps(void) { return machine != NULL; }

void machine_note_vectors(const struct machine_cpu *cpu, const struct block *p) {
  if (machine->note_vectors) machine->note_vectors(cpu, p);
}

static bool any(const struct block *b, bool (*is)(const uint8_t *code, size_t size)) {
  const uint8_t *code = b->code;
  for (uint32_t i = 0; i < b->instructions; code += b->sizes[i++]) {
    if (is(code, b->sizes[i])) return true;
  }
  return false;
}

bool machine_sets_vectors(const struct block *b) {
  return machine != NULL && any(b, machine->sets_vectors);
}

bool machine_sets_space(const struct block *b) {
  return machine != NULL && any(b, machine->sets_space);
}

const struct qemu_place *machine_pc(void) {
  return machine && qemu_api_version >= 2 ? machine->pc : NULL;
}

enum goes direct_goes_to(const struct block *p, uint64_t pc) {
  switch (p->ending) {
    case END_JUMP:
    case END_CALL:
      return pc == p->taken ? GOES : GOES_NOT;
    case END_BRANCH:
      return pc == p->taken || pc == p->end ? GOES : GOES_NOT;
    case END_UNKNOWN:
    case END_INDIRECT_JUMP:
    case END_INDIRECT_CALL:
    case END_RETURN:
    case END_TRAP_RETURN:
      return GOES_MAYBE;
    case END_REPEAT:
      return pc == p->end || pc == p->last ? GOES : GOES_NOT;
    default:
      return pc == p->end ? GOES : GOES_NOT;
  }
}

enum goes machine_goes_to(const struct machine_cpu *cpu, const struct block *p, uint64_t pc) {
  return machine && p != &nowhere ? machine->goes_to(cpu, p, pc) : GOES_MAYBE;
}

unsigned machine_traps(const struct machine_cpu *cpu, const struct block *p, const struct block *b,
                       struct machine_trap *out) {
  return machine->traps(cpu, p, b, out);
}

unsigned machine_privilege(const uint8_t *env) {
  return machine ? machine->privilege(env) : RING_NO_CODE;
}

bool machine_space(const struct machine_cpu *cpu, const struct block *p, uint64_t *space) {
  return machine && machine->space(cpu, p, space);
}

enum isa machine_mode(enum isa isa) { return machine && machine->mode ? machine->mode() : isa; }
