/* Calls a table as if it were a function: memory that may not be executed. */
static int table[64] = {1, 2, 3};
static void *volatile choice = table;

static __attribute__((noinline)) int call(void) {
  int (*function)(void) = (int (*)(void))choice;
  return function() + 1;
}

int main(void) { return call(); }
