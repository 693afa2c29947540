/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU plugin: one callback per executed block, one 32-bit store per transfer.
 *
 * on_block() knows the block before and the block now. Where the pair was seen, what to do stands
 * in the block before: nothing (sequential), or the number of an edge to store. Everything else is
 * backtrail_slow(): it names the transfer, gives blocks and edges their numbers, logs them, and
 * remembers.
 * A block runs for the first time always through it, since no block can name it before.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "block.h"
#include "delivery.h"
#include "executed.h"
#include "filter.h"
#include "guest.h"
#include "machine.h"
#include "outside.h"
#include "qemu_api.h"
#include "ring_writer.h"
#include "slots.h"
#include "spaces.h"
#include "switch.h"
#include "trampolines.h"
#include "windows.h"

enum { X86_INSTRUCTION_MAX = 15, PAGE = 4096 };

static struct ring_vcpu *vcpus; /* by QEMU's vCPU index */
static uint32_t vcpu_slots;
static bool whole_machine;
static const struct qemu_place *true_pc; /* as machine_pc() */
static bool maps_logged;
static bool follows; /* forked children are recorded, too */
static char target_name[sizeof((struct ring_guest_record *)0)->isa];
static __thread unsigned calling_index; /* vCPU of this thread, once it made a system call */

/* Where control is about to go, and what is known of it. */
struct arrival {
  uint64_t pc;
  struct block *block; /* NULL: a signal came before it ran */
  bool runs_again;     /* the block before did not come to its end, if control is in it again */
};

enum step {
  STEP_SEQUENTIAL, /* no transfer */
  STEP_AGAIN,      /* no transfer; the block before did not run to its end */
  STEP_TRANSFER,
};

/* Whether a block's last instruction can be followed by the next one in memory. */
static bool falls_through(const struct block *p) {
  enum ending ending = p->ending;
  return p->passes || (!is_indirect(ending) && ending != END_JUMP && ending != END_CALL);
}

/* Whether what arrives at b by registers is no signal and no trap. */
static bool tells_indirect(const struct block *b) {
  if (whole_machine) return machine_tells_traps();
  return guest_knows_frames() || !b || !b->is_handler;
}

/*
 * How control got from the end of p to pc. *left: instructions of p that did not retire.
 * docs/qemu.md lists the cases; their order matters (a loop into the block's own middle is a
 * transfer, told by its static target, before a restart is considered).
 */
static enum step step(const struct block *p, const struct arrival *to, enum goes goes,
                      struct edge *edge, uint32_t *left) {
  enum ending ending = p->ending;
  *left = 0;
  *edge = (struct edge){
      .source = p->last,
      .target = to->pc,
      .from = (struct block *)p,
      .to = to->block,
      .cause = RING_NO_CODE,
      .kind = RING_NO_CODE,
      .has_source = true,
  };
  if (falls_through(p) && to->pc == p->end) return STEP_SEQUENTIAL;
  if (to->runs_again && block_index(p, to->pc) >= 0) {
    *left = p->instructions - (uint32_t)block_index(p, to->pc);
    return STEP_AGAIN;
  }
  if (is_direct(ending) && to->pc == p->taken) {
    edge->cause = CAUSE_JUMP;
    edge->kind = ending_kind(ending);
    return STEP_TRANSFER;
  }
  bool is_one = p->instructions > 1 && to->block && to->block->instructions == 1;
  bool may_restart =
      ending != END_UNKNOWN && !p->notes_end &&
      (!is_indirect(ending) || is_one || goes == GOES_NOT);
  int again = may_restart ? block_index(p, to->pc) : -1;
  if (again > 0 || (again == 0 && !is_indirect(ending))) {
    *left = p->instructions - (uint32_t)again;
    return STEP_AGAIN;
  }
  if (is_indirect(ending) && tells_indirect(to->block)) {
    edge->cause = CAUSE_JUMP;
    edge->kind = ending_kind(ending);
  }
  return STEP_TRANSFER;
}

/* QEMU 7.2, x86: an instruction that crosses a page and is not its block's first is rolled back,
   yet listed as the last one, cut short. It shows when the next block begins with it. */
static bool drop_rolled_back(struct block *p, const struct block *b) {
  bool x86 = guest.isa == ISA_X86_64 || guest.isa == ISA_I386;
  if (!x86 || qemu_api_version >= 2 || p->instructions < 2 || b->start != p->last) return false;
  if (p->last % PAGE <= PAGE - X86_INSTRUCTION_MAX - 1 || p->ending == END_REPEAT) return false;
  if (is_direct(p->ending) && p->taken == p->last) return false;
  block_drop_last(p);
  return true;
}

static uint32_t start_edge(struct arrival to) {
  struct edge edge = {
      .target = to.pc, .to = to.block, .cause = CAUSE_START, .kind = RING_NO_CODE};
  return edge_number(&edge);
}

/* The first block of a vCPU: in user mode its thread has just begun to run. */
static void thread_started(struct ring_vcpu *v, const struct block *b) {
  struct ring_fact fact = {
      .kind = MARK_THREAD_START,
      .has = MARK_HAS_PC | MARK_HAS_NUMBER,
      .pc = b->start,
      .number = (int64_t)syscall(SYS_gettid),
  };
  ring_mark(v, ring_seq(v), &fact);
  if (maps_logged || whole_machine) return;
  maps_logged = true;
  guest_log_maps(v);
}

/* Transfers that one arrival makes: at most a jump and the signal or the traps that came right
   after it; and instructions that have retired by then. */
struct made {
  uint32_t edges[1 + TRAPS_MAX];
  unsigned count;
  uint64_t instructions;
};

static void make(struct made *made, uint32_t edge) { made->edges[made->count++] = edge; }

static bool signal_returned(const struct block *p, unsigned index) {
  return !whole_machine && p->ending == END_SYSCALL && guest_took_signal_return(index);
}

static uint32_t signal_return_edge(struct block *p, struct arrival to) {
  struct edge edge = {p->last, to.pc, p, to.block, CAUSE_SIGNAL, KIND_SIGNAL_RETURN, true};
  return edge_number(&edge);
}

/* Deliveries that came one right after the other between p and b; the last leads to b. */
static void deliver(struct ring_vcpu *v, unsigned index, struct block *p, struct block *b,
                    uintptr_t host_pc, const struct delivery *deliveries, unsigned count,
                    struct made *made) {
  struct edge edge;
  uint32_t left = 0;
  uint64_t at = deliveries->interrupted;
  struct arrival interrupted = {at, NULL, windows_run_again(v, index, p, at, NULL)};
  int inside = p == &nowhere ? -1 : block_index(p, interrupted.pc);
  bool faulted_inside = deliveries->is_fault && inside >= 0;
  if (faulted_inside && deliveries->may_be_sent && inside == 0) {
    /* Sent or raised? A block that jumps to its own start had gone there if it was sent. */
    faulted_inside = step(p, &interrupted, GOES_MAYBE, &edge, &left) != STEP_TRANSFER;
    left = 0;
  }
  if (faulted_inside) {
    left = p->instructions - (uint32_t)inside;
  } else if (p == &nowhere) {
    make(made, start_edge(interrupted));
  } else if (signal_returned(p, index)) {
    make(made, signal_return_edge(p, interrupted));
  } else if (step(p, &interrupted, GOES_MAYBE, &edge, &left) == STEP_TRANSFER) {
    make(made, edge_number(&edge));
  }
  made->instructions -= left;
  block_first_run(v, ring_seq(v) + made->count + count, b, host_pc);
  bool touches = faulted_inside || left != 0 || interrupted.pc == p->end;
  for (unsigned i = 0; i < count; i++) {
    const struct delivery *d = &deliveries[i];
    bool is_last = i + 1 == count;
    struct edge delivery = {
        .source = d->interrupted,
        .target = is_last ? b->start : d[1].interrupted,
        .from = i == 0 && touches && p != &nowhere ? p : NULL,
        .to = is_last ? b : NULL,
        .cause = d->cause,
        .kind = d->kind,
        .has_source = true,
    };
    ring_mark(v, ring_seq(v) + made->count, &d->fact);
    make(made, edge_number(&delivery));
  }
}

static void arrive(struct ring_vcpu *v, unsigned index, struct block *p, struct block *b,
                   enum goes goes, uintptr_t host_pc, struct made *made) {
  struct edge edge;
  uint32_t left;
  struct arrival to = {b->start, b, windows_run_again(v, index, p, b->start, b)};
  uint64_t seq = ring_seq(v);
  if (p == &nowhere) {
    block_first_run(v, seq + 1, b, host_pc);
    make(made, start_edge(to));
    return;
  }
  if (signal_returned(p, index)) {
    block_first_run(v, seq + 1, b, host_pc);
    make(made, signal_return_edge(p, to));
    return;
  }
  if (drop_rolled_back(p, b)) {
    made->instructions--;
    p->number = RING_NO_NUMBER; /* logged anew, without that instruction */
    block_first_run(v, seq, p, p->host_pc);
    block_first_run(v, seq, b, host_pc);
    p->next = b;
    return;
  }
  enum step how = step(p, &to, goes, &edge, &left);
  block_first_run(v, how == STEP_TRANSFER ? seq + 1 : seq, b, host_pc);
  switch (how) {
    case STEP_SEQUENTIAL:
      if (!b->is_handler && !p->sets_vectors && !p->sets_space) p->next = b;
      return;
    case STEP_AGAIN:
      made->instructions -= left;
      if (p->ending == END_REPEAT && left == 1) block_link(p, b, NO_TRANSFER);
      return;
    case STEP_TRANSFER: {
      bool certain = edge.cause == CAUSE_JUMP || p->ending == END_UNKNOWN;
      if (machine_tells_traps()) {
        certain = goes != GOES_NOT;
        if (!certain) edge.cause = edge.kind = RING_NO_CODE; /* a reset, or a debugger's hand */
      } else if (whole_machine) {
        certain = true; /* no cause is ever told, so that it is always this edge */
      }
      uint32_t number = edge_number(&edge);
      make(made, number);
      /* Of Xtensa code that finds no room QEMU makes blocks of their own: this one did. */
      bool may_be_again =
          p->notes_end && guest.isa != ISA_XTENSA && block_index(p, b->start) >= 0;
      if (certain && !p->sets_space && !may_be_again) block_link(p, b, number);
    }
  }
}

__attribute__((used)) void backtrail_slow_at(struct ring_vcpu *v, unsigned index, struct block *p,
                                             struct block *b, const uint8_t *env,
                                             uintptr_t host_pc) {
  struct made made = {.count = 0, .instructions = v->instructions + p->instructions};
  struct delivery deliveries[TRAPS_MAX];
  struct machine_cpu cpu = {index, env};
  if (ring.detached) return;
  if (b->instructions == 0) {
    slots_leave(index, b);
    return;
  }
  ring_lock();
  if (p == &nowhere) thread_started(v, b);
  if (b->number == RING_NO_NUMBER) block_set_mode(b, env);
  if (p->sets_space) spaces_note(v, &cpu, p);
  slots_arrive(index, p, b);
  if (b->instructions == 0) {
    ring_unlock();
    return;
  }
  enum goes goes = machine_goes_to(&cpu, p, b->start);
  unsigned count = deliveries_at(whole_machine, p, b, &cpu, goes, deliveries);
  if (count > 0) {
    deliver(v, index, p, b, host_pc, deliveries, count, &made);
  } else {
    arrive(v, index, p, b, goes, host_pc, &made);
  }
  ring_unlock();
  for (unsigned i = 0; i < made.count; i++) {
    if (made.edges[i] == NOT_RECORDED) {
      ring_cut(v, made.instructions);
    } else {
      ring_store(v, made.edges[i], made.instructions);
    }
  }
  ring_settle(v, (uint64_t)b, made.instructions);
}

/* A link whose edge is no number, or a segment that is full. */
static void __attribute__((noinline)) rare(struct ring_vcpu *v, const struct block *b,
                                           uint64_t instructions, uint32_t edge) {
  if (edge == NO_TRANSFER) {
    instructions--;
  } else if (edge == NOT_RECORDED) {
    ring_cut(v, instructions);
  } else {
    ring_store(v, edge, instructions);
  }
  ring_settle(v, (uint64_t)b, instructions);
}

/* False: the pair was not seen, ask backtrail_slow(). One copy for each callback: a jump more would
   be felt. */
__attribute__((always_inline)) static inline bool enter_known(struct ring_vcpu *v,
                                                              struct block *b) {
  struct block *p = (struct block *)v->prev;
  uint64_t instructions = v->instructions + p->instructions;
  if (p->next == b) {
    ring_settle(v, (uint64_t)b, instructions);
    return true;
  }
  uint32_t edge;
  if (__atomic_load_n(&p->to[0], __ATOMIC_ACQUIRE) == b) {
    edge = p->to_edge[0];
  } else if (__atomic_load_n(&p->to[1], __ATOMIC_ACQUIRE) == b) {
    edge = p->to_edge[1];
  } else {
    edge = block_many_linked(p, b);
  }
  if (__builtin_expect(edge < NOT_LINKED && !ring_is_full(v), 1)) {
    ring_put(v, edge);
    ring_settle(v, (uint64_t)b, instructions);
  } else if (edge == NOT_LINKED) {
    return false;
  } else {
    rare(v, b, instructions, edge);
  }
  return true;
}

__attribute__((always_inline)) static inline void enter(unsigned index, struct block *b) {
  if (__builtin_expect(index >= vcpu_slots, 0)) return;
  struct ring_vcpu *v = &vcpus[index];
  if (!enter_known(v, b)) backtrail_slow(v, index, (struct block *)v->prev, b);
}

static void on_block(unsigned index, void *data) { enter(index, data); }

/* A translation as it runs at pc. In one page, so that anything else is no address of it: it was
   not kept up to date. */
static inline struct block *block_at(struct block *b, uint64_t pc) {
  uint64_t apart = pc - b->start;
  bool is_elsewhere = __builtin_expect(apart != 0 && apart % PAGE == 0, 0);
  return is_elsewhere ? block_elsewhere(b, pc) : b;
}

/* Of a translation that runs at several addresses, by backtrail_on_relative_block. */
__attribute__((used)) void backtrail_on_block_at(unsigned index, struct block *b,
                                                 const uint8_t *env) {
  enter(index, block_at(b, state_u64(env, *true_pc)));
}

/* With a filter, every block: by backtrail_on_filtered_block. */
__attribute__((used)) void backtrail_on_filtered_block_at(unsigned index, struct block *b,
                                                          const uint8_t *env,
                                                          uintptr_t host_pc) {
  if (index >= vcpu_slots || ring.detached) return;
  if (true_pc && !b->has_other_mode) b = block_at(b, state_u64(env, *true_pc));
  if (outside_passes_by(index, b)) return;
  struct ring_vcpu *v = &vcpus[index];
  const struct machine_cpu cpu = {index, env};
  if (filter_passes(b, env)) {
    outside_ends(v, index);
  } else if (outside_goes_on(v, &cpu, b, host_pc)) {
    return;
  }
  if (!enter_known(v, b)) {
    backtrail_slow_at(v, index, (struct block *)v->prev, b, env, host_pc);
  }
  outside_arrived(index, b);
}

/* The same of blocks whose place is known where they are translated. */
static void on_outside_block(unsigned index, void *data) {
  if (index >= vcpu_slots || outside_passes_by(index, data)) return;
  backtrail_on_filtered_block(index, data);
}

static void on_inside_block(unsigned index, void *data) {
  if (index >= vcpu_slots) return;
  if (__builtin_expect(outside_is_open(index), 0)) {
    backtrail_on_filtered_block(index, data);
  } else {
    enter(index, data);
  }
}

/* The first block that is recorded, by the address that recording was to begin at. */
static void on_awaited_block(unsigned index, void *data) {
  switch_go_on();
  on_block(index, data);
}

static qemu_tb_exec_fn filtered_entry(struct block *b) {
  switch (filter_place(b)) {
    case PLACE_INSIDE:
      return on_inside_block;
    case PLACE_OUTSIDE:
      return on_outside_block;
    default:
      return backtrail_on_filtered_block;
  }
}

static void translated(void *tb) {
  bool is_awaited;
  /* PA-RISC: QEMU's own gateways into the kernel, of which no code is in the guest. */
  if (guest.isa == ISA_HPPA && qemu.insn_size(qemu.tb_get_insn(tb, 0)) == 0) return;
  if (!switch_records(tb, &is_awaited) && !is_awaited) return;
  ring_lock();
  struct block *b = block_translate(tb);
  ring_unlock();
  if (b) {
    bool is_relative = true_pc && !b->has_other_mode;
    qemu_tb_exec_fn entered = is_awaited     ? on_awaited_block
                              : has_filter() ? filtered_entry(b)
                              : is_relative  ? backtrail_on_relative_block : on_block;
    qemu.register_vcpu_tb_exec_cb(tb, entered, 0, b);
    if (b->notes_end) windows_note_end(tb);
  } else {
    ring_stop(RING_STOP_NO_SPACE);
  }
}

static void vcpu_started(unsigned index) {
  if (index < vcpu_slots) slots_vcpu_started(index);
  if (index < vcpu_slots) outside_vcpu_started(index);
  windows_vcpu_started(index);
  ring_vcpu_start(index, (uint64_t)&nowhere);
}

static void vcpu_ended(unsigned index) {
  if (ring.detached || index >= vcpu_slots) return;
  struct ring_vcpu *v = &ring.vcpus[index];
  outside_ends(v, index);
  const struct block *p = (const struct block *)v->prev;
  struct ring_fact end = {.kind = MARK_END, .has = MARK_HAS_PC | MARK_HAS_NUMBER};
  struct ring_fact gone = {.kind = MARK_THREAD_EXIT, .has = 0};
  end.pc = v->in_syscall ? p->last : p->start;
  end.number = (int64_t)(v->instructions + (v->in_syscall ? p->instructions : 0));
  ring_lock();
  if (p != &nowhere) ring_mark(v, ring_seq(v), &end);
  ring_mark(v, ring_seq(v), &gone);
  ring_unlock();
  ring_vcpu_end(v);
}

static void flushed(void) {
  if (switch_flushed()) return;
  if (ring.detached || !ring.vcpus[0].live) return;
  struct ring_fact fact = {.kind = MARK_FLUSH, .has = 0};
  ring_lock();
  ring_mark(&ring.vcpus[0], ring_seq(&ring.vcpus[0]), &fact);
  ring_unlock();
}

static void ending(void) {
  if (!ring.detached) __atomic_store_n(&ring.header->ended, 1, __ATOMIC_RELEASE);
}

static void syscall_begins(const struct qemu_syscall *call) {
  calling_index = call->index;
  if (ring.detached || call->index >= vcpu_slots) return;
  outside_ends(&ring.vcpus[call->index], call->index); /* marks and ends say where it was */
  guest_syscall(&ring.vcpus[call->index], call);
}

static void syscall_ends(unsigned index, int64_t number, int64_t result) {
  if (index < vcpu_slots) guest_syscall_returned(&ring.vcpus[index], index, number, result);
}

static bool log_guest(void) {
  struct ring_guest_record *r = ring_log_begin(RING_RECORD_GUEST, sizeof *r);
  if (!r) return false;
  snprintf(r->isa, sizeof r->isa, "%s", target_name);
  r->api_version = (uint32_t)qemu_api_version;
  r->system = whole_machine;
  r->tells_traps = machine_tells_traps();
  ring_log_commit(r);
  return true;
}

/*
 * A fork copies the process with all that we know of it. The lock is held across, so that the copy
 * is whole whatever other threads do.
 */
static struct {
  bool has_ring;
  char path[sizeof ring.path];
  uint64_t parent_pid;
} child; /* guarded by the ring lock */

static void forking(void) {
  ring_lock();
  child.has_ring = follows && !ring.detached && !ring.paused &&
                   ring_make_child(child.path, sizeof child.path, false);
  child.parent_pid = (uint64_t)getpid();
}

static void forked_parent(void) {
  ring_unlock();
  if (!ring.detached) __atomic_fetch_add(&ring.header->forks, 1, __ATOMIC_RELAXED);
}

/* Of its threads the one that forked is left, which is in the system call that did it. */
static void forked_child(void) {
  if (!child.has_ring || !ring_enter_child(child.path, child.parent_pid)) {
    ring_detach_child();
    for (uint32_t i = 0; i < vcpu_slots; i++) vcpus[i].prev = (uint64_t)&nowhere;
    return;
  }
  block_forget_all();
  slots_forget_all();
  outside_forget_all();
  windows_forget_all();
  maps_logged = false;
  switch_forked();
  log_guest();
  for (uint32_t i = 0; i < vcpu_slots; i++) vcpus[i].prev = (uint64_t)&nowhere;
  vcpu_started(calling_index);
  if (calling_index < vcpu_slots) vcpus[calling_index].in_syscall = 1;
}

static int refuse(const char *problem) {
  fprintf(stderr, "backtrail: %s\n", problem);
  return 1;
}

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id,
                                                               const struct qemu_info *info,
                                                               int argc, char **argv) {
  const char *path = NULL, *start = NULL, *text = NULL, *filter = NULL;
  bool follows_exec = false;
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "ring=", 5) == 0) path = argv[i] + 5;
    if (strncmp(argv[i], "start=", 6) == 0) start = argv[i] + 6;
    if (strncmp(argv[i], "text=", 5) == 0) text = argv[i] + 5;
    if (strncmp(argv[i], "filter=", 7) == 0) filter = argv[i] + 7;
    if (strcmp(argv[i], "follow=on") == 0) follows = true;
    if (strcmp(argv[i], "exec=on") == 0) follows_exec = true;
    if (strcmp(argv[i], "syscalls=on") == 0) guest_tells_calls = true;
    if (strcmp(argv[i], "host-code=on") == 0) keeps_host_code = true;
  }
  if (!path) return refuse("the plugin found no ring=PATH, start it with `backtrail record`");
  const char *missing = qemu_api_find(info);
  if (missing) {
    fprintf(stderr, "backtrail: this QEMU has no %s, expected QEMU 7.2 to 11.1\n", missing);
    return 1;
  }
  char executed[sizeof ring.path];
  enum image image = follows_exec ? executed_image(path, executed, sizeof executed) : IMAGE_FIRST;
  if (image == IMAGE_UNRECORDED) return 0;
  bool is_first = image == IMAGE_FIRST;
  const char *problem = is_first ? ring_attach(path) : ring_attach_executed(executed, path);
  if (problem) return refuse(problem);
  if (follows_exec) executed_install();
  whole_machine = info->system_emulation;
  guest = guest_named(info->target_name);
  /* What plugins are not shown is read from the memory of a program. */
  bool reads_memory = slots_stand_apart(&guest) || hides_code(&guest);
  if (whole_machine && reads_memory) guest.isa = ISA_OTHER;
  vcpu_slots = ring.header->vcpu_slots;
  vcpus = ring.vcpus;
  bool has_memory = slots_install(vcpu_slots) && spaces_install(vcpu_slots) &&
                    windows_install(vcpu_slots) && outside_install(vcpu_slots);
  if (!has_memory) return refuse("no memory for the plugin: free some");
  if (whole_machine) machine_install(guest.isa);
  true_pc = machine_pc();
  keeps_text = only_qemu_reads(info->target_name);
  snprintf(target_name, sizeof target_name, "%s", info->target_name);
  if (!log_guest()) return refuse("no memory for the plugin: free some");
  guest_install(vcpu_slots);
  /* Where a recording begins, and addresses of a filter, are of the first program. */
  problem = switch_install(is_first ? start : NULL, text);
  if (!problem) problem = filter_install(filter, is_first ? text : NULL, whole_machine);
  if (problem) return refuse(problem);
  pthread_atfork(forking, forked_parent, forked_child);
  const struct qemu_handlers handlers = {
      .translated = translated,
      .vcpu_started = vcpu_started,
      .vcpu_ended = vcpu_ended,
      .flushed = flushed,
      .ending = ending,
      .syscall = syscall_begins,
      .syscall_returned = syscall_ends,
  };
  qemu_api_register(id, &handlers, whole_machine);
  return 0;
}
