/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU describes the state of each CPU for migration: a list of fields, each with a name and an
 * offset. Debian's builds export these descriptions. Their layout (7.2 to 11.1) is looked at word
 * by word and every pointer is tried before it is followed, so that another layout is not found
 * instead of misread.
 */
#define _GNU_SOURCE
#include "qemu_state.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
  DESCRIPTION_WORDS = 20, /* among which the list of fields is */
  FIELDS_MAX = 512,
  NAME_MAX_BYTES = 64,
};

/* False where nothing is mapped. */
static bool read_safely(void *into, uint64_t from, size_t bytes) {
  struct iovec local = {into, bytes}, remote = {(void *)from, bytes};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)bytes;
}

static bool read_name(char *name, uint64_t from) {
  for (size_t i = 0; i < NAME_MAX_BYTES; i++) {
    if (!read_safely(name + i, from + i, 1)) return false;
    if (name[i] == '\0') return i > 0;
    if (name[i] < ' ' || name[i] > '~') return false;
  }
  return false;
}

/* How a field lies in memory: its name comes first. */
struct layout {
  size_t bytes;
  unsigned offset_word;
};
static const struct layout layouts[] = {
    {104, 2}, /* 7.2 to 10 */
    {96, 1},  /* 11 */
};

/* Name and offset of the field at that address; false: there is none. */
static bool read_field(uint64_t at, const struct layout *layout, char *name, size_t *offset) {
  uint64_t words[3];
  if (!read_safely(words, at, sizeof words) || !read_name(name, words[0])) return false;
  *offset = words[layout->offset_word];
  return true;
}

/* A variable of which each thread has its own. */
static const uint8_t **current_cpu(void) { return dlsym(RTLD_DEFAULT, "current_cpu"); }

bool qemu_current_cpu_is_known(void) { return current_cpu() != NULL; }

const uint8_t *qemu_current_cpu(void) {
  static __thread const uint8_t **here;
  if (!here) here = current_cpu();
  return here ? *here : NULL;
}

static bool find_all(uint64_t fields, const struct layout *layout, const char *first,
                     struct qemu_place *places, size_t count, size_t *first_offset) {
  char name[NAME_MAX_BYTES];
  size_t offset, base = 0, found = 0;
  for (size_t i = 0; i < FIELDS_MAX; i++) {
    if (!read_field(fields + i * layout->bytes, layout, name, &offset)) break;
    if (i == 0 && strcmp(name, first) != 0) return false;
    if (i == 0) base = offset;
    for (size_t k = 0; k < count; k++) {
      if (strcmp(name, places[k].name) != 0 || offset < base) continue;
      places[k].offset = offset - base;
      found++;
    }
  }
  if (first_offset) *first_offset = base;
  return found == count;
}

bool qemu_state_find(const char *description, const char *first, struct qemu_place *places,
                     size_t count, size_t *base) {
  uint64_t words[DESCRIPTION_WORDS];
  const void *at = dlsym(RTLD_DEFAULT, description);
  if (!at || !read_safely(words, (uint64_t)at, sizeof words)) return false;
  for (size_t i = 0; i < DESCRIPTION_WORDS; i++) {
    for (size_t k = 0; k < sizeof layouts / sizeof *layouts; k++) {
      if (find_all(words[i], &layouts[k], first, places, count, base)) return true;
    }
  }
  return false;
}
