/*
 * The ways in which a compiler and an assembler move control, without a library, for every guest
 * that QEMU's user mode has: loops, calls, recursion, returns, calls and jumps through pointers, a
 * jump table, conditions, and in ways.h what is peculiar to an instruction set. The exit status is
 * 0 if the sum is right. Build lines: builds.ts beside this file.
 */
#include "ways.h"

#define NOINLINE __attribute__((noinline, noclone))

static unsigned state = 12345;

NOINLINE static unsigned next_random(void) {
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

NOINLINE static unsigned fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

NOINLINE static unsigned add(unsigned a, unsigned b) { return a + b; }
NOINLINE static unsigned subtract(unsigned a, unsigned b) { return a - b; }
NOINLINE static unsigned both(unsigned a, unsigned b) { return a & b; }
NOINLINE static unsigned larger(unsigned a, unsigned b) { return a > b ? a : b; }
typedef unsigned operation(unsigned, unsigned);
static operation *volatile operations[] = {add, subtract, both, larger};

/* Dense and with side effects, so that it becomes a jump table. */
NOINLINE static unsigned choose(unsigned what, unsigned value) {
  switch (what) {
    case 0: return value + 3;
    case 1: return add(value, value);
    case 2: state ^= 1; return value;
    case 3: return fibonacci(3) + value;
    case 4: return 0u - value;
    case 5: state += 7; return value ^ 0x55;
    case 6: return value >> 1;
    case 7: return value << 1;
    case 8: return larger(value, 9);
    default: return value;
  }
}

/* Early returns and short arms: conditional returns and conditional execution where there are. */
NOINLINE static unsigned clamp(unsigned value) {
  if (value < 10) return value;
  if (value & 1) value += 3;
  if ((value & 6) == 4) return value ^ 1;
  while (value > 1000) value -= value >> 2;
  return value;
}

NOINLINE static unsigned interpret(unsigned rounds) {
  static void *const labels[] = {&&l0, &&l1, &&l2, &&l3};
  unsigned sum = 0;
#define NEXT goto *labels[next_random() & 3]
  NEXT;
l0: sum += 1; if (rounds-- == 0) return sum; NEXT;
l1: sum ^= 2; NEXT;
l2: sum += 5; NEXT;
l3: sum -= 3; NEXT;
}

int ways(void) {
  unsigned sum = 0;
  for (unsigned i = 0; i < 40; i++) {
    sum = operations[next_random() & 3](sum, i);
    sum = choose(next_random() & 15, sum);
    sum += clamp(next_random() & 0xfff);
  }
  sum += fibonacci(9) + interpret(20);
  for (unsigned i = 0; i < 6; i++) peculiar(i);
  return sum == 0xfffffff9u ? 0 : 1;
}
