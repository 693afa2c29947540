// Exceptions through ten frames that have something to clean up; the last one nobody catches.
#include <cstdlib>

static volatile int cleaned;

struct Guard {
  ~Guard() { cleaned = cleaned + 1; }
};

static __attribute__((noinline)) int descend(int depth) {
  Guard guard;
  if (depth == 0) throw 42;
  return descend(depth - 1) + 1;
}

static __attribute__((noinline)) int attempt(int depth) {
  try {
    return descend(depth);
  } catch (int value) {
    return value;
  }
}

int main() {
  int sum = 0;
  for (int i = 0; i < 5; i++) sum += attempt(10);
  if (sum != 210 || cleaned != 55) return 1;
  return descend(10);
}
