/* Jumps out of 1 to 20 frames two thousand times, and once more to where nobody catches. */
#include <setjmp.h>
#include <stdlib.h>

static jmp_buf home;
static volatile unsigned caught;

static __attribute__((noinline)) void descend(unsigned depth) {
  if (depth == 0) longjmp(home, 1);
  descend(depth - 1);
  __asm__ volatile("");
}

static __attribute__((noinline)) void attempt(unsigned depth) {
  if (setjmp(home) == 0) descend(depth);
  else caught++;
}

static __attribute__((noinline)) void last(unsigned depth) {
  if (depth == 0) abort();
  last(depth - 1);
  __asm__ volatile("");
}

int main(void) {
  for (unsigned i = 0; i < 2000; i++) attempt(1 + i % 20);
  last(5);
  return 0;
}
