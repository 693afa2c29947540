/*
 * Forks in the way that its first argument names, after `work`, which does what a child does:
 * `tree` (a child and its child, with exit statuses 3 and 7), `vfork`, `spawn`, `threads` (a fork
 * while other threads work), `signals` (forks while a timer interrupts), `bomb N` (N children at
 * one time, each of which forks once more), `chain N` (runs itself N times over, in its own place),
 * `endless` (a child that works until it is killed, while its parent waits), `told` (works,
 * and does the same once SIGUSR1 has come).
 * Prints the process numbers of its children, one a line.
 * Build: gcc -O1 -static -pthread -o forks forks.c
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile unsigned count, ticks;

__attribute__((noinline)) unsigned step(unsigned x) {
  return x % 3 == 0 ? x / 3 + 7 : x * 2 + 1;
}

__attribute__((noinline)) void work(unsigned rounds) {
  unsigned x = 1;
  for (unsigned i = 0; i < rounds; i++) x = step(x);
  count = x;
}

static void tell(pid_t pid) {
  printf("%d\n", (int)pid);
  fflush(stdout);
}

static int wait_for(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int tree(void) {
  pid_t child = fork();
  if (child == 0) {
    work(300);
    pid_t grandchild = fork();
    if (grandchild == 0) {
      work(200);
      _exit(7);
    }
    tell(grandchild);
    _exit(wait_for(grandchild) == 7 ? 3 : 99);
  }
  tell(child);
  return wait_for(child);
}

static int vforked(void) {
  pid_t child = vfork();
  if (child == 0) _exit(5);
  tell(child);
  return wait_for(child);
}

static int spawned(const char *self) {
  char *words[] = {(char *)self, "work", NULL};
  pid_t child;
  if (posix_spawn(&child, self, NULL, NULL, words, environ) != 0) return 98;
  tell(child);
  return wait_for(child);
}

static void *thread(void *given) {
  for (int i = 0; i < 200; i++) work(50);
  return given;
}

static int threaded(void) {
  pthread_t threads[3];
  int sum = 0;
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, thread, NULL);
  for (int i = 0; i < 4; i++) {
    pid_t child = fork();
    if (child == 0) {
      /* No thread of its own: then QEMU 7.2 itself aborts now and then. */
      work(100);
      exit(1);
    }
    tell(child);
    sum += wait_for(child);
  }
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  return sum;
}

static void tick(int number) {
  (void)number;
  ticks++;
}

/* It may have come before. */
static void wait_for_signal(void) {
  struct sigaction action = {.sa_handler = tick};
  sigset_t wanted, others;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  sigprocmask(SIG_BLOCK, &wanted, &others);
  sigaction(SIGUSR1, &action, NULL);
  work(30000);
  while (ticks == 0) sigsuspend(&others);
}

static int signalled(void) {
  struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
  struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &every, NULL);
  int sum = 0;
  for (int i = 0; i < 8; i++) {
    work(20000);
    pid_t child = fork();
    if (child == 0) {
      setitimer(ITIMER_REAL, &every, NULL);
      work(20000);
      _exit(1);
    }
    tell(child);
    sum += wait_for(child);
  }
  setitimer(ITIMER_REAL, &never, NULL);
  return sum;
}

static int bomb(int children) {
  pid_t pids[64];
  int sum = 0;
  for (int i = 0; i < children; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      work(20);
      pid_t more = fork();
      if (more == 0) _exit(0);
      _exit(wait_for(more) == 0 ? 1 : 99);
    }
    tell(pids[i]);
  }
  for (int i = 0; i < children; i++) sum += wait_for(pids[i]);
  return sum;
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "work";
  int number = argc > 2 ? atoi(argv[2]) : 0;
  if (strcmp(how, "work") == 0) {
    work(300);
    work(200);
    return 4;
  }
  if (strcmp(how, "tree") == 0) return tree();
  if (strcmp(how, "vfork") == 0) return vforked();
  if (strcmp(how, "spawn") == 0) return spawned(argv[0]);
  if (strcmp(how, "threads") == 0) return threaded();
  if (strcmp(how, "signals") == 0) return signalled();
  if (strcmp(how, "bomb") == 0) return bomb(number);
  if (strcmp(how, "told") == 0) wait_for_signal();
  if (strcmp(how, "endless") == 0 || strcmp(how, "told") == 0) {
    pid_t child = fork();
    if (child == 0)
      for (;;) work(1000);
    tell(child);
    return wait_for(child);
  }
  if (strcmp(how, "chain") == 0 && number > 0) {
    char left[16];
    snprintf(left, sizeof left, "%d", number - 1);
    work(10);
    execl(argv[0], argv[0], "chain", left, (char *)NULL);
  }
  return 0;
}
