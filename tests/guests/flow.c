/*
 * Every way in which ordinary code moves control: loops, calls, recursion, calls and jumps through
 * pointers, switch tables, longjmp, sorting with a comparison callback, floats, block moves.
 * Build: gcc -O1 -static -o flow flow.c -lm     (or a cross compiler of the same kind)
 */
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

static uint32_t state = 12345;
static uint32_t next_random(void) { return state = state * 1664525u + 1013904223u; }

NOINLINE static unsigned fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

NOINLINE static unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

NOINLINE static int add(int a, int b) { return a + b; }
NOINLINE static int subtract(int a, int b) { return a - b; }
NOINLINE static int multiply(int a, int b) { return a * b; }
NOINLINE static int exclusive_or(int a, int b) { return a ^ b; }
typedef int operation(int, int);
static operation *const operations[] = {add, subtract, multiply, exclusive_or};

/* Dense and with side effects, so that it becomes a jump table. */
NOINLINE static int choose(unsigned what, int value) {
  switch (what) {
    case 0: return value + 3;
    case 1: return value * 5;
    case 2: state ^= 1; return value;
    case 3: return fibonacci(3) + value;
    case 4: return -value;
    case 5: state += 7; return value ^ 0x55;
    case 6: return value >> 1;
    case 7: return value << 1;
    case 8: return add(value, 9);
    default: return value;
  }
}

/* More targets behind one jump than any small cache holds. */
NOINLINE static int interpret(int rounds) {
  static void *const labels[] = {&&l0, &&l1, &&l2, &&l3, &&l4, &&l5, &&l6, &&l7, &&l8, &&l9,
                                 &&l10, &&l11};
  int sum = 0;
#define NEXT goto *labels[next_random() / 7 % 12]
  NEXT;
l0: sum += 1; if (--rounds < 0) return sum; NEXT;
l1: sum += 2; NEXT;
l2: sum ^= 3; NEXT;
l3: sum -= 4; NEXT;
l4: sum += 5; NEXT;
l5: sum ^= 6; NEXT;
l6: sum -= 7; NEXT;
l7: sum += 8; NEXT;
l8: sum ^= 9; NEXT;
l9: sum -= 10; NEXT;
l10: sum += 11; NEXT;
l11: sum ^= 12; NEXT;
}

static jmp_buf home;
NOINLINE static void dive(int depth) {
  if (depth == 0) longjmp(home, 1);
  dive(depth - 1);
}

static int compare(const void *a, const void *b) {
  return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

int main(int argc, char **argv) {
  int scale = argc > 1 ? atoi(argv[1]) : 1, values[200], sum = 0;
  volatile int dives = 0;
  for (int i = 0; i < 50 * scale; i++) {
    sum = operations[next_random() >> 30](sum, i);
    sum = choose(next_random() >> 28, sum);
  }
  sum += (int)fibonacci(10) + (int)ackermann(2, 3) + interpret(20 * scale);
  if (setjmp(home) == 0 || dives < 3) {
    dives++;
    dive(dives * 5);
  }
  for (int i = 0; i < 200; i++) values[i] = (int)(next_random() >> 8);
  qsort(values, 200, sizeof values[0], compare);
  double real = 0;
  for (int i = 1; i < 40; i++) real += sin(i) * sqrt(i) / (i % 3 == 0 ? 1.5 : exp(-i / 10.0));
  char text[3000], copy[3000];
  memset(text, 'a' + (sum & 7), sizeof text - 1);
  text[sizeof text - 1] = 0;
  memcpy(copy, text, sizeof text);
  memmove(copy + 5, copy, 1000);
  printf("%d %d %.3f %zu %d %d\n", sum, values[100], real, strlen(copy), strcmp(copy, text), dives);
  return 0;
}
