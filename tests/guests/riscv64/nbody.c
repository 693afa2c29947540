/* Planets: double precision with square roots and divisions, nothing but straight code. */
#include "tiny.h"

struct body {
  double x, y, z, vx, vy, vz, mass;
};

/* A sun and four planets in round numbers: distances in AU, years, solar masses times 4 pi^2. */
static struct body bodies[] = {
    {0, 0, 0, 0, 0, 0, 39.5},
    {4.8, -1.2, -0.1, 0.6, 2.8, -0.025, 0.0377},
    {8.3, 4.1, -0.4, -1.01, 1.82, 0.0084, 0.0113},
    {12.9, -15.1, -0.22, 1.08, 0.868, -0.0108, 0.00172},
    {15.4, -25.9, 0.18, 0.98, 0.594, -0.0348, 0.00203},
};

static double root(double value) {
#if defined(__riscv)
  __asm__("fsqrt.d %0, %0" : "+f"(value));
#elif defined(__aarch64__)
  __asm__("fsqrt %d0, %d0" : "+w"(value));
#else
  __asm__("sqrtsd %0, %0" : "+x"(value));
#endif
  return value;
}

NOINLINE void advance(double step) {
  for (u32 i = 0; i < COUNT(bodies); i++) {
    struct body *a = &bodies[i];
    for (u32 j = i + 1; j < COUNT(bodies); j++) {
      struct body *b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz;
      double force = step / (square * root(square));
      a->vx -= dx * b->mass * force;
      a->vy -= dy * b->mass * force;
      a->vz -= dz * b->mass * force;
      b->vx += dx * a->mass * force;
      b->vy += dy * a->mass * force;
      b->vz += dz * a->mass * force;
    }
  }
  for (u32 i = 0; i < COUNT(bodies); i++) {
    struct body *a = &bodies[i];
    a->x += step * a->vx;
    a->y += step * a->vy;
    a->z += step * a->vz;
  }
}

NOINLINE double energy(void) {
  double sum = 0;
  for (u32 i = 0; i < COUNT(bodies); i++) {
    struct body *a = &bodies[i];
    sum += 0.5 * a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
    for (u32 j = i + 1; j < COUNT(bodies); j++) {
      struct body *b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      sum -= a->mass * b->mass / root(dx * dx + dy * dy + dz * dz);
    }
  }
  return sum;
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 2000);
  /* Nine digits: machines with and without fused multiply-add agree on those. */
  tell("energy before", (i64)(energy() * 1e9));
  for (i64 i = 0; i < iterations; i++) advance(0.001);
  tell("energy after", (i64)(energy() * 1e9));
  return 0;
}
