/*
 * A command around libbz2 (bzip2-wasm brings its sources): compresses standard input to standard
 * output, or with -d the other way; with -t does both and says how it went.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bzlib.h"

struct bytes {
  char *at;
  unsigned size;
};

static void fail(const char *what, int code) {
  fprintf(stderr, "%s: %d\n", what, code);
  exit(1);
}

static struct bytes read_all(void) {
  struct bytes all = {NULL, 0};
  unsigned room = 0;
  for (;;) {
    if (all.size == room) all.at = realloc(all.at, room = room == 0 ? 4096 : room * 2);
    if (all.at == NULL) fail("no memory for", (int)room);
    size_t got = fread(all.at + all.size, 1, room - all.size, stdin);
    if (got == 0) return all;
    all.size += (unsigned)got;
  }
}

static struct bytes compress(struct bytes from) {
  unsigned room = from.size + from.size / 100 + 600;
  struct bytes into = {malloc(room), room};
  int status = BZ2_bzBuffToBuffCompress(into.at, &into.size, from.at, from.size, 9, 0, 0);
  if (status != BZ_OK) fail("compress", status);
  return into;
}

static struct bytes decompress(struct bytes from) {
  for (unsigned room = from.size * 4 + 4096;; room *= 2) {
    struct bytes into = {malloc(room), room};
    int status = BZ2_bzBuffToBuffDecompress(into.at, &into.size, from.at, from.size, 0, 0);
    if (status == BZ_OK) return into;
    free(into.at);
    if (status != BZ_OUTBUFF_FULL) fail("decompress", status);
  }
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "-c";
  struct bytes input = read_all();
  if (strcmp(how, "-t") == 0) {
    struct bytes small = compress(input);
    struct bytes again = decompress(small);
    int same = again.size == input.size && memcmp(again.at, input.at, input.size) == 0;
    printf("%u bytes, %u compressed, %s\n", input.size, small.size, same ? "same" : "different");
    return same ? 0 : 1;
  }
  struct bytes output = strcmp(how, "-d") == 0 ? decompress(input) : compress(input);
  return fwrite(output.at, 1, output.size, stdout) == output.size ? 0 : 1;
}
