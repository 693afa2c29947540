/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals and traps as they come between two blocks, or in one. */
#ifndef BACKTRAIL_DELIVERY_H
#define BACKTRAIL_DELIVERY_H
#include "machine.h"

/* A signal or a trap: what put control elsewhere between two instructions, or at one. */
struct delivery {
  uint64_t interrupted;
  bool is_fault; /* the interrupted instruction itself is why */
  bool may_be_sent; /* nothing tells whether it is */
  uint8_t cause, kind;
  struct ring_fact fact;
};

/* The deliveries that led from p to b, at most TRAPS_MAX; 0: none did. Ring locked. goes: whether p
   leads to b by itself. */
unsigned deliveries_at(bool whole_machine, const struct block *p, const struct block *b,
                       const struct machine_cpu *cpu, enum goes goes, struct delivery *out);

#endif
