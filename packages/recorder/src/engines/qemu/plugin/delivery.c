/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "delivery.h"

#include "guest.h"

static struct delivery delivery_of_signal(const struct guest_signal *signal) {
  return (struct delivery){
      .interrupted = signal->interrupted,
      .is_fault = signal->is_fault,
      .may_be_sent = !signal->has_code,
      .cause = CAUSE_SIGNAL,
      .kind = RING_NO_CODE,
      .fact = {
          .kind = MARK_SIGNAL,
          .has = MARK_HAS_PC | MARK_HAS_NUMBER | (signal->has_code ? MARK_HAS_CODE : 0) |
                 (signal->is_fault && signal->has_code ? MARK_HAS_ADDRESS : 0),
          .pc = signal->interrupted,
          .number = signal->number,
          .code = signal->code,
          .address = signal->address,
      },
  };
}

static struct delivery delivery_of_trap(const struct machine_trap *trap) {
  return (struct delivery){
      .interrupted = trap->interrupted,
      .is_fault = !trap->is_interrupt,
      .cause = trap->is_interrupt ? CAUSE_INTERRUPT : CAUSE_EXCEPTION,
      .kind = trap->is_call ? KIND_SYSCALL : RING_NO_CODE,
      .fact = {
          .kind = trap->is_interrupt ? MARK_INTERRUPT : MARK_EXCEPTION,
          .has = MARK_HAS_PC | (trap->has_number ? MARK_HAS_NUMBER : 0) |
                 (trap->has_code ? MARK_HAS_CODE : 0) |
                 (trap->has_address ? MARK_HAS_ADDRESS : 0),
          .pc = trap->interrupted,
          .number = (int64_t)trap->number,
          .code = (int64_t)trap->code,
          .address = trap->address,
      },
  };
}

unsigned deliveries_at(bool whole_machine, const struct block *p, const struct block *b,
                       const struct machine_cpu *cpu, enum goes goes, struct delivery *out) {
  struct machine_trap traps[TRAPS_MAX];
  struct guest_signal signal;
  unsigned count = 0;
  if (!whole_machine) {
    if (!b->is_handler || !guest_signal_entry(cpu->env, b, &signal)) return 0;
    out[0] = delivery_of_signal(&signal);
    return 1;
  }
  if (!machine_tells_traps()) return 0;
  bool is_plain = !p->sets_vectors && goes == GOES;
  if (!is_plain) machine_note_vectors(cpu, p);
  if (!is_plain || b->is_handler) count = machine_traps(cpu, p, b, traps);
  for (unsigned i = 0; i < count; i++) out[i] = delivery_of_trap(&traps[i]);
  return count;
}
