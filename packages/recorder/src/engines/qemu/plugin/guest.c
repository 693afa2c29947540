/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SIGNALS = 65, SA_SIGINFO_FLAG = 4, PATH_BYTES = 512 };
enum { MAP_ANONYMOUS_FLAG = 0x20, CLONE_VM_FLAG = 0x100 };

/* Linux system call numbers: asm/unistd_64.h for x86-64, asm-generic/unistd.h for the others. */
struct numbers {
  int64_t mmap, munmap, rt_sigaction, rt_sigreturn, execve, execveat, clone, fork, vfork;
};
static const struct numbers x86_64_numbers = {9, 11, 13, 15, 59, 322, 56, 57, 58};
static const struct numbers generic_numbers = {222, 215, 134, 139, 221, 281, 220, -1, -1};
static const struct numbers unknown_numbers = {-1, -1, -1, -1, -1, -1, -1, -1, -1};

struct thread_calls {
  int64_t number;
  uint64_t arguments[8];
  bool signal_return;
};

static enum isa isa;
static const struct numbers *numbers = &unknown_numbers;
static struct thread_calls *calls;
static char *maps_at_install;
static struct {
  uint64_t handler, restorer;
  bool has_info; /* SA_SIGINFO */
} actions[SIGNALS];

static uint64_t base(void) { return qemu.guest_base ? *qemu.guest_base : 0; }

/* Guest memory through the kernel, so that a wild guest pointer is an error and not a fault. */
static size_t peek(uint64_t guest, void *into, size_t size) {
  struct iovec here = {into, size}, there = {(void *)(guest + base()), size};
  ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
  return got > 0 ? (size_t)got : 0;
}

static bool peek64(uint64_t guest, uint64_t *value) {
  return peek(guest, value, sizeof *value) == sizeof *value;
}

static char *read_maps(void) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  size_t size = 0, capacity = 1 << 16;
  char *text = malloc(capacity);
  while (text) {
    ssize_t got = read(fd, text + size, capacity - size - 1);
    if (got <= 0) break;
    size += (size_t)got;
    if (capacity - size < 4096) text = realloc(text, capacity *= 2);
  }
  close(fd);
  if (text) text[size] = 0;
  return text;
}

void guest_install(enum isa of, uint32_t vcpu_slots) {
  isa = of;
  if (isa == ISA_X86_64) numbers = &x86_64_numbers;
  if (isa == ISA_RISCV64 || isa == ISA_AARCH64) numbers = &generic_numbers;
  calls = calloc(vcpu_slots, sizeof *calls);
  maps_at_install = read_maps();
}

static void log_map(const struct ring_vcpu *v, uint64_t start, uint64_t size, uint64_t offset,
                    const char *path) {
  struct ring_fact fact = {
      .kind = MARK_MAP,
      .has = MARK_HAS_ADDRESS | MARK_HAS_SIZE | MARK_HAS_CODE,
      .address = start,
      .size = size,
      .code = (int64_t)offset,
      .detail = path,
  };
  ring_mark(v, ring_seq(v), &fact);
}

/* A line that was there before the guest was loaded belongs to QEMU. */
static bool mapped_at_install(const char *line, size_t length) {
  const char *space = memchr(line, ' ', length);
  const char *path = memchr(line, '/', length);
  if (!maps_at_install || !space || !path) return false;
  for (const char *at = maps_at_install; (at = strstr(at, path)); at++) {
    const char *start = at;
    while (start > maps_at_install && start[-1] != '\n') start--;
    if (memcmp(start, line, (size_t)(space - line)) == 0) return true;
  }
  return false;
}

void guest_log_maps(const struct ring_vcpu *v) {
  char *text = read_maps(), *next = text;
  for (char *line = text; line && *line; line = next) {
    char *end = strchr(line, '\n');
    next = end ? end + 1 : NULL;
    if (end) *end = 0;
    uint64_t low, high, offset;
    const char *path = strchr(line, '/');
    if (!path || strcmp(path, ring.path) == 0 || mapped_at_install(line, strlen(line))) continue;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &low, &high, &offset) != 3) continue;
    if (low >= base()) log_map(v, low - base(), high - low, offset, path);
  }
  free(text);
  free(maps_at_install);
  maps_at_install = NULL;
}

/* Where the registers are in QEMU 7.2's CPU state, 8 bytes each: see docs/qemu.md. */
static uint64_t guest_register(const uint8_t *env, unsigned number) {
  uint64_t value;
  memcpy(&value, env + (isa == ISA_AARCH64 ? 64 : 0) + 8 * number, sizeof value);
  return value;
}

/*
 * The frame as the kernel of each ISA lays it out: registers that hold the signal number, the
 * siginfo and the ucontext, where these lie from the stack pointer, and the pc in the ucontext.
 */
struct frame {
  unsigned stack, number, info, context;
  uint64_t context_from_stack; /* 0: anywhere in the page above */
  uint64_t pc_offset;
};

static const struct frame *frame_of_isa(void) {
  static const struct frame x86_64 = {4, 7, 6, 2, 8, 40 + 16 * 8};
  static const struct frame riscv64 = {2, 10, 11, 12, 0, 176};
  static const struct frame aarch64 = {31, 0, 1, 2, 128, 440};
  switch (isa) {
    case ISA_X86_64:
      return &x86_64;
    case ISA_RISCV64:
      return &riscv64;
    case ISA_AARCH64:
      return &aarch64;
    default:
      return NULL;
  }
}

/* AArch64: whether a call from here would return to where handlers do: mov x8, #139, svc #0. They
   are on a page of QEMU's, or where the program says (SA_RESTORER). */
static bool returns_by_trampoline(const uint8_t *env) {
  static const uint32_t trampoline[] = {0xd2801168, 0xd4000001};
  uint32_t code[2];
  uint64_t to = guest_register(env, 30);
  return peek(to, code, sizeof code) == sizeof code && memcmp(code, trampoline, sizeof code) == 0;
}

/* Where the ucontext is. QEMU passes it to every handler but on AArch64, where only one that asked
   for a siginfo is given it. */
static uint64_t context_of(const uint8_t *env, const struct frame *f, int number) {
  if (isa == ISA_AARCH64 && !actions[number].has_info) {
    return guest_register(env, f->stack) + f->context_from_stack;
  }
  return guest_register(env, f->context);
}

static bool frame_matches(const uint8_t *env, const struct frame *f, int number) {
  uint64_t stack = guest_register(env, f->stack), context = context_of(env, f, number);
  uint64_t returns_to;
  if ((int)guest_register(env, f->number) != number) return false;
  if (f->context_from_stack == 0) return context > stack && context - stack < 4096;
  if (context - stack != f->context_from_stack) return false;
  if (isa == ISA_AARCH64 && !actions[number].has_info) return returns_by_trampoline(env);
  return isa != ISA_X86_64 ||
         (peek64(stack, &returns_to) && returns_to == actions[number].restorer);
}

static bool raised_by_code(int number) {
  return number == 4 || number == 5 || number == 7 || number == 8 || number == 11;
}

bool guest_signal_entry(const uint8_t *env, const struct block *b, struct guest_signal *out) {
  const struct frame *f = frame_of_isa();
  for (int number = 1; f && number < SIGNALS; number++) {
    if (actions[number].handler != b->start || !frame_matches(env, f, number)) continue;
    int32_t info[6];
    if (!peek64(context_of(env, f, number) + f->pc_offset, &out->interrupted)) continue;
    out->number = number;
    /* On RISC-V it is there unasked, and what raised the signal need not be guessed. */
    out->has_code = actions[number].has_info || isa == ISA_RISCV64;
    out->is_fault = raised_by_code(number);
    if (!out->has_code) return true;
    if (peek(guest_register(env, f->info), info, sizeof info) != sizeof info) continue;
    if (info[0] != number) continue;
    out->code = info[2];
    /* SI_USER is 0; those of tkill and timers are negative. */
    out->is_fault = out->is_fault && info[2] > 0;
    memcpy(&out->address, &info[4], sizeof out->address);
    return true;
  }
  return false;
}

static void note_action(int64_t number, uint64_t action) {
  uint64_t words[3];
  if (number < 1 || number >= SIGNALS || action == 0) return;
  if (peek(action, words, sizeof words) != sizeof words || words[0] <= 1) return;
  ring_lock();
  actions[number].handler = words[0];
  actions[number].restorer = words[2];
  actions[number].has_info = words[1] & SA_SIGINFO_FLAG;
  block_flag_handler(words[0]);
  ring_unlock();
}

static void log_exec(const struct ring_vcpu *v, uint64_t path_at, bool failed, int64_t result) {
  char path[PATH_BYTES] = "";
  struct ring_fact fact = {.kind = MARK_EXEC, .has = failed ? MARK_HAS_CODE : 0, .code = result};
  if (path_at) {
    path[peek(path_at, path, sizeof path - 1)] = 0;
    fact.detail = path;
  }
  ring_lock();
  ring_mark(v, ring_seq(v), &fact);
  ring_unlock();
}

void guest_syscall(struct ring_vcpu *v, const struct qemu_syscall *call) {
  struct thread_calls *t = &calls[call->index];
  if (call->number < 0) return;
  t->number = call->number;
  memcpy(t->arguments, call->arguments, sizeof t->arguments);
  v->in_syscall = 1;
  if (call->number == numbers->rt_sigreturn) t->signal_return = true;
  if (call->number == numbers->rt_sigaction) {
    note_action((int64_t)call->arguments[0], call->arguments[1]);
  }
  if (call->number == numbers->execve) log_exec(v, call->arguments[0], false, 0);
  if (call->number == numbers->execveat) log_exec(v, call->arguments[1], false, 0);
}

static void mapped(const struct ring_vcpu *v, const uint64_t *arguments, uint64_t start) {
  char link[64], path[PATH_BYTES];
  int fd = (int)arguments[4];
  if (fd < 0 || (arguments[3] & MAP_ANONYMOUS_FLAG)) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0 || path[0] != '/') return;
  path[length] = 0;
  ring_lock();
  log_map(v, start, arguments[1], arguments[5], path);
  ring_unlock();
}

static void unmapped(const struct ring_vcpu *v, const uint64_t *arguments) {
  struct ring_fact fact = {
      .kind = MARK_UNMAP,
      .has = MARK_HAS_ADDRESS | MARK_HAS_SIZE,
      .address = arguments[0],
      .size = arguments[1],
  };
  ring_lock();
  ring_mark(v, ring_seq(v), &fact);
  ring_unlock();
}

static void forked(const struct ring_vcpu *v, int64_t child) {
  struct ring_fact fact = {.kind = MARK_FORK, .has = MARK_HAS_NUMBER, .number = child};
  ring_lock();
  ring_mark(v, ring_seq(v), &fact);
  ring_unlock();
}

void guest_syscall_returned(struct ring_vcpu *v, unsigned index, int64_t number, int64_t result) {
  struct thread_calls *t = &calls[index];
  v->in_syscall = 0;
  if (ring.detached || number != t->number || number < 0) return;
  bool failed = result < 0 && result > -4096;
  if (number == numbers->mmap && !failed) mapped(v, t->arguments, (uint64_t)result);
  if (number == numbers->munmap && !failed) unmapped(v, t->arguments);
  if (number == numbers->execve || number == numbers->execveat) log_exec(v, 0, true, result);
  bool is_fork = number == numbers->fork || number == numbers->vfork ||
                 (number == numbers->clone && (result > 0) &&
                  !((t->arguments[0] & CLONE_VM_FLAG) && !(t->arguments[0] & 0x4000)));
  if (is_fork && result > 0) forked(v, result);
}

bool guest_took_signal_return(unsigned index) {
  bool was = calls[index].signal_return;
  calls[index].signal_return = false;
  return was;
}
