/* Two functions that call each other without end. */
static volatile unsigned calls;
static unsigned right(volatile unsigned *above);

static __attribute__((noinline)) unsigned left(volatile unsigned *above) {
  volatile unsigned here[128];
  here[0] = *above + 1;
  calls = here[0];
  unsigned below = right(here);
  return here[0] + below;
}

static __attribute__((noinline)) unsigned right(volatile unsigned *above) {
  volatile unsigned here[128];
  here[0] = *above + 1;
  unsigned below = left(here);
  return here[0] + below;
}

int main(void) {
  volatile unsigned start[1] = {0};
  return (int)left(start);
}
