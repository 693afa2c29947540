/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives the writer's side of a ring without an emulator. Commands on stdin, one a line; each is
 * answered by a line on stdout once it is done:
 *
 *   start INDEX            a vCPU starts
 *   end INDEX              it ends
 *   exit INDEX             a mark says that it ends, then it does
 *   store INDEX COUNT      it stores that many transfers, numbered by the pattern below
 *   mark INDEX BYTES       a mark with a detail of so many bytes
 *   edges COUNT            that many edges are logged, source = number
 *   flow VCPUS COUNT       so many threads store at once; each ends after COUNT, or never for 0
 *   stop                   the process stops itself, for a tracer to go on
 *   quit                   the process ends, vCPUs do not
 *
 * A transfer of `store` is edge (seq * 31 + vcpu * 17) % 251. In `flow` every 97th is an edge that
 * nobody knew: it is logged right before, and its source is FRESH | vcpu << 40 | seq.
 *
 * Build: gcc -O2 -pthread -I packages/recorder/src/engines/qemu/plugin -o ring_driver
 *        ring_driver.c packages/recorder/src/engines/qemu/plugin/ring_writer.c
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring_writer.h"

enum { EDGES = 251, FRESH_EVERY = 97, INSTRUCTIONS = 3, THREADS_MAX = 64 };
#define FRESH (1ull << 63)

static uint32_t edge_count;

static bool log_edge(uint64_t source) {
  struct ring_edge_record *r = ring_log_begin(RING_RECORD_EDGE, sizeof *r);
  if (!r) return false;
  r->source = source;
  r->target = source + 4;
  r->edge = edge_count++;
  r->source_block = r->target_block = RING_NO_NUMBER;
  r->cause = CAUSE_JUMP;
  r->kind = KIND_JUMP;
  r->host_how = RING_NO_CODE;
  r->has_source = 1;
  ring_log_commit(r);
  return true;
}

static uint32_t pattern(const struct ring_vcpu *v, uint64_t seq) {
  return (uint32_t)((seq * 31 + v->vcpu * 17) % EDGES);
}

static void store_one(struct ring_vcpu *v, uint32_t edge) {
  uint64_t instructions = v->instructions + INSTRUCTIONS;
  ring_store(v, edge, instructions);
  ring_settle(v, 0, instructions);
}

static void store(struct ring_vcpu *v, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) store_one(v, pattern(v, ring_seq(v)));
}

static void mark(const struct ring_vcpu *v, unsigned bytes) {
  char detail[4096];
  memset(detail, 'd', sizeof detail);
  detail[bytes < sizeof detail ? bytes : sizeof detail - 1] = 0;
  struct ring_fact fact = {.kind = MARK_TRIGGER, .detail = detail};
  ring_lock();
  ring_mark(v, ring_seq(v), &fact);
  ring_unlock();
}

struct flow {
  uint32_t index;
  uint64_t count;
};

static bool store_fresh(struct ring_vcpu *v, uint64_t seq) {
  ring_lock();
  uint32_t edge = edge_count;
  bool logged = log_edge(FRESH | (uint64_t)v->vcpu << 40 | seq);
  ring_unlock();
  if (logged) store_one(v, edge);
  else ring_cut(v, v->instructions);
  return logged;
}

static void leave(struct ring_vcpu *v) {
  struct ring_fact gone = {.kind = MARK_THREAD_EXIT};
  ring_lock();
  ring_mark(v, ring_seq(v), &gone);
  ring_unlock();
  ring_vcpu_end(v);
}

static void *flow(void *given) {
  const struct flow *f = given;
  ring_vcpu_start(f->index, 0);
  struct ring_vcpu *v = &ring.vcpus[f->index];
  for (uint64_t i = 0; f->count == 0 || i < f->count; i++) {
    uint64_t seq = ring_seq(v);
    if (seq % FRESH_EVERY == FRESH_EVERY - 1) store_fresh(v, seq);
    else store_one(v, pattern(v, seq));
  }
  leave(v);
  return NULL;
}

static void flows(unsigned vcpus, uint64_t count) {
  pthread_t threads[THREADS_MAX];
  struct flow given[THREADS_MAX];
  if (vcpus > THREADS_MAX) vcpus = THREADS_MAX;
  for (unsigned i = 0; i < vcpus; i++) {
    given[i] = (struct flow){i, count};
    if (pthread_create(&threads[i], NULL, flow, &given[i]) != 0) exit(3);
  }
  for (unsigned i = 0; i < vcpus; i++) pthread_join(threads[i], NULL);
}

static void edges(uint64_t count) {
  ring_lock();
  for (uint64_t i = 0; i < count; i++) log_edge(edge_count);
  ring_unlock();
}

int main(int argc, char **argv) {
  char line[128], name[16];
  const char *problem = argc == 2 ? ring_attach(argv[1]) : "usage: ring_driver RING";
  if (problem) {
    fprintf(stderr, "%s\n", problem);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    unsigned long a = 0, b = 0;
    if (sscanf(line, "%15s %lu %lu", name, &a, &b) < 1) return 2;
    bool recorded = a < ring.header->vcpu_slots;
    struct ring_vcpu *v = recorded ? &ring.vcpus[a] : NULL;
    if (strcmp(name, "quit") == 0) _exit(0);
    if (strcmp(name, "start") == 0) ring_vcpu_start((uint32_t)a, 0);
    if (strcmp(name, "end") == 0 && v) ring_vcpu_end(v);
    if (strcmp(name, "exit") == 0 && v) leave(v);
    if (strcmp(name, "stop") == 0) raise(SIGSTOP);
    if (strcmp(name, "store") == 0 && v) store(v, b);
    if (strcmp(name, "mark") == 0 && v) mark(v, (unsigned)b);
    if (strcmp(name, "edges") == 0) edges(a);
    if (strcmp(name, "flow") == 0) flows((unsigned)a, b);
    puts("done");
  }
  return 0;
}
