/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "switch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest.h"
#include "ring_writer.h"

enum { ADDRESSES_MAX = 64, LOOK_NS = 10 * 1000 * 1000 };

/* Recording is on in RECORDS alone; translations with callbacks are gone in OFF and OVER. */
enum state { RECORDS, OFF, BEGINS, ENDS, OVER };

static enum state state; /* guarded by the ring lock, but read without it where noted */
static uint64_t awaited_at[ADDRESSES_MAX];
static unsigned awaited_count;
static uint64_t text_address; /* of the file's first byte of code */
static bool is_relative;
static bool watches;

static enum state state_now(void) { return __atomic_load_n(&state, __ATOMIC_ACQUIRE); }
static void become(enum state next) { __atomic_store_n(&state, next, __ATOMIC_RELEASE); }

/* Throws all translations away as soon as no vCPU runs one. */
static void flush_soon(void) {
  for (uint32_t i = 0; i < ring.header->vcpu_slots; i++) {
    void *cpu = ring.vcpus[i].live ? qemu.get_cpu((int)i) : NULL;
    if (!cpu) continue;
    qemu.tb_flush(cpu);
    return;
  }
}

static bool change(enum state from, enum state into) {
  ring_lock();
  bool changes = state == from;
  if (changes) {
    become(into);
    ring.paused = into != BEGINS;
    for (uint32_t i = 0; into == BEGINS && i < ring.header->vcpu_slots; i++) {
      guest_took_signal_return(i); /* one that nobody has seen is over */
    }
  }
  ring_unlock();
  return changes;
}

void switch_go_on(void) {
  if (change(OFF, BEGINS)) flush_soon();
}

/* A thread of its own: the words come from another process, through a file. */
static void *watch(void *nothing) {
  const struct timespec nap = {0, LOOK_NS};
  while (!ring.detached && state_now() != OVER) {
    nanosleep(&nap, NULL);
    struct ring_header *h = ring.header;
    if (__atomic_load_n(&h->start_request, __ATOMIC_ACQUIRE) != 0) switch_go_on();
    bool ends = __atomic_load_n(&h->stop_request, __ATOMIC_ACQUIRE) != 0;
    if (ends && change(RECORDS, ENDS)) flush_soon();
  }
  return nothing;
}

/* None of the guest's signals is for it. */
static bool begin_to_watch(void) {
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool begun = pthread_create(&thread, &attributes, watch, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return begun;
}

static bool read_addresses(const char *list) {
  while (awaited_count < ADDRESSES_MAX) {
    char *end;
    awaited_at[awaited_count++] = strtoull(list, &end, 16);
    if (end == list) return false;
    if (*end == 0) return true;
    if (*end != '+') return false;
    list = end + 1;
  }
  return false;
}

const char *switch_install(const char *start, const char *text) {
  if (!start) return NULL;
  if (!qemu.tb_flush || !qemu.get_cpu) {
    return "this QEMU has no tb_flush, which --start needs: leave --start out, or use Debian's";
  }
  if (text && !qemu.start_code) {
    return "this QEMU does not say where a program lies, which --start with a name needs";
  }
  if (strcmp(start, "paused") != 0 && !read_addresses(start)) {
    return "the plugin found a start= that it cannot read, start it with `backtrail record`";
  }
  is_relative = text != NULL;
  if (text) text_address = strtoull(text, NULL, 16);
  become(OFF);
  ring.paused = true;
  watches = true;
  return begin_to_watch() ? NULL : "no thread for the plugin: raise the limit of threads";
}

static bool has_awaited(const void *tb) {
  if (awaited_count == 0) return false;
  uint64_t bias = is_relative ? qemu.start_code() - text_address : 0;
  for (size_t i = 0; i < qemu.tb_n_insns(tb); i++) {
    uint64_t pc = qemu.insn_vaddr(qemu.tb_get_insn(tb, i));
    for (unsigned k = 0; k < awaited_count; k++) {
      if (pc == awaited_at[k] + bias) return true;
    }
  }
  return false;
}

bool switch_records(const void *tb, bool *awaited) {
  enum state now = state_now();
  *awaited = now == OFF && has_awaited(tb);
  return now == RECORDS;
}

bool switch_flushed(void) {
  enum state now = state_now();
  if (now == BEGINS) become(RECORDS);
  if (now == ENDS) become(OVER);
  return now == BEGINS || now == ENDS;
}

void switch_forked(void) {
  if (watches && state_now() != OVER) begin_to_watch();
}
