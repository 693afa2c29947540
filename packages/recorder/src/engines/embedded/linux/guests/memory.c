/*
 * What a program can observe of its address space: results and errors, and which pages can be
 * touched afterwards (by asking the kernel to read from or write to them).
 * Build: riscv64-linux-gnu-gcc -O1 -static -o memory memory.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 16 };
static int ends[2];
static char *base;

static long told(const char *what, long result) {
  if (result < 0 && result > -4096) printf("%s: %ld errno %d\n", what, result, errno);
  else printf("%s: done\n", what);
  return result;
}
#define TELL(call) told(#call, (long)(call))
/* Where a mapping is, in pages from the base. */
#define PLACE(call) printf("%s: %ld\n", #call, ((long)(call) - (long)base) / PAGE)

/* r readable, w writable, with the first byte if it may be read; - neither. */
static void look(void) {
  for (int page = 0; page < PAGES; page++) {
    char *at = base + page * PAGE, byte = 0;
    int may_read = write(ends[1], at, 1) == 1;
    if (may_read) read(ends[0], &byte, 1);
    int may_write = 0;
    if (may_read) {
      write(ends[1], &byte, 1);
      may_write = read(ends[0], at, 1) == 1;
      if (!may_write) read(ends[0], &byte, 1);
    }
    if (may_read) printf(" %s%d", may_write ? "w" : "r", byte);
    else printf(" -");
  }
  puts("");
}

static void maps(void) {
  base = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int page = 0; page < PAGES; page++) base[page * PAGE] = page + 1;
  look();
  TELL(munmap(base + 2 * PAGE, PAGE));
  TELL(munmap(base + 2 * PAGE, PAGE));
  TELL(munmap(base + 100, PAGE));
  TELL(munmap(base, 0));
  TELL(mprotect(base + PAGE, PAGE, PROT_READ));
  TELL(mprotect(base + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE));
  TELL(mprotect(base + 5 * PAGE + 1, PAGE, PROT_READ));
  TELL(mprotect(base + 5 * PAGE, PAGE + 1, PROT_NONE));
  look();
  TELL(mprotect(base + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE));
  look();
  PLACE(mmap(base + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  PLACE(mmap(base + 3 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  TELL(mmap(base + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  TELL(mmap(NULL, 1L << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  look();
  TELL(madvise(base + 7 * PAGE, 2 * PAGE, MADV_DONTNEED));
  TELL(madvise(base + 7 * PAGE + 5, PAGE, MADV_DONTNEED));
  TELL(madvise(base + 9 * PAGE, 0, MADV_DONTNEED));
  look();
  TELL(msync(base, PAGE, MS_SYNC));
  TELL(msync(base + 1, PAGE, MS_SYNC));
}

static void remaps(void) {
  base = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int page = 0; page < PAGES; page++) base[page * PAGE] = page + 1;
  munmap(base + 8 * PAGE, 4 * PAGE); /* too little room for what moves */
  munmap(base + 14 * PAGE, PAGE);
  PLACE(mremap(base + 6 * PAGE, 2 * PAGE, 4 * PAGE, 0));
  look();
  TELL(mremap(base + 2 * PAGE, PAGE, 3 * PAGE, 0));
  PLACE(mremap(base + 6 * PAGE, 4 * PAGE, PAGE, 0));
  look();
  char *moved = mremap(base, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
  printf("moved %d %d %d %d\n", moved != base, moved[0], moved[PAGE], moved[5 * PAGE]);
  look();
  PLACE(mremap(base + 2 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
               base + 10 * PAGE));
  look();
  TELL(mremap(base + 4 * PAGE, PAGE, PAGE, MREMAP_FIXED, base));
  TELL(mremap(base + 4 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
              base + 5 * PAGE));
  TELL(mremap(base + 4 * PAGE + 1, PAGE, PAGE, 0));
  TELL(mremap(base + 14 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
  look();
}

static void breaks(void) {
  char *start = sbrk(0);
  start = (char *)(((uintptr_t)start + PAGE - 1) & -PAGE);
  TELL(brk(start));
  base = start;
  TELL(brk(start + 3 * PAGE));
  memset(start, 7, 3 * PAGE);
  printf("%d %d\n", start[0], start[3 * PAGE - 1]);
  TELL(brk(start + 2 * PAGE + 10));
  TELL(brk(start + 4 * PAGE));
  printf("%d %d %d\n", start[2 * PAGE], start[2 * PAGE + 9], start[3 * PAGE]);
  printf("same %d\n", syscall(SYS_brk, 0) == (long)(start + 4 * PAGE));
  printf("same %d\n", syscall(SYS_brk, 8) == (long)(start + 4 * PAGE));
  printf("same %d\n", syscall(SYS_brk, -PAGE) == (long)(start + 4 * PAGE));
}

/* Code that is written, run, changed and run again. */
static int run(uint32_t *code, int value) {
  code[0] = 0x00000513 | value << 20; /* li a0, value */
  code[1] = 0x00008067;               /* ret */
  __builtin___clear_cache((char *)code, (char *)(code + 2));
  return ((int (*)(void))code)();
}

static void codes(void) {
  int all = PROT_READ | PROT_WRITE | PROT_EXEC;
  uint32_t *code = mmap(NULL, PAGE, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 5; i++) printf("%d\n", run(code, i));
  munmap(code, PAGE);
  code = mmap(code, PAGE, all, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  printf("zero %d\n", code[0] == 0);
  printf("%d\n", run(code, 9));
}

int main(void) {
  pipe(ends);
  maps();
  remaps();
  breaks();
  codes();
  return 0;
}
