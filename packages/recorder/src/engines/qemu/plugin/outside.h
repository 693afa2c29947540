/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What runs outside of a filter. A transfer that leads out is recorded as any other, and so is one
 * that leads back in. In between, from the second block on, only where the vCPU is is kept: when
 * it comes back, one transfer of cause `filtered` says that something ran from the last
 * instruction of the first block outside to the first one of the last.
 */
#ifndef BACKTRAIL_OUTSIDE_H
#define BACKTRAIL_OUTSIDE_H
#include "machine.h"

/* Of one vCPU, in a cache line of its own. */
struct visit {
  struct block *last;    /* the block that it is in, from the second one outside on; else NULL */
  uint64_t instructions; /* of blocks that were only noted, not yet in the vCPU's count */
  bool is_plain;         /* the block that it is in is outside and plain */
  uint8_t apart[47];
};
_Static_assert(sizeof(struct visit) == 64, "a line of the host's cache");

extern struct visit *visits;

/* Call once from install; false: no memory. */
bool outside_install(uint32_t vcpu_slots);
void outside_vcpu_started(unsigned index);
/* In a forked child: no block has run yet. */
void outside_forget_all(void);

/* The vCPU comes to b. True if all is done: it goes on outside, and nothing else is to be known. */
static inline bool outside_passes_by(unsigned index, struct block *b) {
  struct visit *visit = &visits[index];
  if (!visit->is_plain || !b->is_plain) return false;
  visit->last = b;
  visit->instructions += b->instructions;
  return true;
}

/* Whether the vCPU is outside, or nobody has said yet that it is not any more. */
static inline bool outside_is_open(unsigned index) {
  return visits[index].is_plain || visits[index].last != NULL;
}

/* v comes to b, which is outside. True if it was outside before, and then all is done; false: this
   is to be recorded. host_pc: inside the host code of b. */
bool outside_goes_on(struct ring_vcpu *v, const struct machine_cpu *cpu, struct block *b,
                     uintptr_t host_pc);
/* The vCPU is in b, inside or outside: whether it may leave it without being looked at. */
void outside_arrived(unsigned index, struct block *b);
/* Wherever v is, it is recorded as being there from now on. */
void outside_ends(struct ring_vcpu *v, unsigned index);

#endif
