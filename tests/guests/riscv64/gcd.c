/* Division: greatest common divisors, decimal digits, remainders of all signs. */
#include "tiny.h"

NOINLINE u64 gcd(u64 a, u64 b) {
  while (b != 0) {
    u64 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

NOINLINE u32 digit_sum(u32 n) {
  u32 sum = 0;
  for (; n != 0; n /= 10) sum += n % 10;
  return sum;
}

NOINLINE i64 floor_mod(i64 a, i64 b) {
  i64 rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 2000);
  u64 state = 17, sum = 0;
  for (i64 i = 0; i < iterations; i++) {
    u64 a = chance(&state), b = chance(&state);
    sum = mix(sum, gcd(a, b | 1));
    sum = mix(sum, digit_sum((u32)a));
    sum = mix(sum, (u64)floor_mod((i64)a, (i64)b | 1));
    sum = mix(sum, (u64)((i32)a / ((i32)b | 1)));
  }
  tell_hex("gcd", sum);
  return 0;
}
