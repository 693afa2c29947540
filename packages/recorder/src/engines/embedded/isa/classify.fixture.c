/* Reads (pc, word) pairs of 64 and 32 bits and a pad of 32; writes what classify() says: 64 bits
 * ending, 64 bits target. Built with ../../qemu/plugin/classify*.c. */
#include <stdio.h>

#include "../../qemu/plugin/classify.h"

int main(void) {
  struct guest guest = guest_named("riscv64");
  struct {
    uint64_t pc;
    uint8_t code[8];
  } in;
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    uint8_t size = (in.code[0] & 3) == 3 ? 4 : 2;
    struct code code = {in.code, &size, 1, in.pc};
    struct ending_of found = classify(&guest, &code, 0);
    uint64_t out[2] = {found.ending, found.taken};
    fwrite(out, sizeof out, 1, stdout);
  }
  return 0;
}
