/*
 * Executes programs in its own place, in the way that its first argument names; QEMU is the path
 * of an emulator that runs this program again, SELF this program.
 * `chain N QEMU SELF` (itself under QEMU, N times over), `fork QEMU SELF` (a child that does so
 * once), `spawn QEMU SELF` (the same by posix_spawn), `missing QEMU SELF` (first three programs
 * that are not there), `native` (/bin/true), `storm N QEMU SELF` (N children at one time),
 * `endless QEMU SELF` (itself, then works until it is killed); `work` and nothing else.
 * Build: gcc -O1 -static -pthread -o execs execs.c
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile unsigned count;

__attribute__((noinline)) unsigned step(unsigned x) {
  return x % 3 == 0 ? x / 3 + 7 : x * 2 + 1;
}

__attribute__((noinline)) void work(unsigned rounds) {
  unsigned x = 1;
  for (unsigned i = 0; i < rounds; i++) x = step(x);
  count = x;
}

static int statuses(int children) {
  int sum = 0;
  for (int i = 0; i < children; i++) {
    int status;
    if (wait(&status) < 0 || !WIFEXITED(status)) return -1;
    sum += WEXITSTATUS(status);
  }
  return sum;
}

static int chain(int left, char *qemu, char *self) {
  char number[16];
  work(100);
  if (left == 0) return 5;
  snprintf(number, sizeof number, "%d", left - 1);
  execl(qemu, qemu, self, "chain", number, qemu, self, (char *)NULL);
  return 99;
}

static int children(int number, char *qemu, char *self) {
  for (int i = 0; i < number; i++) {
    if (fork() != 0) continue;
    execl(qemu, qemu, self, "work", (char *)NULL);
    _exit(99);
  }
  return statuses(number);
}

int main(int argc, char **argv) {
  const char *what = argv[1];
  work(1000);
  if (strcmp(what, "work") == 0) return 3;
  if (strcmp(what, "native") == 0) {
    execl("/bin/true", "/bin/true", (char *)NULL);
    return 99;
  }
  if (strcmp(what, "chain") == 0) return chain(atoi(argv[2]), argv[3], argv[4]);
  if (strcmp(what, "storm") == 0) return children(atoi(argv[2]), argv[3], argv[4]);
  char *qemu = argv[2], *self = argv[3];
  char *again[] = {qemu, self, "work", NULL};
  if (strcmp(what, "fork") == 0) return children(1, qemu, self);
  if (strcmp(what, "spawn") == 0) {
    pid_t pid;
    if (posix_spawn(&pid, qemu, NULL, NULL, again, environ) != 0) return 99;
    return statuses(1);
  }
  if (strcmp(what, "endless") == 0) {
    if (argc == 5) {
      for (;;) work(1000);
    }
    execl(qemu, qemu, self, "endless", qemu, self, "now", (char *)NULL);
    return 99;
  }
  for (int i = 0; i < 3; i++) execl("/nowhere/program", "program", (char *)NULL);
  execv(qemu, again);
  return 99;
}
