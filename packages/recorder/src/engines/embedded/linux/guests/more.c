/*
 * Calls that fewer programs make: timers as files, copies between files and within the process.
 * Build: riscv64-linux-gnu-gcc -O1 -static -pthread -o more more.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

static void tell(const char *what, long result) {
  if (result >= 0) printf("%s %ld\n", what, result);
  else printf("%s %s\n", what, strerrorname_np(errno));
}

static void timers(void) {
  struct itimerspec spec = {.it_value = {.tv_nsec = 3000000}, .it_interval = {.tv_nsec = 0}}, now;
  uint64_t count = 0;
  tell("bad clock", timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
  tell("bad flags", timerfd_create(CLOCK_MONOTONIC, 1));
  int file = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  tell("not set", read(file, &count, 8));
  tell("settime", timerfd_settime(file, 0, &spec, &now));
  tell("left", now.it_value.tv_sec + now.it_value.tv_nsec);
  timerfd_gettime(file, &now);
  tell("some left", now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 3000000);
  tell("early", read(file, &count, 8));
  struct pollfd poll_it = {.fd = file, .events = POLLIN};
  tell("poll", poll(&poll_it, 1, 1000));
  tell("small", read(file, &count, 4));
  tell("read", read(file, &count, 8));
  tell("count", (long)count);
  tell("again", read(file, &count, 8));
  tell("poll none", poll(&poll_it, 1, 0));
  spec.it_interval.tv_nsec = 1000000;
  tell("every", timerfd_settime(file, 0, &spec, NULL));
  usleep(20000);
  tell("read", read(file, &count, 8));
  tell("several", count >= 10);
  fcntl(file, F_SETFL, 0);
  tell("blocking", read(file, &count, 8));
  spec.it_value.tv_nsec = 0;
  tell("stop", timerfd_settime(file, 0, &spec, &now));
  tell("interval", now.it_interval.tv_nsec);
  clock_gettime(CLOCK_MONOTONIC, &spec.it_value);
  spec.it_interval.tv_nsec = 0;
  tell("absolute, past", timerfd_settime(file, TFD_TIMER_ABSTIME, &spec, NULL));
  tell("read", read(file, &count, 8));
  tell("write", write(file, &count, 8));
  tell("no timer", timerfd_settime(0, 0, &spec, NULL));
}

static void copies(void) {
  char text[100] = "";
  int from = open("from", O_CREAT | O_RDWR | O_TRUNC, 0600);
  int to = open("to", O_CREAT | O_RDWR | O_TRUNC, 0600);
  write(from, "0123456789abcdef", 16);
  off_t at = 4, into = 2;
  tell("copy", copy_file_range(from, &at, to, &into, 6, 0));
  printf("at %ld, %ld\n", (long)at, (long)into);
  tell("at its end", copy_file_range(from, NULL, to, NULL, 5, 0));
  lseek(from, 10, SEEK_SET);
  tell("rest", copy_file_range(from, NULL, to, NULL, 100, 0));
  tell("where", lseek(to, 0, SEEK_CUR));
  tell("read", pread(to, text, 100, 0));
  printf("%s|%s\n", text, text + 2);
  tell("flags", copy_file_range(from, NULL, to, NULL, 5, 1));
  tell("not to be written", copy_file_range(from, NULL, open("to", O_RDONLY), NULL, 5, 0));
  int ends[2];
  pipe(ends);
  tell("pipe", copy_file_range(from, NULL, ends[1], NULL, 5, 0));
  struct iovec parts[2] = {{text, 3}, {text + 50, 3}};
  tell("preadv2", preadv2(from, parts, 2, 1, 0));
  printf("%.3s %.3s\n", text, text + 50);
  lseek(from, 12, SEEK_SET);
  tell("preadv2 here", preadv2(from, parts, 2, -1, 0));
  tell("pwritev2", pwritev2(to, parts, 2, 0, 0));
}

static void others(void) {
  struct { unsigned version; int pid; } header = {0, 0};
  tell("personality", personality(0xffffffff));
  tell("capget", syscall(SYS_capget, &header, NULL));
  printf("%x\n", header.version);
  tell("setreuid", setreuid(getuid(), getuid()));
  tell("setresgid", setresgid(-1, getgid(), -1));
  tell("readahead", readahead(open("from", O_RDONLY), 0, 10));
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  timers();
  copies();
  others();
  return 0;
}
