/* A return address that was written over leads into functions that nobody called. */
#include <stdlib.h>

/* Aligned, so that each address fits into both instruction sets' idea of one. */
static __attribute__((noinline, noreturn)) void secret(void) { abort(); }

static __attribute__((noinline)) void touch(volatile unsigned long *words) { words[0] = 1; }

static __attribute__((noinline)) void fill(unsigned count) {
  volatile unsigned long words[4];
  touch(words);
  for (unsigned i = 0; i < count; i++) words[i] = (unsigned long)secret;
}

static __attribute__((noinline)) void parse(unsigned count) {
  fill(count);
  __asm__ volatile("");
}

int main(int argc, char **argv) {
  (void)argv;
  parse(argc);
  parse(argc + 15);
  return 0;
}
