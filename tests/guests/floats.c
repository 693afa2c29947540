/*
 * Floating point as programs use it: planets, matrices of singles, integers in doubles, conversions
 * of every kind, the math library, rounding modes, exceptions, numbers that fade to zero. Prints
 * results to the last bit.
 * Build: gcc -O2 -static -o floats floats.c -lm     (or a cross compiler of the same kind)
 */
#include <complex.h>
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 20000

static void planets(void)
{
  double x[3] = { 0, 4.84, 8.34 }, y[3] = { 0, -1.16, 4.12 };
  double u[3] = { 0, 0.6, -1.01 }, v[3] = { 0, 2.8, 1.8 };
  const double mass[3] = { 39.47, 0.037, 0.011 };
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < 3; i++) {
      for (int j = i + 1; j < 3; j++) {
        double dx = x[i] - x[j], dy = y[i] - y[j];
        double square = dx * dx + dy * dy, pull = 0.001 / (square * sqrt(square));
        u[i] -= dx * mass[j] * pull, v[i] -= dy * mass[j] * pull;
        u[j] += dx * mass[i] * pull, v[j] += dy * mass[i] * pull;
      }
    }
    for (int i = 0; i < 3; i++) x[i] += 0.001 * u[i], y[i] += 0.001 * v[i];
  }
  for (int i = 0; i < 3; i++) printf("planet %a %a %a %a\n", x[i], y[i], u[i], v[i]);
}

static void singles(void)
{
  static float a[32][32], b[32][32], c[32][32];
  for (int i = 0; i < 32; i++)
    for (int j = 0; j < 32; j++) a[i][j] = 1.0f / (i + j + 1), b[i][j] = sinf(i * j);
  for (int round = 0; round < 8; round++) {
    for (int i = 0; i < 32; i++)
      for (int j = 0; j < 32; j++) {
        float sum = 0;
        for (int k = 0; k < 32; k++) sum += a[i][k] * b[k][j];
        c[i][j] = sum;
      }
    memcpy(b, c, sizeof b);
  }
  printf("singles %a %a %a\n", b[0][0], b[3][5], b[31][31]);
}

static void integers_in_doubles(void)
{
  double sum = 0;
  feclearexcept(FE_ALL_EXCEPT);
  for (int i = 0; i < 10 * ROUNDS; i++) sum = sum + i % 7 - (i % 3) * 2.0;
  printf("integers %a, inexact %d\n", sum, fetestexcept(FE_INEXACT) != 0);
}

static void conversions(void)
{
  int64_t sum = 0;
  uint64_t hash = 0;
  for (int i = 0; i < ROUNDS; i++) {
    double x = (i - ROUNDS / 2) * 0.37;
    float f = x;
    sum += (long)floor(x) + (int)ceil(x) + lrint(x) + lround(x) + (long)trunc(x) + (int)f;
    sum += lrintf(f) + isnan(x) + isinf(x / 0.0) + (x < f) + (x == f) + (fmin(x, f) > 0);
    sum ^= (int64_t)fmod(x, 3.7);
    hash = hash * 31 + (uint32_t)(x * x) + (uint64_t)(f * f);
    hash += (uint64_t)((double)hash * 0.5) + (uint64_t)(float)(int64_t)hash;
  }
  printf("conversions %lld %llu\n", (long long)sum, (unsigned long long)hash);
}

static double library(void)
{
  double sum = 0;
  for (int i = 1; i < ROUNDS / 10; i++) {
    double x = i * 1e-3;
    sum += sin(x) * cos(x) + exp(-x) + log(x) + pow(x, 1.3) + atan2(x, 2) + cbrt(x);
    sum += tgamma(fmod(x, 5) + 0.5) + erf(x) + hypot(x, 1) + fma(x, x, -sum);
  }
  printf("library %a\n", sum);
  return sum;
}

static void environment(volatile double x)
{
  static const int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST };
  for (int i = 0; i < 4; i++) {
    fesetround(modes[i]);
    printf("mode %d: %a %a %ld\n", i, x / 3, (double)(float)x, lrint(x));
  }
  volatile double zero = 0, tiny = 1e-300, huge = 1e300;
  feclearexcept(FE_ALL_EXCEPT);
  volatile double r = 1 / zero;
  printf("flags %x after %g\n", fetestexcept(FE_ALL_EXCEPT), r);
  r = zero / zero;
  printf("flags %x, a NaN %d\n", fetestexcept(FE_ALL_EXCEPT), isnan(r));
  r = huge * huge;
  printf("flags %x after %g\n", fetestexcept(FE_ALL_EXCEPT), r);
  for (int i = 0; i < 100; i++) tiny *= 0.7;
  printf("flags %x after %a\n", fetestexcept(FE_ALL_EXCEPT), tiny);
}

int main(void)
{
  planets();
  singles();
  integers_in_doubles();
  conversions();
  double sum = library();
  environment(sum);
  double complex z = 1 + 2 * I;
  for (int i = 0; i < 1000; i++) z = z * z * (0.1 + 0.01 * I) + 0.3 * I;
  printf("complex %a %a\n", creal(z), cimag(z));
  for (int i = 0; i < 20; i++) printf("%.3f %e %g\n", sum / i, sum * i, (double)(float)(sum * i));
  return 0;
}
