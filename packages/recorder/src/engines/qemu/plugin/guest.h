/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plugin knows of the guest's kernel interface: signals, mappings, fork, exec. */
#ifndef BACKTRAIL_GUEST_H
#define BACKTRAIL_GUEST_H
#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "qemu_api.h"
#include "ring_writer.h"

/* A signal whose frame was found on the guest's stack. */
struct guest_signal {
  int number, code;
  bool has_code;        /* a siginfo was passed: asked for (SA_SIGINFO), or unasked */
  uint64_t interrupted; /* the instruction that would have run next, or that faulted */
  uint64_t address;     /* fault address, where is_fault */
  bool is_fault;        /* raised by the instruction itself, which did not retire; where there is no
                           code this may be one that was sent */
};

/* Notes what is mapped before the guest is; call once from install. */
void guest_install(uint32_t vcpu_slots);
/* An instruction of a program, and where it is in this process: from the first one on it is known
   where the guest's memory begins. */
void guest_note_base(uint64_t pc, const void *host);
/* Guest memory through the kernel, so that a wild guest pointer is an error and not a fault. Bytes
   that were read. */
size_t guest_peek(uint64_t from, void *into, size_t size);
/* Logs what the guest has mapped by now. Ring locked. */
void guest_log_maps(const struct ring_vcpu *v);
/* A stretch that is mapped, by guest address. */
struct guest_map {
  uint64_t low, high;
  char *path; /* of the file, or NULL */
};
/* All that is mapped by now, QEMU's own too; NULL: no memory. */
struct guest_map *guest_read_maps(size_t *count);
void guest_free_maps(struct guest_map *maps, size_t count);
/* True if b was entered by delivery of a signal. env: QEMU's CPU state. */
bool guest_signal_entry(const uint8_t *env, const struct block *b, struct guest_signal *out);

/* Whether a delivery can be told from a call, where a handler starts. */
bool guest_knows_frames(void);
/* 32-bit Arm: whether the guest is in Thumb state. */
bool guest_in_thumb(const uint8_t *env);

/* Whether each call leaves a mark; set before the first one. */
extern bool guest_tells_calls;
void guest_syscall(struct ring_vcpu *v, const struct qemu_syscall *call);
void guest_syscall_returned(struct ring_vcpu *v, unsigned index, int64_t number, int64_t result);
/* True once after a call that returns from a signal handler. */
bool guest_took_signal_return(unsigned index);

#endif
