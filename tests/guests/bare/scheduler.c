/*
 * Three tasks on one hart, switched in turn by the timer: the handler saves all registers of a task
 * on its stack and goes on with those of the next. Prints whose turns they were and what the tasks
 * found. Every interrupt is also written to `turns` for a debugger.
 * Build: see build.ts
 */
#include "bare.h"

enum { TASKS = 3, TURNS_MIN = 12, TURNS_MAX = 2000, SLICE_TICKS = 200, STACK_WORDS = 512 };

struct turn {
  uint64_t epc;
  uint64_t task;
};

struct turn turns[TURNS_MAX];
volatile uint64_t turn_count;

struct task {
  struct frame *frame;
  volatile uint64_t result;
  volatile int is_done;
  uint64_t stack[STACK_WORDS] __attribute__((aligned(16)));
};

static struct task tasks[TASKS];
static unsigned current;

NOINLINE static uint64_t fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

NOINLINE static uint64_t collatz(uint64_t limit) {
  uint64_t longest = 0;
  for (uint64_t start = 1; start < limit; start++) {
    uint64_t steps = 0;
    for (uint64_t n = start; n != 1; n = n % 2 == 0 ? n / 2 : 3 * n + 1) steps++;
    if (steps > longest) longest = steps;
  }
  return longest;
}

NOINLINE static uint64_t primes(unsigned limit) {
  uint64_t count = 0;
  for (unsigned n = 2; n < limit; n++) {
    unsigned factor = 2;
    while (factor * factor <= n && n % factor != 0) factor++;
    if (factor * factor > n) count++;
  }
  return count;
}

static void run_task(uint64_t number) {
  struct task *task = &tasks[number];
  if (number == 0) task->result = fibonacci(19);
  if (number == 1) task->result = collatz(700);
  if (number == 2) task->result = primes(4000);
  task->is_done = 1;
  for (;;) {
    asm volatile("wfi");
  }
}

static int is_over(void) {
  for (unsigned i = 0; i < TASKS; i++) {
    if (!tasks[i].is_done) return 0;
  }
  return turn_count >= TURNS_MIN;
}

static void report(void) {
  print("turns");
  for (unsigned i = 0; i < TURNS_MIN; i++) {
    put(' ');
    put((char)('A' + turns[i].task));
  }
  print("\n");
  for (unsigned i = 0; i < TASKS; i++) {
    put((char)('A' + i));
    put(' ');
    print_number(tasks[i].result);
    print("\n");
  }
  finish(0);
}

struct frame *on_trap(struct frame *frame) {
  if (csr_read(mcause) != (INTERRUPT | 7)) {
    print("not the timer\n");
    finish(1);
  }
  turns[turn_count].epc = frame->x[EPC];
  turns[turn_count].task = current;
  turn_count++;
  tasks[current].frame = frame;
  if (is_over()) report();
  if (turn_count == TURNS_MAX) finish(2);
  current = (current + 1) % TASKS;
  MTIMECMP = MTIME + SLICE_TICKS;
  return tasks[current].frame;
}

int main(void) {
  for (unsigned i = 0; i < TASKS; i++) {
    struct frame *frame = (struct frame *)&tasks[i].stack[STACK_WORDS] - 1;
    frame->x[EPC] = (uint64_t)run_task;
    frame->x[SP] = (uint64_t)(frame + 1);
    frame->x[A0] = i;
    asm volatile("sd gp, %0" : "=m"(frame->x[GP]));
    frame->mstatus = MSTATUS_MPP | MSTATUS_MPIE;
    tasks[i].frame = frame;
  }
  csr_write(mtvec, trap_entry);
  csr_write(mie, 1 << 7);
  MTIMECMP = MTIME + SLICE_TICKS;
  asm volatile("mv a0, %0\n mv sp, a0\n j trap_return" ::"r"(tasks[0].frame) : "a0");
  __builtin_unreachable();
}
