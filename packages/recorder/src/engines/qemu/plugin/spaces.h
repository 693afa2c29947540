/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address spaces of a whole machine's vCPUs: a mark wherever one is changed. */
#ifndef BACKTRAIL_SPACES_H
#define BACKTRAIL_SPACES_H
#include "machine.h"

/* Call once from install; false: no memory. */
bool spaces_install(uint32_t vcpu_slots);
/* Marks the address space if p, which has just run, has made it another one. Ring locked. */
void spaces_note(const struct ring_vcpu *v, const struct machine_cpu *cpu, const struct block *p);

#endif
