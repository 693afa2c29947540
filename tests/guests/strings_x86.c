/*
 * x86 only: string instructions with and without a repeat prefix. QEMU leaves the block after each
 * repetition; none of that is a transfer. `loop`, `jrcxz`, and a loop around a repeat are.
 * Build: gcc -O1 -static -o strings_x86 strings_x86.c
 */
#include <stdio.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

static char from[600], to[600];

NOINLINE static void moves(unsigned long count) {
  void *target = to, *source = from;
  __asm__ volatile("cld; rep movsb" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
}

NOINLINE static void stores(unsigned long count) {
  void *target = to;
  __asm__ volatile("rep stosq" : "+D"(target), "+c"(count) : "a"(0x4141414141414141) : "memory");
}

NOINLINE static unsigned long scan(char wanted) {
  unsigned long left = sizeof from;
  void *at = from;
  __asm__ volatile("repne scasb" : "+D"(at), "+c"(left) : "a"(wanted) : "memory", "cc");
  return left;
}

NOINLINE static unsigned long compare(void) {
  unsigned long left = sizeof from;
  void *a = from, *b = to;
  __asm__ volatile("repe cmpsb" : "+D"(a), "+S"(b), "+c"(left) : : "memory", "cc");
  return left;
}

/* A repeat right before a branch back: the repetition and the loop must not be mixed up. */
NOINLINE static void nested(unsigned long rounds) {
  void *target;
  unsigned long count;
  __asm__ volatile(
      "1: lea %3, %0\n mov $3, %1\n rep stosb\n dec %2\n jnz 1b\n"
      "mov $4, %1\n 2: nop\n loop 2b\n jrcxz 3f\n nop\n 3: nop\n"
      : "=&D"(target), "=&c"(count), "+r"(rounds)
      : "m"(to), "a"(0)
      : "memory", "cc");
}

int main(void) {
  for (unsigned i = 0; i < sizeof from; i++) from[i] = (char)('a' + i % 26);
  moves(0);
  moves(1);
  moves(517);
  unsigned long left = scan('q') + compare();
  stores(33);
  nested(9);
  printf("%lu %lu %c%c\n", left, scan('!'), to[1], to[100]);
  return 0;
}
