/* The Mandelbrot set: a floating-point loop that ends when a comparison says so; in both widths. */
#include "tiny.h"

enum { WIDTH = 64, HEIGHT = 32, STEPS = 60 };

NOINLINE u32 escape(double cx, double cy) {
  double x = 0, y = 0;
  u32 step = 0;
  while (step < STEPS && x * x + y * y <= 4.0) {
    double next = x * x - y * y + cx;
    y = 2.0 * x * y + cy;
    x = next;
    step++;
  }
  return step;
}

NOINLINE u32 escape_single(float cx, float cy) {
  float x = 0, y = 0;
  u32 step = 0;
  while (step < STEPS && x * x + y * y <= 4.0f) {
    float next = x * x - y * y + cx;
    y = 2.0f * x * y + cy;
    x = next;
    step++;
  }
  return step;
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 1);
  u64 sum = 0;
  for (i64 i = 0; i < iterations; i++) {
    double shift = (double)(i & 7) / 64.0;
    for (int row = 0; row < HEIGHT; row++)
      for (int column = 0; column < WIDTH; column++) {
        double cx = column * (3.0 / WIDTH) - 2.2 + shift, cy = row * (2.4 / HEIGHT) - 1.2;
        sum = mix(sum, escape(cx, cy) * 64 + escape_single((float)cx, (float)cy));
      }
  }
  tell_hex("mandel", sum);
  return 0;
}
