/* Timer signals that arrive in the tightest of loops: each loop ends only because of one. */
#include "tiny.h"

static volatile u32 ticks;
static volatile u32 ticks_wanted;

/* Where the handler moves the pc to, and away from where. */
static volatile u64 leave_from, leave_to;

static void on_tick(int number, struct siginfo *info, struct ucontext *context) {
  (void)info;
  if (number == SIGALRM) ticks++;
  if (leave_from != 0 && context->x[0] == leave_from) context->x[0] = leave_to;
}

NOINLINE void set_timer(i64 microseconds) {
  struct timer timer = {{0, microseconds}, {0, microseconds}};
  if (syscall3(SYS_setitimer, 0, (i64)&timer, 0) != 0) exit(1);
}

/* One jump to itself. */
NOINLINE void stand_still(void) {
  u64 from, to;
  __asm__ volatile("la %0, 1f\nla %1, 2f" : "=&r"(from), "=&r"(to));
  leave_to = to;
  leave_from = from;
  __asm__ volatile("1: j 1b\n2:" ::: "memory");
  leave_from = 0;
}

NOINLINE void count_down(void) {
  while (ticks < ticks_wanted) {
    u64 count = 1000;
    __asm__ volatile("1: addi %0, %0, -1\nbnez %0, 1b" : "+r"(count));
  }
}

NOINLINE u64 leaf(u64 value) { return value * 3 + 1; }

NOINLINE u64 call_around(void) {
  u64 value = 1;
  while (ticks < ticks_wanted) value = leaf(leaf(value));
  return value;
}

static volatile u64 cells[64];

NOINLINE void store_around(void) {
  for (u32 i = 0; ticks < ticks_wanted; i++) cells[i & 63] = cells[(i + 7) & 63] + i;
}

NOINLINE double divide_around(void) {
  double value = 1;
  while (ticks < ticks_wanted) value = 1 / (value + 1);
  return value;
}

int main(int argc, char **argv) {
  static const char *const names[] = {"jump to itself", "two instructions", "calls", "stores"};
  u32 rounds = (u32)argument(argc, argv, 1, 3);
  on_signal(SIGALRM, on_tick, SA_RESTART, 0);
  set_timer(1000);
  for (u32 round = 0; round < rounds; round++) {
    for (u32 loop = 0; loop < COUNT(names); loop++) {
      ticks_wanted = ticks + 1;
      if (loop == 0) stand_still();
      if (loop == 1) count_down();
      if (loop == 2) (void)call_around();
      if (loop == 3) store_around();
      say("left by a signal: ");
      say(names[loop]);
      say_char('\n');
    }
    ticks_wanted = ticks + 1;
    double value = divide_around();
    tell("a golden ratio", value > 0.6 && value < 0.7);
  }
  set_timer(0);
  return 0;
}
