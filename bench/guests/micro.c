/*
 * The microbenchmark of bench/: loops, calls, a sort, indirect calls and a jump table. With
 * -DPART=100 each round does about a hundredth of the work: for tools that need long for it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef PART
#define PART 1
#endif
/* fib(13) is 76 times less work than fib(22). */
#define FIB (PART > 1 ? 13 : 22)
#define VALUES (20000 / PART)

static uint32_t state = 12345;
static uint32_t next_random(void) { return state = state * 1664525u + 1013904223u; }

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static __attribute__((noinline)) uint32_t fib(uint32_t n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static __attribute__((noinline)) uint32_t add(uint32_t a) { return a + 3; }
static __attribute__((noinline)) uint32_t mix(uint32_t a) { return a * 31 ^ (a >> 3); }
static __attribute__((noinline)) uint32_t flip(uint32_t a) { return ~a; }

static __attribute__((noinline)) uint32_t interpret(const uint8_t *code, uint32_t steps) {
  uint32_t a = 1;
  for (uint32_t i = 0; i < steps; i++) {
    switch (code[i & 1023]) {
      case 0: a += i; break;
      case 1: a ^= a << 5; break;
      case 2: a -= 7; break;
      case 3: a = a * 3 + 1; break;
      case 4: a ^= i; break;
      case 5: a = a >> 1 | a << 31; break;
      case 6: a += 0x9e37; break;
      default: a ^= 0x55; break;
    }
  }
  return a;
}

int main(int argc, char **argv) {
  uint32_t scale = argc > 1 ? (uint32_t)atoi(argv[1]) : 10, sum = 0;
  static uint32_t values[VALUES];
  static uint8_t code[1024];
  uint32_t (*volatile table[3])(uint32_t) = {add, mix, flip};
  for (int i = 0; i < 1024; i++) code[i] = next_random() >> 29;
  for (uint32_t round = 0; round < scale; round++) {
    for (int i = 0; i < VALUES; i++) values[i] = next_random();
    qsort(values, VALUES, sizeof *values, by_value);
    sum += values[round % VALUES] + fib(FIB) + interpret(code, 400000 / PART);
    for (uint32_t i = 0; i < 300000 / PART; i++) sum = table[i % 3](sum);
  }
  printf("%u\n", sum);
  return 0;
}
