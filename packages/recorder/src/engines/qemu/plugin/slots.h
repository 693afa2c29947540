/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A branch and its delay slot are one instruction of a trace, whatever block QEMU puts them in. */
#ifndef BACKTRAIL_SLOTS_H
#define BACKTRAIL_SLOTS_H
#include "block.h"

enum { SLOT_MAX = 4 };

/* Of a new block, whose code has SLOT_MAX bytes of room behind it: joins what belongs together. Of
   what is left nothing may remain. */
void slots_join(struct block *b);
/* Whether `b`, which runs after `p`, is the delay slot of a branch that `p` was left without; then
   `b` becomes a block of both. Ring locked. */
bool slots_join_next(const struct block *p, struct block *b);
/* Takes from `b`, which runs after `p`, the delay slot that is already the last of `p`. Ring
   locked. */
void slots_trim(const struct block *p, struct block *b);

#endif
