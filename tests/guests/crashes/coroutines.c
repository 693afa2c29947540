/* Three coroutines take turns, each from within a few calls; the second one writes to nowhere. */
#include <ucontext.h>

enum { COUNT = 3, STACK_BYTES = 64 * 1024, ROUNDS = 50 };
static ucontext_t scheduler, contexts[COUNT];
static char stacks[COUNT][STACK_BYTES] __attribute__((aligned(16)));
static volatile int sum;
static int *volatile nowhere;

static __attribute__((noinline)) void yield(int number) {
  swapcontext(&contexts[number], &scheduler);
  __asm__ volatile("");
}

static __attribute__((noinline)) void work(int number, int depth) {
  sum = sum + depth;
  if (depth > 0) work(number, depth - 1);
  else yield(number);
  __asm__ volatile("");
}

static __attribute__((noinline)) void fail(int number) {
  *nowhere = number;
  __asm__ volatile("");
}

static void first(void) {
  for (;;) work(0, 3);
}

static void second(void) {
  for (int i = 0; i < ROUNDS; i++) work(1, 4);
  fail(1);
}

static void third(void) {
  for (;;) work(2, 5);
}

static __attribute__((noinline)) void resume(int number) {
  swapcontext(&scheduler, &contexts[number]);
  __asm__ volatile("");
}

int main(void) {
  void (*const functions[COUNT])(void) = {first, second, third};
  for (int i = 0; i < COUNT; i++) {
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_sp = stacks[i];
    contexts[i].uc_stack.ss_size = STACK_BYTES;
    contexts[i].uc_link = &scheduler;
    makecontext(&contexts[i], functions[i], 0);
  }
  for (int round = 0; round <= ROUNDS; round++) {
    for (int i = 0; i < COUNT; i++) resume(i);
  }
  return 0;
}
