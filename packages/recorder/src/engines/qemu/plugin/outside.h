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

/* Call once from install; false: no memory. */
bool outside_install(uint32_t vcpu_slots);
void outside_vcpu_started(unsigned index);
/* In a forked child: no block has run yet. */
void outside_forget_all(void);
/* v comes to b, which is outside. True if it was outside before, and then all is done; false: this
   is to be recorded. host_pc: inside the host code of b. */
bool outside_goes_on(struct ring_vcpu *v, const struct machine_cpu *cpu, struct block *b,
                     uintptr_t host_pc);
/* Wherever v is, it is recorded as being there from now on. */
void outside_ends(struct ring_vcpu *v, unsigned index);

#endif
