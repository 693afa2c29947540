/*
 * Recursion runs out of stack; the handler, on a stack of its own, jumps out. Then a handler that
 * was interrupted by another one, which gives up.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static sigjmp_buf home;
static volatile unsigned depth;

static __attribute__((noinline)) unsigned recurse(volatile unsigned *above) {
  volatile unsigned here[512];
  here[0] = *above + 1;
  depth = here[0];
  unsigned below = recurse(here);
  return here[0] + below;
}

static void on_fault(int number) {
  (void)number;
  siglongjmp(home, 1);
}

static void on_second(int number) {
  (void)number;
  abort();
}

static void on_first(int number) {
  (void)number;
  raise(SIGUSR2);
  __asm__ volatile("");
}

static void handle(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_ONSTACK;
  sigaction(number, &action, 0);
}

static __attribute__((noinline)) void overflow(void) {
  volatile unsigned start[1] = {0};
  if (sigsetjmp(home, 1) == 0) recurse(start);
}

int main(void) {
  static char stack[64 * 1024];
  stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&other, 0);
  handle(SIGSEGV, on_fault);
  handle(SIGUSR1, on_first);
  handle(SIGUSR2, on_second);
  overflow();
  raise(SIGUSR1);
  return 0;
}
