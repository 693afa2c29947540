/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A branch and its delay slot are one instruction of a trace, whatever block QEMU puts them in. */
#ifndef BACKTRAIL_SLOTS_H
#define BACKTRAIL_SLOTS_H
#include "block.h"

enum { SLOT_MAX = 4 };

/* Of a new block, whose code has SLOT_MAX bytes of room behind it: joins what belongs together. Of
   what is left nothing may remain. */
void slots_join(struct block *b);
/* Call once from install; false: no memory. */
bool slots_install(uint32_t vcpu_slots);
void slots_vcpu_started(unsigned index);
/* In a forked child: no block has run yet. */
void slots_forget_all(void);
/* A vCPU has passed `b`, of which nothing is left: what comes now begins with it. */
void slots_leave(unsigned index, struct block *b);
/* `b` runs after `p` and what was passed meanwhile. If `b` is the delay slot of a branch that was
   left to it, it becomes a block of both; if it begins with the slot that is already the last of
   `p`, it goes without, and nothing may remain. Ring locked. */
void slots_arrive(unsigned index, const struct block *p, struct block *b);

#endif
