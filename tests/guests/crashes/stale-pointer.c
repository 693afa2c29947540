/* An object is used after it was freed: where its function was, another one keeps a number. */
#include <stdlib.h>

struct object {
  int (*value)(struct object *);
  int number;
};

static __attribute__((noinline)) int number_of(struct object *of) { return of->number; }

static __attribute__((noinline)) struct object *make(int number) {
  struct object *made = malloc(sizeof *made);
  made->value = number_of;
  made->number = number;
  return made;
}

static __attribute__((noinline)) int ask(struct object *of) { return of->value(of) + 1; }

int main(void) {
  struct object *volatile kept = make(7);
  if (ask(kept) != 8) return 1;
  free(kept);
  volatile unsigned long *numbers = malloc(sizeof(struct object));
  numbers[0] = 0x44440000;
  if ((void *)numbers != kept) return 2;
  return ask(kept);
}
