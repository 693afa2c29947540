/* The only program of a small Linux: some processes, page faults and system calls, then the end
   that the kernel's command line asks for: `end=off`, or `end=crash`. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 4, PAGES = 16, PAGE = 4096, ROUNDS = 20000 };

static void work(void) {
  volatile char *pages = malloc(PAGES * PAGE);
  for (int round = 0; round < ROUNDS; round++) {
    pages[round % PAGES * PAGE]++;
    if (round % 1000 == 0) getppid();
  }
}

static void show(const char *path) {
  char bytes[4096];
  ssize_t count;
  int file = open(path, O_RDONLY);
  while ((count = read(file, bytes, sizeof bytes)) > 0) {
    if (write(1, bytes, (size_t)count) != count) break;
  }
  close(file);
}

int main(int argc, char **argv) {
  mount("proc", "/proc", "proc", 0, NULL);
  for (int i = 0; i < CHILDREN; i++) {
    if (fork() == 0) {
      work();
      _exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
  show("/proc/interrupts");
  const char *end = getenv("end"); /* the kernel passes on what it does not know */
  (void)argc;
  (void)argv;
  if (end && strcmp(end, "crash") == 0) {
    int trigger = open("/proc/sysrq-trigger", O_WRONLY);
    if (write(trigger, "c", 1) != 1) perror("sysrq-trigger");
  }
  reboot(RB_POWER_OFF);
  for (;;) pause();
}
