/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register windows (SPARC, Xtensa): an instruction that finds no room in them is run again once
 * there is some. That is no transfer, but may look like one within the same block.
 */
#ifndef BACKTRAIL_WINDOWS_H
#define BACKTRAIL_WINDOWS_H
#include "block.h"

/* Call once from install; false: no memory. */
bool windows_install(uint32_t vcpu_slots);
/* A new thread has this number. */
void windows_vcpu_started(unsigned index);
/* In a forked child: no block has run yet. */
void windows_forget_all(void);
/* Whether that its last instruction ran has to be noted, since where control goes then does not
   tell it from running an earlier one again. */
bool windows_may_run_again(const struct block *b);
/* Has it noted from now on, of QEMU's block. */
void windows_note_end(void *tb);
/* Whether pc, if it is in p, is an instruction of p that is run again, by b (NULL: a signal came
   before). Before anything else ran on v. */
bool windows_run_again(const struct ring_vcpu *v, unsigned index, const struct block *p,
                       uint64_t pc, const struct block *b);
/* What was `from` instructions of this vCPU is `to` from now on. */
void windows_recounted(unsigned index, uint64_t from, uint64_t to);

#endif
