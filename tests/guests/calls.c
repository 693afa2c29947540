/*
 * Calls of every sane sort: recursion of one function and of several, callbacks through the C
 * library, pointers, deep and shallow, a jump out of many frames. For debuggers to compare stacks.
 * Build: gcc -O1 -static -o calls calls.c
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN __attribute__((noinline))

static unsigned state = 1;
static jmp_buf home;

OWN static unsigned next(unsigned below) {
  state = state * 1103515245u + 12345u;
  return (state >> 16) % below;
}

OWN static int compare(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

OWN static int sorted(unsigned count) {
  int values[64];
  for (unsigned i = 0; i < count; i++) values[i] = (int)next(1000);
  qsort(values, count, sizeof values[0], compare);
  return values[count / 2];
}

OWN static unsigned fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

OWN static int factor(const char **text);

OWN static int product(const char **text) {
  int value = factor(text);
  while (**text == '*') {
    ++*text;
    value *= factor(text);
  }
  return value;
}

OWN static int sum(const char **text) {
  int value = product(text);
  while (**text == '+') {
    ++*text;
    value += product(text);
  }
  return value;
}

OWN static int factor(const char **text) {
  if (**text == '(') {
    ++*text;
    int value = sum(text);
    ++*text;
    return value;
  }
  return *(*text)++ - '0';
}

OWN static int parse(const char *text) { return sum(&text) + 1; }

OWN static unsigned dive(unsigned depth) {
  if (depth == 0) longjmp(home, 1);
  return dive(depth - 1 - next(2) * (depth > 1)) + 1;
}

OWN static unsigned attempt(unsigned depth) { return setjmp(home) == 0 ? dive(depth) : next(7); }

OWN static unsigned choose(unsigned round) {
  static unsigned (*const ways[])(unsigned) = {fibonacci, attempt};
  static const char *const texts[] = {"1+2*3", "((1+2)*(3+4))*2", "(((((7)))))+1*2*3"};
  switch (next(4)) {
    case 0: return (unsigned)sorted(5 + next(50));
    case 1: return (unsigned)parse(texts[next(3)]);
    default: return ways[round % 2](3 + next(8)) + 1;
  }
}

int main(void) {
  unsigned total = 0;
  for (unsigned round = 0; round < 60; round++) total += choose(round);
  printf("%u\n", total);
  return 0;
}
