/* Matrices: doubles that hold integers, so that every machine has the same sums; 32-bit ones. */
#include "tiny.h"

enum { N = 32 };
static double a[N][N], b[N][N], c[N][N];
static i32 ia[N][N], ib[N][N], ic[N][N];

NOINLINE void multiply(void) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double sum = 0;
      for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
}

NOINLINE void multiply_integers(void) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      i32 sum = 0;
      for (int k = 0; k < N; k++) sum += ia[i][k] * ib[k][j];
      ic[i][j] = sum;
    }
}

NOINLINE u64 checksum(u64 sum) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) sum = mix(sum, (u64)(i64)c[i][j] + (u64)ic[i][j]);
  return sum;
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 3);
  u64 state = 3, sum = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i][j] = (double)(i32)(chance(&state) & 1023) - 512;
      b[i][j] = (double)(i32)(chance(&state) & 1023) - 512;
      ia[i][j] = (i32)(chance(&state) & 0xffff);
      ib[i][j] = (i32)(chance(&state) & 0xffff);
    }
  for (i64 i = 0; i < iterations; i++) {
    multiply();
    multiply_integers();
    sum = checksum(sum);
    a[i & (N - 1)][0] += 1;
    ia[0][i & (N - 1)] ^= 5;
  }
  tell_hex("matmul", sum);
  return 0;
}
