/*
 * Ends in the way that its first argument names: `exit N`, `segv`, `abort`, `ill`, `term`; `fork`
 * (children end in three ways, one runs another program), `exec PROGRAM ARGUMENTS…`, `exec-fail`,
 * `endless`, which calls functions until it is killed, and `endless-threads`: four that do.
 * Build: gcc -O1 -static -pthread -o ends ends.c
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile unsigned count;

__attribute__((noinline)) static unsigned mix(unsigned x) {
  return x % 3 == 0 ? x / 3 + 7 : x * 2 + 1;
}

static void *endless(void *given) {
  for (;;) count = mix(count);
  return given;
}

static int forks(const char *self) {
  int sum = 0, status;
  for (int i = 0; i < 3; i++) {
    pid_t child = fork();
    if (child == 0) {
      for (int n = 0; n < 1000; n++) count = mix(count);
      if (i == 0) _exit(3);
      if (i == 1) raise(SIGKILL);
      execl(self, self, "exit", "5", (char *)NULL);
      _exit(99);
    }
    waitpid(child, &status, 0);
    sum += WIFEXITED(status) ? WEXITSTATUS(status) : 100;
    for (int n = 0; n < 100; n++) count = mix(count);
  }
  return sum;
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "exit";
  if (strcmp(how, "endless-threads") == 0) {
    pthread_t thread;
    for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, endless, NULL);
  }
  if (strncmp(how, "endless", 7) == 0) endless(NULL);
  if (strcmp(how, "segv") == 0) *(volatile int *)16 = 1;
  if (strcmp(how, "abort") == 0) abort();
  if (strcmp(how, "ill") == 0) __builtin_trap();
  if (strcmp(how, "term") == 0) raise(SIGTERM);
  if (strcmp(how, "fork") == 0) return forks(argv[0]);
  if (strcmp(how, "exec") == 0) execv(argv[2], argv + 2);
  if (strcmp(how, "exec-fail") == 0) execl("/nowhere", "/nowhere", (char *)NULL);
  return argc > 2 && strcmp(how, "exit") == 0 ? atoi(argv[2]) : 0;
}
