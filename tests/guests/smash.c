/*
 * Overwrites its own return address: the program behind `backtrail demo`. Its trace is in
 * traces/v1/smash; scripts/make-sample.ts builds and records it with the line below.
 *
 *   cc -O1 -static -fno-pie -no-pie -fno-stack-protector -U_FORTIFY_SOURCE -o smash smash.c
 */
#include <stdio.h>
#include <string.h>

typedef unsigned (*rating)(const char *);

static __attribute__((noinline)) unsigned by_length(const char *name) { return strlen(name); }

static __attribute__((noinline)) unsigned by_vowels(const char *name) {
  unsigned count = 0;
  for (; *name != 0; name++) {
    switch (*name) {
      case 'a': case 'e': case 'i': case 'o': case 'u': count++;
    }
  }
  return count;
}

/* The fault: 16 bytes for a name of any length. */
static __attribute__((noinline)) unsigned worth(const char *name, rating rate) {
  char copy[16];
  char *end = copy;
  while ((*end++ = *name++) != 0) {}
  return rate(copy);
}

int main(void) {
  static const char *const names[] = {"ada", "grace", "AAAAAAAAAAAAAAAABBBBBBBBCCCCCCCCDDDDDDDD"};
  static const rating ratings[] = {by_length, by_vowels, by_length};
  for (unsigned i = 0; i < 3; i++) printf("%s: %u\n", names[i], worth(names[i], ratings[i]));
  return 0;
}
