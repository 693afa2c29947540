/* Calls through a table of functions, one of whose entries was written over. */
typedef int (*step)(int);

static __attribute__((noinline)) int twice(int value) { return 2 * value; }
static __attribute__((noinline)) int less(int value) { return value - 1; }

static volatile step steps[3] = {twice, less, twice};

static __attribute__((noinline)) int run(int value) {
  for (int i = 0; i < 3; i++) value = steps[i](value);
  return value;
}

int main(void) {
  int value = run(1);
  steps[2] = (step)0x44440000;
  value += run(2);
  return value;
}
