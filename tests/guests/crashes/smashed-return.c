/* Writes over its own return address with one where nothing is. */
static __attribute__((noinline)) void touch(volatile unsigned long *words) { words[0] = 1; }

static __attribute__((noinline)) void fill(unsigned count) {
  volatile unsigned long words[4];
  touch(words);
  for (unsigned i = 0; i < count; i++) words[i] = 0x44440000;
}

static __attribute__((noinline)) void parse(unsigned count) {
  fill(count);
  __asm__ volatile("");
}

int main(int argc, char **argv) {
  (void)argv;
  parse(argc);      /* in bounds */
  parse(argc + 15); /* over the return address, whatever the frame looks like */
  return 0;
}
