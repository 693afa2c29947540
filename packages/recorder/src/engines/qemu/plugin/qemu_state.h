/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a register lies in QEMU's CPU state, by its name in what QEMU saves of a machine. */
#ifndef BACKTRAIL_QEMU_STATE_H
#define BACKTRAIL_QEMU_STATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A place to be found: name as in QEMU's description, and the offset from the first register. */
struct qemu_place {
  const char *name;
  size_t offset;
};

/* The CPU of this thread; NULL: none, or this QEMU does not tell. */
const uint8_t *qemu_current_cpu(void);
bool qemu_current_cpu_is_known(void);

/*
 * Fills in the offsets from the place called `first`, which is where the CPU state that callbacks
 * get begins; *base: where that is in the CPU, unless base is NULL. False: this QEMU does not
 * export the description, or one of the names is not in it.
 */
bool qemu_state_find(const char *description, const char *first, struct qemu_place *places,
                     size_t count, size_t *base);

static inline uint64_t state_u64(const uint8_t *env, struct qemu_place place) {
  return *(const uint64_t *)(env + place.offset);
}

static inline uint32_t state_u32(const uint8_t *env, struct qemu_place place) {
  return *(const uint32_t *)(env + place.offset);
}

#endif
