/* A machine whose states end in calls of the next: compiled as jumps, the stack stays flat. */
#include <stdlib.h>

typedef int (*state)(unsigned left, int sum);
static int add(unsigned left, int sum);
static int twist(unsigned left, int sum);

static volatile state next[2] = {add, twist};

static __attribute__((noinline)) int stop(int sum) {
  if (sum != 0) abort();
  return sum;
}

static __attribute__((noinline)) int add(unsigned left, int sum) {
  if (left == 0) return stop(sum | 1);
  return next[left & 1](left - 1, sum + 3);
}

static __attribute__((noinline)) int twist(unsigned left, int sum) {
  if (left == 0) return stop(sum | 1);
  return next[left >> 1 & 1](left - 1, sum ^ 5);
}

static __attribute__((noinline)) int begin(unsigned left) {
  int sum = add(left, 0);
  __asm__ volatile("");
  return sum;
}

int main(void) {
  int result = begin(5000);
  __asm__ volatile("");
  return result;
}
