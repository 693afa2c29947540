/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callbacks that QEMU's translated code calls, and what they reach in tail position. There the
 * return address is still the one in the block's host code, and the host register in which QEMU
 * keeps the guest CPU state (TCG_AREG0) still holds it. C can name neither in every compiler, so
 * these few instructions pass them on.
 */
#ifndef BACKTRAIL_TRAMPOLINES_H
#define BACKTRAIL_TRAMPOLINES_H
#include "block.h"

/* backtrail_slow_at() with state and return address. */
void backtrail_slow(struct ring_vcpu *v, unsigned index, struct block *p, struct block *b);
/* backtrail_on_block_at() with the state. */
void backtrail_on_relative_block(unsigned index, void *data);
/* backtrail_on_filtered_block_at() with both. */
void backtrail_on_filtered_block(unsigned index, void *data);

#endif
