/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * While a vCPU is outside, its slot in the ring names the first block there: a kill then tells the
 * truth, that it was outside.
 */
#include "outside.h"

#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "guest.h"
#include "slots.h"
#include "spaces.h"
#include "windows.h"

struct visit *visits;
static uint32_t slots;

bool outside_install(uint32_t vcpu_slots) {
  slots = vcpu_slots;
  visits = aligned_alloc(sizeof *visits, slots * sizeof *visits);
  if (visits) outside_forget_all();
  return visits != NULL;
}

void outside_forget_all(void) { memset(visits, 0, slots * sizeof *visits); }

void outside_vcpu_started(unsigned index) { visits[index] = (struct visit){0}; }

/* Whether leaving p may ask for more than to note where it went. */
static bool asks(const struct block *p) {
  return p->ending == END_SYSCALL || p->sets_space || p->sets_vectors;
}

/* Whether blocks of this guest are what they are before they run, and all of them runs. */
static bool is_simple_guest(void) { return slot_bytes(&guest) == 0 && !has_windows(&guest); }

void outside_arrived(unsigned index, struct block *b) {
  bool is_plain = b->place == PLACE_OUTSIDE && b->host_pc != 0 && b->instructions > 0 &&
                  !asks(b) && !b->notes_end && is_simple_guest();
  if (is_plain != b->is_plain) b->is_plain = is_plain; /* others read that line all the time */
  visits[index].is_plain = is_plain;
}

/* What slow() would do besides recording. */
static void take_note(struct ring_vcpu *v, const struct machine_cpu *cpu, const struct block *p,
                      struct block *b) {
  if (p->ending == END_SYSCALL) guest_took_signal_return(cpu->index);
  ring_lock();
  if (p->sets_vectors) machine_note_vectors(cpu, p);
  if (p->sets_space) spaces_note(v, cpu, p);
  slots_arrive(cpu->index, p, b);
  ring_unlock();
}

bool outside_goes_on(struct ring_vcpu *v, const struct machine_cpu *cpu, struct block *b,
                     uintptr_t host_pc) {
  struct block *first = (struct block *)v->prev;
  struct visit *visit = &visits[cpu->index];
  const struct block *p = visit->last ? visit->last : first;
  if (first->place != PLACE_OUTSIDE) return false;
  if (b->instructions == 0) {
    slots_leave(cpu->index, b);
    return true;
  }
  if (slot_bytes(&guest) != 0 || asks(p)) take_note(v, cpu, p, b);
  if (b->instructions == 0) return true;
  if (b->number == RING_NO_NUMBER) b->host_pc = host_pc;
  visit->last = b;
  ring_settle(v, v->prev, v->instructions + visit->instructions + b->instructions);
  visit->instructions = 0;
  outside_arrived(cpu->index, b);
  return true;
}

/* The edge that stands for what ran between the two. */
static uint32_t filtered_edge(const struct ring_vcpu *v, struct block *first, struct block *last) {
  uint32_t known = block_linked(first, last);
  if (known != NOT_LINKED) return known;
  ring_lock();
  block_first_run(v, ring_seq(v) + 1, last, last->host_pc);
  const struct edge edge = {
      .source = first->last,
      .target = last->start,
      .from = first,
      .to = last,
      .cause = CAUSE_FILTERED,
      .kind = RING_NO_CODE,
      .has_source = true,
  };
  uint32_t number = edge_number(&edge);
  block_link(first, last, number);
  ring_unlock();
  return number;
}

void outside_ends(struct ring_vcpu *v, unsigned index) {
  struct visit *visit = &visits[index];
  struct block *last = visit->last;
  if (!last) return;
  struct block *first = (struct block *)v->prev;
  uint64_t noted = v->instructions + visit->instructions;
  uint64_t before = noted + first->instructions - last->instructions;
  *visit = (struct visit){.is_plain = visit->is_plain};
  uint32_t edge = filtered_edge(v, first, last);
  windows_recounted(index, noted, before);
  if (edge == NOT_RECORDED) {
    ring_cut(v, before);
  } else {
    ring_store(v, edge, before);
  }
  ring_settle(v, (uint64_t)last, before);
}
