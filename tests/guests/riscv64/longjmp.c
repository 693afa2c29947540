/* siglongjmp out of handlers, with the C library's own: masks come back, stacks are left behind. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sigjmp_buf point;
static volatile sig_atomic_t arrived;

static void on_fault(int number) {
  arrived = number;
  siglongjmp(point, number + arrived);
}

static __attribute__((noinline)) int deep(int depth, volatile int *where) {
  if (depth == 0) return *where;
  return deep(depth - 1, where) + depth;
}

static int is_blocked(int number) {
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  return sigismember(&now, number);
}

/* A stack of their own for handlers, from a pool that is too small to be used for anything else. */
static char other_stack[16384];

int main(void) {
  struct sigaction action;
  stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
  volatile int caught = 0, round;
  double precious = 2.5;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_fault;
  for (round = 0; round < 4; round++) {
    action.sa_flags = round & 1 ? SA_ONSTACK : 0;
    if (round == 1) sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    int from = sigsetjmp(point, round < 2);
    if (from == 0) {
      if (round == 2) raise(SIGUSR1);
      printf("round %d: %d\n", round, deep(5, (volatile int *)(long)(8 + round)));
    }
    caught++;
    printf("round %d: back with %d, blocked %d %d\n", round, from, is_blocked(SIGSEGV),
           is_blocked(SIGUSR1));
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGSEGV);
    sigaddset(&both, SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
  }
  int count = 0;
  int again = setjmp(point);
  if (++count < 0 || again < 5) longjmp(point, again + 1);
  printf("caught %d, again %d, precious %.1f\n", caught, again, precious);
  signal(SIGABRT, on_fault);
  if (sigsetjmp(point, 1) == 0) abort();
  printf("abort was survived\n");
  signal(SIGABRT, SIG_DFL);
  fflush(stdout);
  abort();
}
