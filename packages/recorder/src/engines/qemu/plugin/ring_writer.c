/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "ring_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14, asm-generic/mman-common.h */
#endif

enum { WAIT_NS = 50 * 1000, WAITS_PER_LIFE_CHECK = 400 };

struct ring ring = {.lock = PTHREAD_MUTEX_INITIALIZER};

uint64_t ring_clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

void ring_lock(void) { pthread_mutex_lock(&ring.lock); }
void ring_unlock(void) { pthread_mutex_unlock(&ring.lock); }

/* Field 22 of /proc/PID/stat; 0 if there is no such process or it is dead and not yet reaped. */
static uint64_t process_start(uint64_t pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  char *at = strrchr(text, ')'); /* the name in field 2 may hold anything, also ')' */
  if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X') return 0;
  for (int field = 2; field < 22; field++) {
    at = strchr(at + 1, ' ');
    if (!at) return 0;
  }
  return strtoull(at, NULL, 10);
}

static bool recorder_gone(void) {
  struct ring_header *h = ring.header;
  if (__atomic_load_n(&h->recorder_gone, __ATOMIC_ACQUIRE) != 0) return true;
  return process_start(h->recorder_pid) != h->recorder_start;
}

/* A word the recorder writes through a file: taken only when its check copy agrees. */
static uint64_t checked(const uint64_t *word, const uint64_t *check, uint64_t last) {
  uint64_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  uint64_t complement = __atomic_load_n(check, __ATOMIC_ACQUIRE);
  return value == ~complement && value >= last ? value : last;
}

void ring_stop(uint64_t reason) {
  uint64_t running = RING_STOP_RUNNING;
  __atomic_compare_exchange_n(&ring.header->stopped, &running, reason, false, __ATOMIC_ACQ_REL,
                              __ATOMIC_RELAXED);
}

static bool stopped(void) {
  struct ring_header *h = ring.header;
  if (ring.detached) return true;
  if (__atomic_load_n(&h->stop_request, __ATOMIC_RELAXED) != 0) ring_stop(RING_STOP_TRIGGER);
  return __atomic_load_n(&h->stopped, __ATOMIC_RELAXED) != RING_STOP_RUNNING;
}

/*
 * Makes sure that the pages exist, so that a full /dev/shm is an answer here and not a SIGBUS in
 * the middle of the guest. No descriptor is kept: the guest shares our table and may close it.
 */
static bool populate(void *start, uint64_t bytes) {
  if (madvise(start, bytes, MADV_POPULATE_WRITE) == 0) return true;
  if (errno != EINVAL) return false;
  int fd = open(ring.path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  int error = posix_fallocate(fd, (uint8_t *)start - (uint8_t *)ring.header, (off_t)bytes);
  close(fd);
  return error == 0;
}

static void free_all_slots(void) {
  ring.free_count = 0;
  for (uint32_t slot = ring.header->segment_slots; slot > 0; slot--) {
    ring.free_slots[ring.free_count++] = slot - 1; /* lowest on top: few pages are ever touched */
  }
}

const char *ring_attach(const char *path) {
  static char problem[800];
  int fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) {
    snprintf(problem, sizeof problem, "cannot open the ring %s: %s", path, strerror(errno));
    return problem;
  }
  uint64_t bytes = (uint64_t)status.st_size;
  void *base = MAP_FAILED;
  if (bytes >= sizeof(struct ring_header)) {
    base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  }
  close(fd);
  if (base == MAP_FAILED) {
    snprintf(problem, sizeof problem, "cannot map the ring %s, %llu bytes: %s", path,
             (unsigned long long)bytes, strerror(errno));
    return problem;
  }
  struct ring_header *h = base;
  if (h->magic != RING_MAGIC || h->version != RING_VERSION || h->file_bytes != bytes) {
    snprintf(problem, sizeof problem,
             "ring %s: found version %u and %llu bytes, expected version %u and %llu bytes", path,
             h->version, (unsigned long long)bytes, RING_VERSION,
             (unsigned long long)h->file_bytes);
    munmap(base, bytes);
    return problem;
  }
  ring.header = h;
  ring.vcpus = (void *)((uint8_t *)base + h->vcpu_offset);
  ring.queue = (void *)((uint8_t *)base + h->queue_offset);
  ring.segments = (void *)((uint8_t *)base + h->segment_offset);
  ring.log = (uint8_t *)base + h->log_offset;
  ring.data = (uint8_t *)base + h->data_offset;
  snprintf(ring.path, sizeof ring.path, "%s", path);
  size_t stem = strlen(path) > 5 ? strlen(path) - 5 : 0; /* without `.ring` */
  snprintf(ring.family, sizeof ring.family, "%.*s", (int)stem, path);
  ring.free_slots = malloc(h->segment_slots * sizeof(uint32_t));
  ring.populated = calloc(h->segment_slots, 1);
  if (!ring.free_slots || !ring.populated || !populate(base, h->log_offset)) {
    return "no memory for the ring: free some, or use a smaller --ring";
  }
  free_all_slots();
  h->writer_start = process_start((uint64_t)getpid());
  __atomic_store_n(&h->writer_pid, (uint64_t)getpid(), __ATOMIC_RELEASE);
  return NULL;
}

void ring_detach_child(void) {
  uint64_t bytes = ring.header->file_bytes;
  pthread_mutex_init(&ring.lock, NULL); /* another thread of the parent may have held it */
  void *again = mmap(ring.header, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  if (again == MAP_FAILED) _exit(127); /* writing on would corrupt the parent's trace */
  ring.detached = true;
}

/* What the header of a child's ring takes over; counters begin at 0. */
static void child_header(struct ring_header *child, const struct ring_header *h) {
  memset(child, 0, sizeof *child);
  child->magic = h->magic;
  child->version = h->version;
  child->keep = h->keep;
  child->segment_transfers = h->segment_transfers;
  child->segment_budget = h->segment_budget;
  child->segment_slots = h->segment_slots;
  child->vcpu_slots = h->vcpu_slots;
  child->log_bytes = h->log_bytes;
  child->vcpu_offset = h->vcpu_offset;
  child->queue_offset = h->queue_offset;
  child->segment_offset = h->segment_offset;
  child->log_offset = h->log_offset;
  child->data_offset = h->data_offset;
  child->file_bytes = h->file_bytes;
  child->max_transfers = h->max_transfers;
  child->recorder_pid = h->recorder_pid;
  child->recorder_start = h->recorder_start;
  child->drained_check = ~0ull;
  child->log_tail_check = ~0ull;
}

bool ring_make_child(char *path, size_t size, bool executes) {
  struct ring_header *h = ring.header;
  struct ring_header child;
  if (stopped() || __atomic_load_n(&h->recorder_gone, __ATOMIC_ACQUIRE) != 0) return false;
  int length = snprintf(path, size, "%s-%u-%llu.ring", ring.family, (unsigned)getpid(),
                        (unsigned long long)h->children);
  if (length < 0 || (size_t)length >= size) return false;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  child_header(&child, h);
  if (executes) {
    child.parent_pid = (uint64_t)getpid();
    child.children = h->children + 1;
  }
  bool made = pwrite(fd, &child, sizeof child, 0) == (ssize_t)sizeof child &&
              ftruncate(fd, (off_t)h->file_bytes) == 0;
  close(fd);
  if (!made) {
    unlink(path);
    return false;
  }
  __atomic_store_n(&h->children, h->children + 1, __ATOMIC_RELEASE);
  return true;
}

static char root_trace[sizeof ring.header->trace_directory]; /* of the first process */

/* As the recorder would name it if it has begun no other of that process; a recovery goes by it.
   Of what is executed, where the process is the same, the ring's own number tells it apart. */
static void name_trace(char *into, size_t size, const char *ring_path, bool is_executed) {
  unsigned pid = (unsigned)getpid();
  unsigned long long number = strtoull(strrchr(ring_path, '-') + 1, NULL, 10);
  if (is_executed) {
    snprintf(into, size, "%s/children/%u.%llu.trace", root_trace, pid, number + 2);
  } else {
    snprintf(into, size, "%s/children/%u.trace", root_trace, pid);
  }
}

bool ring_enter_child(const char *path, uint64_t parent_pid) {
  struct ring_header *h = ring.header;
  uint64_t bytes = h->file_bytes;
  if (root_trace[0] == 0) snprintf(root_trace, sizeof root_trace, "%s", h->trace_directory);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  int flags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE;
  void *base = mmap(h, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  close(fd);
  if (base == MAP_FAILED) return false;
  pthread_mutex_init(&ring.lock, NULL);
  snprintf(ring.path, sizeof ring.path, "%s", path);
  memset(ring.populated, 0, h->segment_slots);
  free_all_slots();
  ring.log_populated = ring.reclaimed = ring.allotted = 0;
  ring.marks = 0;
  name_trace(h->trace_directory, sizeof h->trace_directory, path, false);
  h->parent_pid = parent_pid;
  h->writer_start = process_start((uint64_t)getpid());
  bool fits = populate(h, h->log_offset);
  if (!fits) ring_stop(RING_STOP_NO_SPACE);
  __atomic_store_n(&h->writer_pid, (uint64_t)getpid(), __ATOMIC_RELEASE);
  return true;
}

const char *ring_attach_executed(const char *path, const char *root) {
  int fd = open(root, O_RDONLY | O_CLOEXEC);
  off_t at = (off_t)offsetof(struct ring_header, trace_directory);
  ssize_t size = (ssize_t)sizeof root_trace;
  bool known = fd >= 0 && pread(fd, root_trace, sizeof root_trace, at) == size;
  if (fd >= 0) close(fd);
  if (!known) return "the ring of the run's first process is gone";
  const char *problem = ring_attach(path);
  if (problem) return problem;
  snprintf(ring.family, sizeof ring.family, "%.*s", (int)(strlen(root) - strlen(".ring")), root);
  struct ring_header *h = ring.header;
  name_trace(h->trace_directory, sizeof h->trace_directory, path, true);
  return NULL;
}

static uint64_t drained(void) {
  struct ring_header *h = ring.header;
  return checked(&h->drained, &h->drained_check, ring.reclaimed);
}

/* Waits a little for the recorder; false once it is gone. The lock need not be held. */
static bool wait_for_recorder(uint32_t *waits) {
  struct timespec nap = {0, WAIT_NS};
  uint64_t before = ring_clock_ns();
  nanosleep(&nap, NULL);
  __atomic_fetch_add(&ring.header->wait_ns, ring_clock_ns() - before, __ATOMIC_RELAXED);
  if (++*waits % WAITS_PER_LIFE_CHECK != 0) return true;
  if (!recorder_gone()) return true;
  ring_stop(RING_STOP_RECORDER_GONE);
  return false;
}

/* `open` falls first: after a kill it says whether the words below belong together. */
static void close_segment(struct ring_vcpu *v, uint64_t rows) {
  __atomic_store_n(&v->open, 0, __ATOMIC_RELEASE);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  v->first_seq += rows;
  v->write = v->limit = v->data = 0;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  v->settled = v->instructions; /* a vCPU that waits from here on is still in its block */
}

/*
 * With the lock held. The queue entry is in place before `published` counts it, and the vCPU slot
 * lets go only after that: a kill in between leaves the segment named twice, never not at all.
 */
static void publish(struct ring_vcpu *v) {
  struct ring_header *h = ring.header;
  uint64_t rows = (v->write - v->data) / sizeof(uint32_t);
  ring.allotted -= (v->limit - v->write) / sizeof(uint32_t);
  if (rows == 0) {
    ring.free_slots[ring.free_count++] = v->segment;
    close_segment(v, 0);
    return;
  }
  struct ring_segment *segment = &ring.segments[v->segment];
  segment->first_seq = v->first_seq;
  segment->instructions_before = v->instructions_before;
  segment->time_first_ns = v->time_first_ns;
  segment->time_last_ns = ring_clock_ns();
  segment->vcpu = v->vcpu;
  segment->rows = (uint32_t)rows;
  ring.queue[h->published % h->segment_slots] = v->segment;
  __atomic_store_n(&h->published, h->published + 1, __ATOMIC_RELEASE);
  close_segment(v, rows);
}

/* With the lock held: brings back what was drained, or in `keep last` the oldest. */
static bool make_room(void) {
  struct ring_header *h = ring.header;
  if (h->keep == 0) {
    uint64_t end = drained();
    while (ring.reclaimed < end) {
      ring.free_slots[ring.free_count++] = ring.queue[ring.reclaimed++ % h->segment_slots];
    }
    return h->published - ring.reclaimed < h->segment_budget;
  }
  while (h->published - h->oldest >= h->segment_budget) {
    uint32_t slot = ring.queue[h->oldest % h->segment_slots];
    h->overwritten += ring.segments[slot].rows;
    __atomic_store_n(&h->oldest, h->oldest + 1, __ATOMIC_RELEASE);
    ring.free_slots[ring.free_count++] = slot;
  }
  return true;
}

/* With the lock held and room made. */
static bool open_segment(struct ring_vcpu *v, uint64_t instructions) {
  struct ring_header *h = ring.header;
  uint64_t room = h->segment_transfers;
  if (h->max_transfers != 0 && h->max_transfers - ring.allotted < room) {
    room = h->max_transfers - ring.allotted;
    if (room == 0) {
      ring_stop(RING_STOP_MAX_TRANSFERS);
      return false;
    }
  }
  uint32_t slot = ring.free_slots[ring.free_count - 1];
  uint64_t bytes = (uint64_t)h->segment_transfers * sizeof(uint32_t);
  uint8_t *data = ring.data + slot * bytes;
  if (!ring.populated[slot] && !populate(data, bytes)) {
    ring_stop(RING_STOP_NO_SPACE);
    return false;
  }
  ring.populated[slot] = 1;
  ring.free_count--;
  ring.allotted += room;
  v->segment = slot;
  v->instructions_before = instructions;
  v->time_first_ns = ring_clock_ns();
  v->data = v->write = (uint64_t)data;
  v->limit = (uint64_t)(data + room * sizeof(uint32_t));
  __atomic_store_n(&v->open, 1, __ATOMIC_RELEASE);
  return true;
}

/* Publishes the full segment and opens the next; false once recording has stopped. */
static bool next_segment(struct ring_vcpu *v, uint64_t instructions) {
  uint32_t waits = 0;
  if (ring.detached || (!v->open && stopped())) return false;
  ring_lock();
  if (v->open) publish(v);
  while (!stopped() && !make_room()) {
    ring_unlock();
    wait_for_recorder(&waits);
    ring_lock();
  }
  bool opened = !stopped() && open_segment(v, instructions);
  ring_unlock();
  return opened;
}

static void count_unrecorded(struct ring_vcpu *v, uint64_t instructions) {
  if (v->unrecorded++ == 0) v->instructions_at_stop = instructions;
}

void ring_store(struct ring_vcpu *v, uint32_t edge, uint64_t instructions) {
  if (!ring_is_full(v) || next_segment(v, instructions)) {
    ring_put(v, edge);
  } else {
    count_unrecorded(v, instructions);
  }
}

void ring_cut(struct ring_vcpu *v, uint64_t instructions) {
  if (ring.detached) return;
  ring_lock();
  if (v->open) publish(v);
  ring_unlock();
  count_unrecorded(v, instructions);
}

bool ring_vcpu_start(uint32_t index, uint64_t prev) {
  struct ring_header *h = ring.header;
  if (ring.detached) return false;
  ring_lock();
  bool fits = index < h->vcpu_slots;
  if (fits) {
    struct ring_vcpu *v = &ring.vcpus[index];
    memset(v, 0, sizeof *v);
    v->prev = prev;
    v->vcpu = (uint32_t)h->vcpus;
    __atomic_store_n(&v->live, 1, __ATOMIC_RELEASE);
    h->vcpus++;
  } else {
    h->vcpus_unrecorded++;
  }
  ring_unlock();
  return fits;
}

void ring_vcpu_end(struct ring_vcpu *v) {
  if (ring.detached) return;
  ring_lock();
  if (v->open) publish(v);
  if (v->unrecorded > 0) {
    ring.header->instructions_at_stop += v->instructions_at_stop;
    ring.header->unrecorded += v->unrecorded;
    v->unrecorded = 0;
  }
  __atomic_store_n(&v->live, 0, __ATOMIC_RELEASE);
  ring_unlock();
}

/* With the lock held: waits until `bytes` fit between the head and what the recorder has taken. */
static bool log_room(uint64_t bytes) {
  struct ring_header *h = ring.header;
  uint32_t waits = 0;
  uint64_t tail = checked(&h->log_tail, &h->log_tail_check, 0);
  while (h->log_head + bytes - tail > h->log_bytes) {
    if (!wait_for_recorder(&waits)) return false;
    tail = checked(&h->log_tail, &h->log_tail_check, tail);
  }
  uint64_t end = h->log_head + bytes;
  if (end <= ring.log_populated || ring.log_populated >= h->log_bytes) return true;
  uint64_t step = 1 << 20;
  uint64_t want = (end + step - 1) / step * step;
  if (want > h->log_bytes) want = h->log_bytes;
  if (!populate(ring.log + ring.log_populated, want - ring.log_populated)) {
    ring_stop(RING_STOP_NO_SPACE);
    return false;
  }
  ring.log_populated = want;
  return true;
}

void *ring_log_begin(uint32_t type, uint64_t bytes) {
  struct ring_header *h = ring.header;
  bytes = (bytes + 7) & ~7ull;
  if (stopped()) return NULL;
  uint64_t at = h->log_head % h->log_bytes;
  uint64_t left = h->log_bytes - at;
  if (bytes > h->log_bytes / 2) {
    ring_stop(RING_STOP_NO_SPACE);
    return NULL;
  }
  if (left < bytes) {
    if (!log_room(left)) return NULL;
    struct ring_record padding = {RING_RECORD_PADDING, (uint32_t)left};
    memcpy(ring.log + at, &padding, sizeof padding);
    __atomic_store_n(&h->log_head, h->log_head + left, __ATOMIC_RELEASE);
    at = 0;
  }
  if (!log_room(bytes)) return NULL;
  struct ring_record *record = (void *)(ring.log + at);
  memset(record, 0, bytes);
  record->type = type;
  record->bytes = (uint32_t)bytes;
  return record;
}

void ring_log_commit(void *record) {
  uint64_t head = ring.header->log_head + ((struct ring_record *)record)->bytes;
  __atomic_store_n(&ring.header->log_head, head, __ATOMIC_RELEASE);
}

void ring_mark(const struct ring_vcpu *v, uint64_t seq, const struct ring_fact *fact) {
  if (ring.paused) return;
  size_t length = fact->detail ? strlen(fact->detail) : 0;
  struct ring_mark_record *r = ring_log_begin(RING_RECORD_MARK, sizeof *r + length);
  if (!r) return;
  r->seq = seq;
  r->time_ns = ring_clock_ns();
  r->pc = fact->pc;
  r->number = fact->number;
  r->code = fact->code;
  r->address = fact->address;
  r->size = fact->size;
  r->vcpu = v->vcpu;
  r->mark = ring.marks++;
  r->detail_bytes = (uint32_t)length;
  r->kind = fact->kind;
  r->has = fact->has | (fact->detail ? MARK_HAS_DETAIL : 0);
  memcpy((char *)r + sizeof *r, fact->detail ? fact->detail : "", length);
  ring_log_commit(r);
}
