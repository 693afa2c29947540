/* Ends in an instruction that is none. argv[1]: 0 sixteen zeros, 1 unimp, 2 all ones, 3 mret. */
#include "tiny.h"

NOINLINE void zeros(void) { __asm__ volatile(".half 0"); }
NOINLINE void unimp(void) { __asm__ volatile(".word 0xc0001073"); }
NOINLINE void ones(void) { __asm__ volatile(".word 0xffffffff"); }
NOINLINE void privileged(void) { __asm__ volatile("mret"); }

int main(int argc, char **argv) {
  static void (*const ways[])(void) = {zeros, unimp, ones, privileged};
  say("here it comes\n");
  ways[argument(argc, argv, 1, 0) & 3]();
  say("not reached\n");
  return 0;
}
