/*
 * Signals in signals, on a stack of their own, that repair, skip and wait for each other.
 * argv[1] = 1: a fault while its signal is blocked, which no handler is asked about.
 */
#include "tiny.h"

static u8 other_stack[16384] __attribute__((aligned(16)));
static u8 *broken;
static volatile u32 depth, deepest;

static int on_other_stack(void) {
  u8 here;
  return &here >= other_stack && &here < other_stack + sizeof other_stack;
}

static void tell_signal(const char *what, int number, const struct siginfo *info) {
  say(what);
  say(" ");
  say_number(number);
  say(", code ");
  say_number(info->code);
  say(on_other_stack() ? ", other stack\n" : ", same stack\n");
}

/* Makes the page accessible; the instruction runs again. */
static void repair(int number, struct siginfo *info, struct ucontext *context) {
  (void)context;
  tell_signal("repair", number, info);
  tell("  at the page", info->address == (u64)broken + 8);
  protect(info->address & ~(u64)(PAGE - 1), PAGE, PROT_READ | PROT_WRITE);
}

/* Goes on behind the instruction, with an answer of its own in a0. */
static void skip(int number, struct siginfo *info, struct ucontext *context) {
  tell_signal("skip", number, info);
  context->x[0] += 4;
  context->x[10] = 4711;
}

/* Raises the next signal from its own handler, three deep. */
static void nest(int number, struct siginfo *info, struct ucontext *context) {
  (void)context;
  depth++;
  if (depth > deepest) deepest = depth;
  tell_signal("enter", number, info);
  if (number == SIGUSR1) raise_here(SIGUSR2);
  if (number == SIGUSR2) {
    u64 answer;
    __asm__ volatile(".option push\n.option norvc\nli a0, 8\nlw a0, 0(a0)\nmv %0, a0\n.option pop"
                     : "=r"(answer)::"a0");
    tell("  read", (i64)answer);
  }
  tell("leave", number);
  depth--;
}

/* Blocked in its own handler: the second one comes after the first. */
static void once(int number, struct siginfo *info, struct ucontext *context) {
  (void)context;
  depth++;
  tell_signal("once", number, info);
  if (deepest++ == 0) raise_here(number);
  tell("  deep", depth);
  depth--;
}

/* Every register comes back, whatever the handler does to its own. */
static void trample(int number, struct siginfo *info, struct ucontext *context) {
  (void)number, (void)info, (void)context;
  __asm__ volatile("li t0, -1\nli t1, -1\nli a1, -1\nli s2, -1\nfcvt.d.l fa0, t0\nfsflags t0"
                   ::: "t0", "t1", "a1", "s2", "fa0");
}

NOINLINE void registers(void) {
  u64 sum;
  __asm__ volatile(
      "li t0, 1\nli t1, 2\nli a1, 4\nli s2, 8\nfcvt.d.l fa0, s2\nfsflags x0\n"
      ".option push\n.option norvc\nebreak\n.option pop\n"
      "add t0, t0, t1\nadd t0, t0, a1\nadd t0, t0, s2\nfcvt.l.d t1, fa0\nadd t0, t0, t1\n"
      "frflags t1\nslli t1, t1, 8\nadd %0, t0, t1"
      : "=r"(sum)::"t0", "t1", "a1", "s2", "fa0");
  tell("registers", (i64)sum);
}

static void trample_and_go_on(int number, struct siginfo *info, struct ucontext *context) {
  trample(number, info, context);
  context->x[0] += 4;
}

int main(int argc, char **argv) {
  signal_stack(other_stack, sizeof other_stack);
  broken = (u8 *)map(0, 2 * PAGE, PROT_NONE, 0);
  on_signal(SIGSEGV, repair, SA_ONSTACK, 0);
  broken[8] = 42;
  tell("repaired", broken[8]);

  on_signal(SIGSEGV, skip, SA_ONSTACK, 0);
  on_signal(SIGUSR1, nest, SA_ONSTACK, 0);
  on_signal(SIGUSR2, nest, 0, 0);
  raise_here(SIGUSR1);
  tell("deepest", deepest);

  deepest = 0;
  on_signal(SIGUSR1, once, 0, 0);
  raise_here(SIGUSR1);

  on_signal(SIGTRAP, trample_and_go_on, 0, 0);
  registers();

  u64 nowhere = (u64)argument(argc, argv, 2, 16);
  u64 both = 1 << (SIGUSR1 - 1) | 1 << (SIGSEGV - 1);
  syscall6(SYS_rt_sigprocmask, 0, (i64)&both, 0, 8, 0, 0);
  deepest = 1;
  raise_here(SIGUSR1);
  say("still blocked\n");
  if (argument(argc, argv, 1, 0) == 1) *(volatile u8 *)nowhere = 1;
  syscall6(SYS_rt_sigprocmask, 1, (i64)&both, 0, 8, 0, 0);
  say("done\n");
  return 0;
}
