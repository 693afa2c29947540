/*
 * What a guest can do to the engine that runs it, one way an argument. Each says "ready" first.
 * Build: riscv64-linux-gnu-gcc -O1 -static -o hostile hostile.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

typedef int function(int);

enum { PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS, PROT_ALL = PROT_READ | PROT_WRITE | PROT_EXEC };

static volatile int sink;

static int recurse(int depth) {
  volatile char frame[256];
  frame[depth % 256] = (char)depth;
  return recurse(depth + 1) + frame[depth % 128];
}

/* One frame larger than the whole stack. */
static void large_frame(void) {
  volatile char frame[64 << 20];
  frame[0] = 1;
  sink = frame[0];
}

static void forks(void) {
  int failed = 0;
  for (int i = 0; i < 1000; i++) failed += fork() < 0;
  for (int i = 0; i < 1000; i++) failed += vfork() < 0;
  printf("%d forks failed: %s\n", failed, strerrorname_np(errno));
}

static int idle(void *given) {
  (void)given;
  for (;;) syscall(SYS_futex, &sink, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void threads(void) {
  int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, made = 0;
  for (int i = 0; i < 3000; i++) {
    char *stack = mmap(NULL, 8192, PROT_READ | PROT_WRITE, PRIVATE, -1, 0);
    if (stack == MAP_FAILED || clone(idle, stack + 8192, flags, NULL) < 0) break;
    made++;
  }
  printf("%d threads, then %s\n", made, strerrorname_np(errno));
}

static void maps(void) {
  unsigned long sizes[] = {1ul << 62, 1ul << 46, 1ul << 33, 3ul << 30, -4096ul};
  for (int i = 0; i < 5; i++) {
    void *at = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, PRIVATE, -1, 0);
    printf("%lx: %s\n", sizes[i], at == MAP_FAILED ? strerrorname_np(errno) : "mapped");
  }
  long reserved = 0, used = 0;
  while (mmap(NULL, 64 << 20, PROT_NONE, PRIVATE, -1, 0) != MAP_FAILED) reserved++;
  printf("reserved %s\n", reserved > 30 ? "much" : "little");
  for (char *at = (char *)(1ul << 31); used < 12 && munmap(at, 64 << 20) == 0; used++) {
    at = mmap(at, 64 << 20, PROT_READ | PROT_WRITE, PRIVATE | MAP_FIXED, -1, 0);
    if (at == MAP_FAILED) break;
    for (int page = 0; page < 64; page++) at[page * 4096] = 1;
    at += 64 << 20;
  }
  printf("used %s\n", used > 8 ? "much" : "little");
  /* Tiny pieces of different permissions, so that no two are one. */
  int pieces = 0;
  for (; pieces < 5000; pieces++) {
    char *at = mmap(NULL, 4096, pieces % 2 ? PROT_READ : PROT_NONE, PRIVATE, -1, 0);
    if (at == MAP_FAILED) break;
  }
  printf("pieces %d\n", pieces);
}

/* A function that is written anew before each call, and one that writes itself while it runs. */
static void code(void) {
  unsigned *at = mmap(NULL, 4096, PROT_ALL, PRIVATE, -1, 0);
  long sum = 0;
  for (int i = 0; i < 3000; i++) {
    at[0] = 0x00050513u | (unsigned)(i % 2000) << 20; /* addi a0, a0, i */
    at[1] = 0x00008067;                               /* ret */
    __builtin___clear_cache((char *)at, (char *)at + 8);
    sum += ((function *)at)(i);
  }
  /* Stores over the instruction behind the store: the new one runs. */
  at[0] = 0x00b52423; /* sw a1, 8(a0) */
  at[1] = 0x0000100f; /* fence.i */
  at[2] = 0x00000013; /* nop, then addi a0, x0, 7 */
  at[3] = 0x00008067;
  __builtin___clear_cache((char *)at, (char *)at + 16);
  long seven = ((long (*)(void *, unsigned))at)(at, 0x00700513);
  printf("sum %ld, %ld\n", sum, seven);
}

/* Random words as code, killed by a timer that counts its instructions, if by nothing before. */
static void random_code(unsigned seed) {
  struct itimerval soon = {.it_value = {.tv_usec = 2000}};
  unsigned *at = mmap(NULL, 65536, PROT_ALL, PRIVATE, -1, 0);
  for (int i = 0; i < 16384; i++) {
    seed = seed * 1664525 + 1013904223;
    at[i] = seed >> 3 ^ seed << 9;
    if (i % 4 != 0) at[i] |= 3;
  }
  setitimer(ITIMER_VIRTUAL, &soon, NULL);
  ((function *)at)(1);
}

/* Code that goes on where there is none: the page ends, or the bytes are no instruction. */
static void fall(unsigned last) {
  unsigned *at = mmap(NULL, 8192, PROT_ALL, PRIVATE, -1, 0);
  munmap((char *)at + 4096, 4096);
  for (int i = 0; i < 1023; i++) at[i] = 0x13;
  at[1023] = last;
  ((function *)(at + 1020))(1);
}

static void descriptors(void) {
  int opened = 0;
  while (dup(1) >= 0) opened++;
  fprintf(stderr, "%d descriptors, then %s\n", opened, strerrorname_np(errno));
  for (int i = 0; i < 2000; i++) close(i);
  _exit(write(1, "x", 1) == -1 && errno == EBADF ? 5 : 6);
}

static void refuse(int number) {
  (void)number;
  write(1, "no\n", 3);
}

static void spin(void) {
  for (;;) sink++;
}

static void deadlock(void) {
  int word = 0;
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 1; strcmp(how, "refuse") == 0 && i <= 64; i++) signal(i, refuse);
  puts("ready");
  if (strcmp(how, "recurse") == 0) return recurse(1);
  if (strcmp(how, "large-frame") == 0) large_frame();
  if (strcmp(how, "forks") == 0) forks();
  if (strcmp(how, "threads") == 0) threads();
  if (strcmp(how, "maps") == 0) maps();
  if (strcmp(how, "code") == 0) code();
  if (strcmp(how, "random") == 0) random_code((unsigned)atoi(argv[2]));
  if (strcmp(how, "fall") == 0) fall(0x13);
  if (strcmp(how, "no-instruction") == 0) fall(0xb763df47);
  if (strcmp(how, "descriptors") == 0) descriptors();
  if (strcmp(how, "spin") == 0 || strcmp(how, "refuse") == 0) spin();
  if (strcmp(how, "deadlock") == 0) deadlock();
  return 0;
}
