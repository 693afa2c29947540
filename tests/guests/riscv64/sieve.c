/* Primes: short inner loops that store with a stride. */
#include "tiny.h"

enum { LIMIT = 65536 };
static u8 composite[LIMIT];

NOINLINE u32 count_primes(void) {
  u32 count = 0;
  memset(composite, 0, sizeof composite);
  for (u32 i = 2; i < LIMIT; i++) {
    if (composite[i]) continue;
    count++;
    for (u32 j = i * 2; j < LIMIT; j += i) composite[j] = 1;
  }
  return count;
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 4);
  u64 sum = 0;
  for (i64 i = 0; i < iterations; i++) sum = mix(sum, count_primes());
  tell_hex("sieve", sum);
  return 0;
}
