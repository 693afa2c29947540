/* Pages that come and go: protections, holes, accesses across their edges, code without X. */
#include "tiny.h"

enum { PAGES = 8 };
static u8 *base;
static volatile u64 fault_address, resume_at;
static volatile i32 fault_code, fault_number;

/* Goes on at resume_at. */
static void on_fault(int number, struct siginfo *info, struct ucontext *context) {
  fault_number = number;
  fault_code = info->code;
  fault_address = info->address;
  context->x[0] = resume_at;
}

/* Where in the pages the fault was, -1 if there was none. */
static void tell_fault(const char *what) {
  say(what);
  if (fault_number == 0) {
    say(": no fault\n");
    return;
  }
  say(": signal ");
  say_number(fault_number);
  say(", code ");
  say_number(fault_code);
  say(", at ");
  say_number((i64)(fault_address - (u64)base));
  say_char('\n');
  fault_number = 0;
}

NOINLINE u64 try_load(const u8 *at) {
  u64 value = 0, resume;
  __asm__ volatile("la %0, 1f" : "=r"(resume));
  resume_at = resume;
  __asm__ volatile("ld %0, 0(%1)\n1:" : "+r"(value) : "r"(at) : "memory");
  return value;
}

NOINLINE void try_store(u8 *at, u64 value) {
  u64 resume;
  __asm__ volatile("la %0, 1f" : "=r"(resume));
  resume_at = resume;
  __asm__ volatile("sd %1, 0(%0)\n1:" ::"r"(at), "r"(value) : "memory");
}

NOINLINE u64 try_call(const u8 *at) {
  u64 value = 1, resume;
  __asm__ volatile("la %0, 1f" : "=r"(resume));
  resume_at = resume;
  __asm__ volatile("mv a0, %0\njalr %1\n1: mv %0, a0"
                   : "+r"(value)
                   : "r"(at)
                   : "a0", "ra", "memory");
  return value;
}

NOINLINE void protections(void) {
  static const char *const names[] = {"none", "read", "write", "read and write"};
  for (int protection = 0; protection < 4; protection++) {
    protect((u64)base + PAGE, PAGE, protection);
    say(names[protection]);
    say_char('\n');
    (void)try_load(base + PAGE + 16);
    tell_fault("  load");
    try_store(base + PAGE + 24, 7);
    tell_fault("  store");
  }
}

NOINLINE void edges(void) {
  memset(base, 0x11, PAGE);
  syscall3(SYS_munmap, (i64)(base + PAGE), PAGE, 0);
  for (u32 inside = 0; inside <= 8; inside += 4) {
    (void)try_load(base + PAGE - inside);
    tell_fault("load across the end");
    try_store(base + PAGE - inside, 0x2222222222222222);
    tell_fault("store across the end");
    tell_hex("  before it", *(u32 *)(base + PAGE - 4));
  }
  memset(base + 2 * PAGE, 0x33, PAGE);
  tell_hex("load into the next", try_load(base + 2 * PAGE - 4));
  tell_fault("  that is");
}

NOINLINE void again(void) {
  i64 given = map((u64)base + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED);
  tell("mapped again", given - (i64)base);
  tell_hex("fresh", try_load(base + PAGE));
  tell_hex("the neighbour", try_load(base + 2 * PAGE));
  try_store(base + 2 * PAGE - 4, 0x4444444455555555);
  tell_fault("store into both");
  tell_hex("both", try_load(base + 2 * PAGE - 4));
  given = map((u64)base + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED);
  tell_hex("after the second is new", try_load(base + 2 * PAGE - 4));
}

/* addi a0, a0, 41; ret */
static const u32 add_code[] = {0x02950513, 0x00008067};

NOINLINE void code(void) {
  u8 *at = base + 4 * PAGE;
  memcpy(at, add_code, sizeof add_code);
  tell("call without X", (i64)try_call(at));
  tell_fault("  that is");
  protect((u64)at, PAGE, PROT_READ | PROT_EXEC);
  tell("call with X", (i64)try_call(at));
  tell_fault("  that is");
  try_store(at, 0);
  tell_fault("store into code");
  protect((u64)at, PAGE, PROT_READ | PROT_WRITE);
  ((u32 *)at)[0] = 0x00150513; /* addi a0, a0, 1 */
  protect((u64)at, PAGE, PROT_READ | PROT_EXEC);
  tell("call of the new code", (i64)try_call(at));
  syscall3(SYS_munmap, (i64)at, PAGE, 0);
  tell("call of nothing", (i64)try_call(at));
  tell_fault("  that is");
  /* The last instruction of a page lies half in the next, which has no X. */
  map((u64)at, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED);
  memcpy(at + PAGE - 2, add_code, sizeof add_code);
  protect((u64)at, PAGE, PROT_READ | PROT_EXEC);
  tell("call across the end", (i64)try_call(at + PAGE - 2));
  tell_fault("  that is");
  protect((u64)at + PAGE, PAGE, PROT_READ | PROT_EXEC);
  tell("call across with X", (i64)try_call(at + PAGE - 2));
}

NOINLINE void mistakes(void) {
  tell("mmap of nothing", map(0, 0, PROT_READ, 0));
  tell("mprotect of an odd address", protect((u64)base + 1, PAGE, PROT_READ));
  tell("munmap of an odd address", syscall3(SYS_munmap, (i64)base + 1, PAGE, 0));
  tell("munmap of nothing", syscall3(SYS_munmap, (i64)base, 0, 0));
  tell("mprotect of a hole", protect(0x10, PAGE, PROT_READ));
  syscall3(SYS_munmap, (i64)base, PAGES * PAGE, 0);
  tell("mprotect of what was", protect((u64)base, PAGE, PROT_READ));
}

int main(void) {
  base = (u8 *)map(0, PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
  on_signal(SIGSEGV, on_fault, 0, 0);
  protections();
  edges();
  again();
  code();
  mistakes();
  return 0;
}
