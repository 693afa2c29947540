/*
 * What no reasonable program does, all survived: wild pointers, odd jumps, everything misaligned,
 * mappings larger than the world, system calls with nonsense, forks, stores into running code.
 */
#include "tiny.h"

static volatile u64 resume_at, faults, last_number, last_code, last_address;

static void on_fault(int number, struct siginfo *info, struct ucontext *context) {
  faults++;
  last_number = (u64)number;
  last_code = (u64)info->code;
  last_address = info->address;
  context->x[0] = resume_at;
}

/* Where to go on: behind the next instruction that is labelled 1. */
#define RESUME_AT_1                                  \
  do {                                               \
    u64 resume_;                                     \
    __asm__ volatile("la %0, 1f" : "=r"(resume_));   \
    resume_at = resume_;                             \
  } while (0)

NOINLINE u64 load_wild(u64 address) {
  u64 value = 0;
  RESUME_AT_1;
  __asm__ volatile("ld %0, 0(%1)\n1:" : "+r"(value) : "r"(address) : "memory");
  return value;
}

NOINLINE void store_wild(u64 address) {
  RESUME_AT_1;
  __asm__ volatile("sw zero, 0(%0)\n1:" ::"r"(address) : "memory");
}

NOINLINE void call_wild(u64 address) {
  RESUME_AT_1;
  __asm__ volatile("jalr %0\n1:" ::"r"(address)
                   : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4",
                     "a5", "a6", "a7", "memory");
}

NOINLINE void swap_wild(u64 address) {
  RESUME_AT_1;
  __asm__ volatile("amoadd.d zero, zero, (%0)\n1:" ::"r"(address) : "memory");
}

/* Places where a process never has anything: the zero page, and all that is above user space. */
NOINLINE void wild_pointers(void) {
  u64 seed = 99;
  for (u32 i = 0; i < 50; i++) {
    u64 bits = chance(&seed);
    u64 address = bits >> 62 == 0 ? bits & 0xfff : bits | 0x8000000000000000;
    (void)load_wild(address);
    store_wild(address);
    call_wild(address);
    if ((address & 7) == 0) swap_wild(address);
  }
  tell("faults of wild pointers", (i64)faults);
  faults = 0;
  (void)load_wild(0x18);
  tell("the last one's address", (i64)last_address);
  tell("its code", (i64)last_code);
  call_wild(0x20);
  tell("that of a call", (i64)last_address);
}

static u32 landed;
__attribute__((used)) static void land(void) { landed++; }

/* The lowest bit of a target is dropped; a target between two of 4 bytes is fine. */
NOINLINE void odd_jumps(void) {
  call_wild((u64)land);
  call_wild((u64)land | 1);
  tell("landed", landed);
  u64 value = 0;
  __asm__ volatile(".option push\n.option norvc\nla t0, 2f\njr t0\n.word 0\n.half 0\n"
                   "2: addi %0, %0, 5\nj 3f\n.half 0\n3:\n.option pop"
                   : "+r"(value)::"t0");
  tell("between words", (i64)value);
}

static u8 bytes[64] __attribute__((aligned(64)));

#define MISALIGNED(load, store, at)                                             \
  do {                                                                          \
    u64 value_ = 0;                                                             \
    __asm__ volatile(load " %0, 0(%1)\n" store " %0, 1(%1)"                     \
                     : "=&r"(value_)                                            \
                     : "r"(bytes + (at))                                        \
                     : "memory");                                               \
    sum = mix(sum, value_);                                                     \
  } while (0)

NOINLINE u64 misaligned_plain(u64 sum) {
  for (u32 at = 0; at < 48; at++) {
    MISALIGNED("lb", "sb", at);
    MISALIGNED("lbu", "sb", at);
    MISALIGNED("lh", "sh", at);
    MISALIGNED("lhu", "sh", at);
    MISALIGNED("lw", "sw", at);
    MISALIGNED("lwu", "sw", at);
    MISALIGNED("ld", "sd", at);
    double d;
    float f;
    __asm__ volatile("fld %0, 3(%2)\nflw %1, 5(%2)\nfsd %0, 1(%2)\nfsw %1, 7(%2)"
                     : "=&f"(d), "=&f"(f)
                     : "r"(bytes + at)
                     : "memory");
  }
  for (u32 i = 0; i < sizeof bytes; i++) sum = mix(sum, bytes[i]);
  return sum;
}

#define ATOMIC(text, at)                                                                  \
  do {                                                                                    \
    u64 value_ = 7;                                                                       \
    RESUME_AT_1;                                                                          \
    __asm__ volatile(text "\n1:" : "+r"(value_) : "r"(bytes + (at)), "r"(3ul) : "memory"); \
    sum = mix(mix(sum, value_), faults);                                                  \
  } while (0)

NOINLINE u64 misaligned_atomics(u64 sum) {
  for (u32 at = 0; at < 9; at++) {
    ATOMIC("amoadd.w %0, %2, (%1)", at);
    ATOMIC("amoadd.d %0, %2, (%1)", at);
    ATOMIC("amoswap.w.aqrl %0, %2, (%1)", at);
    ATOMIC("amomaxu.d %0, %2, (%1)", at);
  }
  for (u32 i = 0; i < sizeof bytes; i++) sum = mix(sum, bytes[i]);
  return sum;
}

NOINLINE void misaligned(void) {
  u64 seed = 4;
  for (u32 i = 0; i < sizeof bytes; i++) bytes[i] = (u8)chance(&seed);
  faults = 0;
  tell_hex("misaligned", misaligned_plain(0));
  tell("  faults", (i64)faults);
  tell_hex("misaligned atomics", misaligned_atomics(0));
  tell("  faults", (i64)faults);
  tell("  signal", (i64)last_number);
}

/* More than there is. From 2^47 on, since QEMU gives less and then counts its pages. */
NOINLINE void huge(void) {
  u32 odd = 0;
  for (u32 shift = 47; shift < 64; shift++) {
    u64 size = 1ul << shift;
    i64 given = map(0, size, PROT_READ | PROT_WRITE, MAP_NORESERVE);
    if (given > 0) syscall3(SYS_munmap, given, (i64)size, 0);
    else if (given != -12) odd++;
  }
  tell("odd answers to huge maps", odd);
  tell("size that wraps", map(0, -1ul, PROT_READ, 0));
  tell("munmap of all", syscall3(SYS_munmap, 0, -PAGE, 0));
  tell("mprotect of all", protect(0, -1ul << 12, PROT_READ) < 0);
  i64 at = map(0, 64 << 20, PROT_READ | PROT_WRITE, MAP_NORESERVE);
  tell("64 MiB", at > 0);
  u64 sum = 0;
  for (u64 i = 0; i < 64ul << 20; i += 1 << 20) *(volatile u64 *)(at + (i64)i) = i, sum += i;
  tell("touched", (i64)sum);
  syscall3(SYS_munmap, at, 64 << 20, 0);
}

NOINLINE void nonsense(void) {
  tell("no such call", syscall3(5000, 1, 2, 3));
  tell("write from nowhere", syscall3(SYS_write, 1, 8, 16));
  tell("write to nothing", syscall3(SYS_write, 77, (i64)bytes, 1));
  tell("write of nothing", syscall3(SYS_write, 1, (i64)bytes, 0));
  tell("a signal that is none", syscall6(SYS_rt_sigaction, 65, 0, 0, 8, 0, 0));
  tell("a set of another size", syscall6(SYS_rt_sigaction, 10, 0, 0, 4, 0, 0));
  tell("a handler for SIGKILL", syscall6(SYS_rt_sigaction, 9, (i64)bytes, 0, 8, 0, 0));
  tell("an action from nowhere", syscall6(SYS_rt_sigaction, 10, 8, 0, 8, 0, 0));
  tell("a small stack", syscall3(SYS_sigaltstack,
                                 (i64) & (struct stack){bytes, 0, sizeof bytes}, 0, 0));
}

/* An engine without processes refuses all of them; elsewhere each child ends at once. */
NOINLINE void forks(void) {
  u32 odd = 0;
  for (u32 i = 0; i < 8; i++) {
    i64 child = syscall6(SYS_clone, 17, 0, 0, 0, 0, 0);
    if (child == 0) syscall3(SYS_exit_group, 0, 0, 0);
    if (child > 0) syscall6(SYS_wait4, child, 0, 0, 0, 0, 0);
    else if (child != -38 && child != -11) odd++;
  }
  tell("odd answers to forks", odd);
}

NOINLINE void running_code(void) {
  faults = 0;
  store_wild((u64)land);
  tell("stores refused", (i64)faults);
  landed = 0;
  land();
  tell("still lands", landed);
  u32 *page = (u32 *)map(0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
  /* sw zero, 0(a0); ret, of which the first overwrites itself with what is no instruction. */
  page[0] = 0x00052023;
  page[1] = 0x00008067;
  __asm__ volatile("fence.i" ::: "memory");
  ((void (*)(u32 *))page)(page);
  __asm__ volatile("fence.i" ::: "memory");
  call_wild((u64)page);
  tell("signal of what is left", (i64)last_number);
}

int main(void) {
  static const int numbers[] = {SIGILL, SIGBUS, SIGSEGV};
  for (u32 i = 0; i < COUNT(numbers); i++) on_signal(numbers[i], on_fault, 0, 0);
  wild_pointers();
  odd_jumps();
  misaligned();
  huge();
  nonsense();
  forks();
  running_code();
  return 0;
}
