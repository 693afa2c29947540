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

#include "executed.h"
#include "filter.h"
#include "numbers.h"

enum { SIGNALS = 65, PATH_BYTES = 512, MMAP2_UNIT = 4096 };
enum { SA_SIGINFO_FLAG = 4, SA_RESTORER_FLAG = 0x04000000 };
enum { MAP_ANONYMOUS_FLAG = 0x20, CLONE_VM_FLAG = 0x100 };

struct thread_calls {
  int64_t number;
  uint64_t arguments[8];
  bool signal_return;
};

static const struct numbers *numbers;
static struct thread_calls *calls;
static char *maps_at_install;
static struct {
  uint64_t handler, restorer;
  bool has_info;     /* SA_SIGINFO */
  bool has_restorer; /* SA_RESTORER */
} actions[SIGNALS];

static uint64_t base_found; /* where QEMU does not export it */

static uint64_t base(void) { return qemu.guest_base ? *qemu.guest_base : base_found; }

void guest_note_base(uint64_t pc, const void *host) {
  if (base_found == 0 && host) base_found = (uint64_t)host - pc;
}

size_t guest_peek(uint64_t from, void *into, size_t size) {
  struct iovec here = {into, size}, there = {(void *)(from + base()), size};
  ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
  return got > 0 ? (size_t)got : 0;
}

/* A register or a pointer, bytes. */
static size_t word_bytes(void) { return guest.address_bits / 8; }

static bool peek_word(uint64_t from, uint64_t *value) {
  uint8_t bytes[8];
  size_t size = word_bytes();
  *value = 0;
  if (guest_peek(from, bytes, size) != size) return false;
  for (size_t i = 0; i < size; i++) {
    *value = *value << 8 | bytes[guest.big_endian ? i : size - 1 - i];
  }
  return true;
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

void guest_install(uint32_t vcpu_slots) {
  numbers = numbers_of(&guest);
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

/* Calls `take` with each line of what is mapped. */
static void each_map(void (*take)(const char *line, void *data), void *data) {
  char *text = read_maps(), *next = text;
  for (char *line = text; line && *line; line = next) {
    char *end = strchr(line, '\n');
    next = end ? end + 1 : NULL;
    if (end) *end = 0;
    take(line, data);
  }
  free(text);
}

static void log_line(const char *line, void *data) {
  uint64_t low, high, offset;
  const char *path = strchr(line, '/');
  if (!path || strcmp(path, ring.path) == 0 || mapped_at_install(line, strlen(line))) return;
  if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &low, &high, &offset) != 3) return;
  if (low >= base()) log_map(data, low - base(), high - low, offset, path);
}

void guest_log_maps(const struct ring_vcpu *v) { each_map(log_line, (void *)v); }

struct map_list {
  struct guest_map *maps;
  size_t count, capacity;
};

static void list_line(const char *line, void *data) {
  struct map_list *list = data;
  struct guest_map map = {0};
  const char *path = strchr(line, '/');
  if (sscanf(line, "%" SCNx64 "-%" SCNx64, &map.low, &map.high) != 2 || map.low < base()) return;
  if (list->count == list->capacity) {
    size_t capacity = list->capacity * 2 + 64;
    struct guest_map *grown = realloc(list->maps, capacity * sizeof *grown);
    if (!grown) return;
    list->maps = grown;
    list->capacity = capacity;
  }
  map.low -= base();
  map.high -= base();
  map.path = path ? strdup(path) : NULL;
  list->maps[list->count++] = map;
}

struct guest_map *guest_read_maps(size_t *count) {
  struct map_list list = {0};
  each_map(list_line, &list);
  *count = list.count;
  return list.maps;
}

void guest_free_maps(struct guest_map *maps, size_t count) {
  for (size_t i = 0; i < count; i++) free(maps[i].path);
  free(maps);
}

/* Where the registers are in QEMU 7.2's CPU state: see docs/qemu.md. */
static uint64_t guest_register(const uint8_t *env, unsigned number) {
  uint64_t value = 0;
  memcpy(&value, env + (guest.isa == ISA_AARCH64 ? 64 : 0) + word_bytes() * number, word_bytes());
  return value;
}

bool guest_in_thumb(const uint8_t *env) {
  /* regs, xregs, pc, pstate, aarch64. */
  enum { THUMB_AT = 16 * 4 + 32 * 8 + 8 + 4 + 1 };
  return env[THUMB_AT] != 0;
}

/*
 * The frame as QEMU lays it out for each ISA: registers that hold the signal number, the siginfo
 * and the ucontext, where the ucontext lies from the stack pointer, and the pc in it.
 */
struct frame {
  unsigned stack, number, info, context;
  uint64_t context_from_stack; /* 0: anywhere in the page above */
  uint64_t pc_offset;
  int64_t plain_from_stack; /* of a handler without SA_SIGINFO; 0: as with it */
};

static const struct frame *frame_of_isa(void) {
  static const struct frame x86_64 = {4, 7, 6, 2, 8, 40 + 16 * 8, 0};
  /* pretcode, sig, and then a sigcontext that begins 20 bytes into what would be a ucontext. */
  static const struct frame i386 = {4, 0, 2, 1, 16 + 128, 20 + 14 * 4, 8 - 20};
  static const struct frame riscv64 = {2, 10, 11, 12, 0, 176, 0};
  static const struct frame aarch64 = {31, 0, 1, 2, 128, 440, 128};
  static const struct frame arm = {13, 0, 1, 2, 128, 20 + 18 * 4, 0};
  if (guest.big_endian) return NULL; /* siginfo is read as the host has it */
  switch (guest.isa) {
    case ISA_X86_64:
      return &x86_64;
    case ISA_I386:
      return &i386;
    case ISA_RISCV64:
      return &riscv64;
    case ISA_AARCH64:
      return &aarch64;
    case ISA_ARM:
      return &arm;
    default:
      return NULL;
  }
}

/* Whether handlers without SA_SIGINFO get no ucontext passed. */
static bool plain_differs(void) {
  return guest.isa == ISA_AARCH64 || guest.isa == ISA_ARM || guest.isa == ISA_I386;
}

/* What a handler returns to where the program named nothing: QEMU's own code for sigreturn. */
static bool is_trampoline(uint64_t at) {
  static const struct {
    enum isa isa;
    uint8_t code[8];
  } trampolines[] = {
      {ISA_AARCH64, {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4}}, /* mov x8, #139; svc #0 */
      {ISA_I386, {0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80}}, /* pop eax; mov eax, 119; int 0x80 */
      {ISA_ARM, {0x77, 0x70, 0xa0, 0xe3, 0x77, 0x00, 0x90, 0xef}}, /* mov r7, #119; swi */
  };
  uint8_t code[8];
  if (guest_peek(at, code, sizeof code) != sizeof code) return false;
  for (size_t i = 0; i < sizeof trampolines / sizeof *trampolines; i++) {
    if (trampolines[i].isa == guest.isa && memcmp(trampolines[i].code, code, 8) == 0) return true;
  }
  return false;
}

/* Whether a return from here would go to what a handler returns to. */
static bool returns_to_restorer(const uint8_t *env, const struct frame *f, int number) {
  uint64_t to;
  if (guest.isa == ISA_AARCH64) return is_trampoline(guest_register(env, 30));
  if (guest.isa == ISA_ARM) {
    to = guest_register(env, 14);
  } else if (!peek_word(guest_register(env, f->stack), &to)) {
    return false;
  }
  return actions[number].has_restorer ? to == actions[number].restorer : is_trampoline(to);
}

/* Where the ucontext is. QEMU passes it to every handler, but on some ISAs only to one that asked
   for a siginfo. */
static uint64_t context_of(const uint8_t *env, const struct frame *f, int number) {
  if (!actions[number].has_info && plain_differs()) {
    uint64_t at = guest_register(env, f->stack) + (uint64_t)f->plain_from_stack;
    return guest.address_bits == 32 ? (uint32_t)at : at;
  }
  return guest_register(env, f->context);
}

static bool frame_matches(const uint8_t *env, const struct frame *f, int number) {
  bool x86 = guest.isa == ISA_X86_64 || guest.isa == ISA_I386;
  bool is_plain = !actions[number].has_info && plain_differs();
  uint64_t stack = guest_register(env, f->stack), context = context_of(env, f, number);
  uint64_t passed = guest_register(env, f->number);
  /* i386 passes the number on the stack alone. */
  if (is_plain && guest.isa == ISA_I386 && !peek_word(stack + 4, &passed)) return false;
  if ((int)passed != number) return false;
  if ((x86 || is_plain) && !returns_to_restorer(env, f, number)) return false;
  if (is_plain) return true;
  if (f->context_from_stack == 0) return context > stack && context - stack < 4096;
  return context - stack == f->context_from_stack;
}

/* The fault address in a siginfo: behind three ints, aligned as a pointer is. */
static uint64_t fault_address(const int32_t *info) {
  uint64_t address = 0;
  memcpy(&address, &info[guest.address_bits == 32 ? 3 : 4], word_bytes());
  return address;
}

bool guest_knows_frames(void) { return frame_of_isa() != NULL; }

static bool raised_by_code(int number) {
  return number == 4 || number == 5 || number == 7 || number == 8 || number == 11;
}

bool guest_signal_entry(const uint8_t *env, const struct block *b, struct guest_signal *out) {
  const struct frame *f = frame_of_isa();
  for (int number = 1; f && number < SIGNALS; number++) {
    if (actions[number].handler != b->start || !frame_matches(env, f, number)) continue;
    int32_t info[6];
    if (!peek_word(context_of(env, f, number) + f->pc_offset, &out->interrupted)) continue;
    out->number = number;
    /* On RISC-V it is there unasked, and what raised the signal need not be guessed. */
    out->has_code = actions[number].has_info || guest.isa == ISA_RISCV64;
    out->is_fault = raised_by_code(number);
    if (!out->has_code) return true;
    if (guest_peek(guest_register(env, f->info), info, sizeof info) != sizeof info) continue;
    if (info[0] != number) continue;
    out->code = info[2];
    /* SI_USER is 0; those of tkill and timers are negative. */
    out->is_fault = out->is_fault && info[2] > 0;
    out->address = fault_address(info);
    return true;
  }
  return false;
}

/* handler, flags, restorer; of Thumb handlers the address is odd. */
static void note_action(int64_t number, uint64_t action) {
  uint64_t words[3];
  if (number < 1 || number >= SIGNALS || action == 0) return;
  for (int i = 0; i < 3; i++) {
    if (!peek_word(action + (uint64_t)i * word_bytes(), &words[i])) return;
  }
  if (guest.isa == ISA_MIPS) words[0] = words[1]; /* its flags come first */
  if (words[0] <= 1) return;
  if (guest.isa == ISA_ARM) words[0] &= ~1ull;
  /* The older 64-bit PowerPC ABI points to a descriptor of the function. */
  bool described = guest.isa == ISA_PPC && guest.address_bits == 64 && guest.big_endian;
  if (described && !peek_word(words[0], &words[0])) return;
  /* So does that of PA-RISC where this bit is set. */
  bool marked = guest.isa == ISA_HPPA && (words[0] & 2);
  if (marked && !peek_word(words[0] & ~3ull, &words[0])) return;
  ring_lock();
  actions[number].handler = words[0];
  actions[number].restorer = words[2];
  actions[number].has_info = words[1] & SA_SIGINFO_FLAG;
  actions[number].has_restorer = words[1] & SA_RESTORER_FLAG;
  block_flag_handler(words[0]);
  ring_unlock();
}

enum { CALL_ARGUMENTS = 6, ARGUMENT_CHARS = 20 };

/* A call, at the instruction that made it: arguments as text, and what came back, if it did. */
static void tell_call(const struct ring_vcpu *v, const struct thread_calls *t, bool returned,
                      int64_t result) {
  char text[CALL_ARGUMENTS * (ARGUMENT_CHARS + 2) + 1];
  size_t length = 0;
  for (int i = 0; i < CALL_ARGUMENTS; i++) {
    length += (size_t)snprintf(text + length, sizeof text - length, "%s0x%llx", i ? ", " : "",
                               (unsigned long long)t->arguments[i]);
  }
  struct ring_fact fact = {
      .kind = MARK_SYSCALL,
      .has = MARK_HAS_PC | MARK_HAS_NUMBER | (returned ? MARK_HAS_CODE : 0),
      .pc = ((const struct block *)v->prev)->last,
      .number = t->number,
      .code = result,
      .detail = text,
  };
  ring_lock();
  ring_mark(v, ring_seq(v), &fact);
  ring_unlock();
}

static void log_exec(const struct ring_vcpu *v, uint64_t path_at, bool failed, int64_t result) {
  char path[PATH_BYTES] = "";
  struct ring_fact fact = {.kind = MARK_EXEC, .has = failed ? MARK_HAS_CODE : 0, .code = result};
  if (path_at) {
    path[guest_peek(path_at, path, sizeof path - 1)] = 0;
    fact.detail = path;
  }
  ring_lock();
  ring_mark(v, ring_seq(v), &fact);
  ring_unlock();
}

bool guest_tells_calls;

void guest_syscall(struct ring_vcpu *v, const struct qemu_syscall *call) {
  struct thread_calls *t = &calls[call->index];
  if (call->number < 0) return;
  t->number = call->number;
  /* QEMU extends the sign of 32-bit ones. */
  uint64_t mask = guest.address_bits == 32 ? UINT32_MAX : UINT64_MAX;
  for (int i = 0; i < 8; i++) t->arguments[i] = call->arguments[i] & mask;
  v->in_syscall = 1;
  bool returns = call->number == numbers->rt_sigreturn || call->number == numbers->sigreturn;
  if (returns) t->signal_return = true;
  if (call->number == numbers->rt_sigaction) {
    note_action((int64_t)t->arguments[0], t->arguments[1]);
  }
  if (call->number == numbers->exit_group) {
    uint64_t status = 1 + (t->arguments[0] & 0xff);
    __atomic_store_n(&ring.header->exit_status, status, __ATOMIC_RELEASE);
  }
  bool leaves = returns || call->number == numbers->exit_group;
  if (guest_tells_calls && leaves) tell_call(v, t, false, 0);
  bool executes = call->number == numbers->execve || call->number == numbers->execveat;
  if (executes) executed_begins();
  if (call->number == numbers->execve) log_exec(v, t->arguments[0], false, 0);
  if (call->number == numbers->execveat) log_exec(v, t->arguments[1], false, 0);
}

static void mapped(const struct ring_vcpu *v, const uint64_t *arguments, uint64_t start,
                   uint64_t offset_unit) {
  char link[64], path[PATH_BYTES];
  int fd = (int)arguments[4];
  if (fd < 0 || (arguments[3] & MAP_ANONYMOUS_FLAG)) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0 || path[0] != '/') return;
  path[length] = 0;
  ring_lock();
  log_map(v, start, arguments[1], arguments[5] * offset_unit, path);
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
  if (guest_tells_calls && number != numbers->rt_sigreturn && number != numbers->sigreturn) {
    tell_call(v, t, true, result);
  }
  bool failed = result < 0 && result > -4096;
  uint64_t start = guest.address_bits == 32 ? (uint32_t)result : (uint64_t)result;
  if (number == numbers->mmap && !failed) mapped(v, t->arguments, start, 1);
  if (number == numbers->mmap2 && !failed) mapped(v, t->arguments, start, MMAP2_UNIT);
  if (number == numbers->munmap && !failed) unmapped(v, t->arguments);
  bool maps = number == numbers->mmap || number == numbers->mmap2 || number == numbers->munmap;
  if (maps && !failed) filter_maps_changed();
  if (number == numbers->execve || number == numbers->execveat) {
    executed_failed();
    log_exec(v, 0, true, result);
  }
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
