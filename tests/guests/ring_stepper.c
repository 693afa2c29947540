/*
 * Runs the ring driver one instruction at a time between two `stop` commands and writes the whole
 * ring file to stdout whenever an instruction has changed it: every state that a kill can leave.
 *
 * Build: gcc -O2 -o ring_stepper ring_stepper.c
 * Use:   ring_stepper DRIVER RING < commands > states
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Lets the driver go on; returns the signal that stopped it, or -1 once it has ended. */
static int go_on(int request, pid_t driver) {
  int status;
  if (ptrace(request, driver, 0, 0) != 0) fail("ptrace");
  if (waitpid(driver, &status, 0) != driver) fail("waitpid");
  return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static void run_driver(char **argv) {
  int null = open("/dev/null", O_WRONLY);
  if (null < 0 || dup2(null, STDOUT_FILENO) < 0) fail("/dev/null");
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  execv(argv[1], argv + 1);
  fail(argv[1]);
}

int main(int argc, char **argv) {
  struct stat status;
  if (argc != 3) return 2;
  int fd = open(argv[2], O_RDONLY);
  if (fd < 0 || fstat(fd, &status) != 0) fail(argv[2]);
  size_t size = (size_t)status.st_size;
  char *ring = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0), *before = malloc(size);
  if (ring == MAP_FAILED || !before) fail("memory");
  pid_t driver = fork();
  if (driver == 0) run_driver(argv);
  int stopped;
  waitpid(driver, &stopped, 0); /* at its first instruction */
  while ((stopped = go_on(PTRACE_CONT, driver)) != SIGSTOP) {
    if (stopped < 0) return 1;
  }
  memcpy(before, ring, size);
  fwrite(before, 1, size, stdout);
  while ((stopped = go_on(PTRACE_SINGLESTEP, driver)) != SIGSTOP) {
    if (stopped < 0) return 1;
    if (memcmp(before, ring, size) == 0) continue;
    memcpy(before, ring, size);
    fwrite(before, 1, size, stdout);
  }
  go_on(PTRACE_CONT, driver);
  return 0;
}
