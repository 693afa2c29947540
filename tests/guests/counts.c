/* Counts what it does and prints it: what SQL says of the run is held against that.
 * Build: cc -O1 -static -pthread -o counts counts.c -lm
 */
#include <signal.h>
#include <stdio.h>

#define NEVER_INLINED __attribute__((noinline))

static volatile long calls, odd, even, turns, entries, signals;

NEVER_INLINED void even_one(void) { even++; }
NEVER_INLINED void odd_one(void) { odd++; }
NEVER_INLINED void never(void) { calls = -1; }

/* One conditional branch. */
NEVER_INLINED long choose(long i) {
  calls++;
  if (i % 3 == 0)
    even_one();
  else
    odd_one();
  return calls;
}

/* One loop of n turns. */
NEVER_INLINED void spin(long n) {
  entries++;
  do {
    turns++;
  } while (--n > 0);
}

static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  (void)context;
  signals++;
}

int main(int argc, char **argv) {
  (void)argv;
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  for (long i = 0; i < 1000; i++) choose(i);
  for (long i = 0; i < 50; i++) spin(1 + i % 7);
  for (int i = 0; i < 9; i++) raise(SIGUSR1);
  if (argc > 5) never();
  printf("%ld %ld %ld %ld %ld %ld\n", calls, even, odd, turns, entries, signals);
  return 0;
}
