/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer's side of the ring: segments are taken, filled, published; rare facts go to the log.
 * Layout: ring_layout.h, generated. Protocol and guarantees: docs/ring.md. Twin: ring/ring.ts.
 */
#ifndef BACKTRAIL_RING_WRITER_H
#define BACKTRAIL_RING_WRITER_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ring_layout.h"

struct ring {
  struct ring_header *header;
  struct ring_vcpu *vcpus;
  uint32_t *queue;
  struct ring_segment *segments;
  uint8_t *log;
  uint8_t *data;
  char path[512];
  char family[512]; /* path of the first ring without `.ring`: what all names begin with */
  pthread_mutex_t lock; /* guards everything below, the log, the queue and publication */
  uint32_t *free_slots;
  uint32_t free_count;
  uint8_t *populated; /* per segment slot: 1 once its pages are known to exist */
  uint64_t log_populated;
  uint64_t reclaimed; /* drained segments whose slots are back in free_slots */
  uint64_t allotted;  /* transfers handed out against max_transfers */
  uint32_t marks;
  bool paused;   /* recording waits, or is over: no mark is logged */
  bool detached; /* a forked child: nothing is recorded, the shared pages are gone */
};

extern struct ring ring;

/* Maps the ring. Returns NULL, or what was found, expected, and to be done. */
const char *ring_attach(const char *path);
/* The same for an image that took the place of another one in this process: `root` is the ring of
   the run's first process. */
const char *ring_attach_executed(const char *path, const char *root);
/* In a forked child: gives up the shared pages so that the parent's ring stays the parent's. */
void ring_detach_child(void);
/*
 * A child that is recorded gets a ring of its own, of the same shape. Before the fork, with the
 * lock held: makes the file, so that whoever reads the parent's ring knows of it. In the child:
 * maps it where the parent's was, so that pointers into it stay true. False: there is none.
 * executes: for the image that is about to take our place; its rings are numbered on from ours.
 */
bool ring_make_child(char *path, size_t size, bool executes);
bool ring_enter_child(const char *path, uint64_t parent_pid);

void ring_lock(void);
void ring_unlock(void);

/* The vCPU at QEMU's index starts. prev: handle of the block "nowhere". False: not recorded. */
bool ring_vcpu_start(uint32_t index, uint64_t prev);
/* The vCPU ends: what it has is published. */
void ring_vcpu_end(struct ring_vcpu *v);

/* seq of the next transfer. */
static inline uint64_t ring_seq(const struct ring_vcpu *v) {
  return v->first_seq + (v->write - v->data) / sizeof(uint32_t);
}

static inline bool ring_is_full(const struct ring_vcpu *v) { return v->write == v->limit; }

/* The one store that a transfer costs; not if it is full. The release keeps it before the count
   that covers it. */
static inline void ring_put(struct ring_vcpu *v, uint32_t edge) {
  uint32_t *next = (uint32_t *)v->write;
  *next = edge;
  __atomic_store_n(&v->write, (uint64_t)(next + 1), __ATOMIC_RELEASE);
}

/* One transfer in any case; may wait. instructions: retired when it lands. */
void ring_store(struct ring_vcpu *v, uint32_t edge, uint64_t instructions);

/*
 * v is now in the block of that handle, with so many instructions retired before it; its transfer
 * there is stored. A kill comes between any two stores: `settled` is the last and fits to no mix.
 */
static inline void ring_settle(struct ring_vcpu *v, uint64_t handle, uint64_t instructions) {
  uint64_t settled = v->write + instructions;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&v->instructions, instructions, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&v->prev, handle, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&v->settled, settled, __ATOMIC_RELAXED);
}

/* A transfer of v cannot be recorded: v records no more, so that its stream has no hole inside. */
void ring_cut(struct ring_vcpu *v, uint64_t instructions);

/* With the lock held: room for a record of `bytes` (rounded up to 8), or NULL once stopped. */
void *ring_log_begin(uint32_t type, uint64_t bytes);
void ring_log_commit(void *record);

struct ring_fact {
  uint32_t kind, has;
  uint64_t pc, address, size;
  int64_t number, code;
  const char *detail;
};
/* With the lock held: one mark on v before its transfer number seq. */
void ring_mark(const struct ring_vcpu *v, uint64_t seq, const struct ring_fact *fact);

/* Recording ends here for a reason of RING_STOP_*; the first reason stays. */
void ring_stop(uint64_t reason);

uint64_t ring_clock_ns(void);

#endif
