/* Recursion: calls, returns and little else. */
#include "tiny.h"

NOINLINE u64 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 2);
  u64 sum = 0;
  for (i64 i = 0; i < iterations; i++) sum = mix(sum, fib(18 + (u32)(i & 3)));
  tell_hex("fib", sum);
  return 0;
}
