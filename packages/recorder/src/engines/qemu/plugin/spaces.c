/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spaces.h"

#include <stdlib.h>

static uint64_t *seen; /* by vCPU: the one that it was in last */

bool spaces_install(uint32_t vcpu_slots) {
  seen = calloc(vcpu_slots, sizeof *seen);
  return seen != NULL;
}

void spaces_note(const struct ring_vcpu *v, const struct machine_cpu *cpu, const struct block *p) {
  struct ring_fact fact = {.kind = MARK_ADDRESS_SPACE, .has = MARK_HAS_PC | MARK_HAS_ADDRESS};
  if (!machine_space(cpu, p, &fact.address) || fact.address == seen[cpu->index]) return;
  seen[cpu->index] = fact.address;
  fact.pc = p->last;
  ring_mark(v, ring_seq(v), &fact);
}
